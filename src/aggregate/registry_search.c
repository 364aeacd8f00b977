/*
 * The list of series is walked from its end: when one goes, the last of the list takes its place,
 * which the walk has seen already.  What comes is put behind.
 *
 *   registry_search_some    slices of the walk; then what was found is put in order
 *     look                  one series: matches ? removed or kept
 *       keep                a heap of the `limit` smallest keys, the largest of them first
 *   registry_search_row     what a key that was found has now
 */
#include "aggregate/registry_search.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/kind.h"
#include "aggregate/mapping.h"
#include "aggregate/registry_priv.h"
#include "base/mem.h"

enum { SYMBOLS_AHEAD = 8 };
enum { FAR = 12, NEAR = 6 }; /* how far ahead to prefetch */
enum { COUNTS_REMOVED = 4 }; /* see the header */
enum { UNKNOWN, NO, YES };   /* of a name */

struct registry_search *registry_search_new(struct registry *r,
                                            const struct registry_search_opts *opts)
{
    struct registry_search *s = mem_zalloc(sizeof *s);
    assert(opts->limit > 0 && opts->limit <= SEARCH_LIMIT_MAX);
    s->registry = r;
    s->opts = *opts;
    s->at = r->n_all;
    if (opts->after.ptr != NULL)
        buf_append_slice(&s->after, opts->after);
    s->found = mem_alloc(opts->limit * sizeof(struct found *));
    return s;
}

void registry_search_free(struct registry_search *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->n_found; i++)
        free(s->found[i]);
    free(s->found);
    free(s->names);
    series_pattern_free(s->opts.pattern);
    mapping_scratch_free(s->scratch);
    buf_release(&s->after);
    buf_release(&s->key);
    free(s);
}

/* ---- what is found ---- */

static int order(struct slice a, uint8_t a_type, struct slice b, uint8_t b_type)
{
    int by_key = slice_cmp(a, b);
    return by_key != 0 ? by_key : (a_type > b_type) - (a_type < b_type);
}

static int found_cmp(const struct found *a, const struct found *b)
{
    return order(slice_of(a->key, a->len), a->type, slice_of(b->key, b->len), b->type);
}

static int by_order(const void *a, const void *b)
{
    return found_cmp(*(struct found *const *)a, *(struct found *const *)b);
}

static void rise(struct registry_search *s, struct found *f)
{
    size_t at = s->n_found++;
    for (; at > 0 && found_cmp(s->found[(at - 1) / 2], f) < 0; at = (at - 1) / 2)
        s->found[at] = s->found[(at - 1) / 2];
    s->found[at] = f;
}

/* In place of the largest. */
static void sink(struct registry_search *s, struct found *f)
{
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < s->n_found; at = child) {
        if (child + 1 < s->n_found && found_cmp(s->found[child + 1], s->found[child]) > 0)
            child++;
        if (found_cmp(s->found[child], f) <= 0)
            break;
        s->found[at] = s->found[child];
    }
    s->found[at] = f;
}

static void make_key(struct registry_search *s, const struct tuple *t)
{
    buf_clear(&s->key);
    tuple_key(t, &s->registry->symbols, &s->key);
}

/* All that has its name is behind the largest that is kept, and that is seen without its key. */
static bool is_beyond(const struct registry_search *s, const struct tuple *t)
{
    if (s->n_found < s->opts.limit || s->opts.after.ptr != NULL)
        return false;
    const struct found *most = s->found[0];
    struct slice name = tuple_name(t, &s->registry->symbols);
    size_t n = name.len < most->len ? name.len : most->len;
    return memcmp(name.ptr, most->key, n) > 0;
}

