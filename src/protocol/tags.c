/*
 * tags_parse
 *   elements_read                  cuts the text at its separators; element_read: key and value
 *   sort_insertion or sort_heap    by key, then by place in the line
 *   unique                         the last tag of each key stays
 *   origin_add                     the container id
 *   add_missing                    the server's own tags, where the line has none of that key
 */
#include "protocol/tags.h"

#include <assert.h>
#include <string.h>

enum { INSERTION_MAX = 24 }; /* insertion sort is faster up to this many tags */

static int tag_cmp(const struct tag *a, const struct tag *b)
{
    int c = slice_cmp(a->key, b->key);
    return c != 0 ? c : (int)a->order - (int)b->order;
}

static void sort_insertion(struct tag *t, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++) {
        struct tag x = t[i];
        uint32_t k = i;
        for (; k > 0 && tag_cmp(&x, &t[k - 1]) < 0; k--)
            t[k] = t[k - 1];
        t[k] = x;
    }
}

static void heap_sink(struct tag *t, uint32_t root, uint32_t n)
{
    struct tag x = t[root];
    for (uint32_t child; (child = 2 * root + 1) < n; root = child) {
        if (child + 1 < n && tag_cmp(&t[child], &t[child + 1]) < 0)
            child++;
        if (tag_cmp(&x, &t[child]) >= 0)
            break;
        t[root] = t[child];
    }
    t[root] = x;
}

/* Heapsort: n log n for any input, and in place. */
static void sort_heap(struct tag *t, uint32_t n)
{
    assert(n > 0);
    for (uint32_t i = n / 2; i-- > 0;)
        heap_sink(t, i, n);
    for (uint32_t last = n - 1; last > 0; last--) {
        struct tag x = t[0];
        t[0] = t[last];
        t[last] = x;
        heap_sink(t, 0, last);
    }
}

/* Of several tags with one key the last counts. */
static uint32_t unique(struct tag *t, uint32_t n)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n; i++)
        if (i + 1 == n || !slice_eq(t[i].key, t[i + 1].key))
            t[kept++] = t[i];
    assert((kept > 0) == (n > 0) && kept <= n);
    return kept;
}

/* k:v or bare k in the style of DogStatsD, k=v in the others.  false: not a tag. */
static bool element_read(struct slice one, enum tag_style style, struct tag *ret)
{
    ret->value = one;
    if (!slice_cut(&ret->value, style == TAGS_DOG ? ':' : '=', &ret->key)) {
        if (style != TAGS_DOG)
            return false;
        ret->key = one;
        ret->value = SLICE_LIT("true");
    }
    return ret->key.len > 0 && ret->value.len > 0;
}

static enum reason elements_read(const struct tags_opts *opts, struct slice raw,
                                 enum tag_style style, struct tags *ret)
{
    char separator = style == TAGS_EQ_SEMI ? ';' : ',';
    uint32_t n_elements = 0;
    bool more = raw.len > 0;
    while (more) {
        struct slice one = raw;
        more = slice_cut(&raw, separator, &one);
        if (style == TAGS_DOG && one.len > 0 && one.ptr[0] == '#')
            one = slice_of(one.ptr + 1, one.len - 1);
        if (one.len == 0)
            continue;
        if (n_elements == opts->max_tags)
            return REASON_TOO_MANY_TAGS;
        if (one.len > opts->max_tag_len)
            return REASON_TAG_TOO_LONG;
        struct tag *t = &ret->at[ret->n];
        t->order = (uint16_t)(opts->n_added + n_elements++);
        if (!element_read(one, style, t))
            ret->errors++;
        else if (opts->keep_internal || !slice_starts(t->key, SLICE_LIT("dd.internal.")))
            ret->n++;
    }
    return REASON_NONE;
}

static_assert(TAGS_ROOM < UINT16_MAX, "the container id comes after all elements of the line");

static bool has_key(const struct tags *of, uint32_t at, struct slice key)
{
    return at < of->n && slice_eq(of->at[at].key, key);
}

static void insert(struct tags *to, uint32_t at, struct tag t)
{
    assert(to->n < TAGS_ROOM && at <= to->n);
    memmove(&to->at[at + 1], &to->at[at], (to->n - at) * sizeof to->at[0]);
    to->at[at] = t;
    to->n++;
}

/* The container id counts as the last tag of the line: it replaces one of the same key. */
static enum reason origin_add(const struct tags_opts *opts, struct slice id, struct tags *ret)
{
    static const struct slice key = { "container_id", sizeof "container_id" - 1 };
    if (key.len + 1 + id.len > opts->max_tag_len)
        return REASON_TAG_TOO_LONG;
    uint32_t at = 0;
    while (at < ret->n && slice_cmp(ret->at[at].key, key) < 0)
        at++;
    if (!has_key(ret, at, key)) {
        if (ret->n == TAGS_MAX)
            return REASON_TOO_MANY_TAGS;
        insert(ret, at, (struct tag){ 0 });
    }
    ret->at[at] = (struct tag){ key, id, UINT16_MAX };
    return REASON_NONE;
}

/* Both are sorted. */
static void add_missing(const struct tags_opts *opts, struct tags *ret)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < opts->n_added; i++) {
        const struct tag *t = &opts->added[i];
        while (at < ret->n && slice_cmp(ret->at[at].key, t->key) < 0)
            at++;
        if (!has_key(ret, at, t->key))
            insert(ret, at, *t);
    }
}

enum reason tags_parse(const struct tags_opts *opts, const struct sample *s, struct tags *ret)
{
    assert(opts->max_tags > 0 && opts->max_tags <= TAGS_MAX && opts->max_tag_len > 0);
    assert(opts->n_added <= TAGS_ADDED_MAX && s->tag_style <= TAGS_EQ_SEMI);
    ret->n = 0;
    ret->errors = 0;
    enum reason reason = elements_read(opts, slice_of(s->tags, s->tags_len), s->tag_style, ret);
    if (reason != REASON_NONE)
        return reason;
    if (ret->n <= INSERTION_MAX)
        sort_insertion(ret->at, ret->n);
    else
        sort_heap(ret->at, ret->n);
    ret->n = unique(ret->at, ret->n);
    if (s->flags & SAMPLE_HAS_ORIGIN)
        reason = origin_add(opts, s->origin, ret);
    if (reason == REASON_NONE)
        add_missing(opts, ret);
    return reason;
}
