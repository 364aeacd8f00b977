/**
 * counter: sums of increments.  Private to aggregate/.
 *
 * /metrics shows the sum of what is >= 0 since ever; a sink gets the interval's sum of all of it.
 */
#ifndef AGGREGATE_COUNTER_H
#define AGGREGATE_COUNTER_H

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdbool.h>

#include "aggregate/cell.h"
#include "aggregate/kind.h"
#include "aggregate/series.h"

/* Whether there was one shows in the sign, also where the sum is 0. */
struct counter_part {
    double up;   /* sum of the increments >= 0; -0.0 until there is one */
    double down; /* sum of those <= 0; 0.0 until there is one, -0.0 while all are 0 */
};

struct counter_cell {
    struct cell cell;
    struct counter_part part[2];
};

struct counter_series {
    struct series series;
    double interval; /* of all increments, since the interval began */
};

struct counter_exposed {
    struct exposed exposed;
    double total; /* of increments >= 0, since ever */
};

static_assert(sizeof(struct counter_cell) == 64, "a counter is one cache line");

/* returns  false: the sum would leave the finite doubles, and v is left out */
static inline bool counter_add(struct counter_part *part, double v)
{
    if (v > 0) {
        double up = part->up + v;
        if (up > DBL_MAX)
            return false;
        part->up = up;
    } else if (v < 0) {
        double down = part->down + v;
        if (down < -DBL_MAX)
            return false;
        part->down = down;
    } else {
        part->up += 0.0;
        part->down = part->down < 0 ? part->down : -0.0;
    }
    return true;
}

extern const struct kind_ops counter_ops;

/* As kind_merge and kind_next. */
bool counter_merge(struct series *s, struct exposed *e, const struct cell *c, unsigned p,
                   struct kind_now *now);
void counter_next(struct series *s, const struct kind_now *now);

#endif
