/*
 * Each listener has a door: its socket in the loop, and the counts of its addresses.
 *
 *     on_pending, acceptor_accept -> accept_all -> accept_one: the limits, then hand_over
 *     worker (connection.h)       -> ended      -> acceptor_collect: the counts go down
 *     accept fails                -> pause_all  -> on_pause_over
 */
#include "listen/acceptor.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/now.h"
#include "listen/connection.h"
#include "listen/peer_counts.h"
#include "listen/transport.h"

enum {
    ROUND_MAX = 64,                   /* connections of one wake-up, before the loop goes on */
    PENDING_MAX = 2 * LISTEN_BACKLOG, /* those that are pending when they are asked for */
    LOG_EVERY_MS = 60000
};

/* A socket in the loop; outlives its door until the loop has let it go. */
struct door_poll {
    uv_poll_t poll;
    struct door *door;
    int fd;
    bool own_fd; /* fd is closed with it */
};

struct door {
    struct acceptor *acceptor;
    struct listener *listener;
    struct door_poll *poll;
    struct peer_counts *peers; /* NULL: its clients have no addresses */
    bool hinted;               /* that clients speak the other framing */
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
    uv_timer_t pause;
    bool paused, stopped;
    struct log_gate gate;
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
    a->pause.data = a;
    acceptor_check(a);
    return a;
}

/* ---- connections that have ended ---- */

/* Clients that speak the other framing are told of once, since all their lines are refused. */
static void hint(struct door *d)
{
    const struct listener *l = d->listener;
    uint64_t odd = 0;
    for (unsigned i = 0; i < l->n_readers; i++)
        odd += l->stats[i].odd;
    if (odd == 0 || d->hinted)
        return;
    d->hinted = true;
    bool line = l->address.framing == FRAMING_LINE;
    LOG(LOG_WARN, "clients send the other framing", F_STR("listener", l->address.name),
        F_STR("they_send", line ? "a length before each datagram" : "lines"),
        F_STR("remedy", line ? "add framing=dsd to the listener's URL"
                             : "leave framing=dsd out of the listener's URL"));
}

static void forget(struct acceptor *a, struct connection *c)
{
    struct door *d = c->door;
    struct stream_counts *n = &d->listener->streams;
    assert(n->open > 0 && a->open[c->worker] > 0 && c->end < STREAM_END_COUNT);
    n->open--;
    a->n_open--;
    n->closed[c->end]++;
    a->open[c->worker]--;
    if (d->peers != NULL)
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
        hint(d);
}

/* ---- accepting ---- */

static void watch(struct acceptor *a);

static void on_pause_over(uv_timer_t *timer)
{
    struct acceptor *a = timer->data;
    a->paused = false;
    watch(a);
}

/* Pending connections keep a socket readable: without a pause, the loop would only try them. */
static void pause_all(struct acceptor *a, int rc)
{
    uint64_t suppressed;
    if (log_gate(&a->gate, LOG_EVERY_MS, now_mono_ms(), &suppressed))
        LOG(LOG_WARN, "cannot accept connections, they wait", F_STR("error", err_text(rc)),
            F_STR("remedy", "raise the limit on open files (ulimit -n, LimitNOFILE of the "
                            "service), or lower limits.max_connections"));
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
    const struct listen_address *a = &d->listener->address;
    if (d->listener->streams.open >= a->max_connections || d->acceptor->n_open >= d->acceptor->most)
        return STREAM_REFUSED_LIMIT;
    if (d->peers != NULL && peer_counts_of(d->peers, peer) >= a->max_per_address)
        return STREAM_REFUSED_PER_ADDRESS;
    return STREAM_REFUSAL_COUNT;
}

/* Of a Unix socket; 0: not known. */
static pid_t pid_of(int fd)
{
    struct ucred who = { .pid = 0 };
    socklen_t len = sizeof who;
    (void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len);
    return who.pid;
}

/* What its bytes are read by: see channel.h. */
static struct channel new_channel(const struct door *d, int fd)
{
    (void)d;
    return channel_plain(fd);
}

