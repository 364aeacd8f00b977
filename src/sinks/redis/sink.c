/*
 * The parts of the sink, wired together.
 *
 *   sink_begin, sink_put   -> encode -> batches of the interval (filled)
 *   sink_end               -> ledger -> pump
 *   sink_entry             -> append -> pump_entries
 *   on_reply_ask           -> janitor -> pump
 *   on_reply, on_wake, a node is ready  -> pump -> redis_append_pump -> send_entry -> route
 *                                               -> redis_ledger_pump -> send_batch -> route
 *
 *   close   the route first: it answers for what is in flight; the memory goes with the timer
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/now.h"
#include "sinks/redis.h"
#include "sinks/redis/append.h"
#include "sinks/redis/encode.h"
#include "sinks/redis/filled.h"
#include "sinks/redis/identity.h"
#include "sinks/redis/janitor.h"
#include "sinks/redis/keys.h"
#include "sinks/redis/ledger.h"
#include "sinks/redis/login.h"
#include "sinks/redis/route.h"
#include "sinks/redis/sink_opts.h"
#include "sinks/redis/state.h"

enum { FINAL_LIFE_S = 60 };

struct redis_sink {
    struct sink sink; /* first: the two are one address */
    struct redis_login *login;
    struct redis_encode *encode;
    struct redis_ledger *ledger;
    struct redis_append *append;
    struct redis_janitor *janitor;
    struct redis_route *route;
    char *prefix, *instance; /* these three: in every entry */
    char id[REDIS_ID_DIGITS + 1];
    struct redis_stats counted; /* what sink_counted gave out last */
    uv_timer_t wake;            /* the earliest of the next three */
    /* When each has something to send; 0: not by time. */
    uint64_t ledger_wake_ms, entries_wake_ms, janitor_wake_ms;
    uint32_t life_s;   /* of a producer's key in Redis after its last batch */
    bool resumes;      /* and after the last batch of the process */
    uint64_t delay_ms; /* of each interval, so that a fleet does not flush at one moment */
    struct redis_filled filled;
};

/* It is one of ours, whatever list it came from. */
static const struct redis_sink *self_const(const struct sink *s)
{
    assert(s->counters == &redis_counters);
    return (const struct redis_sink *)s;
}

static struct redis_sink *self(struct sink *s)
{
    (void)self_const(s);
    return (struct redis_sink *)s;
}

static void pump(void *cookie);

static void on_wake(uv_timer_t *t)
{
    pump(t->data);
}

static void arm(struct redis_sink *r, uint64_t now_ms)
{
    const uint64_t at_ms[] = { r->ledger_wake_ms, r->entries_wake_ms, r->janitor_wake_ms };
    uint64_t wake_ms = 0;
    for (size_t i = 0; i < ARRAY_LEN(at_ms); i++)
        if (at_ms[i] != 0 && (wake_ms == 0 || at_ms[i] < wake_ms))
            wake_ms = at_ms[i];
    uv_update_time(r->wake.loop);
    if (wake_ms > now_ms)
        uv_timer_start(&r->wake, on_wake, wake_ms - now_ms, 0);
}

static void pump_entries(struct redis_sink *r, uint64_t now_ms)
{
    r->entries_wake_ms = redis_append_pump(r->append, now_ms);
    arm(r, now_ms);
}

/* Entries go first: they are few, and on a new connection none is sent behind a batch before Redis
 * has taken one. */
static void pump(void *cookie)
{
    struct redis_sink *r = cookie;
    uint64_t now_ms = now_mono_ms();
    pump_entries(r, now_ms);
    r->ledger_wake_ms = redis_ledger_pump(r->ledger, now_ms);
    r->janitor_wake_ms = redis_janitor_pump(r->janitor, now_ms);
    arm(r, now_ms);
}

static bool send_batch(void *cookie, struct redis_batch *b)
{
    return redis_route_send(((struct redis_sink *)cookie)->route, b);
}

static bool takes_batches(void *cookie, uint8_t shard)
{
    return redis_route_takes(((struct redis_sink *)cookie)->route, shard);
}

static bool send_entry(void *cookie, struct redis_entry *e)
{
    return redis_route_send_entry(((struct redis_sink *)cookie)->route, e);
}

static const char *sha_at(void *cookie, uint8_t place)
{
    return redis_route_sha(((struct redis_sink *)cookie)->route, place);
}

static bool send_ask(void *cookie, struct redis_ask *a)
{
    return redis_route_ask(((struct redis_sink *)cookie)->route, a);
}

