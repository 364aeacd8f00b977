/**
 * redis_identity: names that no one else has, for producers and intervals.
 *
 * Random bits of the kernel, mixed with both clocks and the process id: two copies of a machine
 * that run on from one snapshot of its memory may get the same random bits from their kernels for a
 * while.
 *   thread   any (no state)
 */
#ifndef SINKS_REDIS_IDENTITY_H
#define SINKS_REDIS_IDENTITY_H

#include <stddef.h>

/* Write `digits` hexadecimal digits and a NUL to out. */
void redis_identity_draw(char *out, size_t digits);

#endif
