/*
 *   redis_carry_fold     fold_section: each series of a batch into its item
 *   redis_carry_encode   each item as a closed series, by an encoder of its own (encode.h)
 */
#include "sinks/redis/carry.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "sinks/redis/keys.h"
#include "sinks/redis/pack.h"
#include "sinks/redis_field.h"

enum { SLOTS_FIRST = 256, ITEM_EXTRA = 32 /* of malloc, and a slot and a half */ };

struct item {
    uint64_t hash;
    enum series_kind kind;
    enum gauge_merge merge;
    bool milliseconds; /* of a timer */
    union {
        double counter;
        struct gauge_change gauge;
        struct sketch *timer; /* owned: it is larger than all else */
    };
    uint32_t key_len;
    char key[];
};

/* Of one shard. */
struct table {
    struct item **slots; /* a power of two of them; at most two thirds are taken */
    size_t n, cap;
};

struct redis_carry {
    struct redis_encode *encode;
    struct table tables[REDIS_SHARDS];
    size_t n; /* over all tables */
    uint64_t bytes;
    uint32_t life_s;  /* of producers, as of the batch folded last */
    struct buf name;  /* scratch */
    struct table *at; /* of the shard at hand */
    /* while it is encoded */
    redis_encode_take_fn take;
    void *cookie;
};

struct redis_carry *redis_carry_new(const struct redis_encode_opts *opts)
{
    struct redis_carry *c = mem_zalloc(sizeof *c);
    c->encode = redis_encode_new(opts);
    return c;
}

static uint64_t item_bytes(const struct item *i)
{
    return sizeof *i + i->key_len + ITEM_EXTRA +
           (i->kind == SERIES_TIMER ? sizeof *i->timer + sketch_memory(i->timer) : 0);
}

static void free_item(struct redis_carry *c, struct item *i)
{
    c->bytes -= item_bytes(i);
    if (i->kind == SERIES_TIMER) {
        sketch_release(i->timer);
        free(i->timer);
    }
    free(i);
}

static void clear(struct redis_carry *c, struct table *t)
{
    for (size_t i = 0; i < t->cap; i++)
        if (t->slots[i] != NULL)
            free_item(c, t->slots[i]);
    free(t->slots);
    c->n -= t->n;
    *t = (struct table){ 0 };
}

void redis_carry_free(struct redis_carry *c)
{
    if (c == NULL)
        return;
    for (int i = 0; i < REDIS_SHARDS; i++)
        clear(c, &c->tables[i]);
    redis_encode_free(c->encode);
    buf_release(&c->name);
    free(c);
}

uint64_t redis_carry_bytes(const struct redis_carry *c)
{
    return c->bytes;
}

size_t redis_carry_series(const struct redis_carry *c)
{
    return c->n;
}

bool redis_carry_has(const struct redis_carry *c, uint8_t shard)
{
    return c->tables[shard].n > 0;
}

/* ---- items ---- */

static size_t slot_of(const struct table *t, uint64_t hash, enum series_kind kind, struct slice key)
{
    size_t at = hash & (t->cap - 1);
    for (;; at = (at + 1) & (t->cap - 1)) {
        const struct item *i = t->slots[at];
        if (i == NULL ||
            (i->hash == hash && i->kind == kind && slice_eq(slice_of(i->key, i->key_len), key)))
            return at;
    }
}

static void grow(struct table *t)
{
    struct item **old = t->slots;
    size_t n = t->cap;
    t->cap = n > 0 ? 2 * n : SLOTS_FIRST;
    t->slots = mem_zalloc(t->cap * sizeof(struct item *));
    for (size_t i = 0; i < n; i++) {
        struct item *o = old[i];
        if (o != NULL)
            t->slots[slot_of(t, o->hash, o->kind, slice_of(o->key, o->key_len))] = o;
    }
    free(old);
}

