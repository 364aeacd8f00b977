/**
 * redis_ledger_parts: what the ledger knows of an interval, a shard and a node.  Private to it.
 *   thread   one owner
 */
#ifndef SINKS_REDIS_LEDGER_PARTS_H
#define SINKS_REDIS_LEDGER_PARTS_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "sinks/redis/batch.h"
#include "sinks/redis/producer.h"
#include "sinks/redis/reply.h"

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
    struct batch_list kept;  /* acknowledged, in the order of answers */
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

/* The newest that is carried of a shard: its interval's ordinal and start, and its order. */
struct carried_upto {
    uint32_t nth, order;
    int64_t start_s;
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

static inline void batch_list_check(const struct batch_list *list)
{
    assert((list->head == NULL) == (list->tail == NULL));
    assert(list->head == NULL || (list->head->prev == NULL && list->tail->next == NULL));
}

static inline void shard_check(const struct shard *sh)
{
    batch_list_check(&sh->queue);
    batch_list_check(&sh->kept);
    assert(sh->in_flight == 0 || sh->queue.head != NULL);
    assert(!sh->held || (sh->in_flight > 0 && sh->held_from > 0)); /* else it is repaired */
    assert(sh->held || !sh->foreign);
}

#endif
