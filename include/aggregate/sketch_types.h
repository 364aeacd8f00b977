/**
 * sketch_types: what a sketch (sketch.h) is made of.  Its count, sum, min, max and zero may be
 * read; the windows are private to aggregate/, and sketch_buckets_next tells what is in them.
 */
#ifndef AGGREGATE_SKETCH_TYPES_H
#define AGGREGATE_SKETCH_TYPES_H

#include <stdint.h>

#define SKETCH_ZERO_MAX 0x1p-128 /* what is nearer to zero, or as near, counts as zero */

enum {
    SKETCH_SCHEMA_MIN = -4,
    SKETCH_SCHEMA_MAX = 8,
    SKETCH_SCHEMA_DEFAULT = 5,
    SKETCH_OCTAVES = 20, /* that a window holds at the default schema and above,
                                       wherever they begin */
    SKETCH_BUCKETS_MAX = (SKETCH_OCTAVES << SKETCH_SCHEMA_MAX) + 16,
    SKETCH_FEW_MAX = 12,
    SKETCH_FEW_NONE = UINT16_MAX
};

/* The few buckets of a window that are in use, in the order in which they came. */
struct sketch_few {
    uint16_t at[SKETCH_FEW_MAX];   /* from the window's first bucket; SKETCH_FEW_NONE where
                                          unused */
    uint8_t count[SKETCH_FEW_MAX]; /* >= 1 */
    uint8_t used;
};

/* Consecutive buckets first .. first + n - 1 of one sign. */
struct sketch_window {
    void *counts;  /* struct sketch_few, uint8_t[n], uint16_t[n], uint32_t[n] or double[n],
                            by width; NULL: n is 0 */
    int32_t first; /* index of counts[0] */
    uint16_t n;    /* a multiple of 16, as first is */
    uint8_t width; /* 0 (few), 1, 2, 4, 8 */
    int8_t schema;
};

/*
 * The most buckets of a window.  Below the default schema they reach twice as far with each step.
 */
static inline int32_t sketch_buckets_most(int schema)
{
    return (SKETCH_OCTAVES << (schema > SKETCH_SCHEMA_DEFAULT ? schema : SKETCH_SCHEMA_DEFAULT)) +
           16;
}

struct sketch {
    double count;    /* sum of weights: every value, zeros and negatives too */
    double sum;      /* sum of value * weight */
    double min, max; /* +inf, -inf while empty */
    double zero;     /* weight of |v| <= SKETCH_ZERO_MAX */
    struct sketch_window pos;
    struct sketch_window *neg; /* NULL until a negative value comes */
};

#endif
