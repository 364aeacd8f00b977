/**
 * redis_append: events and service checks on their way to the streams, each at least once.
 *
 *   stream events   queue: [in flight] [in flight] [waits] [waits] ..     oldest first
 *   stream checks   queue: [in flight] [waits] ..
 *
 * An entry stays in its queue until Redis has answered that it has it.  When the connection ends
 * first, nobody knows, and the entry is sent again: it may be in the stream twice then, with one
 * id.  All of this is apart from the ledger, whose numbers and windows it does not touch.
 *
 * Refused for now (NOPERM, OOM, LOADING ..): the entry keeps its place, and its stream waits for
 * 100 ms to 5 s (backoff.h); the connection stays.  Returned (the stream is on another node now):
 * it goes out again, in its order.  Refused for ever (the key is no stream): the
 * entry is dropped.  Both are said in the log with what to do, and it is said when it is over.
 *
 * Limits: max_entries wait in each queue, max_bytes are in both; past them the oldest that is not
 * in flight is dropped and counted, of the bytes in the queue that has more of them.  So a flood of
 * one kind does not push out the other.
 *
 * Pure: no socket, no clock; time is an argument (monotonic ms).
 *   thread   one owner
 */
#ifndef SINKS_REDIS_APPEND_H
#define SINKS_REDIS_APPEND_H

#include <stdbool.h>
#include <stdint.h>

#include "sinks/redis.h"
#include "sinks/redis/entry.h"
#include "sinks/redis/reply.h"

/* In flight of each stream at most: entries, and bytes of more than one entry. */
enum { REDIS_APPEND_WINDOW = 16, REDIS_APPEND_WINDOW_BYTES = 256 << 10 };

struct redis_append;

struct redis_append_opts {
    struct redis_entry_origin origin; /* max_entries 0: nothing is taken */
    uint64_t max_bytes;               /* of both queues */
    uint64_t seed;                    /* of the backoff's jitter */
    void *cookie;
    /* To the node of the stream.  returns  false: it takes nothing now.  The owner calls
     * redis_append_pump when it does. */
    bool (*send)(void *cookie, struct redis_entry *e);
};

struct redis_append *redis_append_new(const struct redis_append_opts *opts);
void redis_append_free(struct redis_append *a); /* no entry may be in flight */

/* A copy of e waits; it does not send. */
void redis_append_take(struct redis_append *a, const struct event_entry *e, uint64_t now_ms);

/* Sends what the windows allow.
 * returns  when to call again at the latest; 0: at the next answer or entry */
uint64_t redis_append_pump(struct redis_append *a, uint64_t now_ms);

/* The verdict of redis_reply_judge_entry on an entry that was sent.  It may free e, and does not
 * send: call redis_append_pump afterwards. */
void redis_append_answer(struct redis_append *a, struct redis_entry *e,
                         const struct redis_verdict *v, uint64_t now_ms);

/* At shutdown: what waits after a refusal is tried at once. */
void redis_append_hurry(struct redis_append *a);

bool redis_append_idle(const struct redis_append *a); /* nothing waits or is in flight */
/* Adds to *ret what waits and is in flight. */
void redis_append_left(const struct redis_append *a, struct sink_amount *ret);
/* At shutdown: counts the same as dropped.  Only redis_append_free may follow. */
void redis_append_give_up(struct redis_append *a);

/* Sets the members about events, and adds to errors and bytes_sent. */
void redis_append_stats(const struct redis_append *a, struct redis_stats *ret);

#endif
