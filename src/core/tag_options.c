/*
 * tag_options_value     one value: exemplar_wrong; drop_wrong, global_wrong for each element
 * tag_options_whole     all values: put_drops, put_globals, which are sorted by key
 */
#include "core/tag_options.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "config/rules.h"

enum { DROPS_MAX = TAG_CUTS_MAX - 1, EXEMPLAR_KEY_MAX = 64 };

static const struct slice blanks = { " \t", 2 };

/* Cuts the next element that is not empty off *rest.  false: there is none */
static bool next_element(struct slice *rest, struct slice *ret)
{
    while (rest->len > 0) {
        *ret = *rest;
        if (!slice_cut(rest, ',', ret))
            rest->len = 0;
        *ret = slice_trim(*ret, blanks);
        if (ret->len > 0)
            return true;
    }
    return false;
}

static bool has(struct slice s, char c)
{
    return s.len > 0 && memchr(s.ptr, c, s.len) != NULL;
}

/* ---- one value ---- */

/* returns  what is wrong with it; NULL: nothing */
static const char *drop_wrong(struct slice one)
{
    if (has(slice_of(one.ptr, one.len - 1), '*'))
        return "a `*` stands at the end of a key only, for all keys that start like this";
    if (has(one, ':') || has(one, '|'))
        return "is no key; write the key of a tag alone, such as trace_id, without a value";
    return NULL;
}

static const char *global_wrong(struct slice one)
{
    struct slice key;
    if (has(one, '|'))
        return "a tag cannot hold a `|`";
    if (!slice_cut(&one, ':', &key) || key.len == 0 || one.len == 0)
        return "is no tag; write key:value, such as env:prod";
    return NULL;
}

/* What becomes a label name without growing. */
static const char *exemplar_wrong(struct slice key)
{
    if (key.len > EXEMPLAR_KEY_MAX)
        return "is longer than 64 bytes";
    for (size_t i = 0; i < key.len; i++) {
        char c = key.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        bool inside = (c >= '0' && c <= '9') || c == '.' || c == '-';
        if (!letter && (i == 0 || !inside))
            return "is not the key of a tag that can be a label; write one such as trace_id";
    }
    return slice_starts(key, SLICE_LIT("__")) ? "begins with __, as Prometheus' own labels do"
                                              : NULL;
}

bool tag_options_value(enum option_id id, struct slice value, struct buf *why)
{
    const char *(*wrong_of)(struct slice one) = NULL;
    struct slice one;
    if (id == OPTION_prometheus_exemplar_tag) {
        const char *wrong = exemplar_wrong(slice_trim(value, blanks));
        buf_append_str(why, wrong != NULL ? wrong : "");
        return wrong == NULL;
    }
    if (id == OPTION_aggregate_drop_tags)
        wrong_of = drop_wrong;
    else if (id == OPTION_aggregate_global_tags)
        wrong_of = global_wrong;
    while (wrong_of != NULL && next_element(&value, &one)) {
        const char *wrong = wrong_of(one);
        if (wrong == NULL)
            continue;
        buf_append_str(why, wrong);
        return false;
    }
    return true;
}

/* ---- all values ---- */

static void put_drop(struct config_loader *l, struct tag_options *t, struct slice one)
{
    if (t->n_cut == DROPS_MAX) {
        config_mistake(l, OPTION_aggregate_drop_tags,
                       "more than %d keys; write one with a `*` for "
                       "keys that start alike",
                       DROPS_MAX);
        return;
    }
    bool prefix = one.ptr[one.len - 1] == '*';
    t->cut[t->n_cut++] = (struct tag_cut){ slice_of(one.ptr, one.len - prefix), prefix };
}

static void put_global(struct config_loader *l, struct tag_options *t, struct slice one,
                       uint32_t max_len)
{
    struct tag tag = { .value = one };
    uint32_t at = 0;
    bool cut = slice_cut(&tag.value, ':', &tag.key);
    assert(cut && "tag_options_value lets no other in");
    (void)cut;
    while (at < t->n_added && slice_cmp(t->added[at].key, tag.key) < 0)
        at++;
    if (at < t->n_added && slice_eq(t->added[at].key, tag.key)) {
        config_mistake(l, OPTION_aggregate_global_tags,
                       "%.*s is given twice; a series has one tag of a key", (int)tag.key.len,
                       tag.key.ptr);
    } else if (t->n_added == TAGS_ADDED_MAX) {
        config_mistake(l, OPTION_aggregate_global_tags, "more than %d tags", TAGS_ADDED_MAX);
    } else if (one.len > max_len) {
        config_mistake(l, OPTION_aggregate_global_tags, "%.*s... is longer than limits.max_tag_len",
                       20, one.ptr);
    } else {
        memmove(&t->added[at + 1], &t->added[at], (t->n_added - at) * sizeof tag);
        t->added[at] = tag;
        t->n_added++;
    }
}

void tag_options_whole(struct config_loader *l, struct config *c)
{
    struct tag_options *t = mem_zalloc(sizeof *t);
    struct slice rest, one;
    for (size_t i = 0; i < c->aggregate_drop_tags.n; i++)
        for (rest = slice_str(c->aggregate_drop_tags.at[i]); next_element(&rest, &one);)
            put_drop(l, t, one);
    t->exemplar = slice_str(c->prometheus_exemplar_tag);
    if (t->exemplar.len > 0)
        t->cut[t->n_cut++] = (struct tag_cut){ t->exemplar, false };
    for (size_t i = 0; i < c->aggregate_global_tags.n; i++)
        for (rest = slice_str(c->aggregate_global_tags.at[i]); next_element(&rest, &one);)
            put_global(l, t, one, c->limits_max_tag_len);
    for (uint32_t i = 0; i < t->n_added; i++)
        t->added[i].order = (uint16_t)i;
    c->tags = t;
}

bool tag_options_cuts(const struct tag_options *t, struct slice key)
{
    for (uint32_t i = 0; i < t->n_cut; i++)
        if (t->cut[i].prefix ? slice_starts(key, t->cut[i].key) : slice_eq(key, t->cut[i].key))
            return true;
    return false;
}
