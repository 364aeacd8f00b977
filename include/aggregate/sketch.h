/**
 * sketch: the distribution of a timer, as a base-2 exponential histogram.
 *
 * The buckets are those of Prometheus native histograms and of OpenTelemetry's exponential
 * histograms (index i of schema s covers (2^((i-1)/2^s), 2^(i/2^s)], Prometheus
 * docs/specs/native_histograms.md), so two sketches merge anywhere, in any order, without loss, and
 * a sketch of a finer schema turns into a coarser one exactly.
 *
 * How exact a quantile is depends on the range of the values: the largest over the smallest, of one
 * sign, in all that was merged.
 *
 *   range at most                    schema kept       worst relative error of a quantile
 *   2^20    (six decades)            as asked for      5: 1.08 % (default), 6: 0.54 %,
 *                                                      7: 0.27 %, 8: 0.14 %
 *   2^40    (twelve decades)         4 at most         2.17 %
 *   2^80    (24 decades)             3 at most         4.33 %
 *   2^160, 2^320, 2^640              2, 1, 0           8.64 %, 17.2 %, 33.3 %
 *   all (2^-128 to the largest)      -1                60 %
 *
 * That holds wherever the range lies, and however the values were split and merged; the error is (g
 * - 1) / (g + 1) with g = 2^(1/2^schema).  A range a little wider may still keep its schema.
 *
 * Memory: up to SKETCH_FEW_MAX buckets in use are a list of 40 bytes, however far apart.  Beyond
 * that, a window of consecutive buckets, as wide as the range seen, each bucket 1, 2, 4 or 8 bytes
 * wide as the largest count asks for (8: a double, once a weight is not whole).  A decade of values
 * at schema 5 is about 107 buckets: 112 bytes until one of them passes 255.  A window is at most
 * sketch_buckets_most() wide, which are 20 octaves and 16 buckets at schema 5 and above; a value
 * beyond halves the resolution (schema goes down by one) as often as it takes.
 *
 * Values |v| <= 2^-128 count as zero.  Negative values have a mirrored window of their own, made on
 * first use.
 *
 *   thread   one owner at a time
 */
#ifndef AGGREGATE_SKETCH_H
#define AGGREGATE_SKETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregate/sketch_types.h"

/* Make the tables of the index; once, before the first sketch.  Idempotent, not thread-safe. */
void sketch_setup(void);
void sketch_init(struct sketch *k, int schema);
void sketch_release(struct sketch *k);           /* frees the windows; the sketch is empty and
                                                    usable */
void sketch_clear(struct sketch *k, int schema); /* empty again, keeping the memory where it fits */

/**
 * sketch_add(k, value, weight):
 *   value    finite     weight   >= 1 (a sample rate is at most 1), finite; 1 for an unsampled
 *            value
 *   returns  0; -ENOMEM: the value is in count, sum, min and max but in no bucket;
 *            -ERANGE: count or sum would leave the finite doubles, and nothing is changed
 *   cost     a few ns when the window holds the bucket
 */
int sketch_add(struct sketch *k, double value, double weight);

/**
 * sketch_merge(dst, src):
 * Add all of src to dst; dst ends at the smaller schema of the two (its own, where src has no
 * buckets).  Commutes and associates but for rounding of `sum`.
 *   returns  0; -ENOMEM: some of it is in no bucket;
 *            -ERANGE: the sum of both would leave the finite doubles: dst keeps its sum and has all
 *            else of src.  Where even the count would, nothing is changed
 */
int sketch_merge(struct sketch *dst, const struct sketch *src);

/**
 * sketch_quantile(k, q):
 * The value of nearest rank: the smallest v such that at least q of all weight is <= v, 0 <= q <=
 * 1, within the schema's relative error and never outside [min, max].  A rank that falls on the
 * smallest or the largest sample gives min or max exactly: as no weight is below 1, those are the
 * ranks up to 1 and above count - 1.
 *   returns  NaN when empty
 */
double sketch_quantile(const struct sketch *k, double q);

/* Several at once, in one walk: q ascending. */
void sketch_quantiles(const struct sketch *k, const double *q, size_t n, double *ret);

/* Index of value v > 0 at schema 0..8 (the table's), and below by shifting. */
int32_t sketch_index(int schema, double v);
double sketch_upper_bound(int schema, int32_t index); /* 2^(index/2^schema) */

/* The value that stands for a bucket: at most (g-1)/(g+1) away from each end, relatively. */
double sketch_middle(int schema, int32_t index);

/**
 * The buckets of one sign that hold something, from the one nearest to zero outwards:
 *
 *     struct sketch_buckets b;
 *     sketch_buckets_begin(k, false, &b);
 *     while (sketch_buckets_next(&b))
 *         ... b.index, b.count
 *
 * Bucket i of schema s covers the values whose absolute is in (2^((i-1)/2^s), 2^(i/2^s)].  k stays
 * as it is meanwhile.
 */
struct sketch_buckets {
    int schema;
    int32_t first, last; /* index of the first and the last of them; first > last: there
                                    is none */
    int32_t index;       /* of the bucket at hand */
    double count;        /* of it, > 0 */
    /* private */
    const struct sketch_window *window;
    struct sketch_few sorted; /* a window that is a list, in order */
    uint32_t next;
};

void sketch_buckets_begin(const struct sketch *k, bool negative, struct sketch_buckets *ret);
bool sketch_buckets_next(struct sketch_buckets *b);

/* Bytes held outside the struct itself. */
size_t sketch_memory(const struct sketch *k);

#endif
