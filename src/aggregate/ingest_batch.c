/*
 * A batch of samples into the cells of the current page, in stages of at most INGEST_BATCH_MAX
 * samples.  What is hot stands in this one file and in headers, so that it is inlined.
 *
 *   (the parser)      has asked for the slots of the table: batch_aim
 *   stage_cells       the likely cell of each sample; prefetch it
 *   stage_find        its cell for certain (ingest_sight.c where it is new), and a list of samples
 *                     for each kind
 *   stage_buckets     where each timer's value will land; prefetch that
 *   add_counters ...  the values, one kind after the other: a loop for each kind has no branch on
 *                     the type, which would be mispredicted every other time
 *     add_packed        samples with several values
 *
 * Within a kind samples keep the order in which they came, which is all that a gauge needs.
 */
#include <errno.h>

#include "aggregate/counter.h"
#include "aggregate/gauge.h"
#include "aggregate/ingest_priv.h"
#include "aggregate/rates.h"
#include "aggregate/set.h"
#include "aggregate/sketch_fast.h"
#include "aggregate/timer.h"

#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/* ---- one value.  False: the sum would leave the finite doubles; the value is left out ---- */

/* Arrival of sample i of the batch at hand; asked for in rising order. */
static uint64_t arrival_ns(struct ingest *in, uint32_t i)
{
    const struct batch *b = in->batch;
    if (b->n_arrivals == 0)
        return in->batch_ns + i;
    while (in->arrival + 1 < b->n_arrivals && b->arrivals[in->arrival + 1].at <= i)
        in->arrival++;
    const struct batch_arrival *a = &b->arrivals[in->arrival];
    return a->ns + (i - a->at);
}

static bool counter_value(struct counter_cell *c, unsigned p, const struct sample *s, double v)
{
    return counter_add(&c->part[p], s->flags & SAMPLE_HAS_RATE ? v / s->rate : v);
}

static bool gauge_change(struct ingest *in, struct gauge_cell *g, const struct sample *s, double v)
{
    unsigned p = in->page->index;
    uint64_t ns = arrival_ns(in, (uint32_t)(s - in->batch->samples));
    if (!(s->flags & SAMPLE_DELTA))
        return gauge_value_set(&g->part[p], g->recent[p], v, ns) == 0;
    in->saw_relative = true;
    return gauge_value_add(&g->part[p], &g->recent[p], v, ns) != GAUGE_NOT_FINITE;
}

static double weight_of(const struct sample *s)
{
    return s->flags & SAMPLE_HAS_RATE ? 1 / s->rate : 1;
}

static bool add_value(struct ingest *in, struct cell *c, const struct sample *s, double v)
{
    unsigned p = in->page->index;
    switch (kind_of(s->type)) {
    case SERIES_COUNTER:
        return counter_value((struct counter_cell *)c, p, s, v);
    case SERIES_GAUGE:
        return gauge_change(in, (struct gauge_cell *)c, s, v);
    default:
        return timer_add((struct timer_cell *)c, p, v, weight_of(s)) != -ERANGE;
    }
}

/* ---- refused values ---- */

/*
 * Of a sample that stage_find counted, `added` values went in, and that is not all of them.  Those
 * that did stay, and are counted as values.
 */
static void count_refused(struct ingest *in, struct cell *c, const struct sample *s, uint32_t added)
{
    c->samples[in->page->index] -= added == 0;
    in->stats.v[INGEST_SAMPLES_AGGREGATED]--;
    in->stats.v[INGEST_VALUES_AGGREGATED] -= 1 + s->more_n - added;
    ingest_refuse(in, s, s->type == SAMPLE_SET ? REASON_NONE /* no memory */ : REASON_BAD_VALUE);
}

/* A sample with several values. */
__attribute__((noinline)) static void add_packed(struct ingest *in, const struct ingest_todo *t,
                                                 const struct sample *s)
{
    const double *more = in->batch->values + s->more_at;
    uint32_t added = add_value(in, t->cell, s, s->value);
    for (uint32_t i = 0; i < s->more_n; i++)
        added += add_value(in, t->cell, s, more[i]);
    if (added != 1 + s->more_n)
        count_refused(in, t->cell, s, added);
}

/* ---- all samples of a kind; s: the first sample of the stage ---- */

static void add_counters(struct ingest *in, const struct sample *s)
{
    const struct ingest_todo *t = in->todo[SERIES_COUNTER], *end = t + in->n_todo[SERIES_COUNTER];
    const unsigned p = in->page->index;
    for (; t < end; t++) {
        const struct sample *one = &s[t->sample];
        if (UNLIKELY(one->flags & SAMPLE_PACKED))
            add_packed(in, t, one);
        else if (UNLIKELY(!counter_value((struct counter_cell *)t->cell, p, one, one->value)))
            count_refused(in, t->cell, one, 0);
    }
}

static void add_gauges(struct ingest *in, const struct sample *s)
{
    const struct ingest_todo *t = in->todo[SERIES_GAUGE], *end = t + in->n_todo[SERIES_GAUGE];
    for (; t < end; t++) {
        const struct sample *one = &s[t->sample];
        if (UNLIKELY(one->flags & SAMPLE_PACKED))
            add_packed(in, t, one);
        else if (UNLIKELY(!gauge_change(in, (struct gauge_cell *)t->cell, one, one->value)))
            count_refused(in, t->cell, one, 0);
    }
}

