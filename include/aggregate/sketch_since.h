/**
 * sketch_since: what came into a sketch since an earlier moment.
 *   thread   one owner at a time
 */
#ifndef AGGREGATE_SKETCH_SINCE_H
#define AGGREGATE_SKETCH_SINCE_H

#include <stdbool.h>

#include "aggregate/sketch.h"

/**
 * sketch_since(now, before, ret):
 *   before   what `now` was, of the same schema or a finer one
 *   ret      initialised; what it held goes.  At the schema of now; min and max within its error
 *   returns  false: now does not hold all of before (it began anew); ret is empty
 */
bool sketch_since(const struct sketch *now, const struct sketch *before, struct sketch *ret);

/* ret, initialised, becomes a copy of k.   returns  false: no memory, some of it is missing */
bool sketch_copy(const struct sketch *k, struct sketch *ret);

#endif
