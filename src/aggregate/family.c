/* Families: which series stand under which Prometheus name, who keeps out whom, and what their labels read like. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/naming.h"
#include "aggregate/registry_priv.h"
#include "base/hash.h"
#include "base/mem.h"

const char *family_type_word(enum family_type t)
{
    static const char *const words[] = {
#define X(id, word) word,
        FAMILY_TYPES(X)
#undef X
    };
    return words[t];
}

uint64_t family_index_hash(const void *family)
{
    return ((const struct family *)family)->hash;
}

/* Spread 32 bits over 64: the index takes its tag from the top. */
uint64_t family_labels_hash(const void *series)
{
    return ((const struct series *)series)->labels_hash * 0x9E3779B97F4A7C15ull;
}

/* ---- labels ---- */

/* The key of a tag as a label, into out: escaped, and renamed where it would clash with what Prometheus reserves. */
static bool put_key(enum family_type type, struct slice raw, struct buf *out)
{
    size_t start = out->len;
    bool same = naming_escape(raw, out);
    struct slice key = slice_of(out->ptr + start, out->len - start);
    bool reserved = slice_starts(key, SLICE_LIT("__")) || (type == FAMILY_HISTOGRAM && slice_eq(key, SLICE_LIT("le"))) ||
                    (type == FAMILY_SUMMARY && slice_eq(key, SLICE_LIT("quantile")));
    if (!reserved)
        return same;
    const struct slice prefix = SLICE_LIT("exported_");
    buf_reserve(out, prefix.len);
    memmove(out->ptr + start + prefix.len, out->ptr + start, out->len - start);
    memcpy(out->ptr + start, prefix.ptr, prefix.len);
    out->len += prefix.len;
    return false;
}

static void put_plain_labels(const struct identity *id, struct buf *out)
{
    size_t at = 0;
    char *to = buf_reserve(out, id->key_len + (size_t)id->n_tags * 3);
    for (unsigned i = 0; i < id->n_tags; i++) {
        struct tag t = identity_next_tag(id, i, &at);
        if (i > 0)
            *to++ = ',';
        memcpy(to, t.key.ptr, t.key.len);
        to += t.key.len;
        *to++ = '=';
        *to++ = '"';
        memcpy(to, t.value.ptr, t.value.len);
        to += t.value.len;
        *to++ = '"';
    }
    out->len = (size_t)(to - out->ptr);
}

struct spelled {
    uint32_t key_at, key_len, value_at, value_len;
    unsigned order;      /* place of the tag in the line */
};

static const char *spelled_base;    /* qsort has no cookie; the control thread alone sorts */

static int by_key(const void *a, const void *b)
{
    const struct spelled *x = a, *y = b;
    int c = slice_cmp(slice_of(spelled_base + x->key_at, x->key_len), slice_of(spelled_base + y->key_at, y->key_len));
    return c != 0 ? c : (x->order > y->order) - (x->order < y->order);
}

/*
 * The labels of a series whose tags change when escaped: sorted again, as a.b may now stand behind a_a, and of two tags that
 * became one key the later in the line wins.
 */
static void put_escaped_labels(const struct spelled *at, unsigned n, const char *base, struct buf *out)
{
    for (unsigned i = 0; i < n; i++) {
        struct slice key = slice_of(base + at[i].key_at, at[i].key_len);
        if (i + 1 < n && slice_eq(key, slice_of(base + at[i + 1].key_at, at[i + 1].key_len)))
            continue;
        if (out->len > 0)
            buf_append_char(out, ',');
        buf_append_slice(out, key);
        buf_append(out, "=\"", 2);
        buf_append(out, base + at[i].value_at, at[i].value_len);
        buf_append_char(out, '"');
    }
}

