/**
 * redis_state: what a ledger holds, as records for the next process (base/records.h), so that a
 * restart neither loses nor doubles a batch.
 *
 *     REDIS_STATE_LEDGER    text prefix, u32 ordinal of the newest interval, u32 of the newest
 *                           batch, u32 up to which interval losses are counted, u8 has it had
 *                           data, text token of the last log entry
 *     REDIS_STATE_SHARD     u8 shard, u8 has it had data (1) and is it stranded (2), its producer:
 *                           u64 epoch, u32 generation, text id, u64 seq, u64 series, u32 ordinal,
 *                           text token, u8 answered, text birth, u64 writes
 *     REDIS_STATE_INTERVAL  u32 ordinal, i64 start (s), u64 waits for (ms), text token, u8 dropped
 *     REDIS_STATE_BATCH     u8 REDIS_BATCH_FORMAT, then as in stored.h; last, its bytes
 *                           as they wait (batch.h): a start while Redis is away needs no more
 *                           memory for them than before
 *     REDIS_STATE_BALE      as in bale.h: batches that wait compressed, in memory or on disk
 *
 * What waits is numbered when it is saved.  So two processes that read one file (a machine that was
 * copied) give each batch the same number, and Redis takes it once.
 *
 * A producer that goes on in another process is of the next generation.  The script refuses lower
 * ones of the same producer, so a state that is older than what became of it (a backup that was
 * restored) sends nothing: all it holds has been sent.
 *
 *   thread   the ledger's owner
 */
#ifndef SINKS_REDIS_STATE_H
#define SINKS_REDIS_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/records.h"
#include "sinks/redis/ledger.h"

enum redis_state_record {
    REDIS_STATE_LEDGER = 32,
    REDIS_STATE_SHARD,
    REDIS_STATE_INTERVAL,
    REDIS_STATE_BATCH,
    REDIS_STATE_BALE
};

/* Numbers what has no number yet; nothing is sent from then on. */
void redis_state_save(struct redis_ledger *l, const char *prefix, uint64_t now_ms,
                      struct records_writer *to);

/**
 * redis_state_load(l, prefix, type, body, now_ms, age_ms):
 * Of a ledger that had no interval so far.
 *   now_ms, age_ms   now, and how long ago it was saved
 *   returns  false: no save has written that, or one of another REDIS_BATCH_FORMAT.  It is left out
 *            and counted, and the rest goes on: redis_ledger_loaded logs how much it was.  What is
 *            of another prefix is left out, and logged
 */
bool redis_state_load(struct redis_ledger *l, const char *prefix, uint8_t type, struct slice body,
                      uint64_t now_ms, uint64_t age_ms);

#endif
