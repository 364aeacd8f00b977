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

/* Where a value goes: its bucket by the schema that the sketch had when it was asked. */
struct sketch_at {
    int32_t bucket; /* valid where schema is */
    int8_t schema;  /* SKETCH_AT_NONE: not by the fast way */
};
enum { SKETCH_AT_NONE = -128 };

static inline struct sketch_at sketch_at_of(const struct sketch *k, double value)
{
    const struct sketch_window *w = &k->pos;
    if (__builtin_expect(!(value > SKETCH_ZERO_MAX) || w->schema < 0, 0))
        return (struct sketch_at){ 0, SKETCH_AT_NONE };
    return (struct sketch_at){ sketch_index_fast(w->schema, value), w->schema };
}

/* The same, and the bucket's cache line is asked for. */
static inline struct sketch_at sketch_at_prefetch(const struct sketch *k, double value)
{
    const struct sketch_window *w = &k->pos;
    struct sketch_at at = sketch_at_of(k, value);
    /* A list (width 0) may lie across two lines. */
    uintptr_t list = w->width == 0 ? sizeof(struct sketch_few) - 1 : 0;
    uintptr_t place = (uintptr_t)w->counts + list + (uintptr_t)(at.bucket - w->first) * w->width;
    /* It may lie outside the window, where C has no pointers. */
    __builtin_prefetch((const void *)place, 1); /* NOLINT(performance-no-int-to-ptr) */
    return at;
}

/* One more in a window's bucket, without growing anything.  false: not so simple */
static inline bool sketch_count_fast(const struct sketch_window *w, uint32_t at)
{
    if (at >= w->n)
        return false;
    switch (w->width) {
    case 0:
        return sketch_few_add(w->counts, at, 1);
    case 1: {
        uint8_t *counts = w->counts;
        return counts[at] < UINT8_MAX && ++counts[at];
    }
    case 2: {
        uint16_t *counts = w->counts;
        return counts[at] < UINT16_MAX && ++counts[at];
    }
    case 4: {
        uint32_t *counts = w->counts;
        return counts[at] < UINT32_MAX && ++counts[at];
    }
    default:
        return false;
    }
}

/*
 * sketch_add, with the common case inline: an unsampled positive value whose bucket is there or in
 * reach.
 *   at   sketch_at_of(k, value), asked at any time
 */
static inline int sketch_add_at(struct sketch *k, double value, double weight, struct sketch_at at)
{
    struct sketch_window *w = &k->pos;
    double sum = k->sum + value;
    if (weight == 1 && at.schema == w->schema && sum <= DBL_MAX) {
        if (sketch_count_fast(w, (uint32_t)(at.bucket - w->first))) {
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
