/**
 * redis_read_queue: the requests of a reader by place, so that the next one for each node is found
 * among the first of each place, however many wait behind them.  Private to reader.c.
 *   thread   the reader's
 */
#ifndef SINKS_REDIS_READ_QUEUE_H
#define SINKS_REDIS_READ_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "sinks/redis/keys.h"

/* Within a request. */
struct redis_read_turn {
    struct redis_read_turn *next, *prev;
    uint64_t number;
    uint8_t place;
    void *of; /* the request */
};

/* { 0 } is empty. */
struct redis_read_queue {
    struct {
        struct redis_read_turn *first, *last;
    } of[REDIS_SHARDS];
    uint64_t added;
};

/* of goes behind all others of its place. */
void redis_read_queue_add(struct redis_read_queue *u, struct redis_read_turn *t, uint8_t place,
                          void *of);
void redis_read_queue_remove(struct redis_read_queue *u, struct redis_read_turn *t);

/* The first of each place, in the order in which they came.   returns  how many */
size_t redis_read_queue_heads(const struct redis_read_queue *u, void *ret[REDIS_SHARDS]);

#endif
