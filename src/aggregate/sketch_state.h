/**
 * sketch_state: a sketch as bytes (base/pack.h), and back.  Private to aggregate/.
 *
 *     f64 count, sum, min, max, zero
 *     window of the values above 0; u8 is there one of those below; that
 *
 *     window:  i8 schema, u8 width, u16 n, then
 *       width 0       n times i32 index, f64 count        few, or far apart
 *       width 1 .. 8  i32 index of the first bucket, n counts of 1, 2, 4 bytes, or f64
 *
 *   thread   the sketch's owner
 */
#ifndef AGGREGATE_SKETCH_STATE_H
#define AGGREGATE_SKETCH_STATE_H

#include <stdbool.h>

#include "aggregate/sketch.h"
#include "base/pack.h"

void sketch_save(const struct sketch *k, struct buf *out);

/* k is not initialised before, and is from then on.   returns  false: that is no sketch */
bool sketch_load(struct sketch *k, struct unpack *in);

#endif
