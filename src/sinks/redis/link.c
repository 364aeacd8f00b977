/*
 * One connection at a time, and what may happen to it.
 *
 *   attempt -> on_looked_up                the addresses of the host
 *     connect_next                         a new wire, to one that does not refuse at once
 *     on_open -> redis_greeting_make
 *       on_wire_reply -> greeted           ready() of the owner
 *   redis_link_send -> on_wire_reply       reply() of the owner, in the order of sending
 *
 *   fail, fail_as -> let_go                from every step, whatever goes wrong: attempt later
 *     on_connect_timeout, on_reply_timeout, on_over, redis_link_retry
 *
 * What is in flight at an end is answered with NULL: at once, or after the owner's callback.
 */
#include "sinks/redis/link.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/now.h"
#include "sinks/redis/backoff.h"
#include "sinks/redis/dial.h"
#include "sinks/redis/login.h"
#include "sinks/redis/lookup.h"
#include "sinks/redis/pending.h"
#include "sinks/redis/secret.h"
#include "sinks/redis/trouble.h"
#include "sinks/redis/wire.h"

enum {
    CONNECT_TIMEOUT_MS = 2000,
    REPLY_TIMEOUT_MS = 5000,
    REPLY_BYTES_MAX = 1 << 20,
    WHY_MAX = 256,
    CUT_GREETINGS = 3 /* connections in a row that end in their greeting: refused, not cut */
};

enum link_state { WAITING, RESOLVING, CONNECTING, GREETING, READY, CLOSED };

struct redis_link {
    uv_loop_t *loop;
    struct redis_link_opts opts;
    struct redis_host at; /* ours; no host: a Unix socket */
    enum link_state state;
    struct redis_wire *wire;     /* NULL: none */
    struct redis_lookup *lookup; /* NULL: none */
    struct redis_ips ips;        /* of the host, in this attempt */
    uint32_t ips_left;           /* not tried in this attempt */
    uint32_t first;              /* where this attempt begins */
    uint32_t lookups;            /* each begins with another address: one may swallow all */
    struct redis_backoff backoff;
    uv_timer_t wait;                /* until the next attempt */
    uv_timer_t deadline;            /* of the attempt, then of the next reply */
    int handles;                    /* timers not closed yet */
    uint32_t cut;                   /* greetings in a row that the end of the connection cut off */
    struct redis_pending in_flight; /* commands of the owner */
    bool in_owner;                  /* within reply() or ready() */
    struct redis_greeting greeting;
    struct redis_link_stats stats;
    struct redis_trouble trouble;
    char why[WHY_MAX]; /* of the last failure; "" there was none */
    char sha[41];
    char name[REDIS_GREETING_NAME_BYTES];
};

static void link_check(const struct redis_link *l)
{
    assert((l->wire != NULL) ==
           (l->state == CONNECTING || l->state == GREETING || l->state == READY));
    assert(l->lookup == NULL || l->state == RESOLVING);
    assert(l->ips_left < REDIS_IPS_MAX);
    assert(l->in_flight.n == 0 || l->state == READY || l->in_owner);
}

static void attempt(struct redis_link *l);
static int connect_next(struct redis_link *l);
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
    char why[WHY_MAX];
    if (l->state == RESOLVING)
        snprintf(why, sizeof why, "timeout while resolving the host name");
    else if (l->state == CONNECTING)
        snprintf(why, sizeof why, "timeout while waiting for %s", redis_wire_step(l->wire));
    else
        snprintf(why, sizeof why, "timeout of the greeting: no answer to %s",
                 redis_greeting_due(&l->greeting));
    fail(l, why);
}

static void on_reply_timeout(uv_timer_t *t)
{
    struct redis_link *l = t->data;
    /* Timers run before sockets are read: with an answer waiting, this thread was late. */
    if (redis_wire_waiting(l->wire))
        uv_timer_start(t, on_reply_timeout, l->opts.reply_timeout_ms, 0);
    else
        fail(l, "timeout: no reply");
}

/* The owner may free nothing here, and send nothing: the link is not ready. */
static void answer_with_nothing(struct redis_link *l)
{
    while (l->in_flight.n > 0) {
        void *tag = redis_pending_take(&l->in_flight);
        bool nested = l->in_owner;
        l->in_owner = true;
        l->opts.reply(l->opts.cookie, tag, NULL);
        l->in_owner = nested;
    }
}

/* Let go of the connection; safe in every state, and in callbacks of the wire. */
static void let_go(struct redis_link *l)
{
    redis_lookup_forget(l->lookup);
    l->lookup = NULL;
    redis_wire_close(l->wire);
    l->wire = NULL;
}

