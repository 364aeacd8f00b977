/*
 * redis_encode_series   by its kind, as arguments into a section of the draft
 *   put_counter, put_set
 *   put_gauge           .. and, where it has a rule, into GAUGES_OWN
 *   put_timer           pack_positive, pack_negative
 */
#include <assert.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>

#include "sinks/redis/encode_priv.h"
#include "sinks/redis/resp.h"

enum { WIRE_ARG_BYTES = 24 }; /* of an argument, beside a key or bytes: a number is rarely longer */

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
    if (s->milliseconds)
        buf_append_char(&e->blob, 'm');
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

static void put_set(struct redis_encode *e, struct draft *d, const struct closed_series *s)
{
    redis_encode_shard_key(e, (uint32_t)(d - e->drafts), "s:");
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

void redis_encode_series(struct redis_encode *e, struct draft *d, const struct closed_series *s)
{
    static void (*const put_kind[])(struct redis_encode *, struct draft *,
                                    const struct closed_series *) = {
        [SERIES_COUNTER] = put_counter,
        [SERIES_GAUGE] = put_gauge,
        [SERIES_TIMER] = put_timer,
        [SERIES_SET] = put_set,
    };
    _Static_assert(ARRAY_LEN(put_kind) == SERIES_KIND_COUNT, "every kind needs its row");
    assert((size_t)s->kind < ARRAY_LEN(put_kind));
    put_kind[s->kind](e, d, s);
}
