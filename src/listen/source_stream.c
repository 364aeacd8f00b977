/*
 *     adopt      a connection that control accepted: into the epoll set, and the list by age
 *     on_ready   the loop: each connection up to ROUND_BYTES, and one handshake
 *     drain      a page turn: each connection that is ready once, all that the kernel had of it
 *     read_from  channel -> stream_cut, until there is no more, or it was enough
 *     on_old     ends those that are quiet, or shaking hands, for too long: the oldest of a list
 *     end        closes it, and gives it back to control
 */
#include "listen/source_stream.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/now.h"
#include "listen/ages.h"
#include "listen/connection.h"
#include "listen/stream_cut.h"
#include "listen/stream_guess.h"
#include "listen/tls_door.h"
#include "listen/transport_priv.h"
#include "protocol/framing.h"

enum {
    EVENTS_MAX = 64,         /* connections of one epoll_wait */
    ROUND_BYTES = 256 * 1024 /* of one connection, before others have their turn */
};

static_assert(TRANSPORT_STREAM_BYTES >=
                  STREAM_READ_BYTES + FRAMING_ROOM + sizeof(struct stream_cut),
              "what a source takes");
static_assert(TRANSPORT_CONNECTION_BYTES >=
                  FRAMING_ROOM + sizeof(struct connection) + 3ul * MEM_APART,
              "what a connection takes");

struct source_stream {
    struct source base;
    struct stream_cut cut;
    enum framing_kind framing;
    int epoll;
    uv_poll_t poll;
    struct ages open;     /* by their last byte */
    struct ages greeting; /* whose handshake is not done, by their beginning */
    uint64_t turn;        /* page turns so far */
};

static void source_stream_check(const struct source_stream *s)
{
    source_check(&s->base);
    assert(s->epoll >= 0);
    ages_check(&s->open);
    ages_check(&s->greeting);
}

/* ---- the lists by age ---- */

static struct ages *ages_of(struct source_stream *s, const struct connection *c)
{
    return c->greeting ? &s->greeting : &s->open;
}

/* ---- the end of a connection ---- */

/* Its handshake will not be done.  Who went without a word is no failure: a check of the port. */
static enum stream_end end_of_greeting(struct source_stream *s, struct connection *c,
                                       enum stream_end why)
{
    if (why == STREAM_END_TLS) {
        s->base.stats.tls_timeout++;
        c->tls_error = "no handshake within 5 s";
    } else if (why == STREAM_END_ERROR) {
        s->base.stats.tls_failed++;
        c->tls_error = c->channel.ops->error(&c->channel);
        return STREAM_END_TLS;
    }
    return why;
}

/* clean: the client said that it has sent all */
static void end(struct source_stream *s, struct connection *c, enum stream_end why, bool clean)
{
    uint64_t before = s->cut.datagrams;
    bool cut = stream_cut_end(&s->cut, c, clean, now_mono_ns());
    if (cut && clean)
        why = STREAM_END_BAD_FRAME;
    else if (cut)
        s->base.stats.cut++;
    if (s->framing == FRAMING_DSD)
        s->base.stats.frames += s->cut.datagrams - before;
    ages_remove(ages_of(s, c), c);
    if (c->greeting)
        why = end_of_greeting(s, c, why);
    /* By itself the set would keep it for as long as another process has the connection open. */
    (void)epoll_ctl(s->epoll, EPOLL_CTL_DEL, c->channel.fd, NULL);
    c->channel.ops->close(&c->channel);
    c->end = why;
    connection_push(c->back, c);
}

static void on_old(uv_timer_t *timer);

static void watch_ages(struct source_stream *s, struct ages *a, uint64_t now_ms)
{
    if (a->limit_ms == 0 || a->oldest == NULL || uv_is_active((uv_handle_t *)&a->timer))
        return;
    uint64_t due_ms = a->oldest->quiet_since_ms + a->limit_ms;
    uv_update_time(s->base.env->loop);
    uv_timer_start(&a->timer, on_old, due_ms > now_ms ? due_ms - now_ms : 1, 0);
}

/* If the handshake of c is done, it is one of the open ones. */
static void look_at_greeting(struct source_stream *s, struct connection *c)
{
    if (!c->greeting || channel_handshake(&c->channel) != CHANNEL_OPEN)
        return;
    uint64_t now_ms = now_mono_ms();
    ages_remove(ages_of(s, c), c);
    c->greeting = false;
    ages_append(ages_of(s, c), c, now_ms);
    s->base.stats.tls_ok++;
    watch_ages(s, &s->open, now_ms);
}

/* ---- reading ---- */

