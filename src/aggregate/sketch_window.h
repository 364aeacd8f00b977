/**
 * sketch_window: the buckets of one sign of a sketch.  Private to aggregate/.
 *
 * A window reaches from the first bucket in use to the last, in steps of 16.  It begins as a list of the few buckets in use; with
 * more of them, or a count past 255, it becomes an array of counts, and stays one.  An array is made anew, somewhere else, larger,
 * with wider counts or of a coarser schema, when a count does not fit; then every bound of the new one is a bound of the old.
 *
 *   returns  0; -ENOMEM: what was in the window is still there; what was to come is not, or (a merge) in part
 *   thread   the sketch's owner
 */
#ifndef AGGREGATE_SKETCH_WINDOW_H
#define AGGREGATE_SKETCH_WINDOW_H

#include <stdint.h>

#include "aggregate/sketch.h"

/* The index of a finer schema, `by` steps coarser: upper bounds stay upper bounds. */
static inline int32_t sketch_window_shift(int32_t i, int by)
{
    return by == 0 ? i : (int32_t)(((int64_t)i + ((int64_t)1 << by) - 1) >> by);
}

/* Add c to the bucket of index i, which is of the schema `schema` (not coarser than the window's). */
int sketch_window_add(struct sketch_window *w, int schema, int32_t i, double c);

/* All counts 0; the memory stays. */
void sketch_window_clear(struct sketch_window *w);

size_t sketch_window_memory(const struct sketch_window *w);

/* Add all of src to dst, which ends at the smaller schema of the two, or below. */
int sketch_window_merge(struct sketch_window *dst, const struct sketch_window *src);

/* Coarser by that many steps. */
int sketch_window_coarsen(struct sketch_window *w, int by);

#endif
