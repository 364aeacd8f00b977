#include "sinks/redis/encode.h"

#include <assert.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "sinks/redis/keys.h"
#include "sinks/redis/resp.h"
#include "sinks/redis/script.h"

enum {
    SHA_DIGITS = 40,
    SEQ_DIGITS = 12,
    MARK_SERIES_DIGITS = 15,    /* the mark is series ':' ordinal */
    MARK_NTH_DIGITS = 10,
    KEEP_BYTES = 16 * 1024      /* what a section keeps between batches */
};

/* The parts of a batch behind the header, in the order of the script's arguments; SETS have a key each as well. */
enum section { COUNTERS, GAUGES, GAUGE_DELTAS, TIMERS, TIMERS_NEGATIVE, SETS, SECTION_COUNT };

struct shard {
    struct buf section[SECTION_COUNT];
    struct buf set_keys;
    uint32_t ops[SECTION_COUNT];
    uint32_t args;              /* in all sections */
    uint32_t series;
    struct sink_amount amount;
};

struct redis_encode {
    char *prefix, *instance;
    char writer[9];             /* of gauges: a hash of the instance */
    uint32_t retention_s;
    uint32_t log_shard;
    uint64_t refused;
    struct shard shards[REDIS_SHARDS];
    struct buf key, blob;       /* scratch */
    /* of the interval being encoded */
    const struct snapshot *snap;
    uint32_t life_s;
    redis_encode_take_fn take;
    void *cookie;
};

void redis_batch_free(struct redis_batch *b)
{
    if (b == NULL)
        return;
    free(b->bytes);
    free(b);
}

void redis_batch_address(struct redis_batch *b, const struct redis_address *a)
{
    assert(a->seq > 0 && !b->in_flight);    /* what is under way is sent again byte for byte */
    memcpy(b->bytes + b->id_at, a->id, REDIS_ID_DIGITS);
    memcpy(b->bytes + b->before_at, a->before, REDIS_TOKEN_DIGITS);
    redis_resp_digits(b->bytes + b->seq_at, SEQ_DIGITS, a->seq);
    redis_resp_digits(b->bytes + b->mark_at, MARK_SERIES_DIGITS, a->series);
    redis_resp_digits(b->bytes + b->mark_at + MARK_SERIES_DIGITS + 1, MARK_NTH_DIGITS, a->nth);
}

void redis_batch_brand(struct redis_batch *b, const char *token)
{
    memcpy(b->bytes + b->token_at, token, REDIS_TOKEN_DIGITS);
}

struct slice redis_batch_token(const struct redis_batch *b)
{
    return slice_of(b->bytes + b->token_at, REDIS_TOKEN_DIGITS);
}

void redis_batch_sha(struct redis_batch *b, const char *sha40)
{
    memcpy(b->bytes + b->sha_at, sha40, SHA_DIGITS);
}

void redis_batch_stale(struct redis_batch *b, bool stale)
{
    b->bytes[b->stale_at] = stale ? '1' : '0';
}

/* ---- one series into its shard ---- */

static struct buf *op(struct shard *sh, enum section s, struct slice key, uint32_t args)
{
    sh->ops[s]++;
    sh->args += args;
    redis_resp_arg(&sh->section[s], key);
    return &sh->section[s];
}

/* returns  whether v is finite; one that is not is counted */
static bool finite_or_refused(struct redis_encode *e, double v)
{
    if (isfinite(v))
        return true;
    e->refused++;
    return false;
}

static void put_counter(struct redis_encode *e, struct shard *sh, const struct closed_series *s)
{
    if (finite_or_refused(e, s->counter))
        redis_resp_arg_double(op(sh, COUNTERS, s->key, 2), s->counter);
}

/* Absolute and then relative is absolute.  Where the two leave the finite numbers, the absolute one stays. */
static void put_gauge(struct redis_encode *e, struct shard *sh, const struct closed_series *s)
{
    const struct gauge_change *g = &s->gauge;
    double v = g->absolute ? g->value + g->delta : g->delta;
    if (!finite_or_refused(e, v)) {
        v = g->value;
        if (!g->absolute || !isfinite(v))
            return;
    }
    struct buf *out = op(sh, g->absolute ? GAUGES : GAUGE_DELTAS, s->key, 3);
    redis_resp_arg_double(out, v);
    redis_resp_arg_i64(out, g->stamp_ms > 0 ? g->stamp_ms : 0);
}

