/**
 * redis_script_merge: the functions of redis_script that read and merge sketches.  Private to
 * script.c.
 *
 *   sketch(text, s, l)     the array that is stored, and what stands behind it; nil: it is none
 *   merge(a, b, s, l)      two arrays as one, which may be either of them
 *
 * s and l are where an array has its schema and its first bucket.
 */
#ifndef SINKS_REDIS_SCRIPT_MERGE_H
#define SINKS_REDIS_SCRIPT_MERGE_H

#include "base/buf.h"

void redis_script_merge_append(struct buf *out);

#endif
