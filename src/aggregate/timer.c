/*
 * A worker's cell        timer_cell_init, timer_begin, timer_cell_release
 *
 * timer_merge            a cell's sketch into
 *   merge_exposed            count and sum of the exposed, by unit (timer_unit.h), and
 *     timer_unit_age           the slice of its window that is open (a summary),
 *     add_le                   its counts by `le` bound (a histogram),
 *     timer_native_take        its native buckets,
 *                            and the series' interval
 *
 * timer_absorb           all of an exposed into another, whose bounds and window may differ
 * timer_reshape          it is of another profile from now on
 * timer_view             count, sum, and quantiles: computed once a period, or when something came
 */
#include "aggregate/timer.h"

#include <assert.h>
#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static enum family_type timer_type(const struct profile *p)
{
    return p->histogram ? FAMILY_HISTOGRAM : FAMILY_SUMMARY;
}

static bool counts_le(const struct profile *p)
{
    return p->histogram && (p->n_buckets > 0 || profile_native(p));
}

/* ---- a worker's cell ---- */

static double shown_per_sent(const struct timer_cell *t)
{
    return (kind_types[cell_type(&t->cell)].milliseconds ? 1.0 / 1000 : 1) * t->profile->scale;
}

static bool timer_cell_init(struct cell *c, const struct profile *profile)
{
    struct timer_cell *t = (struct timer_cell *)c;
    t->profile = profile;
    sketch_init(&t->part[0].sketch, profile->sketch_schema);
    sketch_init(&t->part[1].sketch, profile->sketch_schema);
    if (!counts_le(profile))
        return true;
    t->le[0] = calloc(2 * ((size_t)profile->n_buckets + 1), sizeof *t->le[0]);
    if (t->le[0] == NULL)
        return false;
    t->le[1] = t->le[0] + profile->n_buckets + 1;
    if (timer_native_open(&t->native, profile, shown_per_sent(t)))
        return true;
    free(t->le[0]);
    return false;
}

static void timer_begin(struct cell *c, const struct profile *profile, unsigned p)
{
    struct timer_cell *t = (struct timer_cell *)c;
    sketch_clear(&t->part[p].sketch, profile->sketch_schema);
    if (t->le[p] != NULL)
        memset(t->le[p], 0, (profile->n_buckets + 1) * sizeof *t->le[p]);
    if (t->native != NULL)
        sketch_clear(&t->native[p], profile_native_schema(profile));
}

static void timer_cell_release(struct cell *c)
{
    struct timer_cell *t = (struct timer_cell *)c;
    sketch_release(&t->part[0].sketch);
    sketch_release(&t->part[1].sketch);
    timer_native_close(t->native);
    free(t->le[0]);
}

/* ---- counts by `le` bound ---- */

static void add_count(double *to, double n)
{
    *to = fmin(*to + n, DBL_MAX);
}

/*
 * Add counts by the bounds of profile `of`.  Where the exposed has others, a count goes to its next
 * bound: le="2" never counts a value above 2, but may leave out one below; le="+Inf" has all.
 */
static void add_le(struct timer_exposed *t, const double *le, const struct profile *of)
{
    const struct profile *p = t->exposed.profile;
    if (t->le == NULL)
        t->le = mem_zalloc((p->n_buckets + 1) * sizeof *t->le);
    if (of == p) {
        for (uint32_t i = 0; i <= p->n_buckets; i++)
            add_count(&t->le[i], le[i]);
        return;
    }
    uint32_t to = 0;
    for (uint32_t i = 0; i < of->n_buckets; i++) {
        while (to < p->n_buckets && p->buckets[to] < of->buckets[i])
            to++;
        add_count(&t->le[to], le[i]);
    }
    add_count(&t->le[p->n_buckets], le[of->n_buckets]);
}

/* ---- merging ---- */

/* Two divisions, once for a page and not for each of its cells. */
static uint64_t period_now(const struct profile *p, struct kind_now *now)
{
    if (now->period_of != p) {
        now->period = timer_period(p, now->now_ns);
        now->period_of = p;
    }
    return now->period;
}

/* Buckets hold no more than the count, so what fits in the count fits in them. */
static bool merge_exposed(struct timer_exposed *t, const struct timer_cell *c, unsigned p,
                          struct kind_now *now)
{
    const struct profile *profile = t->exposed.profile;
    const double per = kind_types[cell_type(&c->cell)].milliseconds ? 1000 : 1;
    struct timer_unit *unit = timer_unit_of(&t->unit, per, c->profile->scale);
    const struct sketch *k = &c->part[p].sketch;
    double count = t->count + k->count;
    if (!isfinite(count))
        return false;
    t->count = count;
    if (timer_shows_negative(k, c->profile->scale))
        exposed_mark_negative(&t->exposed);
    /* A bucket that found no memory is missing in a quantile; count and sum are whole. */
    if (!profile->histogram) {
        (void)sketch_merge(timer_unit_age(unit, profile, period_now(profile, now)), k);
        t->computed = 0;
    } else {
        add_le(t, c->le[p] != NULL ? c->le[p] : &k->count, c->profile);
    }
    if (profile_native(profile))
        timer_native_take(&t->native, profile, c->native != NULL ? &c->native[p] : NULL, k,
                          shown_per_sent(c));
    return timer_unit_add(&t->unit, unit, k->sum);
}