/* How many buckets from the first that holds something to the last. */
static uint32_t span_of(const struct sketch_buckets *b)
{
    return b->first <= b->last ? (uint32_t)(b->last - b->first) + 1 : 0;
}

/* lo, c0, c1 ..: with a zero for each bucket between them that holds nothing */
static void pack_buckets(struct buf *out, struct sketch_buckets *b)
{
    redis_resp_pack_i64(out, span_of(b) > 0 ? b->first : 0);
    for (int32_t at = b->first; sketch_buckets_next(b); at = b->index + 1) {
        for (; at < b->index; at++)
            redis_resp_pack_double(out, 0);
        redis_resp_pack_double(out, b->count);
    }
}

/* [n, sum, min, max, schema, zero, lo, c0, c1 ..] */
static void pack_positive(struct buf *out, const struct sketch *k)
{
    struct sketch_buckets pos;
    sketch_buckets_begin(k, false, &pos);
    redis_resp_pack_array(out, 7 + span_of(&pos));
    redis_resp_pack_double(out, k->count);
    redis_resp_pack_double(out, k->sum);
    redis_resp_pack_double(out, k->min);
    redis_resp_pack_double(out, k->max);
    redis_resp_pack_i64(out, pos.schema);
    redis_resp_pack_double(out, k->zero);
    pack_buckets(out, &pos);
}

/* [n, schema, lo, c0, c1 ..] */
static void pack_negative(struct buf *out, const struct sketch *k)
{
    struct sketch_buckets neg;
    double n = 0;
    sketch_buckets_begin(k, true, &neg);
    while (sketch_buckets_next(&neg))
        n = fmin(n + neg.count, DBL_MAX);   /* rounding may pass the sketch's count */
    sketch_buckets_begin(k, true, &neg);
    redis_resp_pack_array(out, 3 + span_of(&neg));
    redis_resp_pack_double(out, n);
    redis_resp_pack_i64(out, neg.schema);
    pack_buckets(out, &neg);
}

static void put_timer(struct redis_encode *e, struct shard *sh, const struct closed_series *s)
{
    /* No bucket is more than the count.  min and max are values that came. */
    if (!finite_or_refused(e, s->timer->count) || !finite_or_refused(e, s->timer->sum))
        return;
    buf_clear(&e->blob);
    pack_positive(&e->blob, s->timer);
    redis_resp_arg(op(sh, TIMERS, s->key, 2), buf_slice(&e->blob));
    struct sketch_buckets neg;
    sketch_buckets_begin(s->timer, true, &neg);
    if (span_of(&neg) == 0)
        return;
    buf_clear(&e->blob);
    pack_negative(&e->blob, s->timer);
    redis_resp_arg(op(sh, TIMERS_NEGATIVE, s->key, 2), buf_slice(&e->blob));
}

/* {prefix:NN}:what */
static struct slice shard_key(struct redis_encode *e, uint32_t nn, const char *what)
{
    buf_clear(&e->key);
    buf_printf(&e->key, "{%s:%02" PRIu32 "}:%s", e->prefix, nn, what);
    return buf_slice(&e->key);
}

static void put_set(struct redis_encode *e, struct shard *sh, const struct closed_series *s)
{
    shard_key(e, (uint32_t)(sh - e->shards), "s:");
    buf_printf(&e->key, "%" PRId64 ":", e->snap->start_s);
    buf_append_slice(&e->key, s->key);
    redis_resp_arg(&sh->set_keys, buf_slice(&e->key));
    buf_clear(&e->blob);
    members_redis(s->set, &e->blob);
    redis_resp_arg(&sh->section[SETS], buf_slice(&e->blob));
    sh->ops[SETS]++;
    sh->args++;
}

