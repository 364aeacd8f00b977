/*
 *     adopt      a connection that control accepted: into the epoll set, and the list by age
 *     on_ready   the loop: read_ready, each connection up to ROUND_BYTES
 *     drain      a page turn: each connection that is ready once, all that the kernel had of it
 *     read_from  channel -> stream_cut, until there is no more, or it was enough
 *     on_idle    ends those that are quiet for too long: the oldest ones of the list
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
#include "listen/connection.h"
#include "listen/stream_cut.h"
#include "listen/transport_priv.h"
#include "protocol/framing.h"

enum {
    EVENTS_MAX = 64,         /* connections of one epoll_wait */
    ROUND_BYTES = 256 * 1024 /* of one connection, before others have their turn */
};

static_assert(TRANSPORT_STREAM_BYTES >=
                  STREAM_READ_BYTES + FRAMING_ROOM + sizeof(struct stream_cut),
              "what a source takes");
static_assert(TRANSPORT_CONNECTION_BYTES >= FRAMING_ROOM + 2 * sizeof(struct connection),
              "what a connection takes");

struct source_stream {
    struct source base;
    struct stream_cut cut;
    enum framing_kind framing;
    uint64_t idle_ms; /* 0: never */
    int epoll;
    uv_poll_t poll;
    uv_timer_t timer;
    struct connection *oldest, *newest; /* by their last byte */
    uint64_t turn;                      /* page turns so far */
};

static void source_stream_check(const struct source_stream *s)
{
    source_check(&s->base);
    assert(s->epoll >= 0 && (s->oldest == NULL) == (s->newest == NULL));
    assert(s->oldest == NULL || (s->oldest->older == NULL && s->newest->newer == NULL));
}

/* ---- the list by age ---- */

static void unlink_connection(struct source_stream *s, struct connection *c)
{
    *(c->older != NULL ? &c->older->newer : &s->oldest) = c->newer;
    *(c->newer != NULL ? &c->newer->older : &s->newest) = c->older;
    c->older = c->newer = NULL;
}

static void append(struct source_stream *s, struct connection *c, uint64_t now_ms)
{
    c->older = s->newest;
    c->newer = NULL;
    *(s->newest != NULL ? &s->newest->newer : &s->oldest) = c;
    s->newest = c;
    c->quiet_since_ms = now_ms;
}

/* ---- the end of a connection ---- */

static void end(struct source_stream *s, struct connection *c, enum stream_end why)
{
    uint64_t before = s->cut.datagrams;
    bool clean = why == STREAM_END_EOF;
    bool cut = stream_cut_end(&s->cut, c, clean, now_mono_ns());
    if (cut && clean)
        why = STREAM_END_BAD_FRAME;
    else if (cut)
        s->base.stats.cut++;
    if (s->framing == FRAMING_DSD)
        s->base.stats.frames += s->cut.datagrams - before;
    unlink_connection(s, c);
    c->channel.ops->close(&c->channel); /* the epoll set forgets it as well */
    c->end = why;
    connection_push(c->back, c);
}

static void on_idle(uv_timer_t *timer);

/* The timer runs as long as there are connections. */
static void watch_idle(struct source_stream *s, uint64_t now_ms)
{
    if (s->idle_ms == 0 || s->oldest == NULL || uv_is_active((uv_handle_t *)&s->timer))
        return;
    uint64_t due_ms = s->oldest->quiet_since_ms + s->idle_ms;
    uv_update_time(s->base.env->loop);
    uv_timer_start(&s->timer, on_idle, due_ms > now_ms ? due_ms - now_ms : 1, 0);
}

static void on_idle(uv_timer_t *timer)
{
    struct source_stream *s = timer->data;
    uint64_t now_ms = now_mono_ms();
    while (s->oldest != NULL && now_ms - s->oldest->quiet_since_ms >= s->idle_ms)
        end(s, s->oldest, STREAM_END_IDLE);
    watch_idle(s, now_ms);
}

/* ---- reading ---- */

/*
 * Do its first bytes look like those of the other framing?  The header of a frame ends in two zero
 * bytes, since no frame is longer than 65,535; text has no such byte.
 */
static bool begins_odd(enum framing_kind framing, const char *ptr, size_t n)
{
    if (n < FRAMING_HEADER)
        return false;
    if (framing == FRAMING_LINE)
        return (ptr[0] != '\0' || ptr[1] != '\0') && ptr[2] == '\0' && ptr[3] == '\0';
    for (int i = 0; i < FRAMING_HEADER; i++)
        if (ptr[i] < ' ' || ptr[i] > '~')
            return false;
    return true;
}

