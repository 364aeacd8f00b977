/**
 * redis_producer: who numbers the batches of one shard.
 *
 * A producer is a random id under which batches are numbered 1, 2, 3 ..; Redis keeps the last number, and a mark, under the
 * id.  It ends, and another begins, when its numbers cannot go on: what Redis lost is not kept any more, Redis forgot it, or
 * another server counts under the same id (a machine copied with its memory).
 *
 * Each batch also has the random token of its interval.  Of two servers that share an id, by the tokens each knows its own
 * batches in Redis from the other's; an interval that was closed before a copy was made has one token in both.
 *
 *   thread   one owner
 */
#ifndef SINKS_REDIS_PRODUCER_H
#define SINKS_REDIS_PRODUCER_H

#include <stdbool.h>
#include <stdint.h>

#include "sinks/redis/batch.h"
#include "sinks/redis/reply.h"

struct redis_producer {
    uint64_t epoch;                         /* how many there were in this shard, this one included */
    char id[REDIS_ID_DIGITS + 1];
    /* The batch numbered last. */
    uint64_t seq, series;                   /* series: in batches 1 .. seq */
    uint32_t nth;                           /* ordinal of its interval */
    char token[REDIS_TOKEN_DIGITS + 1];
    /* The batch applied last. */
    bool answered;                          /* there is one */
    struct redis_totals totals;             /* after it */
};

/* The first one, or the next one; id is copied.  Nothing is numbered yet. */
void redis_producer_begin(struct redis_producer *p, const char *id);

/* Number b, tentatively: the producer is not changed before redis_producer_advance. */
void redis_producer_address(const struct redis_producer *p, struct redis_batch *b, uint32_t nth);
void redis_producer_advance(struct redis_producer *p, const struct redis_batch *b);

/**
 * redis_producer_forgotten(p, gap):
 * Did Redis lose the producer's key alone, so that all of its acknowledged batches are still in the totals?
 *   gap      a verdict of that kind
 */
bool redis_producer_forgotten(const struct redis_producer *p, const struct redis_verdict *gap);

/* Was nothing applied to the shard since the last answer, by anybody?  Then a batch without an answer was not either. */
bool redis_producer_untouched(const struct redis_producer *p, const struct redis_verdict *gap);

#endif
