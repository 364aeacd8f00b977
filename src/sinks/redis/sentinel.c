/*
 *   redis_sentinel_ask -> on_turn -> a link to the next Sentinel
 *     on_ready -> the question -> on_reply -> found()
 *     on_lost, or an answer without a master -> on_turn: the one after it
 *
 * A link must not be freed in its callbacks, so that is left to on_turn.
 */
#include "sinks/redis/sentinel.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/now.h"
#include "sinks/redis/backoff.h"
#include "sinks/redis/link.h"

enum { LOG_PERIOD_MS = 10000, WHY_BYTES = 160 };

struct redis_sentinel {
    uv_loop_t *loop;
    struct redis_sentinel_opts opts;
    char *instance;
    uv_timer_t turn;
    struct redis_link *link; /* to hosts[at] */
    uint8_t at, failed;      /* how many did not help, one after the other */
    bool asking, done;       /* wanted; and answered, so that the link may go */
    bool named;              /* hosts[at] named a master, at the last question */
    bool stuck;              /* none of them has helped */
    bool answered;           /* one did answer, and why is what it said */
    char why[WHY_BYTES];
    struct redis_backoff backoff;
    struct log_gate gate;
};

static void on_turn(uv_timer_t *t);

static void turn_in(struct redis_sentinel *s, uint64_t ms)
{
    uv_update_time(s->loop);
    uv_timer_start(&s->turn, on_turn, ms, 0);
}

static void note_why(struct redis_sentinel *s, const char *error)
{
    const struct redis_host *h = &s->opts.url->hosts[s->at];
    snprintf(s->why, sizeof s->why, "the Sentinel at %s:%u: %s", h->host, (unsigned)h->port, error);
}

/* This one did not help: the next one, and after a round of them a pause. */
static void try_next(struct redis_sentinel *s)
{
    if (s->done)
        return;
    s->done = true;
    s->at = (uint8_t)((s->at + 1) % s->opts.url->n_hosts);
    bool round = ++s->failed >= s->opts.url->n_hosts;
    if (round)
        s->failed = 0;
    s->stuck |= round;
    turn_in(s, round ? redis_backoff_next(&s->backoff) : 0);
}

static void on_ready(void *cookie)
{
    struct redis_sentinel *s = cookie;
    struct buf b = { 0 };
    const char *name = s->opts.url->master;
    buf_printf(&b, "*3\r\n$8\r\nSENTINEL\r\n$23\r\nget-master-addr-by-name\r\n$%zu\r\n%s\r\n",
               strlen(name), name);
    redis_link_send(s->link, b.ptr, b.len, s);
    buf_release(&b);
}

static void say_unknown(struct redis_sentinel *s, const redisReply *reply)
{
    uint64_t suppressed;
    const struct redis_host *h = &s->opts.url->hosts[s->at];
    bool error = reply->type == REDIS_REPLY_ERROR;
    const char *text = error ? reply->str : "no master of that name";
    note_why(s, text);
    s->answered = true;
    if (log_gate(&s->gate, LOG_PERIOD_MS, now_mono_ms(), &suppressed))
        LOG(LOG_ERROR, "redis sentinel does not know the master", F_STR("addr", h->host),
            F_U64("port", h->port), F_STR("master", s->opts.url->master), F_STR("error", text),
            F_STR("remedy", "write the name of `sentinel monitor` into redis.url"),
            F_U64("suppressed", suppressed));
}

static bool read_master(const struct redis_sentinel *s, const redisReply *r, struct redis_addr *ret)
{
    const struct redis_host *h = &s->opts.url->hosts[s->at];
    struct redis_addr asked;
    int64_t port;
    redis_addr_set(&asked, slice_str(h->host), h->port, &(struct redis_addr){ 0 });
    return r->type == REDIS_REPLY_ARRAY && r->elements == 2 &&
           r->element[0]->type == REDIS_REPLY_STRING && r->element[1]->type == REDIS_REPLY_STRING &&
           number_parse_int(slice_of(r->element[1]->str, r->element[1]->len), &port) &&
           redis_addr_set(ret, slice_of(r->element[0]->str, r->element[0]->len), port, &asked);
}

static void on_reply(void *cookie, void *tag, const redisReply *reply)
{
    struct redis_sentinel *s = cookie;
    struct redis_addr at;
    (void)tag;
    if (reply == NULL || s->done)
        return;
    if (!read_master(s, reply, &at)) {
        say_unknown(s, reply);
        try_next(s);
        return;
    }
    s->done = true;
    s->asking = false;
    s->named = true;
    s->stuck = s->answered = false;
    s->failed = 0;
    redis_backoff_reset(&s->backoff);
    turn_in(s, 0);
    s->opts.found(s->opts.cookie, &at);
}

static void on_lost(void *cookie)
{
    struct redis_sentinel *s = cookie;
    const char *why = s->link != NULL ? redis_link_trouble(s->link) : NULL;
    if (!s->done && !s->answered && why != NULL)
        note_why(s, why);
    try_next(s);
}

static void on_turn(uv_timer_t *t)
{
    struct redis_sentinel *s = t->data;
    redis_link_free(s->link);
    s->link = NULL;
    if (!s->asking)
        return;
    const struct redis_link_opts o = {
        .url = s->opts.url,
        .login = s->opts.login,
        .at = &s->opts.url->hosts[s->at],
        .greets = REDIS_GREETS_SENTINEL,
        .reply_depth_max = 1,
        .instance = s->instance,
        .connect_timeout_ms = s->opts.timeout_ms,
        .reply_timeout_ms = s->opts.timeout_ms,
        .cookie = s,
        .ready = on_ready,
        .reply = on_reply,
        .lost = on_lost,
    };
    s->done = false;
    s->link = redis_link_new(s->loop, &o);
}

void redis_sentinel_ask(struct redis_sentinel *s, bool doubt)
{
    if (s->asking)
        return;
    s->asking = true;
    if (doubt && s->named)
        s->at = (uint8_t)((s->at + 1) % s->opts.url->n_hosts);
    s->named = false;
    turn_in(s, 0);
}

const char *redis_sentinel_trouble(const struct redis_sentinel *s)
{
    return s->stuck && s->why[0] != '\0' ? s->why : NULL;
}

struct redis_sentinel *redis_sentinel_new(uv_loop_t *loop, const struct redis_sentinel_opts *opts)
{
    assert(opts->url->master != NULL && opts->url->n_hosts > 0);
    struct redis_sentinel *s = mem_zalloc(sizeof *s);
    s->loop = loop;
    s->opts = *opts;
    s->instance = mem_strdup(opts->instance);
    s->opts.instance = s->instance;
    redis_backoff_init(&s->backoff, now_mono_ns());
    uv_timer_init(loop, &s->turn);
    s->turn.data = s;
    return s;
}

static void on_closed(uv_handle_t *h)
{
    struct redis_sentinel *s = h->data;
    free(s->instance);
    free(s);
}

void redis_sentinel_free(struct redis_sentinel *s)
{
    if (s == NULL)
        return;
    s->done = true;
    redis_link_free(s->link);
    uv_close((uv_handle_t *)&s->turn, on_closed);
}