static enum stream_end take(struct source_stream *s, struct connection *c, size_t n)
{
    const uint64_t now_ns = now_mono_ns(), before = s->cut.datagrams;
    if (!c->began && begins_odd(s->framing, s->cut.read, n))
        s->base.stats.odd++;
    c->began = true;
    s->base.stats.bytes += n;
    unlink_connection(s, c);
    append(s, c, now_ns / 1000000);
    enum stream_end e = stream_cut_push(&s->cut, c, n, now_ns);
    if (s->framing == FRAMING_DSD)
        s->base.stats.frames += s->cut.datagrams - before;
    return e;
}

/* The epoll set waits for what the channel waits for.  returns  0 or -errno */
static int wait_for(struct source_stream *s, struct connection *c, int op)
{
    const uint32_t events = c->channel.ops->events(&c->channel) | EPOLLRDHUP;
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
    bool more = true;
    for (size_t got = 0; more && (got <= enough || ch->ops->pending(ch) > 0);) {
        ssize_t n = ch->ops->read(ch, s->cut.read, STREAM_READ_BYTES);
        if (n == -EAGAIN)
            break;
        if (n > 0)
            why = take(s, c, (size_t)n);
        else
            why = n == 0 ? STREAM_END_EOF : STREAM_END_ERROR;
        if (why != STREAM_GOES_ON)
            break;
        got += (size_t)n;
        more = ended || ch->ops->more(ch, STREAM_READ_BYTES, (size_t)n);
    }
    if (why == STREAM_GOES_ON && wait_for(s, c, EPOLL_CTL_MOD) < 0)
        why = STREAM_END_ERROR;
    if (why != STREAM_GOES_ON)
        end(s, c, why);
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
    for (int i = 0; i < n; i++)
        read_from(s, ready[i].data.ptr, ROUND_BYTES - 1, has_ended(&ready[i]));
}

/* ---- what a worker asks for ---- */

static void adopt(struct source *base, struct connection *list)
{
    struct source_stream *s = (struct source_stream *)base;
    const uint64_t now_ms = now_mono_ms();
    source_stream_check(s);
    s->cut.place = base->place;
    for (struct connection *c = list, *next; c != NULL; c = next) {
        next = c->next;
        framing_init(&c->framing, s->framing, s->cut.front);
        append(s, c, now_ms);
        if (wait_for(s, c, EPOLL_CTL_ADD) < 0)
            end(s, c, STREAM_END_ERROR);
    }
    watch_idle(s, now_ms);
}

/* How much the kernel has is asked of each connection when it is read. */
static void look(struct source *base)
{
    source_stream_check((struct source_stream *)base);
}

static void end_all(struct source_stream *s)
{
    while (s->oldest != NULL)
        end(s, s->oldest, STREAM_END_STOP);
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
            read_from(s, c, channel_held(&c->channel), has_ended(&ready[i]));
        }
    }
    if (last)
        end_all(s);
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
    end_all(s);
    uv_close((uv_handle_t *)&s->poll, on_closed);
    uv_close((uv_handle_t *)&s->timer, on_closed);
    close(s->epoll);
    stream_cut_release(&s->cut);
}

static const struct source_ops ops = {
    .look = look, .drain = drain, .adopt = adopt, .close = close_source
};

int source_stream_new(struct source_env *env, const struct listen_address *a, int fd,
                      struct source **ret)
{
    (void)fd;
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0)
        return -errno;
    struct source_stream *s = mem_zalloc(sizeof *s);
    s->base.ops = &ops;
    s->base.env = env;
    s->framing = a->framing;
    s->idle_ms = a->idle_timeout_ms;
    s->epoll = epoll;
    int rc = uv_poll_init(env->loop, &s->poll, epoll);
    if (rc < 0) {
        close(epoll);
        free(s);
        return rc;
    }
    stream_cut_init(&s->cut, env->lane, env->refusals, a->gauge_sign);
    s->poll.data = s->timer.data = s;
    uv_timer_init(env->loop, &s->timer);
    rc = uv_poll_start(&s->poll, UV_READABLE, on_ready);
    assert(rc == 0); /* a handle that is not closing */
    (void)rc;
    *ret = &s->base;
    return 0;
}
