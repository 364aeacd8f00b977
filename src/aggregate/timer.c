/*
 * A worker's cell        timer_cell_init, timer_begin, timer_cell_release
 *
 * timer_merge            a cell's sketch into
 *   merge_total              count and sum of the exposed,
 *   window_age               the slice of its window that is open (a summary),
 *   add_le                   its counts by `le` bound (a histogram),
 *   timer_native_take        its native buckets,
 *   merge_interval           and the series' interval
 *
 * timer_view             count, sum, and
 *   quantiles                computed once a period, or when something came:
 *     of_one_unit                all slices of the window, or the only one
 *     of_both_units              two sketches read together
 */
#include "aggregate/timer.h"

#include <assert.h>
#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/sketch_mixed.h"
#include "base/mem.h"

/* How many of the unit sent make one of the unit shown. */
static const double units[TIMER_UNIT_COUNT] = { [TIMER_PLAIN] = 1, [TIMER_MILLISECONDS] = 1000 };

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
    return kind_types[cell_type(&t->cell)].milliseconds ? 1.0 / 1000 : 1;
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

/* ---- the window of a summary ---- */

/*
 * The period that now_ns falls into, never 0: now * age_buckets / max_age, as a whole number, so
 * that no setting is rounded.  A value is seen from its period on for age_buckets of them: for more
 * than max_age less one period, and at most max_age.
 */
static uint64_t period_of(const struct profile *p, uint64_t now_ns)
{
    uint64_t max_age_ns = (uint64_t)p->summary_max_age_ms * 1000000;
    return now_ns / max_age_ns * p->summary_age_buckets +
           now_ns % max_age_ns * p->summary_age_buckets / max_age_ns + 1;
}

/* Two divisions, once for a page and not for each of its cells. */
static uint64_t period_now(const struct profile *p, struct kind_now *now)
{
    if (now->period_of != p) {
        now->period = period_of(p, now->now_ns);
        now->period_of = p;
    }
    return now->period;
}

/* The slice of that period, emptied if it was an older one's. */
static struct timer_age *find_age(struct timer_exposed *t, enum timer_unit unit, uint64_t period)
{
    const struct profile *p = t->exposed.profile;
    assert(!p->histogram && period > 0);
    if (t->window[unit] == NULL)
        t->window[unit] = mem_zalloc(p->summary_age_buckets * sizeof(struct timer_age *));
    struct timer_age **age = &t->window[unit][period % p->summary_age_buckets];
    if (*age == NULL) {
        *age = mem_alloc(sizeof **age);
        sketch_init(&(*age)->sketch, p->sketch_schema);
        (*age)->period = period;
    } else if ((*age)->period != period) {
        sketch_clear(&(*age)->sketch, p->sketch_schema);
        (*age)->period = period;
    }
    return *age;
}

static struct sketch *window_age(struct timer_exposed *t, enum timer_unit unit, uint64_t period)
{
    if (t->open[unit] == NULL || t->open[unit]->period != period)
        t->open[unit] = find_age(t, unit, period);
    return &t->open[unit]->sketch;
}

static bool is_open(const struct profile *p, const struct timer_age *age, uint64_t period)
{
    return age != NULL && age->period + p->summary_age_buckets > period;
}

static void window_add(const struct profile *p, struct sketch *to, struct timer_age *const *w,
                       uint64_t period)
{
    for (uint32_t i = 0; w != NULL && i < p->summary_age_buckets; i++)
        if (is_open(p, w[i], period))
            (void)sketch_merge(to, &w[i]->sketch);
}

static void window_free(const struct profile *p, struct timer_age **w)
{
    for (uint32_t i = 0; w != NULL && i < p->summary_age_buckets; i++) {
        if (w[i] != NULL)
            sketch_release(&w[i]->sketch);
        free(w[i]);
    }
    free(w);
}

/* ---- merging ---- */

static double sum_shown(const double sum[TIMER_UNIT_COUNT])
{
    return sum[TIMER_MILLISECONDS] / units[TIMER_MILLISECONDS] + sum[TIMER_PLAIN];
}

/* The sum in that unit, unless it or the sum that is shown would leave the finite doubles. */
static bool add_sum(struct timer_exposed *t, enum timer_unit unit, double v)
{
    double sum[TIMER_UNIT_COUNT] = { t->sum[0], t->sum[1] };
    sum[unit] += v;
    if (!isfinite(sum[unit]) || !isfinite(sum_shown(sum)))
        return false;
    t->sum[unit] = sum[unit];
    return true;
}

static void add_le(struct timer_exposed *t, const double *le)
{
    uint32_t n = t->exposed.profile->n_buckets + 1;
    if (t->le == NULL)
        t->le = mem_zalloc(n * sizeof *t->le);
    for (uint32_t i = 0; i < n; i++)
        t->le[i] = fmin(t->le[i] + le[i], DBL_MAX);
}