/* Give s its label text if that is not simply its tags between quotes; and the hash of it in any case. */
static void spell_labels(struct registry *r, struct series *s, enum family_type type)
{
    const struct identity *id = s->id;
    struct spelled *at = mem_alloc((id->n_tags + 1u) * sizeof *at);
    struct buf raw = { 0 };
    bool same = true;
    size_t walk = 0;
    for (unsigned i = 0; i < id->n_tags; i++) {
        struct tag t = identity_next_tag(id, i, &walk);
        at[i].order = id->tag[i].order;
        at[i].key_at = (uint32_t)raw.len;
        same = put_key(type, t.key, &raw) && same;
        at[i].key_len = (uint32_t)raw.len - at[i].key_at;
        at[i].value_at = (uint32_t)raw.len;
        same = naming_escape_value(t.value, &raw) && same;
        at[i].value_len = (uint32_t)raw.len - at[i].value_at;
    }
    buf_clear(&r->text);
    free(s->labels);
    s->labels = NULL;
    if (same) {
        put_plain_labels(id, &r->text);
    } else {
        spelled_base = raw.ptr;
        qsort(at, id->n_tags, sizeof *at, by_key);
        put_escaped_labels(at, id->n_tags, raw.ptr, &r->text);
        s->labels = mem_alloc(r->text.len + 1);
        if (r->text.len > 0)
            memcpy(s->labels, r->text.ptr, r->text.len);
    }
    s->labels_len = (uint32_t)r->text.len;
    free(at);
    buf_release(&raw);
}

void series_labels(const struct series *s, struct buf *out)
{
    if (s->labels != NULL)
        buf_append(out, s->labels, s->labels_len);
    else
        put_plain_labels(s->id, out);
}

/* ---- families ---- */

static bool family_is(const void *family, const void *name)
{
    const struct family *f = family;
    return slice_eq(slice_of(f->name, f->name_len), *(const struct slice *)name);
}

struct family *family_find(const struct registry *r, struct slice name)
{
    return index_find(&r->by_name, hash64_bytes(name.ptr, name.len), family_is, &name);
}

static struct family *family_new(struct registry *r, struct slice name, enum family_type type)
{
    struct family *f = mem_zalloc(sizeof *f);
    f->name = mem_strndup(name.ptr, name.len);
    f->name_len = (uint32_t)name.len;
    f->type = type;
    f->hash = hash64_bytes(name.ptr, name.len);
    f->born = ++r->n_born;
    index_put(&r->by_name, f);
    size_t n;
    if (r->n_families == r->cap_families && r->n_dropped > r->n_families / 2)
        registry_families(r, &n);   /* without scrapes nobody else closes the gaps */
    r->families = mem_grow(r->families, &r->cap_families, r->n_families + 1, sizeof(struct family *));
    f->at = r->n_families;
    r->families[r->n_families++] = f;
    return f;
}

static void family_free(struct family *f)
{
    free(f->series);
    free(f->name);
    free(f);
}

void family_reserve(struct registry *r, const char *name)
{
    if (family_find(r, slice_str(name)) == NULL)
        family_new(r, slice_str(name), FAMILY_RESERVED);
}

void family_release_all(struct registry *r)
{
    for (size_t i = 0; i < r->n_families; i++)
        if (r->families[i] != NULL)
            family_free(r->families[i]);
    free(r->families);
}

static enum family_type type_of(const struct registry *r, const struct series *s)
{
    switch ((enum series_kind)s->kind) {
    case SERIES_COUNTER:
        return FAMILY_COUNTER;
    case SERIES_TIMER:
        return r->opts.histograms ? FAMILY_HISTOGRAM : FAMILY_SUMMARY;
    case SERIES_GAUGE:
    case SERIES_SET:
    case SERIES_KIND_COUNT:
        break;
    }
    return FAMILY_GAUGE;
}

