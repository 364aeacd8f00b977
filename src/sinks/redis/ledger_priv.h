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
#include "sinks/redis/interval.h"
#include "sinks/redis/keys.h"
#include "sinks/redis/pace.h"
#include "sinks/redis/ledger.h"
#include "sinks/redis/producer.h"

enum { REDIS_LEDGER_LOG_MS = 10000 };

struct batch_list {
    struct redis_batch *head, *tail;
};

/* Batches that fail each time, or that a saved state left out: they are counted as dropped. */
struct given_up {
    uint64_t batches, series;
};

struct shard {
    struct redis_producer producer;
    struct batch_list queue; /* not acknowledged: what is in flight, and then the rest */
    uint32_t in_flight;
    bool used; /* it has had data: until then nothing is sent, and Redis holds no key of it */
    /* A batch was refused for its number: nothing is sent before all in flight are answered, and
     * then the numbers are repaired. */
    bool held;
    uint64_t held_from; /* number of the first batch that was not applied */
    bool foreign;       /* another server or process numbers its batches with our id */
    /* What took the number of a saved batch is not known any more: nor is where others that hold
     * the same went on, if the next numbers are taken, too. */
    bool stranded;
    struct redis_verdict gap; /* the first GAP; without its text and slices */
    struct given_up missing;  /* numbers of the producer that a saved state left out */
};

/* What is in flight to one node. */
struct window {
    uint32_t batches;
    uint64_t bytes;
};

/* Acknowledged batches that Redis lost for good, since the last line about them in the log. */
struct loss {
    uint64_t batches, series, intervals;
    uint64_t since_ms; /* 0: none */
};

/* What of a saved state is not used; of the first record, why, and whose it is. */
struct unloaded {
    uint64_t records, batches, series;
    const char *why;
    uint8_t shard;
};

struct redis_ledger {
    struct redis_ledger_opts opts;
    struct batch_list kept; /* of all shards, in the order of their answers */
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
    uint32_t carry_nth;                   /* ordinal and start of the newest interval in it */
    int64_t carry_start_s;
    uint32_t carry_order; /* of the batch that was folded last */
    bool carried_out;     /* in this pump: one shard at a time */
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

static inline void batch_list_check(const struct batch_list *list)
{
    assert((list->head == NULL) == (list->tail == NULL));
    assert(list->head == NULL || (list->head->prev == NULL && list->tail->next == NULL));
}

static inline void shard_check(const struct shard *sh)
{
    batch_list_check(&sh->queue);
    assert(sh->in_flight == 0 || sh->queue.head != NULL);
    assert(!sh->held || (sh->in_flight > 0 && sh->held_from > 0)); /* else it is repaired */
    assert(sh->held || !sh->foreign);
}

/* ledger.c: lists and their sums.  An interval is settled when no batch of it is left. */
void redis_ledger_queue_insert(struct redis_ledger *l, struct redis_batch *before,
                               struct redis_batch *b);
/* It is out of its queue, off the disk, and freed. */
void redis_ledger_discard(struct redis_ledger *l, struct redis_batch *b);
void redis_ledger_keep(struct redis_ledger *l, struct redis_batch *b, uint64_t now_ms);
void redis_ledger_kept_remove(struct redis_ledger *l, struct redis_batch *b);
void redis_ledger_settle_interval(struct redis_ledger *l, struct redis_interval *iv);
void redis_ledger_forget_interval(struct redis_ledger *l, struct redis_interval *iv);

/* ledger_send.c: send what the windows allow.  returns  as redis_ledger_pump */
uint64_t redis_ledger_send(struct redis_ledger *l, uint64_t now_ms);

/* settle.c: b, queued, counts as dropped, or as lost if it was applied; losses, once nothing waits
 * or a second after the first, are logged.  returns  as redis_ledger_pump */
void redis_settle_give_up(struct redis_ledger *l, const struct redis_batch *b);
uint64_t redis_settle_report(struct redis_ledger *l, uint64_t now_ms);

#endif
