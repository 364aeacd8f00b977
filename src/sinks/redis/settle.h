/**
 * redis_settle: what is counted and said of a batch that is done with.  Private to the ledger.
 *   thread   one owner
 */
#ifndef SINKS_REDIS_SETTLE_H
#define SINKS_REDIS_SETTLE_H

#include <stdint.h>

#include "sinks/redis/ledger_priv.h"

/*
 * b needs no more sending: into kept, a bale off the disk, and off its interval's account.
 *   refused, dropped   series of it that were not applied
 */
void redis_settle(struct redis_ledger *l, struct redis_batch *b, uint64_t refused, uint64_t dropped,
                  uint64_t now_ms);
void redis_settle_applied(struct redis_ledger *l, struct redis_batch *b,
                          const struct redis_verdict *v, uint64_t now_ms);
/* Not applied.  What was applied once, and Redis lost it, is counted as applied already: it counts
 * as lost then; and at its first failure only. */
void redis_settle_write_off(struct redis_ledger *l, struct redis_batch *b, uint64_t now_ms);
void redis_settle_note_loss(struct redis_ledger *l, uint64_t batches, uint64_t series,
                            uint64_t intervals, uint64_t now_ms);
void redis_settle_log_error(struct redis_ledger *l, const char *msg, const struct redis_batch *b,
                            const char *text, uint64_t now_ms);

#endif
