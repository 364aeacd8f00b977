/**
 * ledger_spool: bales of the ledger, and what is carried of what it drops.  Private to it.
 *   thread   one owner; a call may wait for the disk
 */
#ifndef SINKS_REDIS_LEDGER_SPOOL_H
#define SINKS_REDIS_LEDGER_SPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "sinks/redis/ledger_priv.h"

/* What waits takes less memory.   returns  false: nothing more can be done */
bool redis_spool_relieve(struct redis_ledger *l, uint64_t now_ms);

/*
 * Before all that waits gets a number: what has one is neither compressed nor dropped, so that the
 * process that loads it would have no room for what comes, however much there is on disk.  All of
 * it is compressed, where it takes more than a quarter of max_bytes.
 */
void redis_spool_pack_all(struct redis_ledger *l);

/* Would another segment be too much on disk?  Not where there is room for hardly any. */
bool redis_spool_disk_is_short(const struct redis_ledger *l);

/* The batches of b, a bale, which stays.   returns  NULL: it is damaged; with why in *ret_error, 0:
 * it makes no sense */
struct redis_batch *redis_spool_unpack(struct redis_ledger *l, const struct redis_batch *b,
                                       int *ret_error);
/* The batches of b, a bale, take its place; damaged ones are dropped and counted.
 * returns  false: its file cannot be opened for now, and b stays */
bool redis_spool_open(struct redis_ledger *l, struct redis_batch *b, uint64_t now_ms);

/* ledger_carry.c: b, about to be dropped, is carried.   returns  how many series of it */
uint64_t redis_ledger_fold(struct redis_ledger *l, struct redis_batch *b);
/* What is carried of the shard is in its queue again.   returns  whether there was something */
bool redis_ledger_carry_out(struct redis_ledger *l, uint8_t shard, uint64_t now_ms);
void redis_ledger_carry_all(struct redis_ledger *l, uint64_t now_ms);

#endif
