/*
 * One connection at a time, and what may happen to it.
 *
 *   attempt -> resolve -> take_context     a new context, with its callbacks
 *     on_connect -> redis_greeting_send
 *       on_named, on_greeting -> greeted   ready() of the owner
 *   redis_link_send -> on_reply            reply() of the owner, in the order of sending
 *
 *   fail, fail_as -> let_go                from every step, whatever goes wrong: attempt later
 *     on_connect_timeout, on_reply_timeout, on_disconnect, refuse, redis_link_retry
 *
 * A context that was let go of may call back once more, with NULL for each command that is due:
 * `current` tells them apart.
 */
#include "sinks/redis/link.h"

#include <assert.h>
#include <errno.h>
#include <hiredis/async.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/now.h"
#include "sinks/redis/backoff.h"
#include "sinks/redis/greeting.h"
#include "sinks/redis/lookup.h"
#include "sinks/redis/poll.h"
#include "sinks/redis/trouble.h"

enum {
    CONNECT_TIMEOUT_MS = 2000,
    REPLY_TIMEOUT_MS = 5000,
    REPLY_BYTES_MAX = 1 << 20,
    WHY_MAX = 256
};

enum link_state { WAITING, RESOLVING, CONNECTING, GREETING, READY, CLOSED };

struct redis_link {
    uv_loop_t *loop;
    struct redis_link_opts opts;
    struct redis_host at; /* ours; no host: a Unix socket */
    enum link_state state;
    redisAsyncContext *ac; /* NULL when there is none, or while one is being given up */
    struct redis_lookup *lookup;
    struct redis_backoff backoff;
    uv_timer_t wait;       /* until the next attempt */
    uv_timer_t deadline;   /* of the attempt, then of the next reply */
    int handles;           /* timers not closed yet */
    uint32_t address_turn; /* which address of a name: the next one at each attempt */
    size_t in_flight;      /* commands of the owner */
    bool in_owner;         /* within reply() or ready(), hence within a callback of hiredis */
    size_t greetings;      /* answers of the greeting still to come */
    struct redis_link_stats stats;
    struct redis_trouble trouble;
    char why[WHY_MAX]; /* of the last failure; "" there was none */
    char sha[41];
    char name[REDIS_GREETING_NAME_BYTES];
};

static void link_check(const struct redis_link *l)
{
    assert(l->ac == NULL || l->ac->data == l);
    assert(l->ac == NULL || l->state == CONNECTING || l->state == GREETING || l->state == READY);
    assert(l->lookup == NULL || l->state == RESOLVING);
    assert((l->greetings > 0) == (l->state == GREETING));
}

static void attempt(struct redis_link *l);
static void fail_as(struct redis_link *l, enum redis_trouble_kind kind, const char *why);

static void fail(struct redis_link *l, const char *why)
{
    fail_as(l, l->state == READY ? REDIS_TROUBLE_LOST : REDIS_TROUBLE_UNREACHABLE, why);
}

static void on_wait_over(uv_timer_t *t)
{
    attempt(t->data);
}

static void on_connect_timeout(uv_timer_t *t)
{
    struct redis_link *l = t->data;
    if (l->state == RESOLVING)
        fail(l, "timeout while resolving the host name");
    else
        fail(l, l->state == CONNECTING ? "timeout while connecting" : "timeout of the greeting");
}

static void on_reply_timeout(uv_timer_t *t)
{
    struct redis_link *l = t->data;
    /* Timers run before sockets are read: with an answer waiting, this thread was late. */
    if (l->ac != NULL && redis_poll_waiting(l->ac))
        uv_timer_start(t, on_reply_timeout, l->opts.reply_timeout_ms, 0);
    else
        fail(l, "timeout: no reply");
}

/* Let go of the connection; safe in every state, and in callbacks of hiredis. */
static void let_go(struct redis_link *l)
{
    redisAsyncContext *ac = l->ac;
    l->ac = NULL;
    redis_lookup_forget(l->lookup);
    l->lookup = NULL;
    if (ac != NULL)
        redisAsyncFree(ac);
    l->greetings = 0;
}

/* One way for everything that can go wrong.  why may live in what let_go frees. */
static void fail_as(struct redis_link *l, enum redis_trouble_kind kind, const char *why)
{
    if (l->state == CLOSED || l->state == WAITING)
        return;
    snprintf(l->why, sizeof l->why, "%s", why);
    enum link_state was = l->state;
    l->state = WAITING;
    if (was == READY)
        l->stats.disconnects++;
    else
        l->stats.failures++;
    uv_timer_stop(&l->deadline);
    uint64_t wait_ms = redis_backoff_next(&l->backoff);
    uv_timer_start(&l->wait, on_wait_over, wait_ms, 0);
    redis_trouble_log(&l->trouble, kind, l->opts.url, &l->at, l->why, wait_ms);
    let_go(l);
    link_check(l);
}

