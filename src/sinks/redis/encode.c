/*
 * Series into batches, one interval at a time.
 *
 *   redis_encode_put   a closed series: by its kind, as arguments into a section of its draft
 *     seal             .. and when the draft is full: keys, arguments and sections become a batch
 *   redis_encode_end
 *     seal             .. every draft, even an empty one; that of the log entry last
 *
 *   batch   EVALSHA sha | keys: producer interval totals log scratch instance, and one a set
 *           | seq token before mark stale .. writer | how many of each section
 *           | generation only own alive_ms | the sections
 */
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
#include "sinks/redis/pack.h"
#include "sinks/redis/resp.h"
#include "sinks/redis/script.h"

enum {
    KEEP_BYTES = 16 * 1024, /* capacity that an empty section keeps between batches */
    WIRE_ARG_BYTES = 24     /* of an argument, beside a key or bytes: a number is rarely longer */
};

/* What waits to become the next batch of a shard. */
struct draft {
    struct redis_pack section[REDIS_SECTION_COUNT];
    uint16_t ops[REDIS_SECTION_COUNT];
    uint32_t args; /* in all sections but that of the keys */
    uint32_t series;
    uint32_t wire_bytes; /* of all sections, about */
    int64_t stamp[3];    /* the last of GAUGES, of GAUGE_DELTAS and of GAUGES_OWN */
    struct sink_amount amount;
};

struct redis_encode {
    char *prefix, *instance;
    char writer[9]; /* of gauges: a hash of the instance */
    char *own;      /* the instance in the names of fields */
    bool has_own, all_own;
    uint32_t alive_ms;
    uint32_t retention_s;
    uint32_t log_shard;
    uint64_t refused;
    struct draft drafts[REDIS_SHARDS];
    struct buf key, blob; /* scratch */
    struct redis_keys_memo shards;
    /* of the interval being encoded */
    struct snapshot snap;
    uint32_t life_s;
    redis_encode_take_fn take; /* NULL: between intervals */
    void *cookie;
};

/* ---- one series into the draft of its shard ---- */

/* args: in RESP, the key among them */
static struct redis_pack *op(struct draft *d, enum redis_section s, struct slice key, uint32_t args)
{
    d->ops[s]++;
    d->args += args;
    d->wire_bytes += (uint32_t)key.len + args * WIRE_ARG_BYTES;
    redis_pack_key(&d->section[s], key);
    return &d->section[s];
}

static void op_bytes(struct draft *d, enum redis_section s, struct slice key, struct slice bytes)
{
    redis_pack_bytes(op(d, s, key, 2), bytes);
    d->wire_bytes += (uint32_t)bytes.len;
}

/* returns  whether v is finite; one that is not is counted */
static bool finite_or_refused(struct redis_encode *e, double v)
{
    if (isfinite(v))
        return true;
    e->refused++;
    return false;
}

static void put_counter(struct redis_encode *e, struct draft *d, const struct closed_series *s)
{
    if (finite_or_refused(e, s->counter))
        redis_pack_number(op(d, REDIS_COUNTERS, s->key, 2), s->counter);
}

static struct redis_pack *put_stamped(struct draft *d, enum redis_section section,
                                      const struct closed_series *s, double v)
{
    int64_t stamp = s->gauge.stamp_ms > 0 ? s->gauge.stamp_ms : 0;
    bool own = section == REDIS_GAUGES_OWN;
    int64_t *last = &d->stamp[own ? 2 : section - REDIS_GAUGES];
    struct redis_pack *out = op(d, section, s->key, own ? 4 : 3);
    redis_pack_number(out, v);
    redis_pack_int(out, stamp - *last);
    *last = stamp;
    return out;
}

/* Absolute and then relative is absolute.  Where the two leave the finite numbers, the absolute one
 * stays. */
