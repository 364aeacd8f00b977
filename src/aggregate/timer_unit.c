/*
 * timer_unit_find            the list
 * timer_unit_add             sums
 * timer_unit_find_age        the window
 *   timer_unit_absorb          of another one
 * timer_units_quantiles
 *   of_one_unit                all slices of the window, or the only one
 *   of_units                   several sketches read together
 */
#include "aggregate/timer_unit.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "aggregate/sketch_mixed.h"
#include "base/mem.h"

/* ---- the list ---- */

struct timer_unit *timer_unit_find(struct timer_unit *first, double per, double scale)
{
    struct timer_unit *u = first;
    assert(per > 0 && isfinite(scale));
    if (u->per == 0)
        *u = (struct timer_unit){ .per = (float)per, .scale = scale };
    while (u->per != per || u->scale != scale) {
        if (u->next == NULL) {
            u->next = mem_alloc(sizeof *u->next);
            *u->next = (struct timer_unit){ .per = (float)per, .scale = scale };
        }
        u = u->next;
    }
    return u;
}

static void window_free(struct timer_unit *u)
{
    for (uint32_t i = 0; i < u->n_ages; i++)
        sketch_release(&u->ages[i].sketch);
    free(u->ages);
}

void timer_units_release(struct timer_unit *first)
{
    window_free(first);
    for (struct timer_unit *u = first->next, *next; u != NULL; u = next) {
        next = u->next;
        window_free(u);
        free(u);
    }
    *first = (struct timer_unit){ 0 };
}

/* ---- sums ---- */

static double shown(const struct timer_unit *u, double v)
{
    return v / u->per * u->scale;
}

double timer_units_sum(const struct timer_unit *first)
{
    double sum = 0;
    for (const struct timer_unit *u = first; u != NULL && u->per > 0; u = u->next)
        sum += shown(u, u->sum);
    return sum;
}

bool timer_unit_add(const struct timer_unit *first, struct timer_unit *u, double sum)
{
    double before = u->sum;
    u->sum += sum;
    if (isfinite(u->sum) && isfinite(timer_units_sum(first)))
        return true;
    u->sum = before;
    return false;
}

/* ---- the window ---- */

uint64_t timer_period(const struct profile *p, uint64_t now_ns)
{
    uint64_t max_age_ns = (uint64_t)p->summary_max_age_ms * 1000000;
    return now_ns / max_age_ns * p->summary_age_buckets +
           now_ns % max_age_ns * p->summary_age_buckets / max_age_ns + 1;
}

struct timer_age *timer_unit_find_age(struct timer_unit *u, const struct profile *p,
                                      uint64_t period)
{
    const uint64_t n = p->summary_age_buckets;
    uint16_t i = 0;
    assert(!p->histogram && period > 0 && n <= UINT16_MAX);
    while (i < u->n_ages && u->ages[i].period % n != period % n)
        i++;
    if (i == u->n_ages) {
        assert(i < n);
        u->ages = mem_realloc(u->ages, (i + 1u) * sizeof *u->ages);
        u->n_ages++;
        sketch_init(&u->ages[i].sketch, p->sketch_schema);
    } else if (u->ages[i].period != period) {
        sketch_clear(&u->ages[i].sketch, p->sketch_schema);
    }
    u->ages[i].period = period;
    u->open = i;
    return &u->ages[i];
}

static bool is_open(const struct profile *p, const struct timer_age *age, uint64_t period)
{
    return age->period + p->summary_age_buckets > period;
}

static void window_add(const struct profile *p, struct sketch *to, const struct timer_unit *u,
                       uint64_t period)
{
    for (uint32_t i = 0; i < u->n_ages; i++)
        if (is_open(p, &u->ages[i], period))
            (void)sketch_merge(to, &u->ages[i].sketch);
}

uint64_t timer_period_begin_ns(const struct profile *p, uint64_t period)
{
    uint64_t max_age_ns = (uint64_t)p->summary_max_age_ms * 1000000, n = p->summary_age_buckets;
    return (period - 1) / n * max_age_ns + ((period - 1) % n * max_age_ns + n - 1) / n;
}

void timer_unit_absorb(struct timer_unit *to, const struct profile *to_p,
                       const struct timer_unit *from, const struct profile *from_p, uint64_t now_ns)
{
    const uint64_t now = timer_period(from_p, now_ns), to_now = timer_period(to_p, now_ns);
    for (uint32_t i = 0; i < from->n_ages; i++) {
        const struct timer_age *age = &from->ages[i];
        if (!is_open(from_p, age, now))
            continue;
        uint64_t period = timer_period(to_p, timer_period_begin_ns(from_p, age->period));
        /* A slice that is newer shuts out an older one. */
        if (period + to_p->summary_age_buckets > to_now)
            (void)sketch_merge(timer_unit_age(to, to_p, period), &age->sketch);
    }
}

/* ---- quantiles ---- */

/*
 * The one slice in the window, when there is just one: the usual case, and nothing needs to be
 * merged.
 */
static const struct sketch *only_age(const struct profile *p, const struct timer_unit *u,
                                     uint64_t period)
{
    const struct sketch *only = NULL;
    for (uint32_t i = 0; i < u->n_ages; i++) {
        if (!is_open(p, &u->ages[i], period))
            continue;
        if (only != NULL)
            return NULL;
        only = &u->ages[i].sketch;
    }
    return only;
}

/* NaN stays. */
static double in_doubles(double v)
{
    return v > DBL_MAX ? DBL_MAX : v < -DBL_MAX ? -DBL_MAX : v;
}

static void of_one_unit(const struct timer_unit *u, const struct profile *p, uint64_t period,
                        struct sketch *scratch, double *ret)
{
    const struct sketch *k = only_age(p, u, period);
    if (k == NULL) {
        sketch_clear(scratch, p->sketch_schema);
        window_add(p, scratch, u, period);
        k = scratch;
    }
    sketch_quantiles(k, p->quantiles, p->n_quantiles, ret);
    for (uint32_t i = 0; i < p->n_quantiles; i++)
        ret[i] = in_doubles(shown(u, ret[i]));
}

/* n of them have a window. */
static void of_units(const struct timer_unit *first, size_t n, const struct profile *p,
                     uint64_t period, double *ret)
{
    struct sketch *k = mem_alloc(n * sizeof *k);
    struct sketch_in_unit *in = mem_alloc(n * sizeof *in);
    size_t i = 0;
    for (const struct timer_unit *u = first; u != NULL; u = u->next) {
        if (u->n_ages == 0)
            continue;
        sketch_init(&k[i], p->sketch_schema);
        window_add(p, &k[i], u, period);
        in[i] = (struct sketch_in_unit){ &k[i], u->per, u->scale };
        i++;
    }
    assert(i == n);
    sketch_mixed_quantiles(in, n, p->quantiles, p->n_quantiles, ret);
    while (i-- > 0)
        sketch_release(&k[i]);
    free(in);
    free(k);
}

void timer_units_quantiles(const struct timer_unit *first, const struct profile *p, uint64_t period,
                           struct sketch *scratch, double *ret)
{
    const struct timer_unit *only = NULL;
    size_t n = 0;
    for (const struct timer_unit *u = first; u != NULL; u = u->next) {
        n += u->n_ages > 0;
        only = u->n_ages > 0 ? u : only;
    }
    if (n == 1 && only->scale >= 0)
        of_one_unit(only, p, period, scratch, ret);
    else
        of_units(first, n, p, period, ret); /* a scale below 0 turns their order round */
}
