/*
 * The text format: a line for each number.
 *
 *     # HELP name help                                head
 *     # TYPE name word
 *     name{labels} value                              counter, gauge
 *     name{labels,quantile="0.5"} value               timer: a summary ...
 *     name_bucket{labels,le="0.1"} value              ... or a histogram
 *     name_sum{labels} value
 *     name_count{labels} value
 *
 * Labels stay sorted: `quantile` and `le` stand between those that sort before and behind them.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/memory.h"
#include "base/mem.h"
#include "base/number.h"
#include "expose/writer.h"

/* `quantile="0.5"` or `le="0.1"`, ready to be put between the braces. */
struct label_text {
    char text[48];
    size_t len;
};

/* Of one profile. */
struct profile_labels {
    struct label_text *quantiles;
    struct label_text *buckets; /* n_buckets + 1, the last is +Inf */
};

struct text_writer {
    struct writer writer;
    struct profile_labels profiles[PROFILES_MAX]; /* by index, worked out at first sight */
};

static void make_label(struct label_text *t, const char *key, double v)
{
    char number[NUMBER_TEXT_MAX];
    size_t n = number_print(number, v), k = strlen(key);
    memcpy(t->text, key, k);
    memcpy(t->text + k, "=\"", 2);
    memcpy(t->text + k + 2, number, n);
    t->text[k + 2 + n] = '"';
    t->len = k + n + 3;
}

static struct writer *text_open(const struct writer_opts *opts)
{
    struct text_writer *t = mem_zalloc(sizeof *t);
    (void)opts;
    t->writer.ops = &writer_text;
    return &t->writer;
}

static void text_close(struct writer *w)
{
    struct text_writer *t = (struct text_writer *)w;
    for (unsigned i = 0; i < PROFILES_MAX; i++) {
        free(t->profiles[i].quantiles);
        free(t->profiles[i].buckets);
    }
    free(t);
}

static const struct profile_labels *labels_of(struct writer *w, const struct profile *of)
{
    struct profile_labels *l = &((struct text_writer *)w)->profiles[of->index];
    if (l->buckets != NULL)
        return l;
    l->quantiles = mem_zalloc(of->n_quantiles * sizeof *l->quantiles);
    l->buckets = mem_zalloc((of->n_buckets + 1) * sizeof *l->buckets);
    for (uint32_t i = 0; i < of->n_quantiles; i++)
        make_label(&l->quantiles[i], "quantile", of->quantiles[i]);
    for (uint32_t i = 0; i < of->n_buckets; i++)
        make_label(&l->buckets[i], "le", of->buckets[i]);
    make_label(&l->buckets[of->n_buckets], "le", (double)INFINITY);
    return l;
}

static void put_escaped(struct buf *out, const char *help)
{
    for (; *help != '\0'; help++) {
        if (*help == '\\' || *help == '\n')
            buf_append_char(out, '\\');
        buf_append_char(out, *help == '\n' ? 'n' : *help);
    }
}

static void text_head(struct writer *w, const struct writer_family *f, struct buf *out)
{
    (void)w;
    buf_append_str(out, "# HELP ");
    buf_append_slice(out, f->name);
    buf_append_char(out, ' ');
    put_escaped(out, f->help);
    buf_append_str(out, "\n# TYPE ");
    buf_append_slice(out, f->name);
    buf_append_char(out, ' ');
    buf_append_str(out, family_type_word(f->type));
    buf_append_char(out, '\n');
}

static char *put(char *to, const void *p, size_t n)
{
    memcpy(to, p, n);
    return to + n;
}

struct line_labels {
    struct slice before; /* with its last comma */
    struct slice after;
};

static size_t label_len(struct slice labels, size_t value_at)
{
    size_t i = value_at;
    while (labels.ptr[i] != '"')
        i += labels.ptr[i] == '\\' ? 2 : 1;
    return i + 1;
}

static struct line_labels split_labels(struct slice labels, struct slice key)
{
    size_t at = 0;
    while (at < labels.len) {
        const char *equals = memchr(labels.ptr + at, '=', labels.len - at);
        size_t value_at = (size_t)(equals - labels.ptr) + 2;
        if (slice_cmp(slice_of(labels.ptr + at, value_at - 2 - at), key) > 0)
            break;
        at = label_len(labels, value_at);
        at += at < labels.len; /* the comma */
    }
    return (struct line_labels){ slice_of(labels.ptr, at),
                                 slice_of(labels.ptr + at, labels.len - at) };
}