static void put_gauge(struct redis_encode *e, struct draft *d, const struct closed_series *s)
{
    const struct gauge_change *g = &s->gauge;
    double v = g->absolute ? g->value + g->delta : g->delta;
    if (!finite_or_refused(e, v)) {
        v = g->value;
        if (!g->absolute || !isfinite(v))
            return;
    }
    put_stamped(d, g->absolute ? REDIS_GAUGES : REDIS_GAUGE_DELTAS, s, v);
    if (s->merge == GAUGE_MERGE_LATEST && !e->all_own)
        return;
    e->has_own = true;
    buf_clear(&e->blob);
    buf_append_str(&e->blob, g->absolute ? "" : "+");
    buf_append_str(&e->blob, gauge_merge_name(s->merge));
    redis_pack_bytes(put_stamped(d, REDIS_GAUGES_OWN, s, v), buf_slice(&e->blob));
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
        n = fmin(n + neg.count, DBL_MAX); /* rounding may pass the sketch's count */
    sketch_buckets_begin(k, true, &neg);
    redis_resp_pack_array(out, 3 + span_of(&neg));
    redis_resp_pack_double(out, n);
    redis_resp_pack_i64(out, neg.schema);
    pack_buckets(out, &neg);
}

static void put_timer(struct redis_encode *e, struct draft *d, const struct closed_series *s)
{
    /* No bucket is more than the count.  min and max are values that came. */
    if (!finite_or_refused(e, s->timer->count) || !finite_or_refused(e, s->timer->sum))
        return;
    buf_clear(&e->blob);
    pack_positive(&e->blob, s->timer);
    op_bytes(d, REDIS_TIMERS, s->key, buf_slice(&e->blob));
    struct sketch_buckets neg;
    sketch_buckets_begin(s->timer, true, &neg);
    if (span_of(&neg) == 0)
        return;
    buf_clear(&e->blob);
    pack_negative(&e->blob, s->timer);
    op_bytes(d, REDIS_TIMERS_NEGATIVE, s->key, buf_slice(&e->blob));
}

/* {prefix:NN}:what */
static struct slice shard_key(struct redis_encode *e, uint32_t nn, const char *what)
{
    buf_clear(&e->key);
    buf_printf(&e->key, "{%s:%02" PRIu32 "}:%s", e->prefix, nn, what);
    return buf_slice(&e->key);
}

static void put_set(struct redis_encode *e, struct draft *d, const struct closed_series *s)
{
    shard_key(e, (uint32_t)(d - e->drafts), "s:");
    buf_printf(&e->key, "%" PRId64 ":", e->snap.start_s);
    buf_append_slice(&e->key, s->key);
    (void)op(d, REDIS_SET_KEYS, buf_slice(&e->key), 0);
    buf_clear(&e->blob);
    members_redis(s->set, &e->blob);
    redis_pack_bytes(&d->section[REDIS_SETS], buf_slice(&e->blob));
    d->wire_bytes += (uint32_t)e->blob.len;
    d->ops[REDIS_SETS]++;
    d->args++;
}

/* ---- a draft into a batch ---- */

static void append_keys(struct redis_encode *e, uint32_t nn, struct redis_batch *b, struct buf *out)
{
    const struct draft *d = &e->drafts[nn];
    redis_resp_arg_u64(out, REDIS_SCRIPT_KEYS + d->ops[REDIS_SETS]);
    shard_key(e, nn, "p:");
    buf_printf(&e->key, "%s:%0*d", e->instance, (int)REDIS_ID_DIGITS, 0);
    redis_resp_arg(out, buf_slice(&e->key));
    b->id_at = (uint32_t)(out->len - 2 - REDIS_ID_DIGITS);
    shard_key(e, nn, "i:");
    buf_printf(&e->key, "%" PRId64, e->snap.start_s);
    redis_resp_arg(out, buf_slice(&e->key));
    redis_resp_arg(out, shard_key(e, nn, "tot"));
    redis_resp_arg(out, shard_key(e, nn, "log"));
    redis_resp_arg(out, shard_key(e, nn, "tmp"));
    shard_key(e, nn, "w:");
    buf_append_str(&e->key, e->instance);
    redis_resp_arg(out, buf_slice(&e->key));
    b->split_at = (uint32_t)out->len;
}

