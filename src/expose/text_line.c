#include "expose/text_line.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/memory.h"
#include "base/mem.h"
#include "base/number.h"

static char *put(char *to, const void *p, size_t n)
{
    memcpy(to, p, n);
    return to + n;
}

static char *put_slice(char *to, struct slice s)
{
    return s.len > 0 ? put(to, s.ptr, s.len) : to;
}

/* ---- labels ---- */

static void make_label(struct text_profiles *p, struct text_label *t, const char *key, double v)
{
    char number[NUMBER_TEXT_MAX];
    char *to = put(t->text, key, strlen(key));
    to = put(to, "=\"", 2);
    to = put(to, number, p->print(number, v));
    *to++ = '"';
    t->len = (size_t)(to - t->text);
}

static void labels_free(struct text_labels *l)
{
    free(l->quantiles);
    free(l->buckets);
}

const struct text_labels *text_labels_of(struct text_profiles *t, const struct profile *p)
{
    struct text_labels *l = &t->of[p->index];
    if (l->buckets != NULL && l->set == p->set)
        return l;
    labels_free(l);
    l->set = p->set;
    l->quantiles = mem_zalloc(p->n_quantiles * sizeof *l->quantiles);
    l->buckets = mem_zalloc((p->n_buckets + 1) * sizeof *l->buckets);
    for (uint32_t i = 0; i < p->n_quantiles; i++)
        make_label(t, &l->quantiles[i], "quantile", p->quantiles[i]);
    for (uint32_t i = 0; i < p->n_buckets; i++)
        make_label(t, &l->buckets[i], "le", p->buckets[i]);
    make_label(t, &l->buckets[p->n_buckets], "le", (double)INFINITY);
    return l;
}

void text_profiles_release(struct text_profiles *t)
{
    for (unsigned i = 0; i < PROFILES_MAX; i++)
        labels_free(&t->of[i]);
}

/* From one of its bytes on, behind the quote that ends the value. */
static size_t value_end(struct slice labels, size_t at)
{
    while (labels.ptr[at] != '"')
        at += labels.ptr[at] == '\\' ? 2 : 1;
    return at + 1;
}

/* Behind the value that begins at `at`. */
static size_t skip_value(struct slice labels, size_t at)
{
    const char *quote = memchr(labels.ptr + at, '"', labels.len - at);
    assert(quote != NULL);
    if (quote[-1] == '\\')
        return value_end(labels, at);
    return (size_t)(quote - labels.ptr) + 1;
}

/* Keys have no quote and mostly another first byte. */
struct text_split text_split(struct slice labels, struct slice key)
{
    size_t at = 0;
    if (labels.len == 0) /* and ptr may be NULL */
        return (struct text_split){ labels, labels };
    while (at < labels.len && labels.ptr[at] <= key.ptr[0]) {
        const char *quote = memchr(labels.ptr + at, '"', labels.len - at);
        assert(quote != NULL);
        size_t value_at = (size_t)(quote - labels.ptr) + 1;
        if (labels.ptr[at] == key.ptr[0] &&
            slice_cmp(slice_of(labels.ptr + at, value_at - 2 - at), key) > 0)
            break;
        at = skip_value(labels, value_at);
        at += at < labels.len; /* the comma */
    }
    return (struct text_split){ slice_of(labels.ptr, at),
                                slice_of(labels.ptr + at, labels.len - at) };
}

/* ---- lines ---- */

void text_put_meta(struct buf *out, const char *keyword, struct slice name, const char *text,
                   const char *escaped)
{
    buf_append_str(out, "# ");
    buf_append_str(out, keyword);
    buf_append_char(out, ' ');
    buf_append_slice(out, name);
    buf_append_char(out, ' ');
    for (; *text != '\0'; text++) {
        if (*text == '\n' || strchr(escaped, *text) != NULL)
            buf_append_char(out, '\\');
        buf_append_char(out, *text == '\n' ? 'n' : *text);
    }
    buf_append_char(out, '\n');
}

static size_t put_number(char *to, double value, struct text_number *last)
{
    if (last == NULL)
        return number_print(to, value);
    /* Zeroes of two signs are equal; nothing equals NaN, whose text is made anew. */
    if (last->len == 0 || value != last->value || signbit(value) != signbit(last->value)) {
        last->value = value;
        last->len = number_print(last->text, value);
    }
    memcpy(to, last->text, sizeof last->text);
    return last->len;
}

/* Room is made once, then bytes are copied. */
void text_put_sample(struct buf *out, const struct text_sample *s, double value)
{
    const struct text_split *l = &s->labels;
    struct slice extra = { 0 };
    if (s->extra != NULL)
        extra = slice_of(s->extra->text, s->extra->len);
    size_t n_labels = l->before.len + extra.len + l->after.len;
    char *to = buf_reserve(out, s->name.len + s->suffix.len + n_labels + NUMBER_TEXT_MAX + 8);
    to = put(to, s->name.ptr, s->name.len);
    to = put_slice(to, s->suffix);
    if (n_labels > 0) {
        *to++ = '{';
        to = put_slice(to, l->before);
        if (l->after.len == 0 && extra.len > 0 && l->before.len > 0)
            *to++ = ',';
        to = put_slice(to, extra);
        if (l->after.len > 0 && extra.len > 0)
            *to++ = ',';
        to = put_slice(to, l->after);
        *to++ = '}';
    }
    *to++ = ' ';
    to += put_number(to, value, s->last);
    out->len = (size_t)(to - out->ptr);
}

uint64_t text_exposed_bytes(const struct profile *p, unsigned n_more)
{
    enum { LINE = 2 * AGGREGATE_TEXT_BYTES };
    return (uint64_t)LINE * ((p->histogram ? p->n_buckets : p->n_quantiles) + n_more);
}
