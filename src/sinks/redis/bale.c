/*
 *   redis_bale_make     each batch as in stored.h, its length in front; then compressed
 *   redis_bale_open     the same backwards; what is numbered is addressed
 *   redis_bale_put      and get: for the state
 */
#include "sinks/redis/bale.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sinks/redis/keys.h"
#include "sinks/redis/producer.h"
#include "sinks/redis/stored.h"

enum {
    STORED_BYTES = 192, /* of a batch, beside its bytes, at most */
    RAW_MAX = 16 << 20,
    BATCHES_MAX = RAW_MAX / 128
};

uint32_t redis_bale_batches(const struct redis_batch *b)
{
    return b->bale != NULL ? b->bale->batches : 1;
}

uint64_t redis_bale_last_seq(const struct redis_batch *b)
{
    return b->seq != 0 ? b->seq + redis_bale_batches(b) - 1 : 0;
}

uint64_t redis_bale_packed(const struct redis_batch *b)
{
    return b->bale != NULL && b->bale->bytes != NULL ? b->bale->len : 0;
}

uint64_t redis_bale_memory(const struct redis_batch *b)
{
    uint64_t extra = b->bale != NULL ? sizeof *b->bale : 0;
    return b->len + sizeof *b + extra + redis_bale_packed(b);
}

size_t redis_bale_bytes_of(const struct redis_batch *b)
{
    return STORED_BYTES + b->len;
}

/* ---- making ---- */

_Static_assert(sizeof(((struct redis_bale *)0)->token) == REDIS_TOKEN_DIGITS + 1, "a token fits");

static void add(struct buf *raw, const struct redis_batch *b)
{
    const struct redis_stored how = { .of_interval = true };
    size_t at = raw->len;
    pack_u32(raw, 0);
    redis_stored_put(raw, b, how, 0);
    struct buf len = { raw->ptr + at, 0, sizeof(uint32_t) };
    pack_u32(&len, (uint32_t)(raw->len - at - sizeof(uint32_t)));
}

static struct redis_batch *stand_in(const struct redis_batch *first, uint32_t n)
{
    struct redis_batch *of = mem_zalloc(sizeof *of);
    of->shard = first->shard;
    of->interval = first->interval;
    of->order = first->order;
    of->restored = first->restored;
    of->bale = mem_zalloc(sizeof *of->bale);
    of->bale->batches = n;
    memcpy(of->bale->token, redis_batch_token(first).ptr, REDIS_TOKEN_DIGITS);
    for (; n > 0; n--, first = first->next) {
        assert(first->seq == 0 && first->bale == NULL && !first->in_flight);
        assert(first->interval == of->interval && first->shard == of->shard);
        of->series += first->series;
        of->life_s = first->life_s;
        sink_amount_add(&of->amount, &first->amount);
    }
    return of;
}

struct redis_batch *redis_bale_make(struct squeeze *q, const struct redis_batch *first, uint32_t n)
{
    struct buf raw = { 0 }, out = { 0 };
    struct redis_batch *of = NULL;
    const struct redis_batch *b = first;
    for (uint32_t i = 0; i < n; i++, b = b->next)
        add(&raw, b);
    if (squeeze_pack(q, buf_slice(&raw), &out)) {
        of = stand_in(first, n);
        of->bale->raw_len = (uint32_t)raw.len;
        of->bale->len = (uint32_t)out.len;
        of->bale->bytes = mem_realloc(out.ptr, out.len);
        out = (struct buf){ 0 };
    }
    buf_release(&raw);
    buf_release(&out);
    return of;
}

/* ---- opening ---- */

static void address(struct redis_producer *p, struct redis_batch *b, uint32_t nth, uint64_t then_ms)
{
    redis_producer_address(p, b, nth);
    redis_batch_stale(b, false);
    b->first_sent_ms = then_ms;
    redis_producer_advance(p, b);
}

/* returns  NULL: it is not one of the bale */
static struct redis_batch *get_one(struct unpack *in, const struct redis_batch *of,
                                   struct redis_producer *p)
{
    struct unpack one = unpack_of(unpack_text(in));
    struct redis_batch *b = mem_zalloc(sizeof *b);
    struct redis_stored how;
    if (redis_stored_get(&one, 0, b, &how) != NULL || b->seq != 0 || b->shard != of->shard ||
        how.kept || !slice_eq(redis_batch_token(b), redis_batch_token(of))) {
        redis_batch_free(b);
        return NULL;
    }
    uint32_t nth = of->nth;
    b->interval = of->interval;
    b->restored = of->restored;
    b->epoch = 0;
    b->unsure = false;
    if (p != NULL)
        address(p, b, nth, of->first_sent_ms);
    return b;
}

static void free_chain(struct redis_batch *b)
{
    struct redis_batch *next;
    for (; b != NULL; b = next) {
        next = b->next;
        redis_batch_free(b);
    }
}

bool redis_bale_open(struct squeeze *q, const struct redis_batch *of, struct slice bytes,
                     struct redis_batch **ret)
{
    const struct redis_bale *x = of->bale;
    struct redis_batch **end = ret;
    struct redis_producer p;
    struct buf raw = { 0 };
    uint32_t n = 0, series = 0;
    *ret = NULL;
    if (x->start != NULL)
        p = *x->start;
    bool good = squeeze_unpack(q, bytes, x->raw_len, &raw);
    struct unpack in = unpack_of(buf_slice(&raw));
    for (; good && in.rest.len > 0; n++) {
        *end = get_one(&in, of, x->start != NULL ? &p : NULL);
        good = *end != NULL;
        series += good ? (*end)->series : 0;
        end = good ? &(*end)->next : end;
    }
    buf_release(&raw);
    good = good && n == x->batches && series == of->series;
    if (!good) {
        free_chain(*ret);
        *ret = NULL;
    }
    return good;
}

