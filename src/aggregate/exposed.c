/* How a timer looks on /metrics: the window of its summary, or its buckets, with its twins added in. */
#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/registry_priv.h"
#include "aggregate/series.h"
#include "aggregate/sketch_mixed.h"
#include "base/mem.h"

static bool same_unit(const struct series *head)
{
    for (const struct series *s = head->twin; s != NULL; s = s->twin)
        if (series_unit(s) != series_unit(head))
            return false;
    return true;
}

static void add_window(const struct registry_opts *o, struct sketch *to, const struct timer_series *t, uint64_t period)
{
    for (uint32_t i = 0; i < o->summary_age_buckets; i++) {
        const struct age *age = t->ages[i];
        if (age != NULL && age->period + o->summary_age_buckets > period)
            (void)sketch_merge(to, &age->sketch);
    }
}

/* The one age in the window, when there is just one: the usual case, and then nothing needs to be merged. */
static const struct sketch *only_age(const struct registry_opts *o, const struct timer_series *t, uint64_t period)
{
    const struct sketch *only = NULL;
    for (uint32_t i = 0; i < o->summary_age_buckets; i++) {
        const struct age *age = t->ages[i];
        if (age == NULL || age->period + o->summary_age_buckets <= period)
            continue;
        if (only != NULL)
            return NULL;
        only = &age->sketch;
    }
    return only;
}

/* Milliseconds and plain numbers under one name: a sketch of each, read together. */
static void compute_mixed(const struct registry_opts *o, struct timer_series *head, uint64_t period)
{
    struct sketch ms, plain;
    sketch_init(&ms, o->sketch_schema);
    sketch_init(&plain, o->sketch_schema);
    for (const struct series *s = &head->series; s != NULL; s = s->twin)
        add_window(o, series_unit(s) == 1 ? &plain : &ms, (const struct timer_series *)s, period);
    const struct sketch_in_unit of_ms = { &ms, 1000 }, of_plain = { &plain, 1 };
    sketch_mixed_quantiles(of_ms, of_plain, o->quantiles, o->n_quantiles, head->quantiles);
    sketch_release(&ms);
    sketch_release(&plain);
}

static void compute_quantiles(struct registry *r, struct timer_series *head, uint64_t period)
{
    const struct registry_opts *o = &r->opts;
    if (!same_unit(&head->series)) {
        compute_mixed(o, head, period);
        return;
    }
    const struct sketch *k = head->series.twin == NULL ? only_age(o, head, period) : NULL;
    if (k == NULL) {
        sketch_clear(&r->window, o->sketch_schema);
        for (const struct series *s = &head->series; s != NULL; s = s->twin)
            add_window(o, &r->window, (const struct timer_series *)s, period);
        k = &r->window;
    }
    sketch_quantiles(k, o->quantiles, o->n_quantiles, head->quantiles);
    for (uint32_t i = 0; i < o->n_quantiles; i++)
        head->quantiles[i] /= series_unit(&head->series);
}

static bool stale(const struct timer_series *head, uint64_t period)
{
    for (const struct series *s = &head->series; s != NULL; s = s->twin)
        if (((const struct timer_series *)s)->computed != period)
            return true;
    return false;
}

static const double *quantiles(struct registry *r, struct timer_series *head, uint64_t now_ns)
{
    uint64_t period = series_period(&r->opts, now_ns);
    if (head->quantiles == NULL)
        head->quantiles = mem_alloc((r->opts.n_quantiles + 1) * sizeof *head->quantiles);
    else if (!stale(head, period))
        return head->quantiles;
    compute_quantiles(r, head, period);
    for (struct series *s = &head->series; s != NULL; s = s->twin)
        ((struct timer_series *)s)->computed = period;
    return head->quantiles;
}

/* What is merged fits together; but a series that a type conflict had hidden may bring a twin too large to add. */
static double finite_sum(double a, double b)
{
    return fmax(-DBL_MAX, fmin(a + b, DBL_MAX));
}

static const double *buckets(struct registry *r, const struct series *head)
{
    uint32_t n = r->opts.n_buckets + 1;
    memset(r->le, 0, n * sizeof *r->le);
    for (const struct series *s = head; s != NULL; s = s->twin) {
        const double *le = ((const struct timer_series *)s)->le;
        for (uint32_t i = 0; le != NULL && i < n; i++)
            r->le[i] = finite_sum(r->le[i], le[i]);
    }
    return r->le;
}

void series_timer(struct registry *r, struct series *head, uint64_t now_ns, struct timer_view *ret)
{
    assert(head != NULL);
    struct timer_view v = { 0 };
    for (const struct series *s = head; s != NULL; s = s->twin) {
        v.count = finite_sum(v.count, ((const struct timer_series *)s)->count);
        v.sum = finite_sum(v.sum, ((const struct timer_series *)s)->sum / series_unit(s));
    }
    if (r->opts.histograms)
        v.le = buckets(r, head);
    else
        v.quantiles = quantiles(r, (struct timer_series *)head, now_ns);
    *ret = v;
}
