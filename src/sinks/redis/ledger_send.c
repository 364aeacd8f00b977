/*
 * What the ledger sends next.
 *
 *   redis_ledger_send
 *     carry_alone        what is carried of a shard that has nothing else
 *     next_to_send       the oldest batch of all shards that is not in flight
 *     try_to_send
 *       no node has its shard                         -> leave out all such shards
 *       its node is full, or it is too early          -> leave out the node's shards
 *       its shard can't be sent to now                -> leave out that one
 *       it has waited, and more than the pace was sent -> leave out all
 *       a log entry that waits for others on its node -> the same: one interval at a time
 *       a log entry that waits for other nodes        -> leave out its shard, but not for ever
 *       a bale                                        -> open it, once its node takes batches
 *       else                                          -> number it, send it
 *     .. until every shard is empty, held or left out
 */
#include <assert.h>

#include "sinks/redis/carry.h"
#include "sinks/redis/ledger_spool.h"

_Static_assert(REDIS_SHARDS == 64, "a set of shards is 64 bits");

enum { READ_AGAIN_MS = 100 };

/* Number it, if it has none.  returns  whether it had none */
static bool address(struct redis_ledger *l, struct redis_batch *b, uint64_t now_ms)
{
    struct redis_producer *p = &l->shards[b->shard].producer;
    if (b->seq != 0) {
        redis_batch_stale(b, now_ms - b->first_sent_ms > (uint64_t)b->life_s * 1000 / 2);
        return false;
    }
    if (p->epoch == 0)
        redis_producer_begin(p, l->opts.id);
    redis_producer_address(p, b, b->interval ? b->interval->nth : b->nth);
    redis_batch_stale(b, false);
    b->first_sent_ms = now_ms;
    return true;
}

static uint8_t node_of(const struct redis_ledger *l, uint8_t shard)
{
    return l->opts.node_of != NULL ? l->opts.node_of[shard] : 0;
}

static void note_in_flight(struct redis_ledger *l, struct redis_batch *b)
{
    assert(!b->in_flight && !l->shards[b->shard].held);
    assert(b->node < REDIS_NODES_MAX);
    b->in_flight = true;
    l->shards[b->shard].in_flight++;
    l->windows[b->node].batches++;
    l->windows[b->node].bytes += b->wire_len;
    l->in_flight++;
    l->stats.batches_sent++;
    l->stats.bytes_sent += b->wire_len;
}

static bool send_batch(struct redis_ledger *l, struct redis_batch *b, uint64_t now_ms)
{
    bool first = address(l, b, now_ms);
    b->node = node_of(l, b->shard); /* the owner may know of another one for this time */
    if (!l->opts.send(l->opts.cookie, b)) {
        if (first)
            b->seq = 0;
        return false;
    }
    if (first)
        redis_producer_advance(&l->shards[b->shard].producer, b);
    else
        l->stats.batches_resent++;
    redis_pace_spend(&l->pace, redis_batch_weight(b));
    if (b->interval != NULL)
        b->interval->sent |= redis_ledger_bit(b->shard);
    note_in_flight(l, b);
    return true;
}

/* a and b are near each other, whatever the ordinals have wrapped around. */
static bool older(const struct redis_batch *a, const struct redis_batch *b)
{
    return (int32_t)(a->order - b->order) < 0;
}

/*
 * Numbers have to arrive in their order.  So nothing is sent while a later batch is in flight, or
 * one to a node that does not have the shard any more: its answer comes first.
 */
static struct redis_batch *next_of_shard(const struct redis_ledger *l, uint8_t shard)
{
    const struct shard *sh = &l->shards[shard];
    struct redis_batch *b = sh->held ? NULL : sh->queue.head;
    uint32_t ahead = 0;
    for (; b != NULL && b->in_flight; b = b->next) {
        if (b->node != node_of(l, shard))
            return NULL;
        ahead++;
    }
    return ahead == sh->in_flight ? b : NULL;
}

static struct redis_batch *next_to_send(const struct redis_ledger *l, uint64_t left_out)
{
    struct redis_batch *next = NULL;
    for (uint8_t i = 0; i < (uint8_t)REDIS_SHARDS; i++) {
        if ((left_out & redis_ledger_bit(i)) != 0)
            continue;
        struct redis_batch *b = next_of_shard(l, (uint8_t)i);
        if (b != NULL && (next == NULL || older(b, next)))
            next = b;
    }
    return next;
}

static bool window_full(const struct window *w)
{
    return w->batches >= REDIS_LEDGER_WINDOW || w->bytes >= REDIS_LEDGER_WINDOW_BYTES;
}

