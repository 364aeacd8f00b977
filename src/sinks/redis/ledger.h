/**
 * redis_ledger: every batch is applied once.
 *
 * A shard's batches are numbered 1, 2, 3 .. when they are first sent, not before: what is dropped
 * unsent leaves no gap.  Redis keeps the last number per producer (producer.h), and the script
 * takes only the next one.  So a batch may be sent any number of times; when its fate is not known,
 * it is sent again.  A shard sends nothing before its first data.
 *
 *   queue   of each shard: batches not acknowledged, oldest first; the front of it is in flight
 *   window  of each node: at most REDIS_LEDGER_WINDOW batches, or about REDIS_LEDGER_WINDOW_BYTES,
 *           are in flight to it, oldest first over its shards; and beside them one of each shard
 *           that the owner sent there instead of to the shard's node
 *   kept    of each shard: batches acknowledged within keep_ms before its newest answer.  If Redis
 *           comes back without its last writes (a replica took over), its answer names the last
 *           number it has, and what follows is sent again from here
 *
 * When a gap reaches back further than kept, the batches between are lost and counted.  The shard
 * goes on as a new producer, so that no late copy of an old command can meet a new number.
 *
 * When Redis lost a producer's key but not the totals, nothing is sent again: the totals have it
 * all.  A batch that was in flight when a connection ended may be in them or not.  Unless the
 * totals show that nobody wrote since, it is dropped and counted, never added twice.
 *
 * So a node that is slow or gone holds up its own shards.  One more waits with them: the shard of
 * the log entry, as that says that its interval is complete.  It waits for other nodes until the
 * interval is older than max_age_ms or the queues are over max_bytes / 2, and is sent then.
 *
 * What has piled up is sent at a pace (pace.h); in a hurry as fast as the windows allow.
 *
 * Limits: max_bytes of queues and kept together, max_age_ms of the queues.  What waits for longer
 * than pack_after_ms is compressed (bale.h), a piece at each pump.  Past max_bytes kept goes first,
 * then the oldest that waits goes to disk (spool_file.h) as far as that takes it, then it is
 * dropped: the oldest interval's part on a node to which nothing of it was sent (with one node: the
 * whole interval), a piece at a time where its totals are carried (carry.h): these have a quarter
 * of max_bytes, and the queues the rest.  What was sent may be applied already, so it stays: one or
 * two intervals.
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
#include "sinks/redis/encode.h"
#include "sinks/redis/reply.h"

enum { REDIS_LEDGER_WINDOW = 16, REDIS_LEDGER_WINDOW_BYTES = 2 << 20 };

struct redis_ledger;

struct redis_ledger_opts {
    char id[REDIS_ID_DIGITS + 1]; /* of every shard's first producer */
    uint64_t max_bytes, max_age_ms, keep_ms;
    /* Of REDIS_SHARDS, borrowed; a shard may move at any time, or be on REDIS_NODE_NONE.  NULL:
     * node 0 has all of them. */
    const uint8_t *node_of;
    /* What waits for longer is compressed; 0: nothing is. */
    uint64_t pack_after_ms;
    uint64_t interval_ms; /* of the pace (pace.h); 0: as fast as the windows allow */
    int dir;              /* for what has no room in memory; borrowed; 0 or below: there is none */
    uint64_t disk_max_bytes; /* there; 0: nothing is written */
    /* Of what is dropped the totals are carried (carry.h).  NULL: they are lost. */
    const struct redis_encode_opts *carry;
    void *cookie;
    /* Would send take a batch of the shard now?  Until then nothing is made ready.  NULL: yes. */
    bool (*takes)(void *cookie, uint8_t shard);
    /* To the node of b's shard; to another one this time, if the owner changes b->node.
     * returns  false: the shard can't be sent to now.  The owner calls redis_ledger_pump when it
     * can. */
    bool (*send)(void *cookie, struct redis_batch *b);
    /* Hexadecimal digits and a NUL, for ids and tokens: never the same twice. */
    void (*draw)(char *ret, size_t digits);
};

struct redis_ledger *redis_ledger_new(const struct redis_ledger_opts *opts);
void redis_ledger_free(struct redis_ledger *l); /* no batch may be in flight */

/* A batch that will be taken by and by: the limits hold with it. */
void redis_ledger_expect(struct redis_ledger *l, const struct redis_batch *b, uint64_t now_ms);

/* An interval: begin, take for every batch in the order to send, end.  Nothing of it is sent before
 * not_before_ms.  take owns the batch. */
void redis_ledger_begin(struct redis_ledger *l, int64_t start_s, uint64_t now_ms,
                        uint64_t not_before_ms);
void redis_ledger_take(struct redis_ledger *l, struct redis_batch *b);
void redis_ledger_end(struct redis_ledger *l, uint64_t now_ms);

/* At shutdown: not_before_ms of all intervals is over. */
void redis_ledger_hurry(struct redis_ledger *l);

/* Sends what the windows allow, and drops what is over the limits.
 * returns  when to call again at the latest; 0: at the next answer or interval */
uint64_t redis_ledger_pump(struct redis_ledger *l, uint64_t now_ms);

/**
 * redis_ledger_answer(l, b, v, now_ms):
 * The verdict on a batch that was sent; per node, in the order of sending.  It may free b.  It does
 * not send: call redis_ledger_pump afterwards.
 * LATER, LOST and RETURNED leave the batch in its queue.  After LATER the caller gives the
 * connection up, and the rest of that node's window comes back as LOST.
 */
void redis_ledger_answer(struct redis_ledger *l, struct redis_batch *b,
                         const struct redis_verdict *v, uint64_t now_ms);

/* Nothing unacknowledged, and nothing carried. */
bool redis_ledger_idle(const struct redis_ledger *l);

/* The queues: what is not acknowledged, or was and Redis lost it; and what is carried. */
void redis_ledger_left(const struct redis_ledger *l, struct sink_amount *ret);
/* At shutdown: counts the same as dropped, or as lost.  Only redis_ledger_free may follow. */
void redis_ledger_give_up(struct redis_ledger *l);

/* At shutdown: all that waits is in a state that was saved (state.h).  Nothing of it counts as
 * waiting any more, and only redis_ledger_free may follow. */
void redis_ledger_saved(struct redis_ledger *l);

/* A state was loaded, all of it; or it proved to be damaged, and the ledger is as new. */
void redis_ledger_loaded(struct redis_ledger *l);
void redis_ledger_unload(struct redis_ledger *l);

/* Sets *ret; the members that count connections are 0. */
void redis_ledger_stats(const struct redis_ledger *l, uint64_t now_ms, struct redis_stats *ret);

#endif
