/*
 * When what waits or is kept is too much.
 *
 *   redis_ledger_expect    an interval is coming in: room is made as it grows
 *   redis_ledger_enforce   what is kept goes first; then what waits gets smaller, or to disk
 *                          (ledger_spool.c); then it is dropped
 */
#include <assert.h>

#include "sinks/redis/carry.h"
#include "sinks/redis/ledger_spool.h"

/* The first of iv in the shard.  A number that is given stays in use: it has none. */
static struct redis_batch *first_of(const struct redis_ledger *l, const struct redis_interval *iv,
                                    unsigned shard)
{
    struct redis_batch *b = l->shards[shard].queue.head;
    while (b != NULL && b->interval != iv)
        b = b->next;
    assert(b == NULL || (!b->in_flight && b->seq == 0));
    return b;
}

static void drop_batch(struct redis_ledger *l, struct redis_interval *iv, struct redis_batch *b)
{
    l->stats.series_dropped += b->series;
    l->stats.series_carried += redis_ledger_fold(l, b);
    iv->left -= redis_bale_batches(b);
    redis_ledger_discard(l, b);
}

static void drop_from_shard(struct redis_ledger *l, struct redis_interval *iv, unsigned shard)
{
    struct redis_batch *b;
    while ((b = first_of(l, iv, shard)) != NULL)
        drop_batch(l, iv, b);
    iv->holds &= ~redis_ledger_bit(shard);
}

static void log_dropped(struct redis_ledger *l, const struct redis_interval *iv, uint64_t series,
                        const char *why, uint64_t now_ms)
{
    uint64_t suppressed;
    if (log_gate(&l->drop_gate, REDIS_LEDGER_LOG_MS, now_ms, &suppressed))
        LOG(LOG_WARN, "redis spool full: interval dropped", F_STR("limit", why),
            F_I64("start_s", iv->start_s), F_U64("series", series),
            F_STR("totals", l->carry != NULL ? "carried" : "lost"),
            F_U64("spool_bytes", l->queue_bytes), F_U64("suppressed", suppressed));
}

/* Of the shards all of iv; where totals are carried, which takes longer, the first piece. */
static void drop(struct redis_ledger *l, struct redis_interval *iv, uint64_t shards,
                 const char *why, uint64_t now_ms)
{
    const uint64_t before = l->stats.series_dropped;
    redis_interval_check(iv);
    assert((iv->sent & shards) == 0 && (iv->holds & shards) != 0);
    l->stats.intervals_dropped += !iv->dropped;
    iv->dropped = true;
    for (uint64_t rest; (rest = iv->holds & shards) != 0;) {
        const unsigned shard = (unsigned)__builtin_ctzll(rest);
        struct redis_batch *b = first_of(l, iv, shard);
        if (b != NULL && l->carry != NULL) {
            drop_batch(l, iv, b);
            if (first_of(l, iv, shard) == NULL)
                iv->holds &= ~redis_ledger_bit(shard);
            break;
        }
        drop_from_shard(l, iv, shard);
    }
    log_dropped(l, iv, l->stats.series_dropped - before, why, now_ms);
    if (iv->left == 0)
        redis_ledger_forget_interval(l, iv);
}

static uint8_t lowest(uint64_t shards)
{
    return (uint8_t)__builtin_ctzll(shards);
}

/* The oldest interval of which some node was sent nothing.  *ret_shards: the shards on that node */
static struct redis_interval *oldest_unsent(const struct redis_ledger *l, uint64_t *ret_shards)
{
    for (struct redis_interval *iv = l->intervals; iv != NULL; iv = iv->next) {
        for (uint64_t rest = iv->holds; rest != 0; rest &= ~*ret_shards) {
            *ret_shards = redis_ledger_neighbours(l, lowest(rest));
            if ((iv->sent & *ret_shards) == 0)
                return iv;
        }
    }
    return NULL;
}

uint64_t redis_ledger_waiting(const struct redis_ledger *l)
{
    uint64_t carried = l->carry != NULL ? redis_carry_bytes(l->carry) : 0;
    return l->queue_bytes + l->expected_bytes + carried;
}

/* The oldest of all shards. */
static void evict_kept(struct redis_ledger *l)
{
    const struct redis_batch *oldest = NULL;
    for (unsigned i = 0; i < REDIS_SHARDS; i++) {
        const struct redis_batch *b = l->shards[i].kept.head;
        if (b != NULL && (oldest == NULL || b->acked_ms < oldest->acked_ms))
            oldest = b;
    }
    redis_ledger_kept_forget(l, oldest->shard);
}

static bool kept_is_too_much(const struct redis_ledger *l)
{
    const struct redis_ledger_opts *o = &l->opts;
    return l->kept_bytes > o->max_bytes / 4 ||
           redis_ledger_waiting(l) + l->kept_bytes > o->max_bytes;
}

/* A piece that is dropped may take ten times its room where it is carried; so that has its own. */
static uint64_t room_of_queues(const struct redis_ledger *l)
{
    uint64_t max = l->opts.max_bytes;
    return l->carry != NULL ? max - max / REDIS_LEDGER_CARRY_PART : max;
}

/* The oldest piece, if it is on disk: a piece for each that goes there, before a whole segment of
 * them has to go at once. */
static void drop_from_disk(struct redis_ledger *l, uint64_t now_ms)
{
    uint64_t shards;
    struct redis_interval *iv = oldest_unsent(l, &shards);
    const struct redis_batch *b = iv != NULL ? first_of(l, iv, lowest(iv->holds & shards)) : NULL;
    if (b != NULL && b->bale != NULL && b->bale->at.len > 0)
        drop(l, iv, shards, "spool_disk_max_bytes", now_ms);
}

void redis_ledger_enforce(struct redis_ledger *l, uint64_t now_ms)
{
    const struct redis_ledger_opts *o = &l->opts;
    while (l->kept_bytes > 0 && kept_is_too_much(l))
        evict_kept(l);
    struct redis_interval *iv;
    uint64_t shards;
    while (l->queue_bytes + l->expected_bytes > room_of_queues(l)) {
        /* Again after each drop: what was on disk leaves its room there, and hardly any memory. */
        if (redis_spool_relieve(l, now_ms)) {
            if (l->carry != NULL && redis_spool_disk_is_short(l))
                drop_from_disk(l, now_ms);
            continue;
        }
        if ((iv = oldest_unsent(l, &shards)) == NULL)
            break;
        drop(l, iv, shards, "spool_max_bytes", now_ms);
    }
    while ((iv = oldest_unsent(l, &shards)) != NULL && now_ms - iv->queued_ms > o->max_age_ms) {
        drop(l, iv, shards, "spool_max_age", now_ms);
        if (l->carry != NULL) /* the rest by and by */
            break;
    }
}

uint64_t redis_ledger_overdue(const struct redis_ledger *l, uint64_t now_ms)
{
    uint64_t shards;
    const struct redis_interval *iv = l->carry != NULL ? oldest_unsent(l, &shards) : NULL;
    return iv != NULL && now_ms - iv->queued_ms > l->opts.max_age_ms ? now_ms + 1 : 0;
}

void redis_ledger_expect(struct redis_ledger *l, const struct redis_batch *b, uint64_t now_ms)
{
    l->expected_bytes += redis_bale_memory(b);
    redis_ledger_enforce(l, now_ms);
}
