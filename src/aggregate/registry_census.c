/*
 *   count         symbols by number: names into the list of the largest, tags into `keys`
 *   name_metrics  a few thousand series, for names that have the keys
 */
#include "aggregate/registry_census.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/heavy.h"
#include "aggregate/registry_priv.h"
#include "base/mem.h"

enum { CENSUS_KEYS = 1000, SERIES_LOOKS = 4096, LOOKS_A_SLICE = 512 };

void registry_census_begin(struct registry_census *c, struct registry *r)
{
    *c = (struct registry_census){ .registry = r, .at = 1, .series_left = SERIES_LOOKS };
    c->keys = mem_alloc(sizeof *c->keys);
    heavy_init(c->keys, CENSUS_KEYS);
}

void registry_census_end(struct registry_census *c)
{
    if (c->keys == NULL)
        return;
    heavy_release(c->keys);
    free(c->keys);
    c->keys = NULL;
}

static uint16_t put(char *to, struct slice text)
{
    size_t n = text.len < CENSUS_TEXT_MAX ? text.len : CENSUS_TEXT_MAX;
    memcpy(to, text.ptr, n);
    return (uint16_t)n;
}

/* The list is in order, the largest first. */
static void count_name(struct registry_census *c, const struct symbol *s)
{
    size_t at = c->n_names;
    if (at == CENSUS_MOST && c->names[at - 1].n >= s->users)
        return;
    at -= at == CENSUS_MOST;
    c->n_names = at + 1;
    for (; at > 0 && c->names[at - 1].n < s->users; at--)
        c->names[at] = c->names[at - 1];
    c->names[at].n = s->users;
    c->names[at].len = put(c->names[at].text, symbol_name(s));
}

static bool is_free(const struct symbols *ss, uint32_t number)
{
    /* A number is odd or small where memory is aligned: no pointer (symbols.h). */
    return ss->at[number].next_free < ss->cap;
}

static bool count(struct registry_census *c, size_t most)
{
    const struct symbols *ss = &c->registry->symbols;
    for (; c->at < ss->end && most > 0; c->at++, most--) {
        if (is_free(ss, c->at))
            continue;
        const struct symbol *s = symbols_at(ss, c->at);
        if (s->is_tag)
            heavy_note(c->keys, symbol_key(s), 1, 0);
        else
            count_name(c, s);
    }
    return c->at < ss->end;
}

static void take_keys(struct registry_census *c)
{
    const struct heavy_entry *largest[CENSUS_MOST];
    c->n_tags = heavy_largest(c->keys, CENSUS_MOST, largest);
    for (size_t i = 0; i < c->n_tags; i++) {
        c->tags[i] = (struct census_row){ .n = (uint64_t)largest[i]->count };
        c->tags[i].len = put(c->tags[i].text, slice_of(largest[i]->key, largest[i]->key_len));
    }
    registry_census_end(c);
}

static void name_metric(struct registry_census *c, struct slice key, struct slice name)
{
    for (size_t i = 0; i < c->n_tags; i++) {
        struct census_row *row = &c->tags[i];
        if (row->metric_len == 0 && slice_eq(slice_of(row->text, row->len), key)) {
            row->metric_len = put(row->metric, name);
            return;
        }
    }
}

static bool name_metrics(struct registry_census *c)
{
    const struct registry *r = c->registry;
    size_t n = c->series_left < r->n_all ? c->series_left : r->n_all;
    size_t stop = n > LOOKS_A_SLICE ? n - LOOKS_A_SLICE : 0;
    for (; n > stop; n--) {
        /* spread over all series */
        const struct series *s = r->all[(n - 1) * (r->n_all / SERIES_LOOKS + 1) % r->n_all];
        const struct tuple *t = series_tuple(s);
        for (unsigned i = 0; i < t->n_tags; i++)
            name_metric(c, symbol_key(tuple_symbol(t, &r->symbols, i)), tuple_name(t, &r->symbols));
    }
    c->series_left = n;
    return n > 0;
}

bool registry_census_some(struct registry_census *c, size_t most)
{
    if (c->keys == NULL)
        return name_metrics(c);
    if (!count(c, most))
        take_keys(c);
    return true;
}
