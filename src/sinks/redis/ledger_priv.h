/**
 * redis_ledger_priv: the ledger's parts, for ledger.c (queue, limits, sending) and repair.c (answers).
 *   thread   one owner
 */
#ifndef SINKS_REDIS_LEDGER_PRIV_H
#define SINKS_REDIS_LEDGER_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "sinks/redis/keys.h"
#include "sinks/redis/ledger.h"
#include "sinks/redis/producer.h"

enum { REDIS_LEDGER_LOG_MS = 10000 };

struct redis_interval {
    struct redis_interval *next;
    int64_t start_s;
    uint64_t queued_ms, not_before_ms;
    uint64_t series;
    char token[REDIS_TOKEN_DIGITS + 1];
    uint32_t nth;           /* 1, 2, 3 .. since the start */
    uint32_t left;          /* batches not settled */
    bool sent;              /* some batch of it has a number */
};

struct batch_list {
    struct redis_batch *head, *tail;
};

struct shard {
    struct redis_producer producer;
    uint32_t in_flight;
    bool used;                      /* it has had data: until then nothing is sent, and Redis holds no key of it */
    /* Nothing of it is sent until all in flight are answered and what is wrong is put right. */
    bool held;
    bool foreign;                   /* numbers from foreign_from on are another server's, who has our id */
    uint64_t foreign_from;
    struct redis_verdict gap;       /* the first one; only its numbers and totals are kept */
};

/* Batches that Redis had acknowledged and lost, not told in the log yet. */
struct loss {
    uint64_t batches, series, intervals;
    uint64_t since_ms;              /* 0: none */
};

struct redis_ledger {
    struct redis_ledger_opts opts;
    struct batch_list queue, kept;
    struct redis_interval *intervals, **intervals_end;
    struct redis_interval *filling;     /* between begin and end */
    struct shard shards[REDIS_SHARDS];
    uint64_t queue_bytes, kept_bytes;
    uint64_t queue_batches;
    uint32_t in_flight;
    uint64_t in_flight_bytes;
    uint32_t nth;                       /* ordinal of the newest interval */
    bool used;                          /* some shard has had data */
    char logged[REDIS_TOKEN_DIGITS + 1];    /* token that the log was last written with; "": never */
    struct loss loss;
    uint32_t lost_upto_nth;             /* intervals up to here are counted as lost where they are */
    struct redis_stats stats;
    struct log_gate drop_gate, error_gate, foreign_gate, rival_gate, forgotten_gate, refused_gate;
};

/* ledger.c: the queue, in the order of sending, with its bytes; kept; an interval that has no batches left. */
void redis_ledger_queue_insert(struct redis_ledger *l, struct redis_batch *before, struct redis_batch *b);
void redis_ledger_keep(struct redis_ledger *l, struct redis_batch *b, uint64_t now_ms);      /* from the queue into kept */
void redis_ledger_kept_remove(struct redis_ledger *l, struct redis_batch *b);
void redis_ledger_settle_interval(struct redis_ledger *l, struct redis_interval *iv);

/* repair.c: write the losses to the log once they are all known, or a second after the first.
 * returns  when to call again at the latest, 0: nothing to tell */
uint64_t redis_repair_report(struct redis_ledger *l, uint64_t now_ms);

#endif