static void hand_over(struct door *d, int fd, const union connection_peer *peer)
{
    struct acceptor *a = d->acceptor;
    struct listener *l = d->listener;
    struct connection *c = mem_zalloc(sizeof *c);
    c->back = &a->ended;
    c->door = d;
    c->worker = emptiest(a);
    c->channel = new_channel(d, fd);
    if (d->peers != NULL) {
        c->peer = *peer;
        peer_counts_add(d->peers, &peer->any);
    } else if (transport_of(l->address.transport)->sender_pid) {
        c->pid = pid_of(fd);
    }
    l->streams.accepted++;
    l->streams.open++;
    a->n_open++;
    a->open[c->worker]++;
    worker_adopt(a->workers[c->worker], l->places[listener_place_of(l, c->worker)], c);
}

/* Of one that came and went before it was accepted. */
static bool is_of_one(int rc)
{
    return rc == -ECONNABORTED || rc == -EINTR || rc == -EPROTO || rc == -EPERM ||
           rc == -ENETDOWN || rc == -EHOSTDOWN || rc == -EHOSTUNREACH || rc == -ENETUNREACH;
}

/* returns  0, also when it was refused; -EAGAIN: none is pending; -errno */
static int accept_one(struct door *d)
{
    union connection_peer peer = { .any = { .sa_family = AF_UNSPEC } };
    socklen_t len = sizeof peer;
    struct sockaddr *to = d->peers != NULL ? &peer.any : NULL;
    int fd = accept4(d->poll->fd, to, to != NULL ? &len : NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return is_of_one(-errno) ? 0 : -errno;
    enum stream_refusal why = refusal_of(d, &peer.any);
    if (why == STREAM_REFUSAL_COUNT) {
        hand_over(d, fd, &peer);
        return 0;
    }
    d->listener->streams.refused[why]++;
    close(fd);
    return 0;
}

static void accept_all(struct door *d, int most)
{
    int rc = 0;
    acceptor_collect(d->acceptor); /* so that those that have ended count in no limit */
    for (int i = 0; rc == 0 && i < most; i++)
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
        if (a->paused || a->stopped)
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

static int poll_new(struct door *d, int fd, struct door_poll **ret)
{
    struct door_poll *p = mem_zalloc(sizeof *p);
    int rc = uv_poll_init(d->acceptor->loop, &p->poll, fd);
    if (rc < 0) {
        free(p);
        return rc;
    }
    p->poll.data = p;
    p->door = d;
    p->fd = fd;
    *ret = p;
    return 0;
}

static void on_poll_closed(uv_handle_t *handle)
{
    struct door_poll *p = handle->data;
    if (p->own_fd)
        close(p->fd);
    free(p);
}

int acceptor_add(struct acceptor *a, struct listener *l)
{
    assert(l->n == 1 && l->n_readers == a->n_workers && l->reader == 0);
    struct door *d = mem_zalloc(sizeof *d);
    d->acceptor = a;
    d->listener = l;
    int rc = poll_new(d, l->fds[0], &d->poll);
    if (rc < 0) {
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

int acceptor_renew(struct acceptor *a, struct listener *l)
{
    struct door *d = a->doors;
    struct door_poll *fresh;
    while (d != NULL && d->listener != l)
        d = d->next;
    assert(d != NULL);
    int rc = poll_new(d, l->fds[0], &fresh);
    if (rc < 0)
        return rc;
    if (!a->paused)
        accept_all(d, PENDING_MAX);
    d->poll->own_fd = true;
    uv_close((uv_handle_t *)&d->poll->poll, on_poll_closed);
    d->poll = fresh;
    watch(a);
    return 0;
}

void acceptor_stop(struct acceptor *a)
{
    acceptor_check(a);
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
    watch(a);
}

void acceptor_close(struct acceptor *a)
{
    if (a == NULL)
        return;
    acceptor_collect(a);
    a->stopped = true;
    a->paused = false;
    for (struct door *d = a->doors; d != NULL; d = d->next)
        uv_close((uv_handle_t *)&d->poll->poll, on_poll_closed);
    uv_close((uv_handle_t *)&a->pause, NULL);
}

void acceptor_free(struct acceptor *a)
{
    if (a == NULL)
        return;
    assert(connection_take_all(&a->ended) == NULL);
    while (a->doors != NULL) {
        struct door *next = a->doors->next;
        peer_counts_free(a->doors->peers);
        free(a->doors);
        a->doors = next;
    }
    free(a);
}
