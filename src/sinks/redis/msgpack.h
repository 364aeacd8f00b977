/**
 * redis_msgpack: the msgpack that the ledger's script writes: numbers, and arrays of them.
 *
 * Bytes of anybody: a reader never goes past their end, and an array's length is a claim only.
 *   thread   any (no state)
 */
#ifndef SINKS_REDIS_MSGPACK_H
#define SINKS_REDIS_MSGPACK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

/* The head of an array: *ret_n values follow in *rest.  returns  false: there is none */
bool redis_msgpack_array(struct slice *rest, uint32_t *ret_n);

/* A number in any of msgpack's forms; integers past 2^53 are rounded.  returns  false: none is
 * there, or it is not finite */
bool redis_msgpack_number(struct slice *rest, double *ret);

#endif
