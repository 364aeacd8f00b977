/*
 * Each listener has a door: its socket in the loop, and the counts of its addresses.
 *
 *     on_pending, acceptor_accept -> accept_all -> accept_one: the limits, then hand_over
 *     worker (connection.h)       -> ended      -> acceptor_collect: the counts go down
 *     accept fails                -> pause_all  -> on_pause_over
 *     enough TLS handshakes       -> must_rest  -> on_rest_over
 */
#include "listen/acceptor.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/now.h"
#include "listen/channel_tls.h"
#include "listen/connection.h"
#include "listen/door_poll.h"
#include "listen/peer_counts.h"
#include "listen/stream_log.h"
#include "listen/stream_refuse.h"
#include "listen/tls_door.h"
#include "listen/transport.h"

enum {
    ROUND_MAX = 64,                  /* connections of one wake-up, before the loop goes on */
    PENDING_MAX = 2 * LISTEN_BACKLOG /* those that are pending when they are asked for */
};

struct door {
    struct acceptor *acceptor;
    struct listener *listener;
    struct door_poll *poll;
    struct peer_counts *peers; /* NULL: its clients have no addresses */
    struct tls_door *tls;      /* NULL: without TLS */
    bool rests;                /* it has begun enough handshakes for now */
    struct stream_hints hints; /* given */
    struct door *next;
};

struct acceptor {
    uv_loop_t *loop;
    struct worker **workers;
    unsigned n_workers;
    unsigned next;                     /* worker to begin with, of those that have equally few */
    uint32_t open[LISTEN_WORKERS_MAX]; /* connections at each worker */
    uint64_t n_open, most;             /* of all listeners together */
    struct connection_stack ended;     /* pushed by workers */
    struct door *doors;
    uv_timer_t pause, rest;
    bool paused, stopped, leaving; /* leaving: what is pending at kept listeners is another's */
    struct log_gate gate, tls_gate;
};

static void acceptor_check(const struct acceptor *a)
{
    assert(a->n_workers > 0 && a->n_workers <= LISTEN_WORKERS_MAX && a->next < a->n_workers);
    assert(!a->stopped || !a->paused);
}

struct acceptor *acceptor_new(uv_loop_t *loop, struct worker **workers, unsigned n_workers,
                              uint64_t most)
{
    struct acceptor *a = mem_zalloc(sizeof *a);
    a->loop = loop;
    a->workers = workers;
    a->n_workers = n_workers;
    a->most = most;
    uv_timer_init(loop, &a->pause);
    uv_timer_init(loop, &a->rest);
    a->pause.data = a->rest.data = a;
    acceptor_check(a);
    return a;
}

/* ---- connections that have ended ---- */

static void forget(struct acceptor *a, struct connection *c)
{
    struct door *d = c->door;
    struct stream_counts *n = &d->listener->streams;
    assert(n->open > 0 && a->open[c->worker] > 0 && c->end < STREAM_END_COUNT);
    n->open--;
    a->n_open--;
    n->closed[c->end]++;
    a->open[c->worker]--;
    if (c->end == STREAM_END_TLS)
        stream_log_rejected(&a->tls_gate, d->listener, c);
    if (d->peers != NULL && c->peer.any.sa_family != AF_UNSPEC)
        peer_counts_drop(d->peers, &c->peer.any);
    free(c);
}

void acceptor_collect(struct acceptor *a)
{
    struct connection *c = connection_take_all(&a->ended);
    while (c != NULL) {
        struct connection *next = c->next;
        forget(a, c);
        c = next;
    }
    for (struct door *d = a->doors; d != NULL; d = d->next)
        stream_log_odd(d->listener, &d->hints);
}

/* ---- accepting ---- */

static void watch(struct acceptor *a);

static void on_rest_over(uv_timer_t *timer)
{
    struct acceptor *a = timer->data;
    for (struct door *d = a->doors; d != NULL; d = d->next)
        d->rests = false;
    watch(a);
}

/* May d begin no more handshakes now?  Then it is not watched until it may. */
static bool must_rest(struct door *d)
{
    struct acceptor *a = d->acceptor;
    uint64_t ms = d->tls == NULL ? 0 : tls_door_rest_ms(d->tls, now_mono_ms());
    if (ms == 0 || d->rests)
        return ms > 0;
    d->rests = true;
    d->listener->streams.tls.rests++;
    watch(a);
    if (!uv_is_active((uv_handle_t *)&a->rest))
        uv_timer_start(&a->rest, on_rest_over, ms, 0);
    return true;
}

