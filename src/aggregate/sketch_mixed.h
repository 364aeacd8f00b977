/**
 * sketch_mixed: quantiles over two sketches of different units.  Private to aggregate/.
 */
#ifndef AGGREGATE_SKETCH_MIXED_H
#define AGGREGATE_SKETCH_MIXED_H

#include <stddef.h>

#include "aggregate/sketch_types.h"

struct sketch_in_unit {
    const struct sketch *sketch;
    double unit; /* > 0 */
};

/**
 * sketch_mixed_quantiles(a, b, q, n, ret):
 * The quantiles of all values of a and b together, each value divided by its unit; q ascending.  As
 * each value is kept within the error of its own sketch, so is the value of any rank: within the
 * larger of the two errors.
 *   returns  in ret; NaN when both are empty
 *   cost     a few dozen ns for each bucket in use
 */
void sketch_mixed_quantiles(struct sketch_in_unit a, struct sketch_in_unit b, const double *q,
                            size_t n, double *ret);

#endif
