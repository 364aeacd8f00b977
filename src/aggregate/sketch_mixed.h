/**
 * sketch_mixed: quantiles over sketches of different units.  Private to aggregate/.
 */
#ifndef AGGREGATE_SKETCH_MIXED_H
#define AGGREGATE_SKETCH_MIXED_H

#include <stddef.h>

#include "aggregate/sketch_types.h"

/* A value v of the sketch counts as v / per * scale. */
struct sketch_in_unit {
    const struct sketch *sketch;
    double per, scale; /* finite; per > 0 */
};

/**
 * sketch_mixed_quantiles(of, n_of, q, n, ret):
 * The quantiles of all values of the n_of sketches together; q ascending.  As each value is kept
 * within the error of its own sketch, so is the value of any rank: within the largest of the
 * errors.  What would leave the finite doubles is the last of them.
 *   returns  in ret; NaN when all are empty
 *   cost     a few dozen ns for each bucket in use and sketch
 */
void sketch_mixed_quantiles(const struct sketch_in_unit *of, size_t n_of, const double *q, size_t n,
                            double *ret);

#endif
