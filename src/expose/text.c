/*
 * The text format:
 *
 *     # HELP name help                                head
 *     # TYPE name word
 *     name{labels} value                              counter, gauge
 *     name{labels,quantile="0.5"} value               timer: a summary ...
 *     name_bucket{labels,le="0.1"} value              ... or a histogram
 *     name_sum{labels} value
 *     name_count{labels} value
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/number.h"
#include "expose/text_line.h"
#include "expose/writer.h"

struct text_writer {
    struct writer writer;
    struct text_profiles profiles;
};

static struct writer *text_open(const struct writer_opts *opts)
{
    struct text_writer *t = mem_zalloc(sizeof *t);
    (void)opts;
    t->writer.ops = &writer_text;
    t->profiles.print = number_print;
    return &t->writer;
}

static void text_close(struct writer *w)
{
    struct text_writer *t = (struct text_writer *)w;
    text_profiles_release(&t->profiles);
    free(t);
}

static void text_head(struct writer *w, const struct writer_family *f, struct buf *out)
{
    (void)w;
    text_put_meta(out, "HELP", f->name, f->help, "\\");
    text_put_meta(out, "TYPE", f->name, family_type_word(f->type), "");
}

static void text_gauge(struct writer *w, const struct writer_family *f, struct slice labels,
                       double value, struct buf *out)
{
    const struct text_sample s = { .name = f->name, .labels.before = labels };
    (void)w;
    text_put_line(out, &s, value);
}

static void text_counter(struct writer *w, const struct writer_family *f, struct slice labels,
                         const struct exposed_view *v, struct buf *out)
{
    text_gauge(w, f, labels, v->value, out);
}

static void put_sum_and_count(const struct writer_family *f, struct slice labels, double sum,
                              double count, struct buf *out)
{
    struct text_sample s = { .name = f->name, .labels.before = labels };
    s.suffix = SLICE_LIT("_sum");
    text_put_line(out, &s, sum);
    s.suffix = SLICE_LIT("_count");
    text_put_line(out, &s, count);
}

static void put_summary(const struct text_labels *texts, const struct writer_family *f,
                        struct slice labels, const struct exposed_view *v, struct buf *out)
{
    struct text_number last = { .len = 0 };
    struct text_sample s = { .name = f->name,
                             .labels = text_split(labels, SLICE_LIT("quantile")),
                             .last = &last };
    for (uint32_t i = 0; i < v->profile->n_quantiles; i++) {
        s.extra = &texts->quantiles[i];
        text_put_line(out, &s, v->quantiles[i]);
    }
    put_sum_and_count(f, labels, v->sum, v->count, out);
}

/*
 * _count is the sum of the buckets, so that it equals the +Inf bucket also after the rounding of
 * fractional weights.
 */
static void put_histogram(const struct text_labels *texts, const struct writer_family *f,
                          struct slice labels, const struct exposed_view *v, struct buf *out)
{
    struct text_sample s = { .name = f->name,
                             .suffix = SLICE_LIT("_bucket"),
                             .labels = text_split(labels, SLICE_LIT("le")) };
    double below = 0;
    for (uint32_t i = 0; i <= v->profile->n_buckets; i++) {
        below = fmin(below + v->le[i], DBL_MAX); /* rounding may pass the count */
        s.extra = &texts->buckets[i];
        text_put_line(out, &s, below);
    }
    put_sum_and_count(f, labels, v->sum, below, out);
}

static void text_timer(struct writer *w, const struct writer_family *f, struct slice labels,
                       const struct exposed_view *v, struct buf *out)
{
    const struct text_labels *texts =
        text_labels_of(&((struct text_writer *)w)->profiles, v->profile);
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

static uint64_t exposed_bytes(const struct profile *p)
{
    enum { MORE_LINES = 3 }; /* le="+Inf", _sum, _count */
    return text_exposed_bytes(p, MORE_LINES);
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
    .exposed_bytes = exposed_bytes,
};