/* returns  where the digits of the argument begin */
static uint32_t append_place(struct buf *out, unsigned digits)
{
    redis_resp_arg_fixed(out, 0, digits);
    return (uint32_t)(out->len - 2 - digits);
}

static void append_args(struct redis_encode *e, uint32_t nn, struct redis_batch *b, struct buf *out)
{
    struct draft *d = &e->drafts[nn];
    b->seq_at = append_place(out, REDIS_SEQ_DIGITS);
    b->token_at = append_place(out, REDIS_TOKEN_DIGITS);
    b->before_at = append_place(out, REDIS_TOKEN_DIGITS);
    b->mark_at = append_place(out, REDIS_MARK_SERIES_DIGITS + 1 + REDIS_MARK_NTH_DIGITS);
    out->ptr[b->mark_at + REDIS_MARK_SERIES_DIGITS] = ':';
    b->stale_at = append_place(out, 1);
    redis_resp_arg_u64(out, e->life_s);
    redis_resp_arg_u64(out, e->retention_s);
    redis_resp_arg_i64(out, e->snap.start_s);
    redis_resp_arg_str(out, e->instance);
    redis_resp_arg_i64(out, b->last ? (int64_t)e->snap.n_series : -1);
    redis_resp_arg_str(out, e->writer);
    for (int s = REDIS_COUNTERS; s < REDIS_SECTION_COUNT; s++)
        redis_resp_arg_u64(out, d->ops[s]);
    b->generation_at = append_place(out, REDIS_GENERATION_DIGITS);
    b->only_at = append_place(out, 1);
    redis_resp_arg_str(out, e->has_own ? e->own : "");
    redis_resp_arg_u64(out, e->alive_ms);
    b->head_len = (uint32_t)out->len;
    for (int s = 0; s < REDIS_SECTION_COUNT; s++)
        buf_append_slice(out, buf_slice(&d->section[s].bytes));
}

static void empty(struct redis_pack *p)
{
    if (p->bytes.cap > KEEP_BYTES)
        redis_pack_release(p);
    else
        redis_pack_clear(p);
}

static size_t packed_bytes(const struct draft *d)
{
    size_t n = 0;
    for (int s = 0; s < REDIS_SECTION_COUNT; s++)
        n += d->section[s].bytes.len;
    return n;
}

/* Its places lie within it, in the order of the script's arguments. */
static void sealed_check(const struct redis_batch *b)
{
    assert(b->sha_at < b->id_at && b->id_at < b->seq_at && b->seq_at < b->token_at);
    assert(b->token_at < b->before_at && b->before_at < b->mark_at && b->mark_at < b->stale_at);
    assert(b->stale_at < b->generation_at && b->generation_at < b->only_at);
    assert(b->only_at < b->head_len);
    assert(b->id_at < b->split_at && b->split_at <= b->seq_at);
    assert(b->head_len <= b->len && b->len <= UINT32_MAX);
    assert(b->series <= REDIS_BATCH_SERIES && sink_amount_series(&b->amount) == b->series);
}

static void seal(struct redis_encode *e, uint32_t nn, bool last)
{
    struct draft *d = &e->drafts[nn];
    struct redis_batch *b = mem_zalloc(sizeof *b);
    struct buf out = { 0 };
    buf_reserve(&out, packed_bytes(d) + 832 + 3 * strlen(e->instance) + strlen(e->own) +
                          7 * strlen(e->prefix));
    uint32_t sets = d->ops[REDIS_SETS]; /* a key and an argument each */
    redis_resp_command(&out, 3 + REDIS_SCRIPT_KEYS + sets + REDIS_SCRIPT_ARGS + d->args);
    redis_resp_arg_str(&out, "EVALSHA");
    redis_resp_arg_fixed(&out, 0, REDIS_SHA_DIGITS);
    b->sha_at = (uint32_t)(out.len - 2 - REDIS_SHA_DIGITS);
    b->last = last;
    append_keys(e, nn, b, &out);
    append_args(e, nn, b, &out);
    b->bytes = mem_realloc(out.ptr, out.len);
    b->len = out.len;
    b->series = d->series;
    b->amount = d->amount;
    b->life_s = e->life_s;
    b->shard = (uint8_t)nn;
    for (int s = 0; s < REDIS_SECTION_COUNT; s++) {
        empty(&d->section[s]);
        b->ops[s] = d->ops[s];
        d->ops[s] = 0;
    }
    d->args = d->series = d->wire_bytes = 0;
    d->stamp[0] = d->stamp[1] = d->stamp[2] = 0;
    d->amount = (struct sink_amount){ 0 };
    sealed_check(b);
    e->take(e->cookie, b);
}