static struct item *item_of(struct redis_carry *c, enum series_kind kind, struct slice key)
{
    struct table *t = c->at;
    if (3 * (t->n + 1) > 2 * t->cap)
        grow(t);
    uint64_t hash = hash64_bytes(key.ptr, key.len);
    size_t at = slot_of(t, hash, kind, key);
    struct item *i = t->slots[at];
    if (i != NULL)
        return i;
    i = mem_zalloc(sizeof *i + key.len);
    i->hash = hash;
    i->kind = kind;
    i->key_len = (uint32_t)key.len;
    (void)slice_put(i->key, key);
    if (kind == SERIES_TIMER) {
        i->timer = mem_alloc(sizeof *i->timer);
        sketch_init(i->timer, SKETCH_SCHEMA_MAX); /* what is merged into it says which */
    }
    t->slots[at] = i;
    t->n++;
    c->n++;
    c->bytes += item_bytes(i);
    return i;
}

/* ---- folding ---- */

static bool fold_counter(struct redis_carry *c, struct slice key, double v)
{
    struct item *i = item_of(c, SERIES_COUNTER, key);
    bool fits = isfinite(i->counter + v);
    i->counter += fits ? v : 0;
    return fits;
}

/* What is folded later came later, whatever its stamp: the clock may have been set back. */
static bool fold_gauge(struct redis_carry *c, struct slice key, double v, int64_t stamp_ms,
                       bool absolute)
{
    struct gauge_change *g = &item_of(c, SERIES_GAUGE, key)->gauge;
    if (absolute) {
        *g = (struct gauge_change){ .absolute = true, .value = v, .stamp_ms = stamp_ms };
        return true;
    }
    if (!isfinite(g->delta + v))
        return false;
    g->delta += v;
    g->stamp_ms = stamp_ms > g->stamp_ms ? stamp_ms : g->stamp_ms;
    return true;
}

static bool fold_timer(struct redis_carry *c, struct slice key, struct slice blob, char kind)
{
    struct redis_field f;
    /* An m in front of the msgpack: it came as `ms` (encode_series.c). */
    bool milliseconds = blob.len > 0 && blob.ptr[0] == 'm';
    if (milliseconds)
        blob = slice_of(blob.ptr + 1, blob.len - 1);
    buf_clear(&c->name);
    buf_append_char(&c->name, kind);
    buf_append_char(&c->name, '|');
    buf_append_slice(&c->name, key);
    bool good = redis_field_read(buf_slice(&c->name), blob, &f) == REDIS_FIELD_OK;
    if (good) {
        struct item *i = item_of(c, SERIES_TIMER, key);
        i->milliseconds |= milliseconds;
        c->bytes -= sketch_memory(i->timer);
        good = sketch_merge(i->timer, &f.part) == 0;
        c->bytes += sketch_memory(i->timer);
    }
    redis_field_release(&f);
    return good;
}

static double number_of(struct redis_number n)
{
    return n.is_whole ? (double)n.whole : n.real;
}

static enum gauge_merge merge_of(struct slice rule)
{
    if (rule.len > 0 && rule.ptr[0] == '+')
        rule = slice_of(rule.ptr + 1, rule.len - 1);
    for (int m = 0; m < GAUGE_MERGE_COUNT; m++)
        if (slice_eq(rule, slice_str(gauge_merge_name((enum gauge_merge)m))))
            return (enum gauge_merge)m;
    return GAUGE_MERGE_LATEST;
}

/* The same change is among the gauges: what is read here is the rule. */
static void fold_own(struct redis_carry *c, struct redis_unpack *u, struct slice key)
{
    (void)redis_unpack_number(u);
    (void)redis_unpack_int(u);
    enum gauge_merge merge = merge_of(redis_unpack_bytes(u));
    item_of(c, SERIES_GAUGE, key)->merge = merge;
}

