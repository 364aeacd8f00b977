/*
 * OpenMetrics 1.0 (OpenObservability/OpenMetrics, specification/OpenMetrics.md):
 *
 *     # TYPE name word                                head
 *     # HELP name help
 *     name_total{labels} value exemplar               counter
 *     name{labels} value                              gauge
 *     name{labels,quantile="0.5"} value               timer: a summary ...
 *     name_bucket{labels,le="0.1"} value exemplar     ... or a histogram
 *     name_sum{labels} value
 *     name_count{labels} value
 *     name_created{labels} time                       counter and timer, where births are kept
 *     # EOF                                           end
 *
 * exemplar is nothing, or ` # {trace_id="abc"} value time`.
 *
 * Names are those of the text format.  What OpenMetrics does not allow under them it is told as
 * `unknown`, which may have any value:
 *
 *     a counter     whose name does not end in _total, or is no longer alone without it
 *     a timer       with values or bounds below 0, or beside a metric that is called like its
 *                   _created.  It makes three families, each of one name, so three parts
 *
 * In a summary or histogram, counts are whole numbers: weights of sample rates are rounded.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/registry.h"
#include "base/mem.h"
#include "base/number.h"
#include "expose/text_line.h"
#include "expose/writer.h"

enum told_as { TOLD_AS_IT_IS, TOLD_AS_UNKNOWN };

static const struct slice total = { "_total", 6 }, created = { "_created", 8 };

struct openmetrics {
    struct writer writer;
    struct text_profiles profiles;
    const struct registry *registry;
    int64_t zero_ms;
    struct buf name; /* scratch */
};

/* A float has to look like one: 1.0, not 1. */
static size_t print_canonical(char *out, double v)
{
    size_t n = text_print_bound(out, v);
    if (!isfinite(v) || memchr(out, 'e', n) != NULL || memchr(out, '.', n) != NULL)
        return n;
    memcpy(out + n, ".0", 2);
    return n + 2;
}

static struct writer *om_open(const struct writer_opts *opts)
{
    struct openmetrics *o = mem_zalloc(sizeof *o);
    o->writer.ops = &writer_openmetrics;
    o->profiles.print = print_canonical;
    o->registry = opts->registry;
    o->zero_ms = opts->zero_ms;
    return &o->writer;
}

static void om_close(struct writer *w)
{
    struct openmetrics *o = (struct openmetrics *)w;
    text_profiles_release(&o->profiles);
    buf_release(&o->name);
    free(o);
}

/* ---- names of families ---- */

static struct slice join(struct openmetrics *o, struct slice name, struct slice suffix)
{
    buf_clear(&o->name);
    buf_append_slice(&o->name, name);
    buf_append_slice(&o->name, suffix);
    return buf_slice(&o->name);
}

static enum family_type type_of(const struct openmetrics *o, struct slice name)
{
    return o->registry != NULL ? registry_family_type(o->registry, name) : FAMILY_TYPE_COUNT;
}

static bool is_there(const struct openmetrics *o, struct slice name)
{
    return type_of(o, name) != FAMILY_TYPE_COUNT;
}

static struct slice without(struct slice name, struct slice suffix)
{
    return slice_of(name.ptr, name.len - suffix.len);
}

/* Does another family make lines of that name, or may it? */
static bool is_made(struct openmetrics *o, struct slice name)
{
    static const struct slice timers[] = {
        { "_sum", 4 }, { "_count", 6 }, { "_bucket", 7 }, { "_created", 8 }
    };
    for (size_t i = 0; i < ARRAY_LEN(timers); i++) {
        if (!slice_ends(name, timers[i]))
            continue;
        enum family_type type = type_of(o, without(name, timers[i]));
        if (type == FAMILY_SUMMARY || type == FAMILY_HISTOGRAM)
            return true;
    }
    return slice_ends(name, created) && is_there(o, join(o, without(name, created), total));
}

/* A counter's family takes its name without _total, that name and that with _created. */
static bool is_counter(struct openmetrics *o, struct slice name)
{
    if (!slice_ends(name, total) || name.len == total.len)
        return false;
    struct slice family = without(name, total);
    return !is_there(o, family) && !is_there(o, join(o, family, created)) && !is_made(o, family);
}

static void om_begin(struct writer *w, struct writer_family *f)
{
    struct openmetrics *o = (struct openmetrics *)w;
    bool fits = true;
    if (f->type == FAMILY_COUNTER)
        fits = is_counter(o, f->name);
    else if (f->type == FAMILY_SUMMARY || f->type == FAMILY_HISTOGRAM)
        fits = !f->negative && !is_there(o, join(o, f->name, created));
    f->told_as = fits ? TOLD_AS_IT_IS : TOLD_AS_UNKNOWN;
    if (!fits && f->type != FAMILY_COUNTER)
        f->parts = 3;
}

/* What stands behind a timer's name in its lines of that part. */
static struct slice suffix_of(const struct writer_family *f, unsigned part)
{
    static const struct slice suffixes[] = { { "", 0 }, { "_sum", 4 }, { "_count", 6 } };
    return part == 0 && f->type == FAMILY_HISTOGRAM ? SLICE_LIT("_bucket") : suffixes[part];
}

static void om_head(struct writer *w, const struct writer_family *f, struct buf *out)
{
    struct openmetrics *o = (struct openmetrics *)w;
    const char *word = family_type_word(f->type);
    struct slice name = f->name;
    if (f->parts > 1)
        name = join(o, name, suffix_of(f, f->part));
    if (f->told_as == TOLD_AS_UNKNOWN)
        word = "unknown";
    else if (f->type == FAMILY_COUNTER)
        name = without(name, total);
    text_put_meta(out, "TYPE", name, word, "");
    text_put_meta(out, "HELP", name, f->help, "\\\"");
}