static void on_pause_over(uv_timer_t *timer)
{
    struct acceptor *a = timer->data;
    a->paused = false;
    watch(a);
}

/* Pending connections keep a socket readable: without a pause, the loop would only try them. */
static void pause_all(struct acceptor *a, int rc)
{
    stream_log_waiting(&a->gate, rc);
    a->paused = !a->stopped;
    watch(a);
    if (a->paused)
        uv_timer_start(&a->pause, on_pause_over, ACCEPTOR_PAUSE_MS, 0);
}

static unsigned emptiest(struct acceptor *a)
{
    unsigned best = a->next;
    for (unsigned i = 1; i < a->n_workers; i++) {
        unsigned w = (a->next + i) % a->n_workers;
        if (a->open[w] < a->open[best])
            best = w;
    }
    a->next = (best + 1) % a->n_workers;
    return best;
}

/* returns  STREAM_REFUSAL_COUNT: it may come in */
static enum stream_refusal refusal_of(const struct door *d, const struct sockaddr *peer)
{
    return stream_refusal_of(d->listener, d->peers, d->acceptor->n_open >= d->acceptor->most, peer);
}

/* What its bytes are read by: see channel.h. */
static struct channel new_channel(const struct door *d, int fd)
{
    return d->tls == NULL ? channel_plain(fd) : channel_tls(fd, tls_door_begin(d->tls));
}

static struct connection *new_connection(struct door *d, struct channel channel)
{
    struct connection *c = mem_zalloc_apart(sizeof *c); /* another worker reads the next one */
    c->back = &d->acceptor->ended;
    c->door = d;
    c->worker = emptiest(d->acceptor);
    c->channel = channel;
    return c;
}

static void hand_over(struct connection *c, int fd, const union connection_peer *peer)
{
    struct door *d = c->door;
    struct acceptor *a = d->acceptor;
    struct listener *l = d->listener;
    if (d->peers != NULL && peer->any.sa_family != AF_UNSPEC) {
        c->peer = *peer;
        peer_counts_add(d->peers, &peer->any);
    } else if (transport_of(l->address.transport)->sender_pid) {
        c->pid = connection_pid_of(fd);
    }
    l->streams.open++;
    a->n_open++;
    a->open[c->worker]++;
    worker_adopt(a->workers[c->worker], l->places[listener_place_of(l, c->worker)], c);
}

