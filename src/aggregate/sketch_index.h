/**
 * sketch_index: from a double's bits to its bucket, by table.  Private to aggregate/.
 *
 * The top schema+1 bits of the mantissa choose a slot; a slot holds at most one bucket bound, so
 * one comparison finishes the index.  Several times as fast as ceil(log2(v) * 2^s), and exact at
 * the bounds.
 */
#ifndef AGGREGATE_SKETCH_INDEX_H
#define AGGREGATE_SKETCH_INDEX_H

#include <stdint.h>
#include <string.h>

#include "aggregate/sketch_types.h"

enum { SKETCH_SLOTS_MAX = 2 << SKETCH_SCHEMA_MAX };

struct sketch_slot {
    uint64_t bound; /* mantissas above it are one bucket further */
    int32_t base;
};

extern struct sketch_slot sketch_slots[SKETCH_SCHEMA_MAX + 1][SKETCH_SLOTS_MAX];

/* schema 0..8; v normal and > 0 */
static inline int32_t sketch_index_fast(int schema, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    uint64_t mantissa = bits & ((1ull << 52) - 1);
    int32_t exponent = (int32_t)(bits >> 52) - 1023;
    const struct sketch_slot *t = &sketch_slots[schema][mantissa >> (52 - (schema + 1))];
    return (int32_t)((uint32_t)exponent << schema) + t->base + (mantissa > t->bound);
}

#endif