void redis_encode_put(struct redis_encode *e, const struct closed_series *s)
{
    static void (*const put_kind[])(struct redis_encode *, struct draft *,
                                    const struct closed_series *) = {
        [SERIES_COUNTER] = put_counter,
        [SERIES_GAUGE] = put_gauge,
        [SERIES_TIMER] = put_timer,
        [SERIES_SET] = put_set,
    };
    _Static_assert(ARRAY_LEN(put_kind) == SERIES_KIND_COUNT, "every kind needs its row");
    assert(e->take != NULL && (size_t)s->kind < ARRAY_LEN(put_kind));
    uint32_t nn = redis_keys_shard_of(&e->shards, s->name);
    struct draft *d = &e->drafts[nn];
    uint32_t args = d->args;
    put_kind[s->kind](e, d, s);
    if (d->args == args)
        return; /* left out */
    sink_amount_add_series(&d->amount, s);
    if (++d->series == REDIS_BATCH_SERIES || d->wire_bytes >= REDIS_BATCH_BYTES)
        seal(e, nn, false);
}

void redis_encode_begin(struct redis_encode *e, const struct snapshot *snap, uint32_t life_s,
                        redis_encode_take_fn take, void *cookie)
{
    assert(e->take == NULL && take != NULL);
    e->snap = *snap;
    e->life_s = life_s;
    e->take = take;
    e->cookie = cookie;
}

void redis_encode_end(struct redis_encode *e)
{
    assert(e->take != NULL);
    for (uint32_t i = 1; i <= REDIS_SHARDS; i++) {
        uint32_t nn = (e->log_shard + i) % REDIS_SHARDS;
        seal(e, nn, i == REDIS_SHARDS);
    }
    e->take = NULL;
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

/* returns  text with its % and | as %25 and %7C, as it stands between two | of a field */
static char *escaped(const char *text)
{
    struct buf out = { 0 };
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '%' || *c == '|')
            buf_printf(&out, "%%%02X", (unsigned char)*c);
        else
            buf_append_char(&out, *c);
    }
    buf_append_char(&out, '\0');
    return out.ptr;
}

struct redis_encode *redis_encode_new(const struct redis_encode_opts *opts)
{
    struct redis_encode *e = mem_zalloc(sizeof *e);
    e->prefix = mem_strdup(opts->prefix);
    e->instance = mem_strdup(opts->instance);
    snprintf(e->writer, sizeof e->writer, "%08" PRIx32, writer_hash(opts->instance));
    e->own = escaped(opts->instance);
    e->has_own = opts->own || opts->all_own;
    e->all_own = opts->all_own;
    e->alive_ms = opts->alive_ms;
    e->retention_s = opts->retention_s;
    e->log_shard = redis_keys_shard(slice_str(opts->instance));
    return e;
}

void redis_encode_free(struct redis_encode *e)
{
    if (e == NULL)
        return;
    for (int nn = 0; nn < REDIS_SHARDS; nn++) {
        for (int s = 0; s < REDIS_SECTION_COUNT; s++)
            redis_pack_release(&e->drafts[nn].section[s]);
    }
    buf_release(&e->key);
    buf_release(&e->blob);
    free(e->prefix);
    free(e->instance);
    free(e->own);
    free(e);
}