/* The log entry says that the interval is complete, so it waits for the others' answers. */
static bool must_wait(const struct redis_batch *b)
{
    return b->last && b->interval != NULL && b->interval->left > 1;
}

/* Another node may be gone for good: what its shard piles up behind the entry must stay bounded. */
static bool waited_enough(const struct redis_ledger *l, const struct redis_batch *b,
                          uint64_t now_ms)
{
    const struct redis_ledger_opts *o = &l->opts;
    return now_ms - b->interval->queued_ms > o->max_age_ms || l->queue_bytes > o->max_bytes / 2;
}

/* Is another batch of b's interval, or an older one, still in the queue of one of these shards? */
static bool awaited(const struct redis_ledger *l, const struct redis_batch *b, uint64_t shards)
{
    for (uint8_t i = 0; i < (uint8_t)REDIS_SHARDS; i++) {
        if ((shards & redis_ledger_bit(i)) == 0)
            continue;
        const struct redis_batch *first = l->shards[i].queue.head;
        while (first != NULL && first->interval == NULL) /* sent again: its interval is done */
            first = first->next;
        if (first != NULL && first != b && first->interval->nth <= b->interval->nth)
            return true;
    }
    return false;
}

static void wake_at(uint64_t *wake_ms, uint64_t at_ms)
{
    *wake_ms = *wake_ms == 0 || at_ms < *wake_ms ? at_ms : *wake_ms;
}

/* Sends b if it may be sent.  returns  the shards to leave out; 0: it was sent, or opened */
static uint64_t try_to_send(struct redis_ledger *l, struct redis_batch *b, uint64_t now_ms,
                            uint64_t *wake_ms)
{
    uint64_t on_node = redis_ledger_neighbours(l, b->shard);
    uint64_t not_before_ms = b->interval != NULL ? b->interval->not_before_ms : 0;
    uint8_t node = node_of(l, b->shard);
    if (node == REDIS_NODE_NONE || window_full(&l->windows[node]))
        return on_node;
    if (not_before_ms > now_ms) {
        wake_at(wake_ms, not_before_ms);
        return on_node;
    }
    if (must_wait(b) && awaited(l, b, on_node))
        return on_node;
    if (must_wait(b) && !waited_enough(l, b, now_ms))
        return redis_ledger_bit(b->shard);
    uint64_t wait_ms = redis_pace_wait(&l->pace, now_ms);
    if (wait_ms > 0) {
        wake_at(wake_ms, now_ms + wait_ms);
        return UINT64_MAX;
    }
    bool carries = b->seq == 0 && l->carry != NULL && redis_carry_has(l->carry, b->shard);
    if (b->bale == NULL && !carries)
        return send_batch(l, b, now_ms) ? 0 : redis_ledger_bit(b->shard);
    if (l->opts.takes != NULL && !l->opts.takes(l->opts.cookie, b->shard))
        return redis_ledger_bit(b->shard);
    if (!carries) {
        if (redis_spool_open(l, b, now_ms))
            return 0;
        wake_at(wake_ms, now_ms + READ_AGAIN_MS);
        return redis_ledger_bit(b->shard);
    }
    if (l->carried_out) { /* one at each call: all else goes on meanwhile */
        wake_at(wake_ms, now_ms + 1);
        return redis_ledger_bit(b->shard);
    }
    l->carried_out = redis_ledger_carry_out(l, b->shard, now_ms);
    return 0;
}

/* What is carried of a shard where nothing else waits, as no more may come. */
static void carry_alone(struct redis_ledger *l, uint64_t now_ms, uint64_t *wake_ms)
{
    if (l->carry == NULL || redis_carry_series(l->carry) == 0)
        return;
    for (unsigned i = 0; i < REDIS_SHARDS; i++) {
        const uint8_t shard = (uint8_t)i, node = node_of(l, shard);
        if (l->shards[shard].queue.head != NULL || !redis_carry_has(l->carry, shard) ||
            node == REDIS_NODE_NONE || window_full(&l->windows[node]) ||
            (l->opts.takes != NULL && !l->opts.takes(l->opts.cookie, shard)))
            continue;
        if (l->carried_out) {
            wake_at(wake_ms, now_ms + 1);
            return;
        }
        l->carried_out = redis_ledger_carry_out(l, shard, now_ms);
    }
}

uint64_t redis_ledger_send(struct redis_ledger *l, uint64_t now_ms)
{
    uint64_t left_out = 0, wake_ms = 0;
    l->carried_out = false;
    struct redis_batch *b;
    carry_alone(l, now_ms, &wake_ms);
    while ((b = next_to_send(l, left_out)) != NULL)
        left_out |= try_to_send(l, b, now_ms, &wake_ms);
    return wake_ms;
}