bool timer_merge(struct series *s, struct exposed *e, const struct cell *c, unsigned p,
                 struct kind_now *now)
{
    const struct timer_cell *from = (const struct timer_cell *)c;
    struct timer_series *t = (struct timer_series *)s;
    bool fits = merge_exposed((struct timer_exposed *)e, from, p, now);
    if (!now->keep_intervals)
        return fits;
    if (t->interval == NULL) {
        t->interval = mem_alloc(sizeof *t->interval);
        sketch_init(t->interval, series_profile(s, now->profiles)->sketch_schema);
    }
    return sketch_merge(t->interval, &from->part[p].sketch) != -ERANGE && fits;
}

/* ---- what the interval brought ---- */

static void timer_close(const struct series *s, uint64_t end_ns, int64_t wall_ms,
                        struct closed_series *ret)
{
    (void)end_ns;
    (void)wall_ms;
    ret->timer = ((const struct timer_series *)s)->interval;
}

void timer_next(struct series *s, const struct kind_now *now)
{
    struct timer_series *t = (struct timer_series *)s;
    if (t->interval != NULL)
        sketch_clear(t->interval, series_profile(s, now->profiles)->sketch_schema);
}

static void timer_series_release(struct series *s)
{
    struct timer_series *t = (struct timer_series *)s;
    if (t->interval != NULL)
        sketch_release(t->interval);
    free(t->interval);
    t->interval = NULL;
}

/* ---- what /metrics shows ---- */

static double finite_sum(double a, double b)
{
    return fmax(-DBL_MAX, fmin(a + b, DBL_MAX));
}

static void timer_absorb(struct exposed *to, struct exposed *from, struct kind_now *now)
{
    struct timer_exposed *into = (struct timer_exposed *)to;
    const struct timer_exposed *t = (const struct timer_exposed *)from;
    assert(to->kind == SERIES_TIMER && from->kind == SERIES_TIMER && to != from);
    assert(to->profile->histogram == from->profile->histogram);
    into->count = finite_sum(into->count, t->count);
    for (const struct timer_unit *u = &t->unit; u != NULL && u->per > 0; u = u->next) {
        struct timer_unit *unit = timer_unit_of(&into->unit, u->per, u->scale);
        unit->sum = finite_sum(unit->sum, u->sum);
        if (!to->profile->histogram)
            timer_unit_absorb(unit, to->profile, u, from->profile, now->now_ns);
    }
    if (!to->profile->histogram)
        into->computed = 0;
    else if (t->le != NULL)
        add_le(into, t->le, from->profile);
    if (profile_native(to->profile) && profile_native(from->profile) && t->native != NULL)
        timer_native_merge(&into->native, to->profile, t->native);
    if (from->negative)
        exposed_mark_negative(to);
}

static const double *quantiles(struct timer_exposed *t, uint64_t now_ns, struct sketch *scratch)
{
    const struct profile *p = t->exposed.profile;
    uint64_t period = timer_period(p, now_ns);
    if (t->quantiles != NULL && t->computed == period)
        return t->quantiles;
    if (t->quantiles == NULL)
        t->quantiles = mem_alloc(p->n_quantiles * sizeof *t->quantiles);
    timer_units_quantiles(&t->unit, p, period, scratch, t->quantiles);
    t->computed = period;
    return t->quantiles;
}

static void timer_view(struct exposed *e, uint64_t now_ns, struct sketch *scratch,
                       struct exposed_view *ret)
{
    struct timer_exposed *t = (struct timer_exposed *)e;
    ret->shown = true;
    ret->count = t->count;
    ret->sum = finite_sum(timer_units_sum(&t->unit), 0);
    if (!e->profile->histogram) {
        ret->quantiles = quantiles(t, now_ns, scratch);
        return;
    }
    if (t->le == NULL)
        t->le = mem_zalloc((e->profile->n_buckets + 1) * sizeof *t->le);
    ret->le = t->le;
    if (profile_native(e->profile))
        ret->native = timer_native_view(&t->native, e->profile);
}

static void timer_exposed_release(struct exposed *e)
{
    struct timer_exposed *t = (struct timer_exposed *)e;
    timer_units_release(&t->unit);
    if (e->profile->histogram) {
        timer_native_free(t->native);
        free(t->le);
    } else {
        free(t->quantiles);
    }
    *t = (struct timer_exposed){ .exposed = *e };
}

/*
 * A summary keeps count and sum, and of its window what fits into the new one; there is no telling
 * how many values lie below other bounds.
 */
static bool timer_reshape(struct exposed *e, const struct profile *p, struct kind_now *now)
{
    struct timer_exposed *t = (struct timer_exposed *)e, before = *t;
    bool goes_on = !e->profile->histogram && !p->histogram;
    if (goes_on)
        *t = (struct timer_exposed){ .exposed = *e };
    else
        timer_exposed_release(e);
    e->profile = p;
    if (goes_on) {
        timer_absorb(e, &before.exposed, now);
        timer_exposed_release(&before.exposed);
    } else if (p->histogram && p->n_buckets > 0 && p->buckets[0] < 0) {
        exposed_mark_negative(e);
    }
    return goes_on;
}

const struct kind_ops timer_ops = {
    .family_type = timer_type,
    .cell_bytes = sizeof(struct timer_cell),
    .cell_init = timer_cell_init,
    .cell_begin = timer_begin,
    .cell_release = timer_cell_release,
    .series_bytes = sizeof(struct timer_series),
    .close = timer_close,
    .series_release = timer_series_release,
    .exposed_bytes = sizeof(struct timer_exposed),
    .absorb = timer_absorb,
    .view = timer_view,
    .exposed_release = timer_exposed_release,
    .same_shape = profile_same_timers,
    .reshape = timer_reshape,
    .save = timer_save,
    .load = timer_load,
    .put_total = timer_put_total,
};