static void on_reply(void *cookie, struct redis_batch *b, const redisReply *reply)
{
    struct redis_sink *r = cookie;
    uint8_t shard = b->shard; /* the ledger may free b */
    assert(b->in_flight);     /* each batch is answered once */
    struct redis_verdict v = redis_reply_judge(reply, b->seq);
    redis_ledger_answer(r->ledger, b, &v, now_mono_ms());
    if (v.kind == REDIS_VERDICT_LOST)
        return;
    if (v.kind == REDIS_VERDICT_LATER) {
        redis_route_retry(r->route, v.text);
        return;
    }
    redis_route_thrive(r->route, shard);
    pump(r);
}

static void on_reply_entry(void *cookie, struct redis_entry *e, const redisReply *reply)
{
    struct redis_sink *r = cookie;
    uint8_t place = e->place; /* append may free e */
    struct redis_verdict v = redis_reply_judge_entry(reply);
    uint64_t now_ms = now_mono_ms();
    redis_append_answer(r->append, e, &v, now_ms);
    if (v.kind == REDIS_VERDICT_LOST)
        return;
    if (v.kind == REDIS_VERDICT_LATER && redis_reply_is_of_server(v.text)) {
        redis_route_retry(r->route, v.text);
        return;
    }
    if (v.kind == REDIS_VERDICT_APPLIED)
        redis_route_thrive(r->route, place);
    pump_entries(r, now_ms);
}

static const struct redis_verdict returned = { .kind = REDIS_VERDICT_RETURNED };

static void on_returned(void *cookie, struct redis_batch *b)
{
    redis_ledger_answer(((struct redis_sink *)cookie)->ledger, b, &returned, now_mono_ms());
    pump(cookie);
}

static void on_returned_entry(void *cookie, struct redis_entry *e)
{
    redis_append_answer(((struct redis_sink *)cookie)->append, e, &returned, now_mono_ms());
    pump(cookie);
}

static void on_reply_ask(void *cookie, struct redis_ask *a, const redisReply *reply)
{
    struct redis_sink *r = cookie;
    (void)a; /* there is but one */
    redis_janitor_answer(r->janitor, reply, now_mono_ms());
    if (reply != NULL)
        pump(r);
}

static void take_batch(void *cookie, struct redis_batch *b)
{
    struct redis_sink *r = cookie;
    redis_filled_add(&r->filled, b);
    redis_ledger_expect(r->ledger, b, now_mono_ms());
}

static void hurry(struct redis_sink *r)
{
    redis_ledger_hurry(r->ledger);
    redis_append_hurry(r->append);
}

static void sink_begin(struct sink *s, const struct snapshot *snap, bool final)
{
    struct redis_sink *r = self(s);
    redis_filled_begin(&r->filled, snap, final, now_mono_ms());
    redis_encode_begin(r->encode, snap, final && !r->resumes ? FINAL_LIFE_S : r->life_s, take_batch,
                       r);
}

static void sink_put(struct sink *s, const struct closed_series *c)
{
    redis_encode_put(self(s)->encode, c);
}

static void sink_end(struct sink *s)
{
    struct redis_sink *r = self(s);
    redis_encode_end(r->encode);
    redis_filled_end(&r->filled, r->ledger, r->delay_ms, now_mono_ms());
    if (r->filled.final)
        hurry(r);
    pump(r);
}

static void sink_entry(struct sink *s, const struct event_entry *e)
{
    struct redis_sink *r = self(s);
    uint64_t now_ms = now_mono_ms();
    redis_append_take(r->append, e, now_ms);
    pump_entries(r, now_ms);
}

static bool sink_idle(const struct sink *s)
{
    const struct redis_sink *r = self_const(s);
    return !r->filled.open && redis_ledger_idle(r->ledger) && redis_append_idle(r->append);
}

static void sink_left(const struct sink *s, struct sink_amount *ret)
{
    redis_ledger_left(self_const(s)->ledger, ret);
    redis_filled_left(&self_const(s)->filled, ret);
    redis_append_left(self_const(s)->append, ret);
}

static void sink_give_up(struct sink *s)
{
    redis_ledger_give_up(self(s)->ledger);
    redis_append_give_up(self(s)->append);
}

static void sink_save(struct sink *s, struct records_writer *to)
{
    redis_state_save(self(s)->ledger, self(s)->prefix, now_mono_ms(), to);
}

static void sink_saved(struct sink *s)
{
    redis_ledger_saved(self(s)->ledger);
}

static int sink_load(struct sink *s, uint8_t type, struct slice body, uint64_t age_ms)
{
    struct redis_sink *r = self(s);
    if (type < REDIS_STATE_LEDGER || type > REDIS_STATE_BALE)
        return 0;
    (void)redis_state_load(r->ledger, r->prefix, type, body, now_mono_ms(), age_ms);
    return 1; /* one batch is not worth the counters of the file */
}