/* returns  0, also when it was refused; -EAGAIN: none is pending; -errno */
static int accept_one(struct door *d)
{
    union connection_peer peer = { .any = { .sa_family = AF_UNSPEC } };
    socklen_t len = sizeof peer;
    struct sockaddr *to = d->peers != NULL ? &peer.any : NULL;
    int fd = accept4(d->poll->fd, to, to != NULL ? &len : NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return connection_was_lost(-errno) ? 0 : -errno;
    enum stream_refusal why = refusal_of(d, &peer.any);
    if (why == STREAM_REFUSAL_COUNT) {
        d->listener->streams.accepted++;
        hand_over(new_connection(d, new_channel(d, fd)), fd, &peer);
        return 0;
    }
    stream_refuse(d->listener, fd, why, &peer);
    return 0;
}

static void accept_all(struct door *d, int most)
{
    int rc = 0;
    if (d->acceptor->leaving && d->listener->kept)
        return;
    acceptor_collect(d->acceptor); /* so that those that have ended count in no limit */
    for (int i = 0; rc == 0 && i < most && !must_rest(d); i++)
        rc = accept_one(d);
    /* EINVAL: a Unix socket that was shut down and is empty */
    if (rc < 0 && rc != -EAGAIN && !(rc == -EINVAL && d->acceptor->stopped))
        pause_all(d->acceptor, rc);
}

static void on_pending(uv_poll_t *poll, int status, int events)
{
    struct door_poll *p = poll->data;
    (void)status;
    (void)events;
    accept_all(p->door, ROUND_MAX);
}

/* The loop watches the doors, unless nothing is to be accepted now. */
static void watch(struct acceptor *a)
{
    for (struct door *d = a->doors; d != NULL; d = d->next) {
        if (a->paused || a->stopped || d->rests || (a->leaving && d->listener->kept))
            uv_poll_stop(&d->poll->poll);
        else
            uv_poll_start(&d->poll->poll, UV_READABLE, on_pending);
    }
}

void acceptor_accept(struct acceptor *a)
{
    acceptor_check(a);
    for (struct door *d = a->doors; d != NULL && !a->paused; d = d->next)
        accept_all(d, PENDING_MAX);
}

/* ---- doors ---- */

int acceptor_add(struct acceptor *a, struct listener *l, struct buf *error)
{
    assert(l->n == 1 && l->n_readers == a->n_workers && l->reader == 0);
    struct door *d = mem_zalloc(sizeof *d);
    d->acceptor = a;
    d->listener = l;
    int rc = 0;
    if (tls_door_wanted(&l->address))
        rc = tls_door_open(&l->address, &l->streams, &d->tls, error);
    if (rc == 0 && (rc = door_poll_new(a->loop, l->fds[0], d, &d->poll)) < 0)
        buf_append_str(error, err_text(rc));
    if (rc < 0) {
        tls_door_free(d->tls);
        free(d);
        return rc;
    }
    if (!transport_of(l->address.transport)->sender_pid)
        d->peers = peer_counts_new(l->address.max_connections);
    d->next = a->doors;
    a->doors = d;
    watch(a);
    return 0;
}

static struct door *door_of(const struct acceptor *a, const struct listener *l)
{
    struct door *d = a->doors;
    while (d != NULL && d->listener != l)
        d = d->next;
    assert(d != NULL);
    return d;
}

void acceptor_take_over(struct acceptor *a, struct listener *l, int fd, struct slice begun)
{
    union connection_peer peer = { .any = { .sa_family = AF_UNSPEC } };
    socklen_t len = sizeof peer;
    struct door *d = door_of(a, l);
    if (getpeername(fd, &peer.any, &len) < 0) /* it has ended: its bytes can be read still */
        peer.any.sa_family = AF_UNSPEC;
    /* The config may allow fewer than that of the process before. */
    if (!stream_is_allowed(l, &peer.any)) {
        stream_refuse(l, fd, STREAM_REFUSED_NOT_ALLOWED, &peer);
        return;
    }
    struct connection *c = new_connection(d, channel_plain(fd));
    buf_append_slice(&c->begun, begun);
    hand_over(c, fd, &peer);
}

int acceptor_renew(struct acceptor *a, struct listener *l)
{
    struct door *d = door_of(a, l);
    struct door_poll *fresh;
    int rc = door_poll_new(a->loop, l->fds[0], d, &fresh);
    if (rc < 0)
        return rc;
    if (!a->paused)
        accept_all(d, PENDING_MAX);
    d->poll->own_fd = true;
    door_poll_close(d->poll);
    d->poll = fresh;
    watch(a);
    return 0;
}

void acceptor_leave(struct acceptor *a)
{
    a->leaving = true;
    watch(a);
}

void acceptor_stay(struct acceptor *a)
{
    a->leaving = false;
    watch(a);
}

void acceptor_stop(struct acceptor *a)
{
    acceptor_leave(a);
    uv_timer_stop(&a->pause);
    a->paused = false;
    acceptor_accept(a);
    a->paused = false;
    a->stopped = true;
    for (struct door *d = a->doors; d != NULL; d = d->next)
        listener_refuse(d->listener);
    /* What came in between: a Unix socket keeps it. */
    acceptor_accept(a);
    uv_timer_stop(&a->pause);
    uv_timer_stop(&a->rest);
    watch(a);
}

void acceptor_tick(struct acceptor *a)
{
    for (struct door *d = a->doors; d != NULL; d = d->next)
        if (d->tls != NULL)
            tls_door_look(d->tls);
}

void acceptor_reload(struct acceptor *a)
{
    for (struct door *d = a->doors; d != NULL; d = d->next)
        if (d->tls != NULL)
            tls_door_reload(d->tls);
}

void acceptor_close(struct acceptor *a)
{
    if (a == NULL)
        return;
    acceptor_collect(a);
    a->stopped = true;
    a->paused = false;
    for (struct door *d = a->doors; d != NULL; d = d->next)
        door_poll_close(d->poll);
    uv_close((uv_handle_t *)&a->pause, NULL);
    uv_close((uv_handle_t *)&a->rest, NULL);
}

void acceptor_free(struct acceptor *a)
{
    if (a == NULL)
        return;
    assert(connection_take_all(&a->ended) == NULL);
    while (a->doors != NULL) {
        struct door *next = a->doors->next;
        peer_counts_free(a->doors->peers);
        tls_door_free(a->doors->tls);
        free(a->doors);
        a->doors = next;
    }
    free(a);
}
