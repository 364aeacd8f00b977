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

struct counter_part {
    double up, down; /* sums of the increments >= 0, and of those below; up is -0.0
                                 until there is one */
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
    if (v >= 0) {
        double up = part->up + (v + 0.0); /* -0 becomes 0: an increment was made, and up is no
                                               longer -0.0 */
        if (up > DBL_MAX)
            return false;
        part->up = up;
    } else {
        double down = part->down + v;
        if (down < -DBL_MAX)
            return false;
        part->down = down;
    }
    return true;
}

extern const struct kind_ops counter_ops;

/* As kind_merge and kind_next. */
bool counter_merge(struct series *s, struct exposed *e, const struct cell *c, unsigned p,
                   struct kind_now *now);
void counter_next(struct series *s, const struct kind_now *now);

#endif