static enum stream_end take(struct source_stream *s, struct connection *c, size_t n)
{
    const uint64_t now_ns = now_mono_ns(), before = s->cut.datagrams;
    if (!c->began && stream_begins_odd(s->framing, s->cut.read, n))
        s->base.stats.odd++;
    if (!c->began && stream_begins_tls(s->cut.read, n))
        s->base.stats.odd_tls++;
    c->began = true;
    s->base.stats.bytes += n;
    ages_remove(ages_of(s, c), c);
    ages_append(ages_of(s, c), c, now_ns / 1000000);
    enum stream_end e = stream_cut_push(&s->cut, c, n, now_ns);
    if (s->framing == FRAMING_DSD)
        s->base.stats.frames += s->cut.datagrams - before;
    return e;
}

/* The epoll set waits for what the channel waits for.  returns  0 or -errno */
static int wait_for(struct source_stream *s, struct connection *c, int op)
{
    uint32_t events = c->channel.ops->events(&c->channel);
    if (events & EPOLLIN) /* else the end is not read yet, and would be told again and again */
        events |= EPOLLRDHUP;
    struct epoll_event e = { .events = events, .data.ptr = c };
    if (op == EPOLL_CTL_MOD && c->events == events)
        return 0;
    c->events = events;
    return epoll_ctl(s->epoll, op, c->channel.fd, &e) < 0 ? -errno : 0;
}

/*
 * Read c until the kernel has no more, or more than `enough` bytes were read.
 *   ended   the epoll set has said that there is an end behind the bytes
 */
static void read_from(struct source_stream *s, struct connection *c, size_t enough, bool ended)
{
    struct channel *ch = &c->channel;
    enum stream_end why = STREAM_GOES_ON;
    bool more = true, clean = false;
    for (size_t got = 0; more && (got <= enough || ch->ops->pending(ch) > 0);) {
        ssize_t n = ch->ops->read(ch, s->cut.read, STREAM_READ_BYTES);
        look_at_greeting(s, c);
        if (n == -EAGAIN)
            break;
        clean = n == 0;
        if (n > 0)
            why = take(s, c, (size_t)n);
        else
            why = n == 0 || n == -ECONNABORTED ? STREAM_END_EOF : STREAM_END_ERROR;
        if (why != STREAM_GOES_ON)
            break;
        got += (size_t)n;
        more = ended || ch->ops->more(ch, STREAM_READ_BYTES, (size_t)n);
    }
    if (why == STREAM_GOES_ON && wait_for(s, c, EPOLL_CTL_MOD) < 0)
        why = STREAM_END_ERROR;
    if (why != STREAM_GOES_ON)
        end(s, c, why, clean);
}

/*
 * Has c, the oldest of the open ones, still nothing to say?  The loop looks at timers first: while
 * the worker was busy, bytes or the end may have come, which are read now.
 */
static bool is_quiet(struct source_stream *s, struct connection *c)
{
    const uint64_t since_ms = c->quiet_since_ms;
    read_from(s, c, channel_held(&c->channel), false);
    return s->open.oldest == c && c->quiet_since_ms == since_ms;
}

static void on_old(uv_timer_t *timer)
{
    struct source_stream *s = timer->data;
    bool open = timer == &s->open.timer;
    struct ages *a = open ? &s->open : &s->greeting;
    uint64_t now_ms = now_mono_ms();
    while (a->oldest != NULL && a->oldest->quiet_since_ms + a->limit_ms <= now_ms) {
        struct connection *c = a->oldest;
        if (!open || is_quiet(s, c))
            end(s, c, open ? STREAM_END_IDLE : STREAM_END_TLS, false);
    }
    watch_ages(s, a, now_ms);
}

/*
 * Answering a client takes a signature: 0.3 ms to 12 ms.  The loop answers one, and then has a look
 * at datagrams and page turns; c waits if another one was answered before.
 */
static bool is_its_turn(const struct connection *c, bool *answered)
{
    bool first = !*answered, begins = channel_handshake(&c->channel) == CHANNEL_BEGINS;
    *answered = *answered || begins;
    return first || !begins;
}

static bool has_ended(const struct epoll_event *e)
{
    return e->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct source_stream *s = poll->data;
    struct epoll_event ready[EVENTS_MAX];
    (void)status;
    (void)events;
    source_stream_check(s);
    /* The set gives those that were ready before a second time only after all others. */
    int n = epoll_wait(s->epoll, ready, EVENTS_MAX, 0);
    bool answered = false;
    for (int i = 0; i < n; i++)
        if (is_its_turn(ready[i].data.ptr, &answered))
            read_from(s, ready[i].data.ptr, ROUND_BYTES - 1, has_ended(&ready[i]));
}

/* ---- what a worker asks for ---- */

static void each(struct source *base, source_stream_fn fn, void *cookie)
{
    struct source_stream *s = (struct source_stream *)base;
    struct buf begun = { 0 };
    source_stream_check(s);
    for (const struct connection *c = s->open.oldest; c != NULL; c = c->newer) {
        buf_clear(&begun);
        stream_cut_begun(c, &begun);
        fn(cookie, base->place, c->channel.fd, buf_slice(&begun));
    }
    buf_release(&begun);
}