/* returns  how many series of it are carried */
static uint64_t fold_section(struct redis_carry *c, struct redis_unpack *u, int section,
                             uint32_t ops)
{
    int64_t stamp = 0;
    uint64_t carried = 0;
    redis_unpack_begin(u);
    for (; ops > 0 && !u->bad; ops--) {
        const struct slice key = section != REDIS_SETS ? redis_unpack_key(u) : (struct slice){ 0 };
        double v;
        switch (section) {
        case REDIS_COUNTERS:
            carried += fold_counter(c, key, number_of(redis_unpack_number(u)));
            break;
        case REDIS_GAUGES:
        case REDIS_GAUGE_DELTAS:
            v = number_of(redis_unpack_number(u));
            stamp += redis_unpack_int(u);
            carried += fold_gauge(c, key, v, stamp, section == REDIS_GAUGES);
            break;
        case REDIS_TIMERS:
            carried += fold_timer(c, key, redis_unpack_bytes(u), 'h');
            break;
        case REDIS_TIMERS_NEGATIVE: /* of a timer that was carried above */
            (void)fold_timer(c, key, redis_unpack_bytes(u), 'n');
            break;
        case REDIS_GAUGES_OWN:
            fold_own(c, u, key);
            break;
        case REDIS_SETS:
            (void)redis_unpack_bytes(u);
            break;
        default: /* REDIS_SET_KEYS */
            break;
        }
    }
    return carried;
}

uint64_t redis_carry_fold(struct redis_carry *c, const struct redis_batch *b)
{
    struct redis_unpack u = { .rest = slice_of(b->bytes + b->head_len, b->len - b->head_len) };
    uint64_t carried = 0;
    assert(b->bale == NULL && b->seq == 0);
    c->at = &c->tables[b->shard];
    for (int s = 0; s < REDIS_SECTION_COUNT; s++)
        carried += fold_section(c, &u, s, b->ops[s]);
    redis_unpack_release(&u);
    c->life_s = b->life_s > c->life_s ? b->life_s : c->life_s;
    return carried < b->series ? carried : b->series;
}

/* ---- encoding ---- */

static void take(void *cookie, struct redis_batch *b)
{
    struct redis_carry *c = cookie;
    if (b->series == 0) {
        redis_batch_free(b);
        return;
    }
    b->last = false; /* no interval is complete with it */
    redis_batch_totals_only(b);
    c->take(c->cookie, b);
}

static struct closed_series closed_of(const struct item *i)
{
    const struct slice key = slice_of(i->key, i->key_len);
    struct closed_series s = { .key = key,
                               .name = redis_series_name(key),
                               .kind = i->kind,
                               .merge = i->merge,
                               .milliseconds = i->milliseconds };
    if (i->kind == SERIES_COUNTER)
        s.counter = i->counter;
    else if (i->kind == SERIES_GAUGE)
        s.gauge = i->gauge;
    else
        s.timer = i->timer;
    return s;
}

void redis_carry_left(const struct redis_carry *c, struct sink_amount *ret)
{
    for (int shard = 0; shard < REDIS_SHARDS; shard++) {
        const struct table *t = &c->tables[shard];
        for (size_t at = 0; at < t->cap; at++) {
            if (t->slots[at] == NULL)
                continue;
            const struct closed_series s = closed_of(t->slots[at]);
            sink_amount_add_series(ret, &s);
        }
    }
}

static void put(struct redis_carry *c, const struct item *i)
{
    const struct closed_series s = closed_of(i);
    redis_encode_put(c->encode, &s);
}

void redis_carry_encode(struct redis_carry *c, uint8_t shard, int64_t start_s,
                        redis_encode_take_fn to, void *cookie)
{
    struct table *t = &c->tables[shard];
    const struct snapshot snap = { .start_s = start_s, .interval_ms = 1000, .n_series = t->n };
    c->take = to;
    c->cookie = cookie;
    redis_encode_begin(c->encode, &snap, c->life_s, take, c);
    for (size_t at = 0; at < t->cap; at++)
        if (t->slots[at] != NULL)
            put(c, t->slots[at]);
    redis_encode_end(c->encode);
    clear(c, t);
}
