/**
 * redis_janitor: totals of series that nobody sends any more are removed, shard by shard.
 *
 *   turn of a shard:  step, step .. until Redis says that the walk is over     (script_prune.c)
 *   turns             one after another, all shards once in a period: totals_ttl / 4, 1 s to 5 min
 *
 * A step is one EVALSHA that looks at about 200 fields, and removes what is old by the clock of
 * Redis.  Of a fleet one instance has a shard's turn: the first step takes a lease in Redis.  That
 * saves work, and nothing depends on it: two walks do no harm.
 *
 * It shares the connections of the batches and is in nobody's way: one step is in flight at a time,
 * and an error or an end of the connection is the end of the turn.  The next period comes.
 *
 * Pure: no socket, no clock; time is an argument (monotonic ms).
 *   thread   one owner
 */
#ifndef SINKS_REDIS_JANITOR_H
#define SINKS_REDIS_JANITOR_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>

#include "sinks/redis/ask.h"

struct redis_janitor;

struct redis_janitor_opts {
    const char *prefix; /* of the keys; copied */
    uint64_t ttl_s;     /* 0: nothing is removed */
    uint8_t first;      /* shard whose turn is first: another one in each instance */
    void *cookie;
    /* The sha1 of the script at the node of the place; NULL: the node is not ready. */
    const char *(*sha)(void *cookie, uint8_t place);
    /* returns  false: the node is not ready.  Else redis_janitor_answer follows. */
    bool (*send)(void *cookie, struct redis_ask *a);
};

struct redis_janitor *redis_janitor_new(const struct redis_janitor_opts *opts);
void redis_janitor_free(struct redis_janitor *j); /* nothing may be in flight; NULL is fine */

/* Sends the next step when it is time.  returns  when to call again; 0: at the next answer, or
 * never */
uint64_t redis_janitor_pump(struct redis_janitor *j, uint64_t now_ms);

/* What was sent is answered; reply NULL: the connection ended.  It does not send. */
void redis_janitor_answer(struct redis_janitor *j, const redisReply *reply, uint64_t now_ms);

/* Series whose totals were removed by this instance, since the start. */
uint64_t redis_janitor_pruned(const struct redis_janitor *j);

#endif