/* Does the context of this callback still concern us? */
static bool current(const redisAsyncContext *ac)
{
    const struct redis_link *l = ac->data;
    return l->ac == ac;
}

static void on_disconnect(const redisAsyncContext *ac, int status)
{
    struct redis_link *l = ac->data;
    (void)status;
    if (!current(ac))
        return; /* we let go of it ourselves */
    l->ac = NULL;
    /* The one allocation that fails here is the array that redis_poll refuses. */
    if (ac->err == REDIS_ERR_OOM)
        fail(l, "a reply that no command of ours has");
    else
        fail(l, ac->err != 0 ? ac->errstr : "connection closed");
}

static void refuse(redisAsyncContext *ac, const char *why)
{
    if (current(ac))
        fail(ac->data, why);
    else
        redisAsyncFree(ac);
}

static void after_reply(redisAsyncContext *ac)
{
    if (current(ac) && redis_poll_surplus(ac))
        refuse(ac, "a reply to no command");
}

/* ---- greeting ---- */

static void greeted(struct redis_link *l)
{
    uv_timer_stop(&l->deadline);
    l->state = READY;
    l->stats.connects++;
    redis_trouble_over(&l->trouble, l->opts.url, &l->at);
    link_check(l);
    l->in_owner = true;
    l->opts.ready(l->opts.cookie);
    l->in_owner = false;
}

static void on_greeting(redisAsyncContext *ac, void *r, void *cookie)
{
    const redisReply *reply = r;
    bool is_script = cookie != NULL;
    if (reply == NULL || !current(ac))
        return;
    struct redis_link *l = ac->data;
    if (reply->type == REDIS_REPLY_ERROR) {
        fail_as(l, REDIS_TROUBLE_REFUSED, reply->str);
        return;
    }
    if (is_script && (reply->type != REDIS_REPLY_STRING || reply->len != sizeof l->sha - 1)) {
        fail(l, "SCRIPT LOAD did not answer with a sha1");
        return;
    }
    if (is_script)
        memcpy(l->sha, reply->str, sizeof l->sha - 1);
    if (--l->greetings == 0)
        greeted(l);
    after_reply(ac);
}

/* The name is for CLIENT LIST only; a user without the right to set it is welcome. */
static void on_named(redisAsyncContext *ac, void *r, void *cookie)
{
    const redisReply *reply = r;
    (void)cookie;
    if (reply == NULL || !current(ac))
        return;
    struct redis_link *l = ac->data;
    if (reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "NOPERM", 6) != 0)
        fail_as(l, REDIS_TROUBLE_REFUSED, reply->str);
    else if (--l->greetings == 0)
        greeted(l);
    after_reply(ac);
}

/* ---- connecting ---- */

/* Here redisAsyncFree is forbidden: after a failure hiredis frees the context itself, by way of no
 * disconnect callback. */
static void on_connect(const redisAsyncContext *ac, int status)
{
    struct redis_link *l = ac->data;
    if (!current(ac))
        return;
    assert(l->state == CONNECTING);
    if (status == REDIS_OK) {
        /* On a Unix socket it would fail and spoil the context. */
        if (l->at.host != NULL)
            redisEnableKeepAlive(&l->ac->c);
        l->state = GREETING;
        l->greetings =
            redis_greeting_send(l->ac, l->opts.greets, l->opts.url, l->name, on_named, on_greeting);
        return;
    }
    l->ac = NULL;
    fail(l, ac->c.errstr);
}

/* Takes a context fresh from redisAsyncConnect*. */
static void take_context(struct redis_link *l, redisAsyncContext *ac)
{
    l->state = CONNECTING;
    if (ac == NULL) {
        fail(l, "out of memory");
        return;
    }
    l->ac = ac;
    ac->data = l;
    if (ac->err != 0) {
        fail(l, ac->errstr);
        return;
    }
    int rc =
        redis_poll_attach(l->loop, ac, refuse, l->opts.reply_bytes_max, l->opts.reply_depth_max);
    if (rc < 0) {
        fail(l, uv_strerror(rc));
        return;
    }
    redisAsyncSetDisconnectCallback(ac, on_disconnect);
    redisAsyncSetConnectCallback(ac, on_connect);
}

static void on_resolved(void *cookie, const char *ip, const char *error)
{
    struct redis_link *l = cookie;
    l->lookup = NULL;
    if (error != NULL) {
        fail(l, error);
        return;
    }
    l->address_turn++;
    take_context(l, redisAsyncConnect(ip, l->at.port));
}

