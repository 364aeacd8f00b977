/**
 * sketch_build: a sketch (sketch.h) out of its parts, as another process has written them down.
 *
 *     sketch_init(&k, SKETCH_SCHEMA_MAX);
 *     sketch_build_sums(&k, &sums) and sketch_build_bucket(&k, ..) for each bucket, in any order
 *
 * What is given is not trusted: a part that no sketch has is refused and changes nothing.  Whether
 * the buckets add up to the count is not looked at; a quantile stays within min and max anyway.
 *
 *   thread   the sketch's owner
 */
#ifndef AGGREGATE_SKETCH_BUILD_H
#define AGGREGATE_SKETCH_BUILD_H

#include <stdbool.h>
#include <stdint.h>

#include "aggregate/sketch.h"

/* The finest schema that is taken; buckets finer than the sketch's join in its own. */
enum { SKETCH_BUILD_SCHEMA_MAX = 12 };

struct sketch_sums {
    double count, sum, min, max, zero; /* as of struct sketch */
};

/* Could a sketch have them?  All zero but min = inf and max = -inf: an empty one. */
bool sketch_sums_are_sound(const struct sketch_sums *s);

/* k: has no sums yet.   returns  false: they are not sound */
bool sketch_build_sums(struct sketch *k, const struct sketch_sums *s);

/**
 * sketch_build_bucket(k, negative, schema, index, count):
 * Adds to one bucket, and to no sum; a sketch of a finer schema becomes one of this schema.
 *   count    0: nothing is done, wherever the bucket is
 *   returns  false: no double is in that bucket, the schema or the count is none, or there is no
 *            memory
 */
bool sketch_build_bucket(struct sketch *k, bool negative, int schema, int64_t index, double count);

#endif
