/**
 * duration: `250ms`, `5s`, `10m`, `24h`, to milliseconds and back.
 *   thread   any (no state)
 */
#ifndef BASE_DURATION_H
#define BASE_DURATION_H

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum { DURATION_TEXT_MAX = 32 }; /* bytes that duration_print needs */

/* A whole number and a unit, or 0.  returns  NULL, or what is wrong: "has no unit" (static) */
const char *duration_parse(struct slice s, uint64_t *ret_ms);

/* In the longest unit that divides it; 0 as `0`.  No NUL is written.  returns  the length */
size_t duration_print(char *out, uint64_t ms);

#endif