static void keep(struct registry_search *s, const struct tuple *t, uint64_t hash)
{
    if (is_beyond(s, t)) {
        s->behind++;
        return;
    }
    make_key(s, t);
    struct slice key = buf_slice(&s->key);
    if (s->opts.after.ptr != NULL &&
        order(key, t->type, buf_slice(&s->after), s->opts.after_type) <= 0)
        return;
    s->behind++;
    bool full = s->n_found == s->opts.limit;
    const struct found *most = s->found[0];
    if (full && order(key, t->type, slice_of(most->key, most->len), most->type) >= 0)
        return;
    struct found *f = mem_alloc(sizeof *f + key.len);
    *f = (struct found){ .hash = hash, .len = (uint32_t)key.len, .type = t->type };
    memcpy(f->key, key.ptr, key.len);
    if (!full) {
        rise(s, f);
        return;
    }
    free(s->found[0]);
    sink(s, f);
}

/* In order, each once: one that was moved while series went was looked at twice. */
static void put_in_order(struct registry_search *s)
{
    size_t kept = 0;
    qsort(s->found, s->n_found, sizeof *s->found, by_order);
    for (size_t i = 0; i < s->n_found; i++) {
        if (kept > 0 && found_cmp(s->found[kept - 1], s->found[i]) == 0)
            free(s->found[i]);
        else
            s->found[kept++] = s->found[i];
    }
    s->n_found = kept;
}

/* ---- the walk ---- */

static void ahead(const struct registry *r, size_t at)
{
    if (at >= FAR) {
        __builtin_prefetch(r->all[at - FAR]);
        __builtin_prefetch((const char *)r->all[at - FAR] + 64);
    }
    if (at < NEAR)
        return;
    const struct tuple *t = series_tuple(r->all[at - NEAR]);
    for (unsigned i = 0; i < 1u + t->n_tags && i < SYMBOLS_AHEAD; i++)
        __builtin_prefetch(symbols_at(&r->symbols, t->symbol[i]));
}

/*
 * Between two slices a number may have become another name's.  A removal makes numbers free all
 * the time, and goes without.
 */
static void begin_names(struct registry_search *s)
{
    const struct symbols *ss = &s->registry->symbols;
    if (s->opts.remove)
        return;
    const size_t known = s->names_gone == ss->gone ? s->cap_names : 0;
    s->names = mem_grow(s->names, &s->cap_names, ss->end, sizeof *s->names);
    memset(s->names + known, UNKNOWN, s->cap_names - known);
    s->names_gone = ss->gone;
}

/* A few thousand names are those of all series: each is asked about once. */
static bool name_matches(struct registry_search *s, const struct tuple *t, size_t *counts)
{
    uint8_t none = UNKNOWN, *known = s->names != NULL ? &s->names[t->symbol[0]] : &none;
    if (*known == UNKNOWN) {
        struct slice name = tuple_name(t, &s->registry->symbols);
        *counts += series_pattern_counts(s->opts.pattern, name.len);
        *known = series_pattern_matches(s->opts.pattern, name) ? YES : NO;
    }
    return *known == YES;
}

/* counts: what it counts as is added */
static bool matches(struct registry_search *s, const struct tuple *t, size_t *counts)
{
    struct series_pattern *p = s->opts.pattern;
    bool wants_key = series_pattern_wants_key(p), regex = series_pattern_is_regex(p);
    if (!series_pattern_may(p, tuple_name(t, &s->registry->symbols)))
        return false;
    bool by_name = (!wants_key || regex) && name_matches(s, t, counts);
    if (by_name || !wants_key || (regex && t->n_tags == 0))
        return by_name;
    make_key(s, t);
    *counts += series_pattern_counts(p, s->key.len);
    return series_pattern_matches(p, buf_slice(&s->key));
}

/* returns  what it counts as */
static size_t look(struct registry_search *s, size_t i)
{
    struct registry *r = s->registry;
    struct series *x = r->all[i];
    const struct tuple *t = series_tuple(x);
    size_t counts = 1;
    s->scanned++;
    if (x->state == SERIES_EXPIRED || x->dropped ||
        (s->opts.type != SEARCH_ANY_TYPE && t->type != s->opts.type) || !matches(s, t, &counts))
        return counts;
    s->matched++;
    if (s->opts.remove) {
        registry_remove(r, i);
        s->removed++;
        return counts + COUNTS_REMOVED;
    }
    keep(s, t, r->hashes[i]);
    return counts;
}

