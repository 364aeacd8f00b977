/*
 * The load's series as commands of flush_reference.lua.
 *
 *   append_series   a series, by its kind, as arguments into the draft of its shard
 *   seal            a draft as a command: keys, how many of each kind, their arguments
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "fleet.h"
#include "sinks/redis/keys.h"
#include "sinks/redis/resp.h"

enum { BATCH_SERIES = 250, RETENTION_S = 600, FIXED_KEYS = 3, FIXED_ARGS = 6 };

struct draft {
    struct buf part[SERIES_KIND_COUNT], set_keys;
    uint32_t n[SERIES_KIND_COUNT], args, series;
};

struct fleet_reference {
    struct fleet_plan plan;
    const char *sha;
    struct draft drafts[REDIS_SHARDS];
    uint32_t *seqs; /* of each instance and shard */
    struct buf command, key, text;
};

struct fleet_reference *fleet_reference_new(const struct fleet_plan *plan, const char *sha40)
{
    struct fleet_reference *r = mem_zalloc(sizeof *r);
    r->plan = *plan;
    r->sha = sha40;
    r->seqs = mem_zalloc(sizeof *r->seqs * plan->instances * REDIS_SHARDS);
    return r;
}

void fleet_reference_free(struct fleet_reference *r)
{
    for (uint32_t nn = 0; nn < REDIS_SHARDS; nn++) {
        for (int k = 0; k < SERIES_KIND_COUNT; k++)
            buf_release(&r->drafts[nn].part[k]);
        buf_release(&r->drafts[nn].set_keys);
    }
    buf_release(&r->command);
    buf_release(&r->key);
    buf_release(&r->text);
    free(r->seqs);
    free(r);
}

/* {sd:NN}:what */
static struct slice shard_key(struct fleet_reference *r, uint32_t nn, const char *what)
{
    buf_clear(&r->key);
    buf_printf(&r->key, "{sd:%02" PRIu32 "}:%s", nn, what);
    return buf_slice(&r->key);
}

static void append_timer(struct fleet_reference *r, const struct sketch *k, struct buf *out)
{
    struct sketch_buckets b;
    sketch_buckets_begin(k, false, &b);
    buf_clear(&r->text);
    redis_resp_pack_array(&r->text, 7 + (uint32_t)(b.last - b.first) + 1);
    redis_resp_pack_double(&r->text, k->count);
    redis_resp_pack_double(&r->text, k->sum);
    redis_resp_pack_double(&r->text, k->min);
    redis_resp_pack_double(&r->text, k->max);
    redis_resp_pack_i64(&r->text, b.schema);
    redis_resp_pack_double(&r->text, k->zero);
    redis_resp_pack_i64(&r->text, b.first);
    while (sketch_buckets_next(&b)) /* the load leaves none out */
        redis_resp_pack_double(&r->text, b.count);
    redis_resp_arg(out, buf_slice(&r->text));
}

/* returns  how many arguments */
static uint32_t append_series(struct fleet_reference *r, struct draft *d, uint32_t nn, uint32_t nth,
                              const struct closed_series *s, int64_t start_s)
{
    struct buf *out = &d->part[s->kind];
    if (s->kind == SERIES_SET) {
        shard_key(r, nn, "s:");
        buf_printf(&r->key, "%" PRId64 ":", start_s);
        buf_append_slice(&r->key, s->key);
        redis_resp_arg(&d->set_keys, buf_slice(&r->key));
        redis_resp_arg_u64(out, r->plan.members);
        for (uint32_t i = 0; i < r->plan.members; i++) {
            fleet_load_member(nth, i, &r->text);
            redis_resp_arg(out, buf_slice(&r->text));
        }
        return 1 + r->plan.members;
    }
    redis_resp_arg(out, s->key);
    if (s->kind == SERIES_COUNTER) {
        redis_resp_arg_double(out, s->counter);
        return 2;
    }
    if (s->kind == SERIES_TIMER) {
        append_timer(r, s->timer, out);
        return 2;
    }
    redis_resp_arg_double(out, s->gauge.value);
    redis_resp_arg_i64(out, s->gauge.stamp_ms);
    return 3;
}

static void seal(struct fleet_reference *r, uint32_t instance, uint32_t nn, int64_t start_s,
                 fleet_command_fn take, void *cookie)
{
    struct draft *d = &r->drafts[nn];
    struct buf *out = &r->command;
    uint32_t sets = d->n[SERIES_SET];
    buf_clear(out);
    redis_resp_command(out, 3 + FIXED_KEYS + sets + FIXED_ARGS + d->args);
    redis_resp_arg_str(out, "EVALSHA");
    redis_resp_arg_str(out, r->sha);
    redis_resp_arg_u64(out, FIXED_KEYS + sets);
    shard_key(r, nn, "p:");
    buf_printf(&r->key, "web-%04" PRIu32 ":1", instance);
    redis_resp_arg(out, buf_slice(&r->key));
    shard_key(r, nn, "i:");
    buf_printf(&r->key, "%" PRId64, start_s);
    redis_resp_arg(out, buf_slice(&r->key));
    redis_resp_arg(out, shard_key(r, nn, "tot"));
    buf_append_slice(out, buf_slice(&d->set_keys));
    redis_resp_arg_u64(out, ++r->seqs[instance * REDIS_SHARDS + nn]);
    redis_resp_arg_u64(out, RETENTION_S);
    for (int k = 0; k < SERIES_KIND_COUNT; k++)
        redis_resp_arg_u64(out, d->n[k]);
    for (int k = 0; k < SERIES_KIND_COUNT; k++) {
        buf_append_slice(out, buf_slice(&d->part[k]));
        buf_clear(&d->part[k]);
        d->n[k] = 0;
    }
    buf_clear(&d->set_keys);
    d->args = d->series = 0;
    take(cookie, nn, out);
}

void fleet_reference_flush(struct fleet_reference *r, struct fleet_load *l, uint32_t instance,
                           int64_t start_s, fleet_command_fn take, void *cookie)
{
    for (uint32_t nth = 0; nth < r->plan.series; nth++) {
        struct closed_series s;
        fleet_load_series(l, instance, nth, start_s, &s);
        uint32_t nn = redis_keys_shard(s.name);
        struct draft *d = &r->drafts[nn];
        d->args += append_series(r, d, nn, nth, &s, start_s);
        d->n[s.kind]++;
        if (++d->series == BATCH_SERIES)
            seal(r, instance, nn, start_s, take, cookie);
    }
    for (uint32_t nn = 0; nn < REDIS_SHARDS; nn++)
        seal(r, instance, nn, start_s, take, cookie);
}
