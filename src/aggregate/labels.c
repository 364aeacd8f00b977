/*
 * labels_spell
 *   is_plain      most: labels_join does
 *   spell_tag     each tag escaped into a scratch buffer
 *   spell_rule    the rule's labels, each ranked before or after all tags
 *   by_key        sorted again, as a.b may now stand behind a_a
 *   put_sorted    and of those that became one key the last wins
 *   is_joined     all the same, is it what labels_join makes?
 */
#include "aggregate/labels.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/naming.h"
#include "base/mem.h"

/* A tag or label as escaped: where its key and value lie in the scratch buffer. */
struct spelled {
    uint32_t key_at, key_len, value_at, value_len;
    unsigned rank; /* of one key the highest is shown */
};

/* A tag's rank is its place in the line it came in, from 1. */
enum { RANK_DEFAULT = 0, RANK_RULE = UINT16_MAX + 2 };

static bool is_reserved(enum family_type type, struct slice key)
{
    return slice_starts(key, SLICE_LIT("__")) ||
           (type == FAMILY_HISTOGRAM && slice_eq(key, SLICE_LIT("le"))) ||
           (type == FAMILY_SUMMARY && slice_eq(key, SLICE_LIT("quantile")));
}

static void put_key(enum family_type type, struct slice raw, struct buf *out)
{
    const struct slice prefix = SLICE_LIT("exported_");
    size_t start = out->len;
    (void)naming_escape(raw, out);
    if (!is_reserved(type, slice_of(out->ptr + start, out->len - start)))
        return;
    buf_reserve(out, prefix.len);
    memmove(out->ptr + start + prefix.len, out->ptr + start, out->len - start);
    memcpy(out->ptr + start, prefix.ptr, prefix.len);
    out->len += prefix.len;
}

static void spell_tag(enum family_type type, struct tag t, struct buf *raw, struct spelled *ret)
{
    *ret = (struct spelled){ .key_at = (uint32_t)raw->len, .rank = t.order + 1u };
    put_key(type, t.key, raw);
    ret->key_len = (uint32_t)raw->len - ret->key_at;
    ret->value_at = (uint32_t)raw->len;
    (void)naming_escape_value(t.value, raw);
    ret->value_len = (uint32_t)raw->len - ret->value_at;
}

/* Their keys are label names already. */
static void spell_rule(const struct mapping_match *match, struct buf *raw, struct spelled *ret)
{
    const struct mapping_rule *rule = match->rule;
    struct buf value = { 0 };
    for (size_t i = 0; i < rule->n_labels; i++) {
        ret[i] = (struct spelled){ .key_at = (uint32_t)raw->len,
                                   .rank = rule->honor_labels ? RANK_DEFAULT : RANK_RULE };
        buf_append_str(raw, rule->labels[i].key);
        ret[i].key_len = (uint32_t)raw->len - ret[i].key_at;
        ret[i].value_at = (uint32_t)raw->len;
        buf_clear(&value);
        mapping_label(match, i, &value);
        naming_escape_value(buf_slice(&value), raw);
        ret[i].value_len = (uint32_t)raw->len - ret[i].value_at;
    }
    buf_release(&value);
}

static int by_key(const void *a, const void *b, void *base)
{
    const struct spelled *x = a, *y = b;
    const char *text = base;
    struct slice x_key = slice_of(text + x->key_at, x->key_len);
    struct slice y_key = slice_of(text + y->key_at, y->key_len);
    int c = slice_cmp(x_key, y_key);
    return c != 0 ? c : (x->rank > y->rank) - (x->rank < y->rank);
}

static void put_sorted(const struct spelled *at, size_t n, const char *base, struct buf *out)
{
    bool first = true;
    for (size_t i = 0; i < n; i++) {
        struct slice key = slice_of(base + at[i].key_at, at[i].key_len);
        if (i + 1 < n && slice_eq(key, slice_of(base + at[i + 1].key_at, at[i + 1].key_len)))
            continue;
        if (!first)
            buf_append_char(out, ',');
        first = false;
        buf_append_slice(out, key);
        buf_append(out, "=\"", 2);
        buf_append(out, base + at[i].value_at, at[i].value_len);
        buf_append_char(out, '"');
    }
}

/* No tag is renamed or escaped, so they are in order as they are. */
static bool is_plain(const struct tuple *t, const struct symbols *ss, enum family_type type)
{
    for (unsigned i = 0; i < t->n_tags; i++) {
        const struct symbol *s = tuple_symbol(t, ss, i);
        if (s->escaped_len != 0 || is_reserved(type, symbol_key(s)))
            return false;
    }
    return true;
}

/* The text from out's place `at` on is what labels_join gives. */
static bool is_joined(const struct tuple *t, const struct symbols *ss, const struct buf *out,
                      size_t at)
{
    struct buf joined = { 0 };
    labels_join(t, ss, &joined);
    bool same = slice_eq(buf_slice(&joined), slice_of(out->ptr + at, out->len - at));
    buf_release(&joined);
    return same;
}

bool labels_spell(const struct tuple *t, const struct symbols *ss,
                  const struct mapping_match *match, enum family_type type, struct buf *out)
{
    const size_t n_rule = match == NULL ? 0 : match->rule->n_labels, n = t->n_tags + n_rule;
    const size_t before = out->len;
    if (n_rule == 0 && is_plain(t, ss, type)) {
        labels_join(t, ss, out);
        return true;
    }
    struct spelled *at = mem_alloc((n + 1) * sizeof *at);
    struct buf raw = { 0 };
    for (unsigned i = 0; i < t->n_tags; i++)
        spell_tag(type, tuple_tag(t, ss, i), &raw, &at[i]);
    if (n_rule > 0)
        spell_rule(match, &raw, &at[t->n_tags]);
    qsort_r(at, n, sizeof *at, by_key, raw.ptr);
    put_sorted(at, n, raw.ptr, out);
    free(at);
    buf_release(&raw);
    return n_rule == 0 && is_joined(t, ss, out, before);
}

/* Within a value a quote has a backslash before it, so `=""` is an empty value and nothing else. */
void labels_drop_empty(struct buf *labels)
{
    char *at = labels->ptr;
    size_t left = labels->len;
    while (left > 0 && (at = memmem(at, left, "=\"\"", 3)) != NULL) {
        char *key = at, *behind = at + 3, *end = labels->ptr + labels->len;
        while (key > labels->ptr && key[-1] != ',')
            key--;
        if (behind < end) /* with its comma, or with the one before it */
            behind++;
        else if (key > labels->ptr)
            key--;
        left = (size_t)(end - behind);
        memmove(key, behind, left);
        labels->len = (size_t)(key - labels->ptr) + left;
        at = key;
    }
}

void labels_join(const struct tuple *t, const struct symbols *ss, struct buf *out)
{
    for (unsigned i = 0; i < t->n_tags; i++) {
        struct slice label = symbol_label(tuple_symbol(t, ss, i));
        char *to = buf_reserve(out, label.len + 1);
        *to = ',';
        to = slice_put(to + (i > 0), label);
        out->len = (size_t)(to - out->ptr);
    }
}
