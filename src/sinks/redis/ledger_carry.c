/*
 * Totals of intervals that are dropped (carry.h), and how they come back into the queues.
 *
 *   redis_ledger_fold        a batch or a bale that is about to be dropped
 *   redis_ledger_carry_out   what there is of a shard, in front of all that is newer there: gauges
 *                            in that change what these set
 *
 * It belongs to the newest interval that was folded in its shard, which may be gone from the list.
 * What that still has in the shard are other series, so it goes in front of them, too: they may be
 * carried from before.
 */
#include <assert.h>

#include "base/mem.h"
#include "sinks/redis/carry.h"
#include "sinks/redis/ledger_spool.h"

uint64_t redis_ledger_fold(struct redis_ledger *l, struct redis_batch *b)
{
    uint64_t carried = 0;
    assert(b->seq == 0 && b->interval != NULL);
    if (l->carry == NULL ||
        redis_carry_bytes(l->carry) > l->opts.max_bytes / REDIS_LEDGER_CARRY_PART)
        return 0;
    struct carried_upto *upto = &l->carried_upto[b->shard];
    if (b->interval->nth > upto->nth || !redis_carry_has(l->carry, b->shard)) {
        upto->nth = b->interval->nth;
        upto->start_s = b->interval->start_s;
    }
    /* Not after the log entry of that interval, which may wait for what is carried of it. */
    upto->order = b->order;
    if (b->bale == NULL)
        return redis_carry_fold(l->carry, b);
    struct redis_batch *first = redis_spool_unpack(l, b, NULL), *next;
    for (; first != NULL; first = next) {
        next = first->next;
        carried += redis_carry_fold(l->carry, first);
        redis_batch_free(first);
    }
    return carried;
}

/* The one of upto; or one like it, in its place. */
static struct redis_interval *interval_of_carry(struct redis_ledger *l,
                                                const struct carried_upto *upto)
{
    struct redis_interval **at = &l->intervals;
    while (*at != NULL && (*at)->nth < upto->nth)
        at = &(*at)->next;
    if (*at != NULL && (*at)->nth == upto->nth)
        return *at;
    struct redis_interval *iv = mem_zalloc(sizeof *iv);
    iv->nth = upto->nth;
    iv->start_s = upto->start_s;
    iv->dropped = true; /* it is counted as such */
    l->opts.draw(iv->token, REDIS_TOKEN_DIGITS);
    iv->next = *at;
    if (*at == NULL)
        l->intervals_end = &iv->next;
    *at = iv;
    return iv;
}

struct going_out {
    struct redis_ledger *ledger;
    struct redis_interval *interval;
    struct redis_batch *before;
};

static void take(void *cookie, struct redis_batch *b)
{
    struct going_out *g = cookie;
    struct redis_interval *iv = g->interval;
    redis_batch_brand(b, iv->token);
    b->interval = iv;
    b->order = g->ledger->carried_upto[b->shard].order;
    iv->left++;
    iv->holds |= redis_ledger_bit(b->shard);
    iv->packed &= ~redis_ledger_bit(b->shard);
    iv->stored &= ~redis_ledger_bit(b->shard);
    redis_ledger_queue_insert(g->ledger, g->before, b);
}

bool redis_ledger_carry_out(struct redis_ledger *l, uint8_t shard, uint64_t now_ms)
{
    if (l->carry == NULL || !redis_carry_has(l->carry, shard))
        return false;
    struct redis_batch *b = l->shards[shard].queue.head;
    const struct carried_upto *upto = &l->carried_upto[shard];
    while (b != NULL && (b->seq != 0 || b->interval == NULL || b->interval->nth < upto->nth))
        b = b->next;
    struct going_out g = { l, interval_of_carry(l, upto), b };
    g.interval->queued_ms = now_ms; /* else its age would have it folded again at once */
    redis_carry_encode(l->carry, shard, g.interval->start_s, take, &g);
    if (g.interval->left == 0)
        redis_ledger_forget_interval(l, g.interval);
    return true;
}

void redis_ledger_carry_all(struct redis_ledger *l, uint64_t now_ms)
{
    for (unsigned i = 0; i < REDIS_SHARDS; i++)
        (void)redis_ledger_carry_out(l, (uint8_t)i, now_ms);
}