/* ---- lines ---- */

static void om_gauge(struct writer *w, const struct writer_family *f, struct slice labels,
                     double value, struct buf *out)
{
    const struct text_sample s = { .name = f->name, .labels.before = labels };
    (void)w;
    text_put_line(out, &s, value);
}

/* name: of the family */
static void put_created(struct writer *w, struct slice name, struct slice labels,
                        const struct exposed_view *v, struct buf *out)
{
    const struct text_sample s = { .name = name, .suffix = created, .labels.before = labels };
    int64_t born_ms = ((struct openmetrics *)w)->zero_ms + (int64_t)v->born_ns / 1000000;
    if (v->born_ns != 0)
        text_put_line(out, &s, (double)born_ms / 1000);
}

/* x: NULL, or of a metric that may have one */
static void put_line(struct writer *w, const struct text_sample *s, double value,
                     const struct exemplar *x, struct buf *out)
{
    text_put_sample(out, s, value);
    if (x != NULL && x->labels.len > 0) {
        int64_t ms = ((struct openmetrics *)w)->zero_ms + (int64_t)(x->at_ns / 1000000);
        buf_append_str(out, " # {");
        buf_append_slice(out, x->labels);
        buf_append_str(out, "} ");
        out->len += number_print(buf_reserve(out, NUMBER_TEXT_MAX), x->value);
        buf_append_char(out, ' ');
        out->len += number_print(buf_reserve(out, NUMBER_TEXT_MAX), (double)ms / 1000);
    }
    buf_append_char(out, '\n');
}

static void om_counter(struct writer *w, const struct writer_family *f, struct slice labels,
                       const struct exposed_view *v, struct buf *out)
{
    const struct text_sample s = { .name = f->name, .labels.before = labels };
    bool counter = f->told_as == TOLD_AS_IT_IS;
    put_line(w, &s, v->value, counter ? v->exemplars : NULL, out);
    if (counter)
        put_created(w, without(f->name, total), labels, v, out);
}

/*
 * Values below 0 are told as unknown, but for those that came when the head was written already:
 * these are left out once.
 */
static bool is_allowed(const struct writer_family *f, double value)
{
    return f->told_as == TOLD_AS_UNKNOWN || !(value < 0);
}

static void put_quantiles(struct writer *w, const struct text_labels *texts,
                          const struct writer_family *f, struct slice labels,
                          const struct exposed_view *v, struct buf *out)
{
    struct text_number last = { .len = 0 };
    struct text_sample s = { .name = f->name,
                             .labels = text_split(labels, SLICE_LIT("quantile")),
                             .last = &last };
    (void)w;
    for (uint32_t i = 0; i < v->profile->n_quantiles; i++) {
        s.extra = &texts->quantiles[i];
        if (is_allowed(f, v->quantiles[i]))
            text_put_line(out, &s, v->quantiles[i]);
    }
}

static double count_of(const struct writer_family *f, const struct exposed_view *v)
{
    double count = 0;
    if (f->type == FAMILY_SUMMARY)
        return nearbyint(v->count);
    for (uint32_t i = 0; i <= v->profile->n_buckets; i++) /* as put_buckets */
        count = fmin(count + v->le[i], DBL_MAX);
    return nearbyint(count);
}

static void put_buckets(struct writer *w, const struct text_labels *texts,
                        const struct writer_family *f, struct slice labels,
                        const struct exposed_view *v, struct buf *out)
{
    struct text_sample s = { .name = f->name,
                             .suffix = SLICE_LIT("_bucket"),
                             .labels = text_split(labels, SLICE_LIT("le")) };
    const struct exemplar *x = f->told_as == TOLD_AS_IT_IS ? v->exemplars : NULL;
    double below = 0;
    for (uint32_t i = 0; i <= v->profile->n_buckets; i++) {
        below = fmin(below + v->le[i], DBL_MAX);
        s.extra = &texts->buckets[i];
        put_line(w, &s, nearbyint(below), x != NULL ? &x[i] : NULL, out);
    }
}

static void om_timer(struct writer *w, const struct writer_family *f, struct slice labels,
                     const struct exposed_view *v, struct buf *out)
{
    const struct text_labels *texts =
        text_labels_of(&((struct openmetrics *)w)->profiles, v->profile);
    struct text_sample s = { .name = f->name, .labels.before = labels };
    const bool all = f->parts == 1;
    if (all || f->part == 0)
        (f->type == FAMILY_HISTOGRAM ? put_buckets : put_quantiles)(w, texts, f, labels, v, out);
    if (is_allowed(f, v->sum) && (all || f->part == 1)) {
        s.suffix = suffix_of(f, 1);
        text_put_line(out, &s, v->sum);
    }
    if (is_allowed(f, v->sum) && (all || f->part == 2)) {
        s.suffix = suffix_of(f, 2);
        text_put_line(out, &s, count_of(f, v));
    }
    if (f->told_as == TOLD_AS_IT_IS)
        put_created(w, f->name, labels, v, out);
}

static void om_end(struct writer *w, struct buf *out)
{
    (void)w;
    buf_append_str(out, "# EOF\n");
}

static uint64_t om_exposed_bytes(const struct profile *p)
{
    enum { MORE_LINES = 4 }; /* le="+Inf", _sum, _count, _created */
    return text_exposed_bytes(p, MORE_LINES);
}

const struct writer_ops writer_openmetrics = {
    .content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8",
    .open = om_open,
    .close = om_close,
    .begin = om_begin,
    .head = om_head,
    .counter = om_counter,
    .gauge = om_gauge,
    .timer = om_timer,
    .end = om_end,
    .exposed_bytes = om_exposed_bytes,
};
