/**
 * redis_encode: a closed interval as batches (batch.h).
 *
 * Every shard gets at least one batch per interval, empty if need be, so that a producer whose
 * writes Redis lost notices within one interval.  The last batch of all, of shard
 * crc16(instance) % 64, carries the log entry.
 *
 * A value that is not finite is left out and counted.
 *
 * A gauge whose rule is not `latest` goes to the totals a second time, as what this instance has in
 * it: field i|<instance>|<series>.  Every batch for a shard that has such fields, an empty one too,
 * says in i|<instance> that the instance is alive.
 *
 *   thread   one owner
 */
#ifndef SINKS_REDIS_ENCODE_H
#define SINKS_REDIS_ENCODE_H

#include <stdbool.h>
#include <stdint.h>

#include "aggregate/snapshot.h"
#include "sinks/redis/batch.h"

struct redis_encode_opts {
    const char *prefix, *instance; /* copied */
    uint32_t retention_s;
    bool own;     /* there may be such gauges, of a process before, too; else from the first on */
    bool all_own; /* each gauge has a field of the instance's own */
    uint32_t alive_ms; /* for how long after a batch they count */
};

struct redis_encode;

struct redis_encode *redis_encode_new(const struct redis_encode_opts *opts);
void redis_encode_free(struct redis_encode *e);

/**
 * redis_encode_begin(e, snap, life_s, take, cookie), redis_encode_put(e, s), redis_encode_end(e):
 * An interval.  Calls take(cookie, batch) for every batch, in the order to send them; take owns the
 * batch, and must not call e.
 *   snap     borrowed for the call, as is s
 *   life_s   how long Redis remembers the producer after these batches
 *   cost     put: about 0.1 us a counter (docs/performance.md)
 */
typedef void (*redis_encode_take_fn)(void *cookie, struct redis_batch *b);
void redis_encode_begin(struct redis_encode *e, const struct snapshot *snap, uint32_t life_s,
                        redis_encode_take_fn take, void *cookie);
void redis_encode_put(struct redis_encode *e, const struct closed_series *s);
void redis_encode_end(struct redis_encode *e);

/* Values left out because they were not finite, since the start. */
uint64_t redis_encode_refused(const struct redis_encode *e);

#endif
