/**
 * redis_stored: one batch as bytes for later, and back (base/pack.h).
 *
 *     u8 REDIS_BATCH_FORMAT, u8 kept, shard, last, unsure, failures, of an interval
 *     u64 epoch, seq, series up to it; u32 ordinal of its interval, of the one before, of the batch
 *     u32 life (s), series; u64 how long ago first sent, and acknowledged (ms)
 *     u32 places .., head, split; u16 ops ..
 *     its amount; text its bytes, as they wait (batch.h)
 *
 *   thread   the owner's
 */
#ifndef SINKS_REDIS_STORED_H
#define SINKS_REDIS_STORED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/pack.h"
#include "sinks/redis/batch.h"

/* What is stored beside the batch's own members. */
struct redis_stored {
    bool kept;        /* acknowledged, and kept for repair */
    bool of_interval; /* else it was counted as applied */
};

/* b->nth is set to the ordinal of its interval.   now_ms   the clock of b's times */
void redis_stored_put(struct buf *out, const struct redis_batch *b, struct redis_stored how,
                      uint64_t now_ms);

/**
 * redis_stored_get(in, then_ms, b, ret):
 * All of it into b, which is zeroed, but for its interval and its place in a queue.
 *   then_ms  when it was stored, by the clock of now
 *   returns  NULL; or why not, static: then b has what could be read, and has to be freed all the
 *            same
 */
const char *redis_stored_get(struct unpack *in, uint64_t then_ms, struct redis_batch *b,
                             struct redis_stored *ret);

/* The amount alone.   returns  false: no put has written that */
void redis_stored_put_amount(struct buf *out, const struct sink_amount *a);
bool redis_stored_get_amount(struct unpack *in, struct sink_amount *ret);

#endif