/* ---- a shard into a batch ---- */

static void append_keys(struct redis_encode *e, uint32_t nn, struct redis_batch *b, struct buf *out)
{
    const struct shard *sh = &e->shards[nn];
    redis_resp_arg_u64(out, REDIS_SCRIPT_KEYS + sh->ops[SETS]);
    shard_key(e, nn, "p:");
    buf_printf(&e->key, "%s:%0*d", e->instance, (int)REDIS_ID_DIGITS, 0);
    redis_resp_arg(out, buf_slice(&e->key));
    b->id_at = (uint32_t)(out->len - 2 - REDIS_ID_DIGITS);
    shard_key(e, nn, "i:");
    buf_printf(&e->key, "%" PRId64, e->snap->start_s);
    redis_resp_arg(out, buf_slice(&e->key));
    redis_resp_arg(out, shard_key(e, nn, "tot"));
    redis_resp_arg(out, shard_key(e, nn, "log"));
    redis_resp_arg(out, shard_key(e, nn, "tmp"));
    shard_key(e, nn, "w:");
    buf_append_str(&e->key, e->instance);
    redis_resp_arg(out, buf_slice(&e->key));
    buf_append_slice(out, buf_slice(&sh->set_keys));
}

/* returns  where the digits of the argument begin */
static uint32_t append_place(struct buf *out, unsigned digits)
{
    redis_resp_arg_fixed(out, 0, digits);
    return (uint32_t)(out->len - 2 - digits);
}

static void append_args(struct redis_encode *e, uint32_t nn, struct redis_batch *b, struct buf *out)
{
    struct shard *sh = &e->shards[nn];
    b->seq_at = append_place(out, SEQ_DIGITS);
    b->token_at = append_place(out, REDIS_TOKEN_DIGITS);
    b->before_at = append_place(out, REDIS_TOKEN_DIGITS);
    b->mark_at = append_place(out, MARK_SERIES_DIGITS + 1 + MARK_NTH_DIGITS);
    out->ptr[b->mark_at + MARK_SERIES_DIGITS] = ':';
    b->stale_at = append_place(out, 1);
    redis_resp_arg_u64(out, e->life_s);
    redis_resp_arg_u64(out, e->retention_s);
    redis_resp_arg_i64(out, e->snap->start_s);
    redis_resp_arg_str(out, e->instance);
    redis_resp_arg_i64(out, b->last ? (int64_t)e->snap->n_series : -1);
    redis_resp_arg_str(out, e->writer);
    for (int s = 0; s < SECTION_COUNT; s++)
        redis_resp_arg_u64(out, sh->ops[s]);
    for (int s = 0; s < SECTION_COUNT; s++)
        buf_append_slice(out, buf_slice(&sh->section[s]));
}

static void empty(struct buf *b)
{
    if (b->cap > KEEP_BYTES)
        buf_release(b);
    else
        buf_clear(b);
}

static size_t pending_bytes(const struct shard *sh)
{
    size_t n = sh->set_keys.len;
    for (int s = 0; s < SECTION_COUNT; s++)
        n += sh->section[s].len;
    return n;
}

/* Its places lie within it, in the order of the script's arguments. */
static void sealed_check(const struct redis_batch *b)
{
    assert(b->sha_at < b->id_at && b->id_at < b->seq_at && b->seq_at < b->token_at);
    assert(b->token_at < b->before_at && b->before_at < b->mark_at && b->mark_at < b->stale_at);
    assert(b->stale_at < b->len && b->len <= UINT32_MAX);
    assert(b->series <= REDIS_BATCH_SERIES && sink_amount_series(&b->amount) == b->series);
}

