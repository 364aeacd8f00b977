/**
 * timer: the distribution of values (sketch.h): samples of type ms, h and d.  Private to
 * aggregate/.
 *
 * /metrics shows count and sum since ever, and either quantiles of a sliding window (a summary) or
 * counts by `le` bound since ever (a histogram), with a native histogram (timer_native.h) beside
 * them where the profile asks for one; a sink gets the interval's sketch.  Values are kept as they
 * were sent.  What is shown is in seconds where that was `ms`, times the profile's scale; so an
 * exposed keeps apart what its series bring by such a unit, and brings it together when it is
 * shown.
 */
#ifndef AGGREGATE_TIMER_H
#define AGGREGATE_TIMER_H

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "aggregate/cell.h"
#include "aggregate/kind.h"
#include "aggregate/series.h"
#include "aggregate/sketch.h"
#include "aggregate/sketch_fast.h"
#include "aggregate/timer_native.h"
#include "aggregate/timer_unit.h"

struct timer_part {
    struct sketch sketch;
};

struct timer_cell {
    struct cell cell;
    double *le[2]; /* counts by `le` bound and past the last; NULL where the timer is
                                 a summary */
    const struct profile *profile;
    struct sketch *native; /* of two parts, of values as shown; NULL: there is no
                                 native histogram, or the part's own sketch serves it */
    struct timer_part part[2];
};

struct timer_series {
    struct series series;
    struct sketch *interval; /* owned; NULL until touched, or when there is no sink */
};

/* What a merge writes comes first, for the cache. */
struct timer_exposed {
    struct exposed exposed;
    double count;           /* since ever */
    struct timer_unit unit; /* most have one */
    union {
        struct {               /* of a summary */
            double *quantiles; /* as computed last; NULL until asked for */
            uint64_t computed; /* the period for which that was; 0: to be computed */
        };
        struct {                   /* of a histogram */
            double *le;            /* counts since ever; NULL until needed */
            struct sketch *native; /* timer_native.h; likewise */
        };
    };
};

static_assert(sizeof(struct timer_cell) == 192, "a timer is three cache lines, one for each part");
static_assert(offsetof(struct timer_cell, part) == 64, "a timer's part is one cache line");

static inline uint32_t timer_bucket(const struct profile *p, double v)
{
    uint32_t i = 0;
    while (i < p->n_buckets && v > p->buckets[i])
        i++;
    return i;
}

/*
 * Add a value, whose bucket sketch_at_of has found before; one that finds no memory for its bucket
 * counts, and only the quantiles miss it.  Inlined always: a call costs as much as a hot timer's
 * work, and the compiler shies at what a histogram's takes.
 *   returns  -ERANGE: a sum would leave the finite doubles, and v is left out
 */
static inline __attribute__((always_inline)) int
timer_add_at(struct timer_cell *t, unsigned p, double v, double weight, struct sketch_at at)
{
    int rc = sketch_add_at(&t->part[p].sketch, v, weight, at);
    if (t->le[p] == NULL || rc == -ERANGE)
        return rc;
    double shown = kind_types[cell_type(&t->cell)].milliseconds ? v / 1000 : v;
    shown *= t->profile->scale;
    t->le[p][timer_bucket(t->profile, shown)] += weight;
    if (t->native != NULL)
        timer_native_add(&t->native[p], t->profile, shown, weight);
    return rc;
}

static inline int timer_add(struct timer_cell *t, unsigned p, double v, double weight)
{
    return timer_add_at(t, p, v, weight, sketch_at_of(&t->part[p].sketch, v));
}

/* Is one of the values, times scale, below 0? */
static inline bool timer_shows_negative(const struct sketch *k, double scale)
{
    return (scale > 0 && k->min < 0) || (scale < 0 && k->max > 0);
}

extern const struct kind_ops timer_ops;

/* Its row put_total: timer_total.c. */
void timer_put_total(struct exposed *e, const struct total *t, struct kind_now *now);

/* Its rows save and load: timer_state.c. */
void timer_save(struct exposed *e, const struct kind_saved *at, struct buf *out);
bool timer_load(struct exposed *e, const struct kind_saved *at, struct unpack *in);

/* As kind_merge and kind_next. */
bool timer_merge(struct series *s, struct exposed *e, const struct cell *c, unsigned p,
                 struct kind_now *now);
void timer_next(struct series *s, const struct kind_now *now);

#endif
