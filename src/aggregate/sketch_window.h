/**
 * sketch_window: the buckets of one sign of a sketch.  Private to aggregate/.
 *
 * A window reaches from the first bucket in use to the last, in steps of 16.  It begins as a list
 * of the few buckets in use; with more of them, or a count past 255, it becomes an array of counts,
 * and stays one.  When a count does not fit, another array takes its place: a larger one, with
 * wider counts, or of a coarser schema, each of whose bounds is a bound of the finer one.
 *
 *   returns  0; -ENOMEM: what was in the window is still there; what was to come is not, or (a
 *            merge) in part
 *   thread   the sketch's owner
 */
#ifndef AGGREGATE_SKETCH_WINDOW_H
#define AGGREGATE_SKETCH_WINDOW_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregate/sketch_types.h"

/* The index of a finer schema, `by` steps coarser: upper bounds stay upper bounds. */
static inline int32_t sketch_window_shift(int32_t i, int by)
{
    return by == 0 ? i : (int32_t)(((int64_t)i + ((int64_t)1 << by) - 1) >> by);
}

static inline void sketch_window_check(const struct sketch_window *w)
{
    assert(w->schema >= SKETCH_SCHEMA_MIN && w->schema <= SKETCH_SCHEMA_MAX);
    assert(w->n % 16 == 0 && w->n <= sketch_buckets_most(w->schema));
    assert(w->counts != NULL || w->n == 0);
}

/*
 * Add c to the bucket of index i, which is of the schema `schema` (not coarser than the window's).
 */
int sketch_window_add(struct sketch_window *w, int schema, int32_t i, double c);

/* All counts 0; the memory stays. */
void sketch_window_clear(struct sketch_window *w);

size_t sketch_window_memory(const struct sketch_window *w);

/* Add all of src to dst, which ends at the smaller schema of the two, or below. */
int sketch_window_merge(struct sketch_window *dst, const struct sketch_window *src);

static inline uint8_t sketch_few_count(const struct sketch_few *few, uint32_t i)
{
    uint8_t count = 0;
    for (uint32_t k = 0; k < few->used; k++)
        count = few->at[k] == i ? few->count[k] : count;
    return count;
}

/* Count of bucket i, 0 <= i < w->n. */
static inline double sketch_window_count(const struct sketch_window *w, uint32_t i)
{
    const void *counts = w->counts;
    assert(i < w->n);
    switch (w->width) {
    case 0:
        return sketch_few_count(counts, i);
    case 1:
        return ((const uint8_t *)counts)[i];
    case 2:
        return ((const uint16_t *)counts)[i];
    case 4:
        return ((const uint32_t *)counts)[i];
    default:
        return ((const double *)counts)[i];
    }
}

/*
 * The window as an array, for reading all of it: a list is spread out in `room`, an array shares
 * its counts.  Not to be released.
 */
struct sketch_window sketch_window_flat(const struct sketch_window *w,
                                        uint8_t room[SKETCH_BUCKETS_MAX]);

/* First and last bucket that holds something, counted from the window's first.  false: none does */
bool sketch_window_span(const struct sketch_window *w, uint32_t *ret_first, uint32_t *ret_last);

/* Coarser by that many steps. */
int sketch_window_coarsen(struct sketch_window *w, int by);

#endif