static void seal(struct redis_encode *e, uint32_t nn, bool last)
{
    struct shard *sh = &e->shards[nn];
    struct redis_batch *b = mem_zalloc(sizeof *b);
    struct buf out = { 0 };
    buf_reserve(&out, pending_bytes(sh) + 768 + 3 * strlen(e->instance) + 7 * strlen(e->prefix));
    redis_resp_command(&out, 3 + REDIS_SCRIPT_KEYS + sh->ops[SETS] + REDIS_SCRIPT_ARGS + sh->args);
    redis_resp_arg_str(&out, "EVALSHA");
    redis_resp_arg_fixed(&out, 0, SHA_DIGITS);
    b->sha_at = (uint32_t)(out.len - 2 - SHA_DIGITS);
    b->last = last;
    append_keys(e, nn, b, &out);
    append_args(e, nn, b, &out);
    b->bytes = mem_realloc(out.ptr, out.len);
    b->len = out.len;
    b->series = sh->series;
    b->amount = sh->amount;
    b->life_s = e->life_s;
    b->shard = (uint8_t)nn;
    for (int s = 0; s < SECTION_COUNT; s++) {
        empty(&sh->section[s]);
        sh->ops[s] = 0;
    }
    empty(&sh->set_keys);
    sh->args = sh->series = 0;
    sh->amount = (struct sink_amount){ 0 };
    sealed_check(b);
    e->take(e->cookie, b);
}

static void put(void *cookie, const struct closed_series *s)
{
    static void (*const put_kind[])(struct redis_encode *, struct shard *, const struct closed_series *) = {
        [SERIES_COUNTER] = put_counter,
        [SERIES_GAUGE] = put_gauge,
        [SERIES_TIMER] = put_timer,
        [SERIES_SET] = put_set,
    };
    _Static_assert(ARRAY_LEN(put_kind) == SERIES_KIND_COUNT, "every kind needs its row");
    struct redis_encode *e = cookie;
    assert((size_t)s->kind < ARRAY_LEN(put_kind));
    uint32_t nn = redis_keys_shard(s->name);
    struct shard *sh = &e->shards[nn];
    uint32_t args = sh->args;
    put_kind[s->kind](e, sh, s);
    if (sh->args == args)
        return;    /* left out */
    sink_amount_add_series(&sh->amount, s);
    if (++sh->series == REDIS_BATCH_SERIES || pending_bytes(sh) >= REDIS_BATCH_BYTES)
        seal(e, nn, false);
}

void redis_encode_interval(struct redis_encode *e, const struct snapshot *snap, uint32_t life_s, redis_encode_take_fn take,
                           void *cookie)
{
    assert(e->snap == NULL);    /* take() must not come back here */
    e->snap = snap;
    e->life_s = life_s;
    e->take = take;
    e->cookie = cookie;
    snap->each(snap, put, e);
    for (uint32_t i = 1; i <= REDIS_SHARDS; i++) {
        uint32_t nn = (e->log_shard + i) % REDIS_SHARDS;
        seal(e, nn, i == REDIS_SHARDS);
    }
    e->snap = NULL;
}

uint64_t redis_encode_refused(const struct redis_encode *e)
{
    return e->refused;
}

/* FNV-1a of 32 bits: the same on every machine, after every restart. */
static uint32_t writer_hash(const char *instance)
{
    uint32_t h = 0x811c9dc5;
    for (const char *c = instance; *c != '\0'; c++)
        h = (h ^ (unsigned char)*c) * 0x01000193;
    return h;
}

struct redis_encode *redis_encode_new(const struct redis_encode_opts *opts)
{
    struct redis_encode *e = mem_zalloc(sizeof *e);
    e->prefix = mem_strdup(opts->prefix);
    e->instance = mem_strdup(opts->instance);
    snprintf(e->writer, sizeof e->writer, "%08" PRIx32, writer_hash(opts->instance));
    e->retention_s = opts->retention_s;
    e->log_shard = redis_keys_shard(slice_str(opts->instance));
    return e;
}

void redis_encode_free(struct redis_encode *e)
{
    if (e == NULL)
        return;
    for (int nn = 0; nn < REDIS_SHARDS; nn++) {
        for (int s = 0; s < SECTION_COUNT; s++)
            buf_release(&e->shards[nn].section[s]);
        buf_release(&e->shards[nn].set_keys);
    }
    buf_release(&e->key);
    buf_release(&e->blob);
    free(e->prefix);
    free(e->instance);
    free(e);
}