/* ---- numbers ---- */

void redis_bale_number(struct redis_batch *of, struct redis_producer *p, uint32_t nth,
                       uint64_t now_ms)
{
    struct redis_bale *x = of->bale;
    assert(of->seq == 0 && x->start == NULL && p->epoch > 0);
    x->start = mem_alloc(sizeof *x->start);
    *x->start = *p;
    of->epoch = p->epoch;
    of->seq = p->seq + 1;
    of->nth = nth;
    of->nth_before = p->nth;
    of->first_sent_ms = now_ms;
    p->seq += x->batches;
    p->series += of->series;
    p->nth = nth;
    memcpy(p->token, x->token, REDIS_TOKEN_DIGITS);
    of->series_upto = p->series;
}

void redis_bale_unnumber(struct redis_batch *of)
{
    free(of->bale->start);
    of->bale->start = NULL;
    of->seq = 0;
}

/* ---- the state ---- */

static void put_start(struct buf *out, const struct redis_producer *p)
{
    pack_u64(out, p->epoch);
    pack_u32(out, p->generation);
    pack_text(out, slice_of(p->id, REDIS_ID_DIGITS));
    pack_u64(out, p->seq);
    pack_u64(out, p->series);
    pack_u32(out, p->nth);
    pack_text(out, slice_of(p->token, REDIS_TOKEN_DIGITS));
}

static bool get_text(struct unpack *in, char *ret, size_t n)
{
    struct slice s = unpack_text(in);
    if (in->bad || s.len != n || memchr(s.ptr, '\0', n) != NULL)
        return false;
    memcpy(ret, s.ptr, n);
    ret[n] = '\0';
    return true;
}

static bool get_start(struct unpack *in, struct redis_producer *ret)
{
    ret->epoch = unpack_u64(in);
    ret->generation = unpack_u32(in);
    if (!get_text(in, ret->id, REDIS_ID_DIGITS))
        return false;
    ret->seq = unpack_u64(in);
    ret->series = unpack_u64(in);
    ret->nth = unpack_u32(in);
    bool begun = ret->seq > 0 || (ret->series == 0 && ret->nth == 0);
    return get_text(in, ret->token, REDIS_TOKEN_DIGITS) && ret->epoch > 0 && begun &&
           ret->generation > 0 && ret->generation <= REDIS_GENERATION_MAX;
}

void redis_bale_put(struct buf *out, const struct redis_batch *of, uint64_t now_ms)
{
    const struct redis_bale *x = of->bale;
    assert(of->seq != 0 && of->interval != NULL);
    pack_u8(out, REDIS_BATCH_FORMAT);
    pack_u8(out, of->shard);
    pack_u32(out, of->nth);
    pack_u32(out, of->order);
    pack_u32(out, of->life_s);
    pack_u32(out, of->series);
    pack_u64(out, now_ms - of->first_sent_ms);
    redis_stored_put_amount(out, &of->amount);
    put_start(out, x->start);
    pack_text(out, slice_of(x->token, REDIS_TOKEN_DIGITS));
    pack_u32(out, x->batches);
    pack_u32(out, x->raw_len);
    pack_u32(out, x->at.segment);
    pack_u32(out, x->at.at);
    pack_u32(out, x->at.len);
    pack_text(out, slice_of(x->bytes, x->at.len == 0 ? x->len : 0));
}

static bool get_bytes(struct unpack *in, struct redis_bale *x)
{
    x->batches = unpack_u32(in);
    x->raw_len = unpack_u32(in);
    x->at.segment = unpack_u32(in);
    x->at.at = unpack_u32(in);
    x->at.len = unpack_u32(in);
    struct slice bytes = unpack_text(in);
    if (!unpack_done(in) || (x->at.len == 0) == (bytes.len == 0))
        return false;
    x->len = x->at.len;
    if (bytes.len > 0) {
        x->len = (uint32_t)bytes.len;
        x->bytes = mem_alloc(bytes.len);
        memcpy(x->bytes, bytes.ptr, bytes.len);
    }
    return x->batches > 0 && x->batches <= BATCHES_MAX && x->raw_len <= RAW_MAX;
}

static bool get(struct unpack *in, uint64_t then_ms, struct redis_batch *of)
{
    struct redis_bale *x = of->bale;
    of->shard = unpack_u8(in);
    of->nth = unpack_u32(in);
    of->order = unpack_u32(in);
    of->life_s = unpack_u32(in);
    of->series = unpack_u32(in);
    of->first_sent_ms = then_ms - unpack_u64(in);
    if (!redis_stored_get_amount(in, &of->amount) || !get_start(in, x->start) ||
        !get_text(in, x->token, REDIS_TOKEN_DIGITS) || !get_bytes(in, x))
        return false;
    of->epoch = x->start->epoch;
    of->seq = x->start->seq + 1;
    of->nth_before = x->start->nth;
    of->series_upto = x->start->series + of->series;
    return of->shard < REDIS_SHARDS && of->series <= (uint64_t)x->batches * REDIS_BATCH_SERIES;
}

const char *redis_bale_get(struct unpack *in, uint64_t then_ms, struct redis_batch *of)
{
    uint8_t format = unpack_u8(in);
    of->bale = mem_zalloc(sizeof *of->bale);
    of->bale->start = mem_zalloc(sizeof *of->bale->start);
    of->restored = true;
    if (!get(in, then_ms, of))
        return "it makes no sense";
    return format == REDIS_BATCH_FORMAT ? NULL : "it is for the script of another version";
}