/* The exposed name, in r->name. */
static struct slice spell_name(struct registry *r, const struct series *s)
{
    buf_clear(&r->name);
    naming_escape(identity_name(s->id), &r->name);
    const char *suffix = s->kind == SERIES_COUNTER ? "_total" : s->id->type == SAMPLE_TIMING ? "_seconds" : "";
    if (r->opts.suffixes && !slice_ends(buf_slice(&r->name), slice_str(suffix)))
        buf_append_str(&r->name, suffix);
    return buf_slice(&r->name);
}

struct labels_key {
    const struct family *family;
    struct slice text;
    struct buf *scratch;
};

static bool labels_are(const void *series, const void *key)
{
    const struct series *s = series;
    const struct labels_key *k = key;
    if (s->family != k->family || s->labels_len != k->text.len)
        return false;
    buf_clear(k->scratch);
    series_labels(s, k->scratch);
    return slice_eq(buf_slice(k->scratch), k->text);
}

void family_attach(struct registry *r, struct series *s, uint32_t now_s, uint32_t samples)
{
    enum family_type type = type_of(r, s);
    const struct claim claim = { s, spell_name(r, s), type, now_s, samples };
    struct family *f = family_find(r, claim.name);
    if (f == NULL || f->type != type)
        f = claim_name(r, &claim) ? family_new(r, claim.name, type) : NULL;
    if (f == NULL)
        return;
    spell_labels(r, s, type);
    struct labels_key key = { f, buf_slice(&r->text), &r->name };
    s->labels_hash = (uint32_t)(hash64_bytes(key.text.ptr, key.text.len) ^ f->hash);
    s->family = f;
    struct series *head = index_find(&r->by_labels, family_labels_hash(s), labels_are, &key);
    if (head != NULL) {
        s->head = false;
        s->twin = head->twin;
        head->twin = s;
        if (s->kind == SERIES_TIMER)
            ((struct timer_series *)s)->computed = 0;
        return;
    }
    s->head = true;
    s->twin = NULL;
    index_put(&r->by_labels, s);
    f->series = mem_grow(f->series, &f->cap, f->n + 1, sizeof(struct series *));
    s->at = (uint32_t)f->n;
    f->series[f->n++] = s;
}

/* A family without series is gone: its name is free again, and a storm of names leaves nothing behind. */
static void family_drop(struct registry *r, struct family *f)
{
    walks_forget(r, f);
    index_remove(&r->by_name, f);
    r->families[f->at] = NULL;
    r->n_dropped++;
    family_free(f);
}

void family_evict(struct registry *r, struct family *f)
{
    for (size_t i = 0; i < f->n; i++) {
        index_remove(&r->by_labels, f->series[i]);
        for (struct series *s = f->series[i], *twin; s != NULL; s = twin) {
            twin = s->twin;
            s->family = NULL;
            s->twin = NULL;
            s->head = false;
        }
    }
    family_drop(r, f);
}

static struct series *head_of(struct registry *r, const struct series *s)
{
    buf_clear(&r->text);
    series_labels(s, &r->text);
    struct labels_key key = { s->family, buf_slice(&r->text), &r->name };
    return index_find(&r->by_labels, family_labels_hash(s), labels_are, &key);
}

void family_detach(struct registry *r, struct series *s)
{
    struct family *f = s->family;
    if (f == NULL)
        return;
    if (!s->head) {
        struct series *t = head_of(r, s);
        assert(t != NULL);
        if (t->kind == SERIES_TIMER)
            ((struct timer_series *)t)->computed = 0;
        while (t->twin != s)
            t = t->twin;
        t->twin = s->twin;
    } else {
        index_remove(&r->by_labels, s);
        struct series *next = s->twin;
        if (next != NULL) {
            next->head = true;
            next->at = s->at;
            f->series[s->at] = next;
            index_put(&r->by_labels, next);
        } else {
            walks_close_hole(r, f, s->at);
        }
    }
    s->family = NULL;
    s->twin = NULL;
    s->head = false;
    if (f->n == 0)
        family_drop(r, f);
}

struct series *family_head(struct registry *r, struct series *s)
{
    return s->head ? s : head_of(r, s);
}