static void sink_loaded(struct sink *s, bool good)
{
    if (good)
        redis_ledger_loaded(self(s)->ledger);
    else
        redis_ledger_unload(self(s)->ledger);
}

static const void *sink_counted(struct sink *s)
{
    redis_sink_stats(s, &self(s)->counted);
    return &self(s)->counted;
}

static void on_closed(uv_handle_t *h)
{
    free(h->data);
}

static void sink_close(struct sink *s)
{
    struct redis_sink *r = self(s);
    redis_route_free(r->route);
    r->route = NULL;
    redis_filled_release(&r->filled);
    redis_ledger_free(r->ledger);
    redis_append_free(r->append);
    redis_janitor_free(r->janitor);
    redis_encode_free(r->encode);
    free(r->prefix);
    free(r->instance);
    redis_login_free(r->login);
    uv_close((uv_handle_t *)&r->wake, on_closed);
}

static struct redis_ledger *make_ledger(struct redis_sink *r, const struct redis_opts *opts,
                                        const struct redis_encode_opts *carry)
{
    struct redis_ledger_opts o = redis_sink_opts_ledger(opts);
    o.carry = carry;
    o.node_of = redis_route_nodes(r->route);
    o.cookie = r;
    o.takes = takes_batches;
    o.send = send_batch;
    o.draw = redis_identity_draw;
    memcpy(o.id, r->id, sizeof o.id);
    return redis_ledger_new(&o);
}

static struct redis_append *make_append(struct redis_sink *r, const struct redis_opts *opts)
{
    struct redis_append_opts o = redis_sink_opts_append(opts);
    o.origin.prefix = r->prefix;
    o.origin.instance = r->instance;
    o.origin.id = r->id;
    o.cookie = r;
    o.send = send_entry;
    return redis_append_new(&o);
}

int redis_sink_new(uv_loop_t *loop, const struct redis_opts *opts, struct sink **ret)
{
    struct redis_login *login;
    if (!redis_sink_opts_good(opts) || redis_login_new(loop, opts->url, &opts->files, &login) < 0)
        return -EINVAL;
    struct redis_sink *r = mem_zalloc(sizeof *r);
    r->sink = (struct sink){ .name = "redis",
                             .counters = &redis_counters,
                             .begin = sink_begin,
                             .put = sink_put,
                             .end = sink_end,
                             .entry = sink_entry,
                             .idle = sink_idle,
                             .left = sink_left,
                             .give_up = sink_give_up,
                             .save = sink_save,
                             .saved = sink_saved,
                             .load = sink_load,
                             .loaded = sink_loaded,
                             .counted = sink_counted,
                             .close = sink_close };
    r->login = login;
    r->prefix = mem_strdup(opts->prefix);
    r->instance = mem_strdup(opts->instance);
    if (opts->id != NULL)
        memcpy(r->id, opts->id, sizeof r->id);
    else
        redis_identity_draw(r->id, REDIS_ID_DIGITS);
    const struct redis_encode_opts encode = redis_sink_opts_encode(opts);
    const uint64_t crc = redis_keys_crc16(slice_str(opts->instance));
    r->delay_ms = crc * (opts->interval_ms / 4) / 65536;
    r->encode = redis_encode_new(&encode);
    r->life_s = redis_sink_opts_life_s(opts);
    r->resumes = opts->resumes;
    uv_timer_init(loop, &r->wake);
    r->wake.data = r;
    const struct redis_route_opts route = {
        .url = redis_login_url(r->login),
        .login = r->login,
        .prefix = opts->prefix,
        .instance = opts->instance,
        .connect_timeout_ms = opts->connect_timeout_ms,
        .reply_timeout_ms = opts->reply_timeout_ms,
        .cookie = r,
        .ready = pump,
        .reply = on_reply,
        .reply_entry = on_reply_entry,
        .returned = on_returned,
        .returned_entry = on_returned_entry,
        .reply_ask = on_reply_ask,
    };
    r->route = redis_route_new(loop, &route);
    r->ledger = make_ledger(r, opts, &encode);
    r->append = make_append(r, opts);
    const struct redis_janitor_opts janitor = {
        opts->prefix, opts->totals_ttl_s, crc % REDIS_SHARDS, r, sha_at, send_ask
    };
    r->janitor = redis_janitor_new(&janitor);
    *ret = &r->sink;
    return 0;
}

void redis_sink_stats(const struct sink *s, struct redis_stats *ret)
{
    const struct redis_sink *r = self_const(s);
    redis_ledger_stats(r->ledger, now_mono_ms(), ret);
    redis_append_stats(r->append, ret);
    redis_route_stats(r->route, ret);
    ret->pruned = redis_janitor_pruned(r->janitor);
    ret->series_refused += redis_encode_refused(r->encode);
}
