/*
 * redis_state_save   redis_spool_pack_all and number_waiting, then put_ledger, put_shard,
 *                    put_interval, put_batch
 */
#include "sinks/redis/state.h"

#include <assert.h>

#include "base/pack.h"
#include "sinks/redis/ledger_spool.h"
#include "sinks/redis/stored.h"

/* A number that is given stays in use, and what has one is not dropped: what was perhaps sent. */
static void number_waiting(struct redis_ledger *l, unsigned shard, uint64_t now_ms)
{
    struct redis_producer *p = &l->shards[shard].producer;
    for (struct redis_batch *b = l->shards[shard].queue.head; b != NULL; b = b->next) {
        if (b->seq != 0)
            continue;
        if (p->epoch == 0)
            redis_producer_begin(p, l->opts.id);
        if (b->interval != NULL)
            b->interval->sent |= redis_ledger_bit(b->shard);
        if (b->bale != NULL) {
            assert(b->interval != NULL); /* it waits for the first time */
            redis_bale_number(b, p, b->interval->nth, now_ms);
            continue;
        }
        redis_producer_address(p, b, b->interval ? b->interval->nth : b->nth);
        redis_batch_stale(b, false);
        b->first_sent_ms = now_ms;
        redis_producer_advance(p, b);
    }
}

static void put_ledger(const struct redis_ledger *l, const char *prefix, struct records_writer *to)
{
    struct buf *out = records_add(to, REDIS_STATE_LEDGER);
    pack_text(out, slice_str(prefix));
    pack_u32(out, l->nth);
    pack_u32(out, l->order);
    pack_u32(out, l->lost_upto_nth);
    pack_u8(out, l->used);
    pack_text(out, slice_str(l->logged));
    records_done(to);
}

static void put_shard(const struct redis_ledger *l, unsigned shard, struct records_writer *to)
{
    const struct shard *sh = &l->shards[shard];
    const struct redis_producer *p = &sh->producer;
    if (!sh->used && p->epoch == 0)
        return;
    struct buf *out = records_add(to, REDIS_STATE_SHARD);
    pack_u8(out, (uint8_t)shard);
    pack_u8(out, (uint8_t)(sh->used | sh->stranded << 1));
    pack_u64(out, p->epoch);
    pack_u32(out, p->generation);
    pack_text(out, slice_str(p->id));
    pack_u64(out, p->seq);
    pack_u64(out, p->series);
    pack_u32(out, p->nth);
    pack_text(out, slice_str(p->token));
    pack_u8(out, p->answered);
    pack_text(out, slice_str(p->totals.birth));
    pack_u64(out, p->totals.writes);
    records_done(to);
}

static void put_interval(const struct redis_interval *iv, uint64_t now_ms,
                         struct records_writer *to)
{
    struct buf *out = records_add(to, REDIS_STATE_INTERVAL);
    pack_u32(out, iv->nth);
    pack_u64(out, (uint64_t)iv->start_s);
    pack_u64(out, now_ms - iv->queued_ms);
    pack_text(out, slice_str(iv->token));
    pack_u8(out, iv->dropped);
    records_done(to);
}

static void put_batch(struct redis_batch *b, bool kept, uint64_t now_ms, struct records_writer *to)
{
    if (b->bale != NULL) {
        redis_bale_put(records_add(to, REDIS_STATE_BALE), b, now_ms);
        records_done(to);
        return;
    }
    const struct redis_stored how = { .kept = kept, .of_interval = b->interval != NULL };
    b->nth = b->interval != NULL ? b->interval->nth : b->nth;
    redis_stored_put(records_add(to, REDIS_STATE_BATCH), b, how, now_ms);
    records_done(to);
}

void redis_state_save(struct redis_ledger *l, const char *prefix, uint64_t now_ms,
                      struct records_writer *to)
{
    assert(l->filling == NULL);
    redis_spool_pack_all(l);
    redis_ledger_carry_all(l, now_ms);
    put_ledger(l, prefix, to);
    for (unsigned i = 0; i < REDIS_SHARDS; i++) {
        number_waiting(l, i, now_ms);
        put_shard(l, i, to);
    }
    for (const struct redis_interval *iv = l->intervals; iv != NULL; iv = iv->next)
        put_interval(iv, now_ms, to);
    for (unsigned i = 0; i < REDIS_SHARDS; i++)
        for (struct redis_batch *b = l->shards[i].queue.head; b != NULL; b = b->next)
            put_batch(b, false, now_ms, to);
    for (unsigned i = 0; i < REDIS_SHARDS; i++)
        for (struct redis_batch *b = l->shards[i].kept.head; b != NULL; b = b->next)
            put_batch(b, true, now_ms, to);
}
