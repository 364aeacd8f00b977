/**
 * sketch_fast: sketch_add with the common case inlined.  Private to aggregate/.
 */
#ifndef AGGREGATE_SKETCH_FAST_H
#define AGGREGATE_SKETCH_FAST_H

#include <float.h>
#include <stdbool.h>
#include <stdint.h>

#include "aggregate/sketch.h"
#include "aggregate/sketch_few.h"
#include "aggregate/sketch_index.h"

/* One more in a window that is an array of bytes, or a list.  False: not so simple. */
static inline bool sketch_count_fast(struct sketch_window *w, uint32_t at)
{
    uint8_t *counts = w->counts;
    if (at >= w->n || w->width > 1)
        return false;
    if (w->width == 0)
        return sketch_few_add(w->counts, at, 1);
    if (counts[at] == UINT8_MAX)
        return false;
    counts[at]++;
    return true;
}

/*
 * sketch_add, with the common case inline: an unsampled positive value whose bucket is there or in
 * reach.
 */
static inline int sketch_add_fast(struct sketch *k, double value, double weight)
{
    struct sketch_window *w = &k->pos;
    double sum = k->sum + value;
    if (weight == 1 && value > SKETCH_ZERO_MAX && w->schema >= 0 && sum <= DBL_MAX) {
        uint32_t at = (uint32_t)(sketch_index_fast(w->schema, value) - w->first);
        if (sketch_count_fast(w, at)) {
            k->count += 1; /* finite for ever: past 2^53 a 1 changes nothing */
            k->sum = sum;
            k->min = value < k->min ? value : k->min;
            k->max = value > k->max ? value : k->max;
            return 0;
        }
    }
    return sketch_add(k, value, weight);
}

#endif