static void end_all(struct source_stream *s, bool tls_alone)
{
    for (struct connection *c = s->open.oldest, *next; c != NULL; c = next) {
        next = c->newer;
        if (!tls_alone || c->channel.ops->handshake != NULL)
            end(s, c, STREAM_END_STOP, false);
    }
    while (s->greeting.oldest != NULL)
        end(s, s->greeting.oldest, STREAM_END_STOP, false);
}

static void rest(struct source *base)
{
    struct source_stream *s = (struct source_stream *)base;
    source_stream_check(s);
    end_all(s, true);
    uv_poll_stop(&s->poll);
    uv_timer_stop(&s->open.timer);
    uv_timer_stop(&s->greeting.timer);
}

static void go_on(struct source *base)
{
    struct source_stream *s = (struct source_stream *)base;
    int rc = uv_poll_start(&s->poll, UV_READABLE, on_ready);
    assert(rc == 0); /* it was before */
    (void)rc;
    watch_ages(s, &s->open, now_mono_ms());
}

static void adopt(struct source *base, struct connection *list)
{
    struct source_stream *s = (struct source_stream *)base;
    const uint64_t now_ms = now_mono_ms();
    source_stream_check(s);
    s->cut.place = base->place;
    for (struct connection *c = list, *next; c != NULL; c = next) {
        next = c->next;
        framing_init(&c->framing, s->framing, s->cut.front);
        c->greeting = channel_handshake(&c->channel) != CHANNEL_OPEN;
        ages_append(ages_of(s, c), c, now_ms);
        enum stream_end why = stream_cut_go_on(&s->cut, c, now_mono_ns());
        if (why == STREAM_GOES_ON && wait_for(s, c, EPOLL_CTL_ADD) < 0)
            why = STREAM_END_ERROR;
        if (why != STREAM_GOES_ON)
            end(s, c, why, false);
    }
    watch_ages(s, &s->open, now_ms);
    watch_ages(s, &s->greeting, now_ms);
}

/* How much the kernel has is asked of each connection when it is read. */
static void look(struct source *base)
{
    source_stream_check((struct source_stream *)base);
}

static void drain(struct source *base, bool last)
{
    struct source_stream *s = (struct source_stream *)base;
    struct epoll_event ready[EVENTS_MAX];
    bool fresh = true;
    int n = EVENTS_MAX;
    source_stream_check(s);
    s->turn++;
    while (fresh && n == EVENTS_MAX) {
        fresh = false;
        n = epoll_wait(s->epoll, ready, EVENTS_MAX, 0);
        for (int i = 0; i < n; i++) {
            struct connection *c = ready[i].data.ptr;
            if (c->turn == s->turn) /* what it has now came after the turn began */
                continue;
            c->turn = s->turn;
            fresh = true;
            if (channel_handshake(&c->channel) == CHANNEL_BEGINS) /* dear, and brings no data */
                continue;
            read_from(s, c, channel_held(&c->channel), has_ended(&ready[i]));
        }
    }
    if (last)
        end_all(s, false);
}

static void on_closed(uv_handle_t *handle)
{
    (void)handle; /* the source is freed when the loop has ended */
}

static void close_source(struct source *base, bool own)
{
    struct source_stream *s = (struct source_stream *)base;
    (void)own;
    source_stream_check(s);
    end_all(s, false);
    uv_close((uv_handle_t *)&s->poll, on_closed);
    uv_close((uv_handle_t *)&s->open.timer, on_closed);
    uv_close((uv_handle_t *)&s->greeting.timer, on_closed);
    close(s->epoll);
    stream_cut_release(&s->cut);
}

static const struct source_ops ops = { .look = look,
                                       .drain = drain,
                                       .rest = rest,
                                       .go_on = go_on,
                                       .each = each,
                                       .adopt = adopt,
                                       .close = close_source

};

int source_stream_new(struct source_env *env, const struct listen_address *a, int fd,
                      bool inherited, struct source **ret)
{
    (void)fd;
    (void)inherited;
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0)
        return -errno;
    struct source_stream *s = mem_zalloc_apart(sizeof *s);
    s->base.ops = &ops;
    s->base.env = env;
    s->framing = a->framing;
    s->open.limit_ms = a->idle_timeout_ms;
    s->greeting.limit_ms = TLS_DOOR_HANDSHAKE_MS;
    s->epoll = epoll;
    int rc = uv_poll_init(env->loop, &s->poll, epoll);
    if (rc < 0) {
        close(epoll);
        free(s);
        return rc;
    }
    stream_cut_init(&s->cut, env, a->gauge_sign);
    s->poll.data = s->open.timer.data = s->greeting.timer.data = s;
    uv_timer_init(env->loop, &s->open.timer);
    uv_timer_init(env->loop, &s->greeting.timer);
    rc = uv_poll_start(&s->poll, UV_READABLE, on_ready);
    assert(rc == 0); /* a handle that is not closing */
    (void)rc;
    *ret = &s->base;
    return 0;
}
