/*
 * The parts of the sink, wired together.
 *
 *   sink_interval -> encode -> ledger -> pump
 *   on_ready, on_reply, on_wake       -> pump -> redis_ledger_pump -> send_batch -> route
 *
 *   close   first the route: it answers for what is in flight, and needs the url;
 *           then the ledger, which must have nothing in flight; the memory goes with the timer
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/now.h"
#include "sinks/redis.h"
#include "sinks/redis/encode.h"
#include "sinks/redis/identity.h"
#include "sinks/redis/keys.h"
#include "sinks/redis/ledger.h"
#include "sinks/redis/route.h"
#include "sinks/redis/url.h"

enum { KEEP_MIN_MS = 15000, LIFE_MIN_S = 3600, FINAL_LIFE_S = 60 };

struct redis_sink {
    struct sink sink; /* first: the two are one address */
    struct redis_url url;
    struct redis_encode *encode;
    struct redis_ledger *ledger;
    struct redis_route *route;
    struct redis_stats counted; /* what sink_counted gave out last */
    uv_timer_t wake;            /* the ledger's next time to send */
    uint32_t life_s;            /* of a producer's key in Redis after its last batch */
    uint64_t delay_ms;          /* of each interval, so that a fleet does not flush at one moment */
};

/* It is one of ours, whatever list it came from. */
static void self_check(const struct sink *s)
{
    assert(s->counters == &redis_counters);
}

static const struct redis_sink *self_const(const struct sink *s)
{
    self_check(s);
    return (const struct redis_sink *)s;
}

static struct redis_sink *self(struct sink *s)
{
    self_check(s);
    return (struct redis_sink *)s;
}

static void pump(struct redis_sink *r);

static void on_wake(uv_timer_t *t)
{
    pump(t->data);
}

static void pump(struct redis_sink *r)
{
    uint64_t now_ms = now_mono_ms();
    uint64_t wake_ms = redis_ledger_pump(r->ledger, now_ms);
    uv_update_time(r->wake.loop);
    if (wake_ms > now_ms)
        uv_timer_start(&r->wake, on_wake, wake_ms - now_ms, 0);
}

static bool send_batch(void *cookie, struct redis_batch *b)
{
    struct redis_sink *r = cookie;
    return redis_route_send(r->route, b);
}

static void on_ready(void *cookie)
{
    pump(cookie);
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
        redis_route_retry(r->route, shard, v.text);
        return;
    }
    redis_route_thrive(r->route, shard);
    pump(r);
}

static void take_batch(void *cookie, struct redis_batch *b)
{
    redis_ledger_take(cookie, b);
}

static void sink_interval(struct sink *s, const struct snapshot *snap, bool final)
{
    struct redis_sink *r = self(s);
    uint64_t now_ms = now_mono_ms();
    redis_ledger_begin(r->ledger, snap->start_s, now_ms, now_ms + r->delay_ms);
    redis_encode_interval(r->encode, snap, final ? FINAL_LIFE_S : r->life_s, take_batch, r->ledger);
    redis_ledger_end(r->ledger, now_ms);
    if (final)
        redis_ledger_hurry(r->ledger);
    pump(r);
}

static bool sink_idle(const struct sink *s)
{
    return redis_ledger_idle(self_const(s)->ledger);
}

static void sink_left(const struct sink *s, struct sink_amount *ret)
{
    redis_ledger_left(self_const(s)->ledger, ret);
}

static void sink_give_up(struct sink *s)
{
    redis_ledger_give_up(self(s)->ledger);
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
    redis_ledger_free(r->ledger);
    redis_encode_free(r->encode);
    redis_url_release(&r->url);
    uv_close((uv_handle_t *)&r->wake, on_closed);
}

/* Longer than a batch may be sent again, and than from one interval to the next. */
static uint32_t life_of_producers(const struct redis_opts *o)
{
    uint64_t s = LIFE_MIN_S + 2 * (o->spool_max_age_ms + o->interval_ms) / 1000;
    return s < INT32_MAX ? (uint32_t)s : INT32_MAX;
}

static struct redis_ledger *make_ledger(struct redis_sink *r, const struct redis_opts *opts)
{
    uint64_t keep_ms = 2 * (uint64_t)opts->interval_ms;
    struct redis_ledger_opts o = {
        .max_bytes = opts->spool_max_bytes,
        .max_age_ms = opts->spool_max_age_ms,
        .keep_ms = keep_ms > KEEP_MIN_MS ? keep_ms : KEEP_MIN_MS,
        .node_of = redis_route_nodes(r->route),
        .cookie = r,
        .send = send_batch,
        .draw = redis_identity_draw,
    };
    if (opts->id != NULL)
        memcpy(o.id, opts->id, sizeof o.id);
    else
        redis_identity_draw(o.id, REDIS_ID_DIGITS);
    return redis_ledger_new(&o);
}

static bool good_id(const char *id)
{
    if (id == NULL)
        return true;
    size_t n = strlen(id);
    return n == REDIS_ID_DIGITS && strspn(id, "0123456789abcdef") == n;
}

static bool good_prefix(const char *prefix)
{
    return prefix != NULL && prefix[0] != '\0' && strpbrk(prefix, "{}") == NULL;
}

int redis_sink_new(uv_loop_t *loop, const struct redis_opts *opts, struct sink **ret)
{
    struct redis_url url;
    if (!good_prefix(opts->prefix) || opts->instance == NULL || opts->instance[0] == '\0' ||
        !good_id(opts->id) || redis_url_parse(opts->url, &url, NULL) < 0)
        return -EINVAL;
    struct redis_sink *r = mem_zalloc(sizeof *r);
    r->sink = (struct sink){ .name = "redis",
                             .counters = &redis_counters,
                             .interval = sink_interval,
                             .idle = sink_idle,
                             .left = sink_left,
                             .give_up = sink_give_up,
                             .counted = sink_counted,
                             .close = sink_close };
    r->url = url;
    const struct redis_encode_opts encode = { opts->prefix, opts->instance, opts->retention_s };
    const uint64_t crc = redis_keys_crc16(slice_str(opts->instance));
    r->delay_ms = crc * (opts->interval_ms / 4) / 65536;
    r->encode = redis_encode_new(&encode);
    r->life_s = life_of_producers(opts);
    uv_timer_init(loop, &r->wake);
    r->wake.data = r;
    const struct redis_route_opts route = {
        .nodes = &r->url,
        .n_nodes = 1,
        .instance = opts->instance,
        .connect_timeout_ms = opts->connect_timeout_ms,
        .reply_timeout_ms = opts->reply_timeout_ms,
        .cookie = r,
        .ready = on_ready,
        .reply = on_reply,
    };
    r->route = redis_route_new(loop, &route);
    r->ledger = make_ledger(r, opts);
    *ret = &r->sink;
    return 0;
}

void redis_sink_stats(const struct sink *s, struct redis_stats *ret)
{
    const struct redis_sink *r = self_const(s);
    struct redis_link_stats link;
    redis_ledger_stats(r->ledger, now_mono_ms(), ret);
    redis_route_stats(r->route, &link);
    ret->series_refused += redis_encode_refused(r->encode);
    ret->connects = link.connects;
    ret->disconnects = link.disconnects;
    ret->connect_failures = link.failures;
    ret->connected = redis_route_is_ready(r->route);
}
