/**
 * redis_producer: who numbers the batches of one shard.
 *
 * A producer is a random id under which batches are numbered 1, 2, 3 ..; Redis keeps the last
 * number, and a mark, under the id.  It ends, and another begins, when its numbers cannot go on:
 * what Redis lost is not kept any more, Redis forgot it, or another server counts under the same id
 * (a machine copied with its memory).
 *
 * Each batch also has the random token of its interval.  Two servers that share an id tell their
 * batches in Redis apart by the tokens.  An interval that was closed before the copy was taken has
 * one token in both.
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
    uint64_t epoch; /* 1 for the first producer of the shard, then 2 .. */
    char id[REDIS_ID_DIGITS + 1];
    uint32_t generation; /* 1 for the process that began it; the next one for each that goes on as
                            it after a restart (state.h) */
    /* The batch numbered last. */
    uint64_t seq, series; /* series: in batches 1 .. seq */
    uint32_t nth;         /* ordinal of its interval */
    char token[REDIS_TOKEN_DIGITS + 1];
    /* The batch applied last. */
    bool answered;              /* there is one */
    struct redis_totals totals; /* after it */
};

/* Begins the first producer, or the next one; id is copied.  Nothing is numbered yet. */
void redis_producer_begin(struct redis_producer *p, const char *id);

/* Gives b the next number.  The producer itself changes only when b was sent:
 * redis_producer_advance. */
void redis_producer_address(const struct redis_producer *p, struct redis_batch *b, uint32_t nth);
void redis_producer_advance(struct redis_producer *p, const struct redis_batch *b);

/**
 * redis_producer_forgotten(p, gap):
 * Did Redis lose the producer's key alone, so that all of its acknowledged batches are still in the
 * totals?
 *   gap      a verdict of that kind
 */
bool redis_producer_forgotten(const struct redis_producer *p, const struct redis_verdict *gap);

/* Did nobody write to the shard since the last answer?  Then a batch without an answer was not
 * applied either. */
bool redis_producer_untouched(const struct redis_producer *p, const struct redis_verdict *gap);

#endif
