/**
 * redis_ledger_priv: the ledger's parts, for ledger.c (queues, intervals, limits), ledger_send.c
 * (what goes out next), ledger_limits.c and ledger_spool.c (what is too much: ledger_spool.h),
 * settle.c (what is done with) and repair.c (answers).
 *   thread   one owner
 */
#ifndef SINKS_REDIS_LEDGER_PRIV_H
#define SINKS_REDIS_LEDGER_PRIV_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "sinks/redis/bale.h"
#include "sinks/redis/ledger_parts.h"
#include "sinks/redis/keys.h"
#include "sinks/redis/pace.h"
#include "sinks/redis/ledger.h"
#include "sinks/redis/producer.h"

enum { REDIS_LEDGER_LOG_MS = 10000, REDIS_LEDGER_CARRY_PART = 4 /* of max_bytes, is carry's */ };

struct redis_ledger {
    struct redis_ledger_opts opts;
    struct redis_interval *intervals, **intervals_end;
    struct redis_interval *filling; /* between begin and end */
    struct shard shards[REDIS_SHARDS];
    uint64_t queue_bytes, kept_bytes;
    uint64_t expected_bytes; /* of an interval that is still encoded */
    uint64_t queue_batches;
    struct window windows[REDIS_NODES_MAX];
    uint32_t in_flight;                   /* over all nodes */
    uint32_t order;                       /* of the newest batch */
    uint32_t nth;                         /* ordinal of the newest interval */
    bool used;                            /* some shard has had data */
    bool saved;                           /* what waits is the next process' */
    bool left_out;                        /* while a state is loaded that is of another prefix */
    struct redis_interval *newest_loaded; /* while a state is loaded (state_load.c) */
    struct unloaded unloaded;             /* the same */
    char logged[REDIS_TOKEN_DIGITS + 1];  /* token of the last log entry applied; "": not known */
    struct redis_carry *carry;            /* NULL: of what is dropped the totals are, too */
    struct carried_upto carried_upto[REDIS_SHARDS];
    bool carried_out; /* in this pump: one shard at a time */
    struct redis_pace pace;
    struct spool_file *file; /* NULL: there is no folder for it */
    struct squeeze *squeeze; /* NULL until it is needed */
    uint64_t packed_bytes;   /* compressed, in memory */
    struct loss loss;
    uint32_t lost_upto_nth; /* intervals up to here: what is lost of them is counted */
    struct redis_stats stats;
    struct log_gate drop_gate, error_gate, foreign_gate, rival_gate, forgotten_gate, refused_gate;
    struct log_gate fenced_gate, disk_gate, damage_gate;
};

static inline double redis_batch_weight(const struct redis_batch *b)
{
    return b->series + (double)REDIS_PACE_BATCH * redis_bale_batches(b);
}

/* The set of shards that live on the node of this one. */
uint64_t redis_ledger_neighbours(const struct redis_ledger *l, uint8_t shard);

/* Between two calls of the interface; sums over shards and nodes, never a walk over batches. */
void redis_ledger_check(const struct redis_ledger *l);

/* ledger.c: lists and their sums.  An interval is settled when no batch of it is left. */
void redis_ledger_queue_insert(struct redis_ledger *l, struct redis_batch *before,
                               struct redis_batch *b);
/* It is out of its queue, off the disk, and freed. */
void redis_ledger_discard(struct redis_ledger *l, struct redis_batch *b);
/* What of its shard was acknowledged more than keep_ms before it goes. */
void redis_ledger_keep(struct redis_ledger *l, struct redis_batch *b, uint64_t now_ms);
void redis_ledger_kept_remove(struct redis_ledger *l, struct redis_batch *b);
/* The first of `shard` is forgotten. */
void redis_ledger_kept_forget(struct redis_ledger *l, unsigned shard);
void redis_ledger_settle_interval(struct redis_ledger *l, struct redis_interval *iv);
void redis_ledger_forget_interval(struct redis_ledger *l, struct redis_interval *iv);

/*
 * ledger_limits.c and ledger_spool.c, for ledger.c (ledger_spool.h has the rest).
 *   enforce   drops what is too much
 *   waiting   bytes of what waits, with what is still encoded
 *   tend      compresses a piece of what is old
 *   overdue   is there something left to drop for its age?
 *   abandon   nothing of it stays on disk
 * tend and overdue return as redis_ledger_pump.
 */
void redis_ledger_enforce(struct redis_ledger *l, uint64_t now_ms);
uint64_t redis_ledger_waiting(const struct redis_ledger *l);
uint64_t redis_spool_tend(struct redis_ledger *l, uint64_t now_ms);
uint64_t redis_ledger_overdue(const struct redis_ledger *l, uint64_t now_ms);
void redis_spool_abandon(struct redis_ledger *l);
void redis_spool_stats(const struct redis_ledger *l, struct redis_stats *ret);

/* ledger_send.c: send what the windows allow.  returns  as redis_ledger_pump */
uint64_t redis_ledger_send(struct redis_ledger *l, uint64_t now_ms);

/* settle.c: b, queued, counts as dropped, or as lost if it was applied; losses, once nothing waits
 * or a second after the first, are logged.  returns  as redis_ledger_pump */
void redis_settle_give_up(struct redis_ledger *l, const struct redis_batch *b);
uint64_t redis_settle_report(struct redis_ledger *l, uint64_t now_ms);

#endif
