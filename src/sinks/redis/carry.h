/**
 * redis_carry: the totals of intervals that are dropped.
 *
 * What has no room any more is folded: counters are summed, timers merged, of gauges the last one
 * stays, so that it takes the room of one interval, however many they were.  In the end it goes to
 * Redis as batches that are added to the totals alone (redis_batch_totals_only): the history of
 * those intervals is lost, the totals are exact.  Sets have no total.
 *
 *   thread   the owner's
 */
#ifndef SINKS_REDIS_CARRY_H
#define SINKS_REDIS_CARRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sinks/redis/batch.h"
#include "sinks/redis/encode.h"

struct redis_carry;

struct redis_carry *redis_carry_new(const struct redis_encode_opts *opts);
void redis_carry_free(struct redis_carry *c);

/**
 * redis_carry_fold(c, b):
 *   b        without a number; it stays as it is.  Of a shard, the older one first
 *   returns  how many of its series are carried: all but sets, and what is not finite any more
 *   cost     some 0.2 us a counter, 2 us a timer
 */
uint64_t redis_carry_fold(struct redis_carry *c, const struct redis_batch *b);

uint64_t redis_carry_bytes(const struct redis_carry *c); /* in memory */
size_t redis_carry_series(const struct redis_carry *c);

bool redis_carry_has(const struct redis_carry *c, uint8_t shard); /* something of it */

/* Adds what is carried.   cost  a walk over it */
void redis_carry_left(const struct redis_carry *c, struct sink_amount *ret);

/**
 * redis_carry_encode(c, shard, start_s, to, cookie):
 * What there is of the shard becomes batches.  to owns them, as redis_encode_take_fn.
 *   start_s  of the newest interval that was folded
 *   cost     as redis_encode
 */
void redis_carry_encode(struct redis_carry *c, uint8_t shard, int64_t start_s,
                        redis_encode_take_fn to, void *cookie);

#endif
