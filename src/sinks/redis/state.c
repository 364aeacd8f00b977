/*
 * redis_state_save   number_waiting, then put_ledger, put_shard, put_interval, put_batch
 * redis_state_load   get_*, which refuse what would break a promise of the ledger
 */
#include "sinks/redis/state.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/pack.h"
#include "sinks/redis/ledger_priv.h"

/* What their places in a batch hold. */
static const uint64_t SEQ_MAX = 999999999999, SERIES_MAX = 999999999999999;

/* ---- saving ---- */

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
    pack_u8(out, sh->used);
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

/* The places of what is written into the bytes later, in one order. */
static void places_of(struct redis_batch *b, uint32_t *ret[8])
{
    uint32_t *const places[8] = { &b->sha_at,    &b->id_at,   &b->seq_at,   &b->token_at,
                                  &b->before_at, &b->mark_at, &b->stale_at, &b->generation_at };
    memcpy(ret, places, sizeof places);
}

static void put_batch(struct redis_batch *b, bool kept, uint64_t now_ms, struct records_writer *to)
{
    uint32_t *places[8];
    struct buf *out = records_add(to, REDIS_STATE_BATCH);
    places_of(b, places);
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
    struct buf wire = { 0 };
    size_t shift = redis_batch_wire(b, &wire);
    for (int i = 0; i < 8; i++)
        pack_u32(out, *places[i] + (uint32_t)(*places[i] >= b->split_at ? shift : 0));
    put_amount(&b->amount, out);
    pack_text(out, buf_slice(&wire));
    buf_release(&wire);
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

/* ---- loading ---- */

/* Exactly n characters, or none where that may be. */
static bool get_digits(struct unpack *in, char *ret, size_t n, bool may_be_none)
{
    struct slice s = unpack_text(in);
    if (memchr(s.ptr, '\0', s.len) != NULL)
        return false;
    if (in->bad || (s.len != n && !(may_be_none && s.len == 0)))
        return false;
    memcpy(ret, s.ptr, s.len);
    ret[s.len] = '\0';
    return true;
}

static bool get_ledger(struct redis_ledger *l, const char *prefix, struct unpack *in)
{
    struct slice of = unpack_text(in);
    l->left_out = !slice_eq(of, slice_str(prefix));
    if (l->left_out) {
        LOG(LOG_WARN, "redis.prefix is another: what was saved for redis is left out",
            F_SLICE("saved", of), F_STR("prefix", prefix));
        return true;
    }
    l->nth = unpack_u32(in);
    l->order = unpack_u32(in);
    l->lost_upto_nth = unpack_u32(in);
    l->used = unpack_u8(in) != 0;
    return get_digits(in, l->logged, REDIS_TOKEN_DIGITS, true) && unpack_done(in);
}

static bool get_birth(struct unpack *in, struct redis_totals *ret)
{
    struct slice birth = unpack_text(in);
    ret->writes = unpack_u64(in);
    if (in->bad || birth.len > REDIS_BIRTH_MAX || memchr(birth.ptr, '\0', birth.len) != NULL)
        return false;
    memcpy(ret->birth, birth.ptr, birth.len);
    ret->birth[birth.len] = '\0';
    return true;
}

static bool get_producer(struct redis_producer *p, struct unpack *in)
{
    p->epoch = unpack_u64(in);
    p->generation = unpack_u32(in) + 1;
    if (!get_digits(in, p->id, REDIS_ID_DIGITS, p->epoch == 0))
        return false;
    p->seq = unpack_u64(in);
    p->series = unpack_u64(in);
    p->nth = unpack_u32(in);
    if (!get_digits(in, p->token, REDIS_TOKEN_DIGITS, p->epoch == 0))
        return false;
    p->answered = unpack_u8(in) != 0;
    bool begun = p->seq > 0 || (p->series == 0 && p->nth == 0);
    return get_birth(in, &p->totals) && unpack_done(in) && p->seq < SEQ_MAX && begun &&
           p->series < SERIES_MAX && p->generation > 0 && p->generation <= REDIS_GENERATION_MAX;
}

static bool get_shard(struct redis_ledger *l, struct unpack *in)
{
    uint8_t shard = unpack_u8(in);
    if (shard >= REDIS_SHARDS)
        return false;
    struct shard *sh = &l->shards[shard];
    sh->used = unpack_u8(in) != 0;
    return sh->producer.epoch == 0 && get_producer(&sh->producer, in);
}

static bool get_interval(struct redis_ledger *l, struct unpack *in, uint64_t now_ms,
                         uint64_t age_ms)
{
    struct redis_interval *iv = mem_zalloc(sizeof *iv);
    uint32_t before = l->intervals != NULL ? l->newest_loaded->nth : 0;
    iv->nth = unpack_u32(in);
    iv->start_s = (int64_t)unpack_u64(in);
    iv->queued_ms = now_ms - age_ms - unpack_u64(in);
    bool good = get_digits(in, iv->token, REDIS_TOKEN_DIGITS, false);
    iv->dropped = unpack_u8(in) != 0;
    if (!good || !unpack_done(in) || iv->nth <= before || iv->nth > l->nth) {
        free(iv);
        return false;
    }
    *l->intervals_end = iv;
    l->intervals_end = &iv->next;
    l->newest_loaded = iv;
    return true;
}

static bool get_amount(struct sink_amount *a, struct unpack *in)
{
    for (int i = 0; i < SERIES_KIND_COUNT; i++)
        a->series[i] = unpack_u64(in);
    a->counted = unpack_double(in);
    a->timed = unpack_double(in);
    return isfinite(a->counted) && isfinite(a->timed);
}

/* The interval of that ordinal, from `iv` on; in a shard they come in order. */
static struct redis_interval *interval_of(struct redis_interval *iv, uint32_t nth)
{
    while (iv != NULL && iv->nth < nth)
        iv = iv->next;
    return iv != NULL && iv->nth == nth ? iv : NULL;
}

/* Everything but the bytes and the interval. */
static bool get_fields(struct redis_batch *b, struct unpack *in, uint64_t then_ms)
{
    uint32_t *places[8];
    b->epoch = unpack_u64(in);
    b->seq = unpack_u64(in);
    b->series_upto = unpack_u64(in);
    b->nth = unpack_u32(in);
    b->nth_before = unpack_u32(in);
    b->order = unpack_u32(in);
    b->life_s = unpack_u32(in);
    b->series = unpack_u32(in);
    /* An age may go back before the clock's 0: differences are right all the same. */
    b->first_sent_ms = then_ms - unpack_u64(in);
    b->acked_ms = then_ms - unpack_u64(in);
    places_of(b, places);
    for (int i = 0; i < 8; i++)
        *places[i] = unpack_u32(in);
    return get_amount(&b->amount, in) && b->seq > 0 && b->seq < SEQ_MAX &&
           b->series <= REDIS_BATCH_SERIES && b->series_upto >= b->series;
}

static bool get_bytes(struct redis_batch *b, struct unpack *in)
{
    static const uint32_t widths[8] = { REDIS_SHA_DIGITS,
                                        REDIS_ID_DIGITS,
                                        REDIS_SEQ_DIGITS,
                                        REDIS_TOKEN_DIGITS,
                                        REDIS_TOKEN_DIGITS,
                                        REDIS_MARK_SERIES_DIGITS + 1 + REDIS_MARK_NTH_DIGITS,
                                        1,
                                        REDIS_GENERATION_DIGITS };
    uint32_t *places[8];
    struct slice bytes = unpack_text(in);
    places_of(b, places);
    for (int i = 0; i < 8; i++)
        if ((uint64_t)*places[i] + widths[i] > bytes.len)
            return false;
    if (!unpack_done(in))
        return false;
    b->bytes = mem_alloc(bytes.len);
    memcpy(b->bytes, bytes.ptr, bytes.len);
    b->len = bytes.len;
    b->head_len = b->split_at = (uint32_t)bytes.len; /* all of it is RESP, nothing is packed */
    return true;
}

/* Its place behind those of its shard that were loaded before it. */
static bool queue_batch(struct redis_ledger *l, struct redis_batch *b, bool of_interval)
{
    const struct shard *sh = &l->shards[b->shard];
    const struct redis_batch *before = sh->queue.tail;
    struct redis_interval *from =
        before != NULL && before->interval != NULL ? before->interval : l->intervals;
    struct redis_interval *iv = of_interval ? interval_of(from, b->nth) : NULL;
    if (b->epoch != sh->producer.epoch || b->seq > sh->producer.seq ||
        (before != NULL && b->seq <= before->seq) || (of_interval && iv == NULL))
        return false;
    b->interval = iv;
    if (iv != NULL) {
        iv->left++;
        iv->holds |= redis_ledger_bit(b->shard);
        iv->sent |= redis_ledger_bit(b->shard);
    }
    redis_batch_generation(b, sh->producer.generation);
    redis_ledger_queue_insert(l, NULL, b);
    return true;
}

static bool keep_batch(struct redis_ledger *l, struct redis_batch *b)
{
    const struct redis_producer *p = &l->shards[b->shard].producer;
    uint64_t acked_ms = b->acked_ms;
    if (b->epoch == p->epoch)
        redis_batch_generation(b, p->generation);
    redis_ledger_queue_insert(l, NULL, b);
    redis_ledger_keep(l, b, acked_ms);
    return true;
}

static bool get_batch(struct redis_ledger *l, struct unpack *in, uint64_t then_ms)
{
    struct redis_batch *b = mem_zalloc(sizeof *b);
    bool kept = unpack_u8(in) != 0;
    b->shard = unpack_u8(in);
    b->last = unpack_u8(in) != 0;
    b->unsure = unpack_u8(in) != 0;
    b->failures = unpack_u8(in);
    bool of_interval = unpack_u8(in) != 0;
    b->restored = true;
    bool good = b->shard < REDIS_SHARDS && get_fields(b, in, then_ms) && get_bytes(b, in);
    good = good && (kept ? keep_batch(l, b) : queue_batch(l, b, of_interval));
    if (!good)
        redis_batch_free(b);
    return good;
}

bool redis_state_load(struct redis_ledger *l, const char *prefix, uint8_t type, struct slice body,
                      uint64_t now_ms, uint64_t age_ms)
{
    struct unpack in = unpack_of(body);
    if (l->left_out)
        return true;
    switch (type) {
    case REDIS_STATE_LEDGER:
        return get_ledger(l, prefix, &in);
    case REDIS_STATE_SHARD:
        return get_shard(l, &in);
    case REDIS_STATE_INTERVAL:
        return get_interval(l, &in, now_ms, age_ms);
    case REDIS_STATE_BATCH:
        return get_batch(l, &in, now_ms - age_ms);
    default:
        return false;
    }
}