/* One way for everything that can go wrong.  why may live in what let_go frees. */
static void fail_as(struct redis_link *l, enum redis_trouble_kind kind, const char *why)
{
    if (l->state == CLOSED || l->state == WAITING)
        return;
    snprintf(l->why, sizeof l->why, "%s", why);
    if (l->state == READY)
        l->stats.disconnects++;
    else
        l->stats.failures++;
    l->state = WAITING;
    uv_timer_stop(&l->deadline);
    uint64_t wait_ms = redis_backoff_next(&l->backoff);
    uv_timer_start(&l->wait, on_wait_over, wait_ms, 0);
    redis_trouble_log(&l->trouble, kind, l->opts.url, &l->at, why, wait_ms);
    let_go(l);
    if (!l->in_owner)
        answer_with_nothing(l);
    link_check(l);
    if (l->opts.lost != NULL)
        l->opts.lost(l->opts.cookie);
}

/* A proxy closes the connection at a command that it does not know, and so does a Redis that is
 * about to end, or one that waits for TLS. */
static void fail_in_greeting(struct redis_link *l, const char *why)
{
    char text[WHY_MAX];
    snprintf(text, sizeof text, "%s before the answer to %s", why,
             redis_greeting_due(&l->greeting));
    fail_as(l, ++l->cut < CUT_GREETINGS ? REDIS_TROUBLE_UNREACHABLE : REDIS_TROUBLE_REFUSED, text);
}

/* localhost is ::1 first, and a Redis may be on 127.0.0.1 alone: that is no failure.  The deadline
 * stays that of the attempt. */
static void try_another(struct redis_link *l)
{
    let_go(l);
    l->state = RESOLVING;
    int rc = connect_next(l);
    if (rc < 0)
        fail(l, err_text(rc));
}

static void on_over(void *cookie, enum redis_wire_end how, const char *why)
{
    struct redis_link *l = cookie;
    if (how == REDIS_WIRE_NONE && l->ips_left > 0) {
        try_another(l);
        return;
    }
    if (how == REDIS_WIRE_UNSAFE)
        fail_as(l, REDIS_TROUBLE_REFUSED, why);
    else if (how == REDIS_WIRE_CUT && l->state == GREETING)
        fail_in_greeting(l, why);
    else
        fail(l, why);
}

/* ---- greeting ---- */

static void greeted(struct redis_link *l)
{
    uv_timer_stop(&l->deadline);
    l->state = READY;
    l->cut = 0;
    l->stats.connects++;
    memcpy(l->sha, l->greeting.sha, sizeof l->sha);
    if (l->opts.greets != REDIS_GREETS_SENTINEL) /* asked every minute, over a new link */
        redis_trouble_over(&l->trouble, l->opts.url, &l->at);
    link_check(l);
    l->in_owner = true;
    l->opts.ready(l->opts.cookie);
    l->in_owner = false;
    if (l->state != READY)
        answer_with_nothing(l);
}

static void on_greeting(struct redis_link *l, const redisReply *reply)
{
    switch (redis_greeting_answer(&l->greeting, reply)) {
    case REDIS_GREETING_MORE:
        break;
    case REDIS_GREETING_DONE:
        greeted(l);
        break;
    case REDIS_GREETING_REFUSED:
        fail_as(l, REDIS_TROUBLE_REFUSED, l->greeting.why);
        break;
    case REDIS_GREETING_ODD:
        fail(l, l->greeting.why);
        break;
    }
}

static void on_open(void *cookie)
{
    struct redis_link *l = cookie;
    struct buf hello = { 0 };
    char *password = NULL, why[WHY_MAX];
    assert(l->state == CONNECTING);
    l->state = GREETING;
    bool sentinel = l->opts.greets == REDIS_GREETS_SENTINEL;
    if (redis_login_password(l->opts.login, l->opts.url, sentinel, &password, why, sizeof why) <
        0) {
        fail_as(l, REDIS_TROUBLE_REFUSED, why);
        return;
    }
    redis_greeting_make(&l->greeting, l->opts.greets, l->opts.url, password, l->name, &hello);
    redis_secret_forget(password);
    (void)redis_wire_send(l->wire, hello.ptr, hello.len, l->greeting.n); /* the first is taken */
    explicit_bzero(hello.ptr, hello.len);
    buf_release(&hello);
    link_check(l);
}

/* ---- connecting ---- */

static void on_wire_reply(void *cookie, const redisReply *reply);