static void resolve(struct redis_link *l)
{
    l->state = RESOLVING;
    int rc = redis_lookup_start(l->loop, l->at.host, l->address_turn, on_resolved, l, &l->lookup);
    if (rc == -EAGAIN)
        fail(l, "the name server does not answer: earlier lookups of the host still wait");
    else if (rc < 0)
        fail(l, uv_strerror(rc));
}

static void attempt(struct redis_link *l)
{
    assert(l->state == WAITING && l->ac == NULL && l->lookup == NULL);
    assert(l->in_flight == 0); /* those of the connection before were answered with NULL */
    uv_timer_start(&l->deadline, on_connect_timeout, l->opts.connect_timeout_ms, 0);
    if (l->at.host == NULL)
        take_context(l, redisAsyncConnectUnix(l->opts.url->path));
    else
        resolve(l);
}

/* ---- commands ---- */

static void on_reply(redisAsyncContext *ac, void *r, void *tag)
{
    struct redis_link *l = ac->data;
    assert(l->in_flight > 0);
    l->in_flight--;
    if (current(ac) && r != NULL) {
        if (l->in_flight == 0)
            uv_timer_stop(&l->deadline);
        else
            uv_timer_start(&l->deadline, on_reply_timeout, l->opts.reply_timeout_ms, 0);
    } else {
        r = NULL;
    }
    l->in_owner = true;
    l->opts.reply(l->opts.cookie, tag, r);
    l->in_owner = false;
    /* A connection that ends may leave half a reply in the reader: that is no surplus. */
    if (r != NULL)
        after_reply(ac);
}

bool redis_link_send(struct redis_link *l, const char *bytes, size_t n, void *tag)
{
    link_check(l);
    if (l->state != READY || l->ac == NULL ||
        redisAsyncFormattedCommand(l->ac, on_reply, tag, bytes, n) != REDIS_OK)
        return false;
    if (l->in_flight++ == 0) {
        uv_update_time(l->loop); /* the owner may have been busy since the loop last looked */
        uv_timer_start(&l->deadline, on_reply_timeout, l->opts.reply_timeout_ms, 0);
    }
    return true;
}

void redis_link_retry(struct redis_link *l, const char *why)
{
    fail_as(l, REDIS_TROUBLE_REFUSED, why);
}

void redis_link_thrive(struct redis_link *l)
{
    redis_backoff_reset(&l->backoff);
}

bool redis_link_is_ready(const struct redis_link *l)
{
    return l->state == READY && l->ac != NULL;
}

const char *redis_link_trouble(const struct redis_link *l)
{
    return l->why[0] != '\0' ? l->why : NULL;
}

const char *redis_link_sha(const struct redis_link *l)
{
    return l->sha;
}

void redis_link_stats(const struct redis_link *l, struct redis_link_stats *ret)
{
    *ret = l->stats;
}

/* ---- birth and death ---- */

struct redis_link *redis_link_new(uv_loop_t *loop, const struct redis_link_opts *opts)
{
    struct redis_link *l = mem_zalloc(sizeof *l);
    l->loop = loop;
    l->opts = *opts;
    l->opts.instance = NULL;
    l->opts.at = NULL;
    if (opts->at != NULL)
        l->at = (struct redis_host){ mem_strdup(opts->at->host), opts->at->port };
    assert(opts->at != NULL || opts->url->path != NULL);
    assert(opts->reply_depth_max <= REDIS_LINK_DEPTH_MAX);
    if (l->opts.reply_bytes_max == 0)
        l->opts.reply_bytes_max = REPLY_BYTES_MAX;
    redis_greeting_name(l->name, opts->instance);
    if (l->opts.connect_timeout_ms == 0)
        l->opts.connect_timeout_ms = CONNECT_TIMEOUT_MS;
    if (l->opts.reply_timeout_ms == 0)
        l->opts.reply_timeout_ms = REPLY_TIMEOUT_MS;
    redis_backoff_init(&l->backoff, now_mono_ns());
    uv_timer_init(loop, &l->wait);
    uv_timer_init(loop, &l->deadline);
    l->wait.data = l->deadline.data = l;
    l->handles = 2;
    attempt(l);
    return l;
}

static void on_timer_closed(uv_handle_t *h)
{
    struct redis_link *l = h->data;
    assert(l->handles > 0 && l->state == CLOSED);
    if (--l->handles > 0)
        return;
    free(l->at.host);
    free(l);
}

void redis_link_free(struct redis_link *l)
{
    if (l == NULL)
        return;
    assert(l->state != CLOSED && !l->in_owner);
    l->state = CLOSED;
    let_go(l);
    assert(l->in_flight == 0);
    uv_close((uv_handle_t *)&l->wait, on_timer_closed);
    uv_close((uv_handle_t *)&l->deadline, on_timer_closed);
}
