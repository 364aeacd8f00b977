/**
 * timer_unit: what an exposed timer has of one unit: a sum since ever, and a sliding window.
 * Private to aggregate/.
 *
 * Values are kept as they were sent.  `ms` is shown in seconds, and everything times the scale of
 * its profile; so series that share an exposed may differ in unit, and each value is kept within
 * the error of one sketch.
 *   thread   control; without memory the process ends (base/mem.h)
 */
#ifndef AGGREGATE_TIMER_UNIT_H
#define AGGREGATE_TIMER_UNIT_H

#include <stdbool.h>
#include <stdint.h>

#include "aggregate/profile.h"
#include "aggregate/sketch.h"

/* A slice of the sliding window: what came in during one period of max_age / age_buckets. */
struct timer_age {
    uint64_t period;
    struct sketch sketch;
};

/* v is shown as v / per * scale.  A list, of which the first is no pointer: most have one. */
struct timer_unit {
    double sum; /* since ever, as sent */
    double scale;
    float per;               /* 1, or 1000 of `ms`; 0: nothing came yet, in the first alone */
    uint16_t n_ages, open;   /* open: the slice last added to */
    struct timer_age *ages;  /* n_ages slices in no order, at most summary_age_buckets */
    struct timer_unit *next; /* owned; NULL: that was the last */
};

/* As timer_unit_of, for all but the first. */
struct timer_unit *timer_unit_find(struct timer_unit *first, double per, double scale);

/* Where values of that unit go, made when there is none.  The list is short: by scale. */
static inline struct timer_unit *timer_unit_of(struct timer_unit *first, double per, double scale)
{
    bool is_first = first->per == per && first->scale == scale;
    return is_first ? first : timer_unit_find(first, per, scale);
}

void timer_units_release(struct timer_unit *first);

/* The sum of all units, as shown; not finite where even that would leave the doubles. */
double timer_units_sum(const struct timer_unit *first);

/* Add to u's sum, unless it or the sum of all would leave the finite doubles: false. */
bool timer_unit_add(const struct timer_unit *first, struct timer_unit *u, double sum);

/*
 * The period that now_ns falls into, never 0: now * age_buckets / max_age, as a whole number, so
 * that no setting is rounded.  A value is seen from its period on for age_buckets of them: for more
 * than max_age less one period, and at most max_age.
 */
uint64_t timer_period(const struct profile *p, uint64_t now_ns);

/* Open the slice of that period, emptied if it was an older one's; they may move. */
struct timer_age *timer_unit_find_age(struct timer_unit *u, const struct profile *p,
                                      uint64_t period);

static inline struct sketch *timer_unit_age(struct timer_unit *u, const struct profile *p,
                                            uint64_t period)
{
    if (u->n_ages == 0 || u->ages[u->open].period != period)
        return &timer_unit_find_age(u, p, period)->sketch;
    return &u->ages[u->open].sketch;
}

/**
 * timer_unit_absorb(to, to_p, from, from_p, now_ns):
 * Add the window of `from`.  Each slice goes to the period of `to` in which it began: to the same
 * one, where both windows are of one shape; else it may leave the window earlier, but not later.
 */
void timer_unit_absorb(struct timer_unit *to, const struct profile *to_p,
                       const struct timer_unit *from, const struct profile *from_p,
                       uint64_t now_ns);

/* When a slice begins, by the clock of timer_period. */
uint64_t timer_period_begin_ns(const struct profile *p, uint64_t period);

/* p->n_quantiles of all units together, as shown; NaN: nothing is in the window. */
void timer_units_quantiles(const struct timer_unit *first, const struct profile *p, uint64_t period,
                           struct sketch *scratch, double *ret);

#endif
