/**
 * redis_seen: what was met before, while Redis may give the same thing twice (HSCAN, ZSCAN).
 *
 * It keeps 64 bits of a hash with the process' seed: of a million texts, two have the same with a
 * chance of 3e-8.
 *
 *   cost     16 bytes a text at most, up to 32 while it grows
 *   thread   one owner
 */
#ifndef SINKS_REDIS_SEEN_H
#define SINKS_REDIS_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct redis_seen {
    uint64_t *hashes; /* open addressing; 0: free */
    size_t n, cap;    /* cap: a power of two, or 0 */
};

/* returns  true: it was not there.  { 0 } has seen nothing */
bool redis_seen_add(struct redis_seen *s, struct slice text);
void redis_seen_release(struct redis_seen *s);

#endif