static void add_timers(struct ingest *in, const struct sample *s)
{
    const struct ingest_todo *t = in->todo[SERIES_TIMER], *end = t + in->n_todo[SERIES_TIMER];
    const unsigned p = in->page->index;
    for (; t < end; t++) {
        const struct sample *one = &s[t->sample];
        struct timer_cell *c = (struct timer_cell *)t->cell;
        const struct sketch_at at = { t->bucket, t->schema };
        if (UNLIKELY(one->flags & SAMPLE_PACKED))
            add_packed(in, t, one);
        else if (UNLIKELY(timer_add_at(c, p, one->value, weight_of(one), at) == -ERANGE))
            count_refused(in, t->cell, one, 0);
    }
}

static void add_sets(struct ingest *in, const struct sample *s)
{
    const struct ingest_todo *t = in->todo[SERIES_SET], *end = t + in->n_todo[SERIES_SET];
    const unsigned p = in->page->index;
    for (; t < end; t++) {
        const struct sample *one = &s[t->sample];
        struct members *m = &((struct set_cell *)t->cell)->part[p].members;
        if (UNLIKELY(members_add(m, members_hash(one->member)) != 0))
            count_refused(in, t->cell, one, 0);
    }
}

/* ---- a batch, in stages ---- */

static void stage_cells(struct ingest *in, const struct sample *s, uint32_t n)
{
    size_t part = offsetof(struct timer_cell, part) + in->page->index * sizeof(struct timer_part);
    for (uint32_t i = 0; i < n; i++) {
        struct cell *c = table_guess(&in->now.table, s[i].hash);
        in->found[i] = c;
        __builtin_prefetch(c, 1);
        /* Not a branch: a type in the samples' order is mispredicted every other time. */
        uintptr_t its_part = (uintptr_t)c + (part & -(size_t)(s[i].type != SAMPLE_COUNTER));
        __builtin_prefetch((const void *)its_part, 1); /* NOLINT(performance-no-int-to-ptr) */
    }
}

static inline __attribute__((always_inline)) void
find_with(struct ingest *in, const struct sample *s, uint32_t n, uint32_t now_s, bool rates)
{
    unsigned p = in->page->index;
    uint64_t samples = 0, values = 0, tag_errors = 0;
    for (uint32_t k = 0; k < SERIES_KIND_COUNT; k++)
        in->n_todo[k] = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct cell *c = in->found[i];
        if (rates && UNLIKELY(!rates_take(in->rates, s[i].name, s[i].name_len, now_s))) {
            ingest_drop_rate(in, &s[i], now_s);
            in->found[i] = NULL;
            continue;
        }
        if (UNLIKELY(c == NULL || c->check != s[i].hash.hi)) {
            c = table_find(&in->now.table, s[i].hash);
            if (c == NULL)
                c = ingest_first_sight(in, &s[i], now_s);
        }
        if (UNLIKELY(c != NULL && !c->touched[p]))
            c = ingest_list_cell(in, &s[i], c, now_s);
        in->found[i] = c;
        if (UNLIKELY(c == NULL))
            continue;
        enum series_kind kind = kind_of(s[i].type);
        struct ingest_todo *t = &in->todo[kind][in->n_todo[kind]++];
        t->cell = c;
        t->sample = (uint16_t)i;
        tag_errors += cell_tag_errors(c);
        values += 1 + s[i].more_n;
        samples++;
        c->samples[p]++;
    }
    in->stats.v[INGEST_SAMPLES_AGGREGATED] += samples;
    in->stats.v[INGEST_VALUES_AGGREGATED] += values;
    in->stats.v[INGEST_TAG_ERRORS] += tag_errors;
}

static void stage_find(struct ingest *in, const struct sample *s, uint32_t n, uint32_t now_s)
{
    find_with(in, s, n, now_s, false);
}

/* The same where the samples of a name are limited. */
__attribute__((noinline)) static void stage_find_limited(struct ingest *in, const struct sample *s,
                                                         uint32_t n, uint32_t now_s)
{
    find_with(in, s, n, now_s, true);
}

/* The timers' buckets, so that their lines are there when the values come. */
static void stage_buckets(struct ingest *in, const struct sample *s)
{
    struct ingest_todo *t = in->todo[SERIES_TIMER], *end = t + in->n_todo[SERIES_TIMER];
    for (; t < end; t++) {
        const struct timer_cell *c = (const struct timer_cell *)t->cell;
        const struct sketch_at at =
            sketch_at_prefetch(&c->part[in->page->index].sketch, s[t->sample].value);
        t->bucket = at.bucket;
        t->schema = at.schema;
    }
}

void ingest_batch(struct ingest *in, struct batch *b, uint64_t now_ns)
{
    ingest_check(in);
    uint32_t now_s = (uint32_t)(now_ns / 1000000000);
    in->batch = b;
    in->batch_ns = now_ns;
    in->arrival = 0;
    for (uint32_t at = 0, n; at < b->n; at += n) {
        const struct sample *s = &b->samples[at];
        n = b->n - at < INGEST_BATCH_MAX ? b->n - at : INGEST_BATCH_MAX;
        stage_cells(in, s, n);
        if (UNLIKELY(in->rates != NULL))
            stage_find_limited(in, s, n, now_s);
        else
            stage_find(in, s, n, now_s);
        stage_buckets(in, s);
        add_counters(in, s);
        add_gauges(in, s);
        add_timers(in, s);
        add_sets(in, s);
        if (in->opts.exemplars)
            ingest_exemplars(in, b, at, n);
    }
    b->aim_base = (uintptr_t)in->now.table.slots;
    b->aim_mask = table_start(in->now.table.mask) * sizeof *in->now.table.slots;
    ingest_take_counts(in, &b->counts);
}