/* returns  0: on_open or on_over comes; -errno */
static int connect_by(struct redis_link *l, int take_fd)
{
    const struct redis_wire_opts opts = {
        .tls = redis_login_tls(l->opts.login),
        .server_name = l->at.host,
        .reply_bytes_max = l->opts.reply_bytes_max,
        .reply_depth_max = l->opts.reply_depth_max,
        .cookie = l,
        .open = on_open,
        .reply = on_wire_reply,
        .over = on_over,
    };
    int rc = redis_wire_open(l->loop, take_fd, &opts, &l->wire);
    if (rc == 0)
        l->state = CONNECTING;
    return rc;
}

/* returns  0: as connect_by; -errno of the last address that was left */
static int connect_next(struct redis_link *l)
{
    int fd = -1, rc = -ENOENT;
    assert(l->state == RESOLVING && l->wire == NULL && l->ips_left <= l->ips.n);
    while (rc < 0 && l->ips_left > 0) {
        uint32_t tried = l->ips.n - l->ips_left--;
        rc = redis_dial_ip(l->ips.ip[(l->first + tried) % l->ips.n], l->at.port, &fd);
        if (rc == 0)
            rc = connect_by(l, fd);
    }
    return rc;
}

static void on_looked_up(void *cookie, const struct redis_ips *ips, const char *error)
{
    struct redis_link *l = cookie;
    l->lookup = NULL;
    if (error != NULL) {
        fail(l, error);
        return;
    }
    l->ips = *ips;
    l->ips_left = ips->n;
    l->first = l->lookups++ % ips->n;
    int rc = connect_next(l);
    if (rc < 0)
        fail(l, err_text(rc));
}

static void look_up(struct redis_link *l)
{
    int rc = redis_lookup_start(l->loop, l->at.host, on_looked_up, l, &l->lookup);
    if (rc == -EAGAIN)
        fail(l, "the name server does not answer: an earlier lookup of the host still waits");
    else if (rc == -EBUSY)
        fail(l, "too many host names are looked up at a time");
    else if (rc < 0)
        fail(l, err_text(rc));
}

static void attempt(struct redis_link *l)
{
    int fd = -1, rc;
    assert(l->state == WAITING && l->wire == NULL && l->lookup == NULL);
    assert(l->in_flight.n == 0); /* those of the connection before were answered with NULL */
    uv_timer_start(&l->deadline, on_connect_timeout, l->opts.connect_timeout_ms, 0);
    l->state = RESOLVING;
    l->ips_left = 0;
    if (l->at.host != NULL && !redis_dial_is_ip(l->at.host)) {
        look_up(l);
        return;
    }
    if (l->at.host != NULL)
        rc = redis_dial_ip(l->at.host, l->at.port, &fd);
    else
        rc = redis_dial_path(l->opts.url->path, &fd);
    if (rc == 0)
        rc = connect_by(l, fd);
    if (rc < 0)
        fail(l, err_text(rc));
}

/* ---- commands ---- */

static void on_command_reply(struct redis_link *l, const redisReply *reply)
{
    void *tag = redis_pending_take(&l->in_flight);
    if (l->in_flight.n == 0)
        uv_timer_stop(&l->deadline);
    else
        uv_timer_start(&l->deadline, on_reply_timeout, l->opts.reply_timeout_ms, 0);
    l->in_owner = true;
    l->opts.reply(l->opts.cookie, tag, reply);
    l->in_owner = false;
    if (l->state != READY)
        answer_with_nothing(l);
}

static void on_wire_reply(void *cookie, const redisReply *reply)
{
    struct redis_link *l = cookie;
    link_check(l);
    if (l->state == GREETING)
        on_greeting(l, reply);
    else
        on_command_reply(l, reply);
}

bool redis_link_send(struct redis_link *l, const char *bytes, size_t n, void *tag)
{
    link_check(l);
    if (l->state != READY || !redis_wire_send(l->wire, bytes, n, 1))
        return false;
    redis_pending_add(&l->in_flight, tag);
    if (l->in_flight.n == 1) {
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
    return l->state == READY;
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
    assert(opts->login != NULL || !opts->url->tls); /* never plain where TLS is meant */
    assert(opts->reply_depth_max <= REDIS_REPLIES_DEPTH_MAX);
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
    redis_pending_release(&l->in_flight);
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
    answer_with_nothing(l);
    uv_close((uv_handle_t *)&l->wait, on_timer_closed);
    uv_close((uv_handle_t *)&l->deadline, on_timer_closed);
}