bool registry_search_some(struct registry_search *s, size_t most)
{
    const struct registry *r = s->registry;
    assert(most > 0);
    if (s->done)
        return false;
    if (s->opts.remove && r->merging.page != NULL) /* the rest of it would bring them back */
        return true;
    if (s->at > r->n_all)
        s->at = r->n_all;
    begin_names(s);
    while (s->at > 0 && most > 0) {
        s->at--;
        ahead(r, s->at);
        size_t n = look(s, s->at);
        most -= n < most ? n : most;
    }
    if (s->at > 0)
        return true;
    put_in_order(s);
    s->done = true;
    return false;
}

/* ---- a row ---- */

struct wanted {
    const struct found *found;
    struct buf *key; /* scratch */
};

static bool is_found(const void *registry, uint32_t place, const void *wanted)
{
    const struct registry *r = registry;
    const struct wanted *w = wanted;
    const struct tuple *t = series_tuple(r->all[place]);
    if (r->hashes[place] != w->found->hash || t->type != w->found->type)
        return false;
    buf_clear(w->key);
    tuple_key(t, &r->symbols, w->key);
    return slice_eq(buf_slice(w->key), slice_of(w->found->key, w->found->len));
}

static void fill_shown(struct registry *r, struct exposed *e, uint64_t now_ns,
                       struct series_row *ret)
{
    if (e == NULL || e->family == NULL)
        return;
    ret->family = e->family->type;
    ret->alone = e->family->n == 1 && e->series == 1;
    ret->exposed = slice_of(e->family->name, e->family->name_len);
    registry_view(r, e, now_ns, &ret->view);
    ret->shown = ret->view.shown;
}

bool registry_search_row(struct registry_search *s, size_t i, uint64_t now_ns,
                         struct series_row *ret)
{
    struct registry *r = s->registry;
    assert(s->done && i < s->n_found);
    const struct wanted w = { s->found[i], &s->key };
    const struct places_array array = registry_series(r);
    uint32_t place = places_find(&r->by_identity, &array, w.found->hash, is_found, &w);
    if (place == PLACES_NONE || r->all[place]->state == SERIES_EXPIRED || r->all[place]->dropped)
        return false;
    const struct series *x = r->all[place];
    const struct tuple *t = series_tuple(x);
    uint64_t now_s = now_ns / 1000000000;
    *ret = (struct series_row){ .key = slice_of(w.found->key, w.found->len),
                                .name = tuple_name(t, &r->symbols),
                                .type = (enum sample_type)t->type,
                                .series = x,
                                .n_tags = t->n_tags,
                                .idle_s = now_s > x->last_s ? now_s - x->last_s : 0,
                                .family = FAMILY_TYPE_COUNT };
    fill_shown(r, x->exposed, now_ns, ret);
    return true;
}

const struct mapping_rule *registry_search_rule(struct registry_search *s,
                                                const struct series_row *row)
{
    const struct mapping *m = s->registry->opts.mapping;
    uint64_t set = profiles_at(s->registry->opts.profiles, 0)->set;
    struct mapping_match match;
    if (m == NULL)
        return NULL;
    if (s->scratch == NULL || s->mapped != set) { /* there was a reload */
        mapping_scratch_free(s->scratch);
        s->scratch = mapping_scratch_new(m);
        s->mapped = set;
    }
    return mapping_find(m, s->scratch, row->name, mapping_class_of(row->type), &match) ? match.rule
                                                                                       : NULL;
}

void registry_row_tag(const struct registry_search *s, const struct series_row *row, unsigned i,
                      struct buf *out)
{
    const struct tag tag = tuple_tag(series_tuple(row->series), &s->registry->symbols, i);
    buf_append_slice(out, tag.key);
    buf_append_char(out, ':');
    buf_append_slice(out, tag.value);
}