/* Buckets hold no more than the count, so what fits in the count fits in them. */
static bool merge_exposed(struct timer_exposed *t, const struct timer_cell *c, unsigned p,
                          struct kind_now *now)
{
    const struct profile *profile = t->exposed.profile;
    enum timer_unit unit =
        kind_types[cell_type(&c->cell)].milliseconds ? TIMER_MILLISECONDS : TIMER_PLAIN;
    const struct sketch *k = &c->part[p].sketch;
    double count = t->count + k->count;
    if (!isfinite(count))
        return false;
    t->count = count;
    t->computed = 0;
    if (k->min < 0)
        exposed_mark_negative(&t->exposed);
    /* A bucket that found no memory is missing in a quantile; count and sum are whole. */
    if (!profile->histogram)
        (void)sketch_merge(window_age(t, unit, period_now(profile, now)), k);
    else if (c->le[p] != NULL && c->profile == profile)
        add_le(t, c->le[p]);
    if (profile_native(profile))
        timer_native_take(&t->native, profile, c->native != NULL ? &c->native[p] : NULL, k,
                          shown_per_sent(c));
    return add_sum(t, unit, k->sum);
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
        sketch_init(t->interval, s->profile->sketch_schema);
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
    (void)now;
    if (t->interval != NULL)
        sketch_clear(t->interval, s->profile->sketch_schema);
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

/*
 * Both have the same profile's shape of window; a slice that is newer in `to` shuts out an older
 * one.
 */
static void absorb_window(struct timer_exposed *to, const struct timer_exposed *from,
                          enum timer_unit unit, uint64_t now_period)
{
    const struct profile *p = from->exposed.profile;
    for (uint32_t i = 0; from->window[unit] != NULL && i < p->summary_age_buckets; i++) {
        const struct timer_age *age = from->window[unit][i];
        if (is_open(p, age, now_period))
            (void)sketch_merge(window_age(to, unit, age->period), &age->sketch);
    }
}

static void timer_absorb(struct exposed *to, const struct exposed *from, struct kind_now *now)
{
    struct timer_exposed *into = (struct timer_exposed *)to;
    const struct timer_exposed *t = (const struct timer_exposed *)from;
    assert(to->kind == SERIES_TIMER && from->kind == SERIES_TIMER && to != from);
    into->count = finite_sum(into->count, t->count);
    for (int unit = 0; unit < TIMER_UNIT_COUNT; unit++) {
        into->sum[unit] = finite_sum(into->sum[unit], t->sum[unit]);
        if (!to->profile->histogram && to->profile == from->profile)
            absorb_window(into, t, (enum timer_unit)unit, period_now(to->profile, now));
    }
    if (t->le != NULL && to->profile == from->profile)
        add_le(into, t->le);
    if (profile_native(to->profile) && profile_native(from->profile) && t->native != NULL)
        timer_native_merge(&into->native, to->profile, t->native);
    into->computed = 0;
    if (from->negative)
        exposed_mark_negative(to);
}

/*
 * The one slice in the window, when there is just one: the usual case, and nothing needs to be
 * merged.
 */
static const struct sketch *only_age(const struct profile *p, struct timer_age *const *w,
                                     uint64_t period)
{
    const struct sketch *only = NULL;
    for (uint32_t i = 0; i < p->summary_age_buckets; i++) {
        if (!is_open(p, w[i], period))
            continue;
        if (only != NULL)
            return NULL;
        only = &w[i]->sketch;
    }
    return only;
}

static void of_both_units(struct timer_exposed *t, uint64_t period)
{
    const struct profile *p = t->exposed.profile;
    struct sketch k[TIMER_UNIT_COUNT];
    struct sketch_in_unit in[TIMER_UNIT_COUNT];
    for (int unit = 0; unit < TIMER_UNIT_COUNT; unit++) {
        sketch_init(&k[unit], p->sketch_schema);
        window_add(p, &k[unit], t->window[unit], period);
        in[unit] = (struct sketch_in_unit){ &k[unit], units[unit] };
    }
    sketch_mixed_quantiles(in[TIMER_MILLISECONDS], in[TIMER_PLAIN], p->quantiles, p->n_quantiles,
                           t->quantiles);
    sketch_release(&k[TIMER_PLAIN]);
    sketch_release(&k[TIMER_MILLISECONDS]);
}

static void of_one_unit(struct timer_exposed *t, enum timer_unit unit, uint64_t period,
                        struct sketch *scratch)
{
    const struct profile *p = t->exposed.profile;
    const struct sketch *k = only_age(p, t->window[unit], period);
    if (k == NULL) {
        sketch_clear(scratch, p->sketch_schema);
        window_add(p, scratch, t->window[unit], period);
        k = scratch;
    }
    sketch_quantiles(k, p->quantiles, p->n_quantiles, t->quantiles);
    for (uint32_t i = 0; i < p->n_quantiles; i++)
        t->quantiles[i] /= units[unit];
}

static const double *quantiles(struct timer_exposed *t, uint64_t now_ns, struct sketch *scratch)
{
    const struct profile *p = t->exposed.profile;
    uint64_t period = period_of(p, now_ns);
    if (t->quantiles != NULL && t->computed == period)
        return t->quantiles;
    if (t->quantiles == NULL)
        t->quantiles = mem_alloc((p->n_quantiles + 1) * sizeof *t->quantiles);
    bool ms = t->window[TIMER_MILLISECONDS] != NULL, plain = t->window[TIMER_PLAIN] != NULL;
    if (ms && plain)
        of_both_units(t, period);
    else if (ms || plain)
        of_one_unit(t, ms ? TIMER_MILLISECONDS : TIMER_PLAIN, period, scratch);
    else
        for (uint32_t i = 0; i < p->n_quantiles; i++)
            t->quantiles[i] = NAN;
    t->computed = period;
    return t->quantiles;
}

static void timer_view(struct exposed *e, uint64_t now_ns, struct sketch *scratch,
                       struct exposed_view *ret)
{
    struct timer_exposed *t = (struct timer_exposed *)e;
    ret->shown = true;
    ret->count = t->count;
    ret->sum = finite_sum(sum_shown(t->sum), 0);
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
    window_free(e->profile, t->window[TIMER_PLAIN]);
    window_free(e->profile, t->window[TIMER_MILLISECONDS]);
    if (e->profile->histogram)
        timer_native_free(t->native);
    else
        free(t->quantiles);
    free(t->le);
    *t = (struct timer_exposed){ .exposed = *e };
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
};