static char *put_slice(char *to, struct slice s)
{
    return s.len > 0 ? put(to, s.ptr, s.len) : to;
}

/* A line: name, suffix, {before,extra,after}, value.  Room is made once, then bytes are copied. */
static void put_line(struct buf *out, const struct writer_family *f, struct slice suffix,
                     struct line_labels labels, struct slice extra, double value)
{
    size_t n_labels = labels.before.len + extra.len + labels.after.len;
    char *to = buf_reserve(out, f->name.len + suffix.len + n_labels + NUMBER_TEXT_MAX + 8);
    to = put(to, f->name.ptr, f->name.len);
    to = put_slice(to, suffix);
    if (n_labels > 0) {
        *to++ = '{';
        to = put_slice(to, labels.before);
        if (labels.after.len == 0 && extra.len > 0 && labels.before.len > 0)
            *to++ = ',';
        to = put_slice(to, extra);
        if (labels.after.len > 0 && extra.len > 0)
            *to++ = ',';
        to = put_slice(to, labels.after);
        *to++ = '}';
    }
    *to++ = ' ';
    to += number_print(to, value);
    *to++ = '\n';
    out->len = (size_t)(to - out->ptr);
}

static struct slice label_slice(const struct label_text *t)
{
    return slice_of(t->text, t->len);
}

static void text_gauge(struct writer *w, const struct writer_family *f, struct slice labels,
                       double value, struct buf *out)
{
    struct line_labels all = { .before = labels };
    (void)w;
    put_line(out, f, SLICE_LIT(""), all, SLICE_LIT(""), value);
}

static void text_counter(struct writer *w, const struct writer_family *f, struct slice labels,
                         const struct exposed_view *v, struct buf *out)
{
    text_gauge(w, f, labels, v->value, out);
}

static void put_sum_and_count(const struct writer_family *f, struct slice labels, double sum,
                              double count, struct buf *out)
{
    struct line_labels all = { .before = labels };
    put_line(out, f, SLICE_LIT("_sum"), all, SLICE_LIT(""), sum);
    put_line(out, f, SLICE_LIT("_count"), all, SLICE_LIT(""), count);
}

static void put_summary(const struct profile_labels *texts, const struct writer_family *f,
                        struct slice labels, const struct exposed_view *v, struct buf *out)
{
    struct line_labels around = split_labels(labels, SLICE_LIT("quantile"));
    for (uint32_t i = 0; i < v->profile->n_quantiles; i++)
        put_line(out, f, SLICE_LIT(""), around, label_slice(&texts->quantiles[i]), v->quantiles[i]);
    put_sum_and_count(f, labels, v->sum, v->count, out);
}

/*
 * _count is the sum of the buckets, so that it equals the +Inf bucket also after the rounding of
 * fractional weights.
 */
static void put_histogram(const struct profile_labels *texts, const struct writer_family *f,
                          struct slice labels, const struct exposed_view *v, struct buf *out)
{
    struct line_labels around = split_labels(labels, SLICE_LIT("le"));
    double below = 0;
    for (uint32_t i = 0; i <= v->profile->n_buckets; i++) {
        below = fmin(below + v->le[i], DBL_MAX); /* rounding may pass the count */
        put_line(out, f, SLICE_LIT("_bucket"), around, label_slice(&texts->buckets[i]), below);
    }
    put_sum_and_count(f, labels, v->sum, below, out);
}

static void text_timer(struct writer *w, const struct writer_family *f, struct slice labels,
                       const struct exposed_view *v, struct buf *out)
{
    const struct profile_labels *texts = labels_of(w, v->profile);
    if (f->type == FAMILY_HISTOGRAM)
        put_histogram(texts, f, labels, v, out);
    else
        put_summary(texts, f, labels, v, out);
}

static void text_end(struct writer *w, struct buf *out)
{
    (void)w;
    (void)out;
}

static uint64_t text_exposed_bytes(const struct profile *p)
{
    enum { LINE = 2 * AGGREGATE_TEXT_BYTES, MORE_LINES = 3 }; /* le="+Inf", _sum, _count */
    return (uint64_t)LINE * ((p->histogram ? p->n_buckets : p->n_quantiles) + MORE_LINES);
}

const struct writer_ops writer_text = {
    .content_type = "text/plain; version=0.0.4; charset=utf-8",
    .open = text_open,
    .close = text_close,
    .head = text_head,
    .counter = text_counter,
    .gauge = text_gauge,
    .timer = text_timer,
    .end = text_end,
    .exposed_bytes = text_exposed_bytes,
};
