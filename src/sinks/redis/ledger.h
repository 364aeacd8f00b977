/**
 * redis_ledger: every batch is applied once.
 *
 * A shard's batches are numbered 1, 2, 3 .. when they are first sent (and not before: what is dropped unsent leaves no hole).
 * Redis keeps the last number per producer (producer.h) and the script takes only the next one.  So a batch may be sent
 * as often as it takes; in doubt, send it again.  A shard sends nothing before its first data.
 *
 *   queue   of each shard: batches not acknowledged, oldest first; the front of it is in flight
 *   window  of each node: at most WINDOW batches or WINDOW_BYTES are in flight to it, oldest first
 *           over its shards
 *   kept    acknowledged batches of the last keep_ms: if Redis comes back without its last writes (a replica took over), its
 *           answer names the last number it has, and what follows is sent again from here
 *
 * When a gap reaches back further than kept, those batches are lost (counted); the shard goes on as a new producer, so that no
 * late copy of an old command can meet a new number.
 *
 * When Redis lost a producer's key but not the totals, nothing is sent again: it is all in there.  What was under way when the
 * connection ended may be; unless the totals tell, it is dropped and counted, never added twice.
 *
 * So a node that is slow or gone holds up its own shards.  One more waits with them: the shard of
 * the log entry, as that says that its interval is complete.  It waits for other nodes until the
 * interval is older than max_age_ms or the queues are over max_bytes / 2, and is sent then.
 *
 * Limits: max_bytes of queues and kept together, max_age_ms of the queues.  Past them kept goes
 * first, then the oldest interval's part on a node to which nothing of it was sent (with one node:
 * the whole interval); what was sent may be applied already, so it stays (one or two intervals).
 *
 * Pure: no socket, no clock; time is an argument (monotonic ms).
 *   thread   one owner
 */
#ifndef SINKS_REDIS_LEDGER_H
#define SINKS_REDIS_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "sinks/redis.h"
#include "sinks/redis/batch.h"
#include "sinks/redis/reply.h"

enum { REDIS_LEDGER_WINDOW = 16, REDIS_LEDGER_WINDOW_BYTES = 2 << 20 };

struct redis_ledger;

struct redis_ledger_opts {
    char id[REDIS_ID_DIGITS + 1];          /* of every shard's first producer */
    uint64_t max_bytes, max_age_ms, keep_ms;
    /* Of REDIS_SHARDS, borrowed; a shard may move at any time.  NULL: node 0 has all of them. */
    const uint8_t *node_of;
    void *cookie;
    /* To the node of b's shard.  false: it takes nothing now; try again with redis_ledger_pump. */
    bool (*send)(void *cookie, struct redis_batch *b);
    void (*draw)(char *ret, size_t digits);   /* hexadecimal digits and a NUL, for ids and tokens: never the same twice */
};

struct redis_ledger *redis_ledger_new(const struct redis_ledger_opts *opts);
void redis_ledger_free(struct redis_ledger *l);    /* no batch may be in flight */

/* An interval: begin, take for every batch (in the order to send), end.  Nothing is sent before not_before_ms. */
void redis_ledger_begin(struct redis_ledger *l, int64_t start_s, uint64_t now_ms, uint64_t not_before_ms);
void redis_ledger_take(struct redis_ledger *l, struct redis_batch *b);
void redis_ledger_end(struct redis_ledger *l, uint64_t now_ms);

/* At shutdown: nothing waits for its time any more. */
void redis_ledger_hurry(struct redis_ledger *l);

/* Send what the windows allow, and look after the limits.
 * returns  when to call again at the latest, 0: no need */
uint64_t redis_ledger_pump(struct redis_ledger *l, uint64_t now_ms);

/**
 * redis_ledger_answer(l, b, v, now_ms):
 * What became of a batch that was sent.  In the order of sending to its node.  Does not send: call
 * redis_ledger_pump afterwards.
 * LATER leaves the batch waiting; the caller gives the connection up.
 */
void redis_ledger_answer(struct redis_ledger *l, struct redis_batch *b, const struct redis_verdict *v, uint64_t now_ms);

bool redis_ledger_idle(const struct redis_ledger *l);    /* nothing unacknowledged */

/* What is unacknowledged, or was and Redis lost it; and the same counted as dropped, or as lost, at shutdown: nothing but
 * redis_ledger_free comes behind it. */
void redis_ledger_left(const struct redis_ledger *l, struct sink_amount *ret);
void redis_ledger_give_up(struct redis_ledger *l);

/* Fills what the ledger knows of *ret. */
void redis_ledger_stats(const struct redis_ledger *l, uint64_t now_ms, struct redis_stats *ret);

#endif
