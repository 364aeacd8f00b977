/**
 * redis_interval: what the ledger knows of an interval that waits.  Private to the ledger.
 *   thread   one owner
 */
#ifndef SINKS_REDIS_INTERVAL_H
#define SINKS_REDIS_INTERVAL_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "sinks/redis/batch.h"

struct redis_interval {
    struct redis_interval *next;
    int64_t start_s;
    uint64_t queued_ms, not_before_ms;
    uint64_t holds; /* set of shards that got batches of it, and did not drop them */
    uint64_t sent;  /* set of shards that sent a batch of it */
    /* Sets of shards where there is nothing more to compress, and nothing more for the disk. */
    uint64_t packed, stored;
    char token[REDIS_TOKEN_DIGITS + 1];
    uint32_t nth;  /* 1, 2, 3 .. since the start */
    double weight; /* of what came in (pace.h) */
    uint32_t left; /* batches not settled */
    bool dropped;  /* a part of it was dropped, and it is counted as such */
};

static inline uint64_t redis_ledger_bit(unsigned shard)
{
    return (uint64_t)1 << shard;
}

static inline void redis_interval_check(const struct redis_interval *iv)
{
    assert(iv->nth > 0);
    assert((iv->sent & ~iv->holds) == 0); /* what was sent is never dropped */
}

#endif
