/**
 * redis_memory: how much memory a Redis takes for the ledger, by kind of series.
 *
 * Redis 5 to 7 on 64 bits with jemalloc, hashes of more than 512 fields: a field is an entry of the
 * hash's table, the field's text and the value's text, each of the allocator's sizes.  Shards of
 * fewer fields, none longer than 64 bytes, take about half of that.
 *
 *   thread   any
 *   cost     none to speak of
 *   source   Redis src/object.c (objectComputeSize), src/hyperloglog.c
 */
#ifndef SINKS_REDIS_MEMORY_H
#define SINKS_REDIS_MEMORY_H

#include <stdint.h>

#include "aggregate/snapshot.h"

/* What the estimate is for. */
struct redis_memory_shape {
    uint32_t key_bytes; /* of `name|#tags` */
    uint32_t buckets;   /* of a timer, from the first in use to the last */
    uint32_t members;   /* of a set, distinct in an interval */
};

struct redis_memory {
    double total;    /* bytes of a series, while its total is kept */
    double interval; /* .. and for each interval kept in which it was touched */
};

void redis_memory(enum series_kind kind, const struct redis_memory_shape *shape,
                  struct redis_memory *ret);

/* .. and what each instance takes besides, in the totals, where it keeps its own value of a gauge;
 * instance_bytes: of its name. */
double redis_memory_own_gauge(const struct redis_memory_shape *shape, uint32_t instance_bytes);

/* How many intervals are there at a time: an interval's key lives for the retention after its last
 * write, which comes when it is over. */
uint64_t redis_memory_intervals(uint64_t interval_ms, uint64_t retention_ms);

#endif
