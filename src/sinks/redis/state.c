/*
 * redis_state_save   number_waiting, then put_ledger, put_shard, put_interval, put_batch
 */
#include "sinks/redis/state.h"

#include <assert.h>

#include "base/pack.h"
#include "sinks/redis/ledger_priv.h"

/* A number that is given stays in use, and what has one is not dropped: what was perhaps sent. */
static void number_waiting(struct redis_ledger *l, unsigned shard, uint64_t now_ms)
{
    struct redis_producer *p = &l->shards[shard].producer;
    for (struct redis_batch *b = l->shards[shard].queue.head; b != NULL; b = b->next) {
        if (b->seq != 0)
            continue;
        if (p->epoch == 0)
            redis_producer_begin(p, l->opts.id);
        redis_producer_address(p, b, b->interval ? b->interval->nth : b->nth);
        redis_batch_stale(b, false);
        b->first_sent_ms = now_ms;
        redis_producer_advance(p, b);
        if (b->interval != NULL)
            b->interval->sent |= redis_ledger_bit(b->shard);
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

static void put_amount(const struct sink_amount *a, struct buf *out)
{
    for (int i = 0; i < SERIES_KIND_COUNT; i++)
        pack_u64(out, a->series[i]);
    pack_double(out, a->counted);
    pack_double(out, a->timed);
}

static void put_batch(struct redis_batch *b, bool kept, uint64_t now_ms, struct records_writer *to)
{
    uint32_t *places[REDIS_BATCH_PLACES];
    struct buf *out = records_add(to, REDIS_STATE_BATCH);
    redis_batch_places(b, places);
    pack_u8(out, REDIS_BATCH_FORMAT);
    pack_u8(out, kept);
    pack_u8(out, b->shard);
    pack_u8(out, b->last);
    pack_u8(out, b->unsure || b->in_flight);
    pack_u8(out, b->failures);
    pack_u8(out, b->interval != NULL);
    pack_u64(out, b->epoch);
    pack_u64(out, b->seq);
    pack_u64(out, b->series_upto);
    pack_u32(out, b->interval != NULL ? b->interval->nth : b->nth);
    pack_u32(out, b->nth_before);
    pack_u32(out, b->order);
    pack_u32(out, b->life_s);
    pack_u32(out, b->series);
    pack_u64(out, now_ms - b->first_sent_ms);
    pack_u64(out, kept ? now_ms - b->acked_ms : 0);
    for (int i = 0; i < REDIS_BATCH_PLACES; i++)
        pack_u32(out, *places[i]);
    pack_u32(out, b->head_len);
    pack_u32(out, b->split_at);
    for (int i = 0; i < REDIS_SECTION_COUNT; i++)
        pack_u16(out, b->ops[i]);
    put_amount(&b->amount, out);
    pack_text(out, slice_of(b->bytes, b->len));
    records_done(to);
}

void redis_state_save(struct redis_ledger *l, const char *prefix, uint64_t now_ms,
                      struct records_writer *to)
{
    assert(l->filling == NULL);
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
    for (struct redis_batch *b = l->kept.head; b != NULL; b = b->next)
        put_batch(b, true, now_ms, to);
}
