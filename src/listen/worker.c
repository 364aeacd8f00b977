#include "listen/worker.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/mem.h"
#include "base/now.h"
#include "listen/dgram.h"
#include "listen/refusals_priv.h"

enum {
    ROUNDS_A_WAKE = 16,       /* batches read before the loop looks at anything else: 1,024 datagrams, some ms at most */
    DATAGRAM_BYTES_MIN = 256, /* no queued datagram takes less kernel memory than its sk_buff */
    DRAIN_ERRORS_MAX = 8,
    GATHER_MS_MAX = 4,
    GATHER_RCVBUF_A_MS = 2 << 20, /* granted bytes for each millisecond of gathering: a burst must fit while nobody reads */
    GATHER_WINDOW_NS = 8000000,  /* in so much time ... */
    GATHER_WAKES = 8,            /* ... so many wake-ups, and gathering begins, */
    GATHER_PLENTY = 16,          /* unless each brings that many datagrams as it is */
    GATHER_TICKS = 16,           /* it ends when so many ticks bring less than one datagram a millisecond, */
    GATHER_MOST = ROUNDS_A_WAKE * DGRAM_SLOTS, /* or one brings so many: then every wake-up finds plenty */
    UNIX_QUEUE_MAX = 4096     /* more than any sane net.unix.max_dgram_qlen */
};

enum ask { ASK_NOTHING, ASK_TURN, ASK_LAST_TURN, ASK_STOP };

struct worker_socket {
    uv_poll_t poll;
    uv_timer_t gather;        /* runs instead of poll */
    unsigned gather_ms;       /* 0: never; the queue is too short for it */
    uint64_t window_ns;       /* when counting wake-ups began */
    unsigned wakes, woken_for; /* since then: wake-ups, and the datagrams they brought */
    unsigned ticks, gathered; /* of the round of GATHER_TICKS */
    bool stamped;             /* the kernel stamps its datagrams */
    struct lane_source from;
    struct worker *worker;
    int fd;
    uint16_t place;           /* among the worker's sockets */
    bool udp;
    uint32_t drops_seen;
    struct socket_stats stats;
    struct worker_socket *before;   /* a Unix socket: the one that this one replaced, still read; owned, with its fd */
};

struct worker {
    uv_loop_t loop;
    uv_thread_t thread;
    uv_async_t wake;
    _Atomic int ask;          /* enum ask: control writes, worker takes */
    bool running;
    struct worker_opts opts;
    struct lane *lane;
    struct ingest *ingest;    /* the lane's */
    struct dgram_buffers dgram;
    struct refusals refusals;
    struct worker_socket *sockets[WORKER_SOCKETS_MAX];
    unsigned n_sockets;
    _Atomic(struct worker_socket *) renewed[WORKER_SOCKETS_MAX];   /* to take their places: control puts, worker takes */
    struct socket_stats sealed[2][WORKER_SOCKETS_MAX];   /* with page 0 and page 1: handed over as the page is */
};

/* ---- receiving ---- */

/* ---- when datagrams arrived ---- */

static void choose_stamps(struct worker *w, struct worker_socket *s)
{
    struct worker_order *o = w->opts.order;
    if (o == NULL)
        return;
    /* relaxed: a hint that guards nothing; a worker that sees it late stamps a little later */
    bool relative = atomic_load_explicit(&o->relative, memory_order_relaxed);
    if (!relative && ingest_saw_relative(w->ingest))
        atomic_store_explicit(&o->relative, relative = true, memory_order_relaxed);
    bool want = relative || s->stats.datagrams < WORKER_STAMPED_FIRST;
    if (want != s->stamped && dgram_stamp(s->fd, want) == 0)
        s->stamped = want;
}

/* What the kernel is to tell beside the bytes of a new socket's datagrams. */
static void ask_beside(struct worker *w, struct worker_socket *s)
{
    if (!s->udp)
        (void)dgram_tell_pid(s->fd);   /* where it fails, refused lines are shown without their sender */
    choose_stamps(w, s);
}

/* One recvmmsg's worth, parsed and aggregated.  returns  how many datagrams, or -errno (counted) */
static int receive(struct worker *w, struct worker_socket *s)
{
    struct selfmetrics *stats = ingest_stats(w->ingest);
    choose_stamps(w, s);
    const struct dgram_ask ask = { .senders = refusals_begin(&w->refusals, s->place), .stamps = s->stamped };
    int n = dgram_read(&w->dgram, s->fd, ask);
    if (n < 0) {
        stats->v[SELF_RECEIVE_ERRORS]++;
        return n;
    }
    if (n == 0)
        return 0;
    struct lane_clocks now = { now_mono_ns(), s->stamped ? now_wall_ns() : 0 };
    uint64_t bytes = 0;
    lane_begin(w->lane, &s->from, now);
    for (int i = 0; i < n; i++) {
        struct lane_datagram d = { .ptr = dgram_ptr(&w->dgram, i),
                                   .len = dgram_len(&w->dgram, i),
                                   .stamp_ns = s->stamped ? dgram_stamp_ns(&w->dgram, i) : 0,
                                   .truncated = dgram_truncated(&w->dgram, i) };
        bytes += d.len;
        lane_datagram(w->lane, &d);
    }
    lane_flush(w->lane);
    s->stats.datagrams += (uint64_t)n;
    stats->v[SELF_DATAGRAMS] += (uint64_t)n;
    stats->v[SELF_BYTES] += bytes;
    return n;
}

/* All that is there, within limits.  A short batch means that the queue is empty: no call is spent to hear so. */
static int receive_rounds(struct worker_socket *s)
{
    int sum = 0, n = DGRAM_SLOTS;
    for (int round = 0; round < ROUNDS_A_WAKE && n == DGRAM_SLOTS; round++) {
        n = receive(s->worker, s);
        sum += n > 0 ? n : 0;
    }
    return sum;
}

static void on_readable(uv_poll_t *poll, int status, int events);

/*
 * Gathering.  At some thousand datagrams a second each comes alone and wakes the worker up for itself, which costs several times
 * what reading it does.  Then the socket is looked at every few milliseconds instead: nothing waits for its datagrams but a page
 * turn, and that reads them first.  With more of them a wake-up finds plenty by itself, with fewer there is nothing to gather.
 */
static void gather_end(struct worker_socket *s)
{
    uv_timer_stop(&s->gather);
    (void)uv_poll_start(&s->poll, UV_READABLE, on_readable);
}

static void on_gather(uv_timer_t *timer)
{
    struct worker_socket *s = timer->data;
    unsigned n = (unsigned)receive_rounds(s);
    s->gathered += n;
    if (++s->ticks < GATHER_TICKS && n < GATHER_MOST)
        return;
    if (n >= GATHER_MOST || s->gathered < s->ticks * s->gather_ms)
        gather_end(s);
    s->ticks = s->gathered = 0;
}

static void gather_begin(struct worker_socket *s)
{
    uv_poll_stop(&s->poll);
    s->ticks = s->gathered = 0;
    (void)uv_timer_start(&s->gather, on_gather, s->gather_ms, s->gather_ms);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    (void)events;
    struct worker_socket *s = poll->data;
    /* libuv stops a handle on POLLERR; reading takes the error off the socket, and receiving goes on. */
    if (status < 0)
        (void)uv_poll_start(poll, UV_READABLE, on_readable);
    s->woken_for += (unsigned)receive_rounds(s);
    s->wakes++;
    uint64_t now_ns = now_mono_ns(), passed = now_ns - s->window_ns;
    if (passed < GATHER_WINDOW_NS)
        return;
    bool often = passed < 2ull * GATHER_WINDOW_NS && s->wakes >= GATHER_WAKES && s->woken_for < s->wakes * GATHER_PLENTY;
    s->window_ns = now_ns;
    s->wakes = s->woken_for = 0;
    if (often && s->gather_ms > 0)
        gather_begin(s);
}

/* ---- emptying a socket ---- */

static void look_at(struct worker_socket *s)
{
    uint32_t queued = 0, drops = 0;
    if (dgram_meminfo(s->fd, &queued, &drops) < 0)
        return;
    s->stats.queued_bytes = queued;
    if (s->udp)
        s->stats.kernel_drops += (uint32_t)(drops - s->drops_seen);   /* the kernel's counter wraps */
    s->drops_seen = drops;
}

/* Read what the socket holds now, and not for ever what comes meanwhile. */
static void drain(struct worker *w, struct worker_socket *s, bool last)
{
    uint64_t most = s->udp ? s->stats.queued_bytes / DATAGRAM_BYTES_MIN + 1 : UNIX_QUEUE_MAX, read = 0;
    int errors = 0;
    while (last || read < most) {
        int n = receive(w, s);
        /* An error may stand before datagrams (it is taken off the socket by the call that tells it), but not for ever. */
        if (n == 0 || (n < 0 && errors++ == DRAIN_ERRORS_MAX))
            break;
        read += n > 0 ? (uint64_t)n : 0;
    }
    /* Nothing more comes, and a socket that is shut down is readable for ever. */
    if (last) {
        uv_timer_stop(&s->gather);
        uv_poll_stop(&s->poll);
    }
}

/* ---- a Unix socket whose file was lost ---- */

static void on_retired(uv_handle_t *poll)
{
    struct worker_socket *s = poll->data;
    close(s->fd);
    free(s);
}

/* What it holds is read; from the shutdown on, its senders hear that nothing more is taken. */
static void drain_before(struct worker *w, struct worker_socket *before)
{
    (void)shutdown(before->fd, SHUT_RD);
    drain(w, before, true);
}

/* returns  0 or -errno with nothing changed */
static int renew(struct worker *w, unsigned i, struct worker_socket *s)
{
    struct worker_socket *old = w->sockets[i], *oldest = old->before;
    int rc = uv_poll_init(&w->loop, &s->poll, s->fd);
    if (rc < 0)
        return rc;
    s->poll.data = s;
    s->from.gauge_sign = old->from.gauge_sign;
    ask_beside(w, s);
    if (oldest != NULL) {
        drain_before(w, oldest);
        s->stats.datagrams = oldest->stats.datagrams;
        uv_close((uv_handle_t *)&oldest->poll, on_retired);
    }
    drain(w, old, false);   /* what came before the new socket was there is read before what came after */
    old->before = NULL;
    s->before = old;
    w->sockets[i] = s;
    return uv_poll_start(&s->poll, UV_READABLE, on_readable);
}

static void take_renewed(struct worker *w)
{
    for (unsigned i = 0; i < w->n_sockets; i++) {
        /* acquire: pairs with the release in worker_renew_socket */
        struct worker_socket *s = atomic_load_explicit(&w->renewed[i], memory_order_acquire);
        if (s != NULL && renew(w, i, s) == 0)   /* epoll without memory: again at the next wake-up */
            atomic_store_explicit(&w->renewed[i], NULL, memory_order_relaxed);
    }
}

bool worker_may_renew(const struct worker *w, unsigned at)
{
    return atomic_load_explicit(&w->renewed[at], memory_order_relaxed) == NULL;
}

void worker_renew_socket(struct worker *w, unsigned at, int fd)
{
    assert(worker_may_renew(w, at));
    struct worker_socket *s = mem_zalloc(sizeof *s);
    *s = (struct worker_socket){ .worker = w, .fd = fd, .place = (uint16_t)at };
    atomic_store_explicit(&w->renewed[at], s, memory_order_release);
    uv_async_send(&w->wake);
}

/* ---- page turns ---- */

static void turn(struct worker *w, bool last)
{
    for (unsigned i = 0; i < w->n_sockets; i++) {
        struct worker_socket *s = w->sockets[i];
        look_at(s);
        drain(w, s, last);
        if (s->before != NULL && last)
            drain_before(w, s->before);
        else if (s->before != NULL)
            drain(w, s->before, false);
    }
    unsigned page = ingest_page_index(w->ingest);
    for (unsigned i = 0; i < w->n_sockets; i++) {
        const struct worker_socket *s = w->sockets[i];
        w->sealed[page][i] = s->stats;
        w->sealed[page][i].datagrams += s->before != NULL ? s->before->stats.datagrams : 0;
    }
    /* Late (control still has the other page): it is counted, the page goes on, and control finds none to take. */
    (void)ingest_turn(w->ingest, now_mono_ns());
    w->opts.notify(w->opts.cookie);
}

static void close_handle(uv_handle_t *h, void *cookie)
{
    (void)cookie;
    if (!uv_is_closing(h))
        uv_close(h, NULL);
}

static void on_wake(uv_async_t *wake)
{
    struct worker *w = wake->data;
    take_renewed(w);
    /* acquire: what control did before it asked (giving a page back) is done */
    switch ((enum ask)atomic_exchange_explicit(&w->ask, ASK_NOTHING, memory_order_acquire)) {
    case ASK_NOTHING:
        break;
    case ASK_TURN:
        turn(w, false);
        break;
    case ASK_LAST_TURN:
        turn(w, true);
        break;
    case ASK_STOP:
        uv_walk(&w->loop, close_handle, NULL);
        break;
    }
}

static void ask(struct worker *w, enum ask what)
{
    /* release: pairs with the acquire in on_wake */
    atomic_store_explicit(&w->ask, what, memory_order_release);
    uv_async_send(&w->wake);
}

void worker_ask_turn(struct worker *w, bool last)
{
    ask(w, last ? ASK_LAST_TURN : ASK_TURN);
}

struct page *worker_take(struct worker *w, const struct socket_stats **ret_sockets)
{
    struct page *p = ingest_take(w->ingest);
    if (p != NULL)
        *ret_sockets = w->sealed[page_index(p)];
    return p;
}

void worker_give(struct worker *w, struct page *p)
{
    ingest_give(w->ingest, p);
}

/* ---- life ---- */

static void run(void *cookie)
{
    struct worker *w = cookie;
    char name[16];
    snprintf(name, sizeof name, "worker-%u", w->opts.index);
    (void)pthread_setname_np(pthread_self(), name);
    uv_run(&w->loop, UV_RUN_DEFAULT);
}

struct refusals *worker_refusals(struct worker *w)
{
    return &w->refusals;
}

static int make_core(struct worker *w)
{
    struct lane_opts lane = w->opts.lane;
    refusals_init(&w->refusals, &w->dgram);
    lane.refusals = (struct lane_refusals){ .on_rejected = refusals_on_rejected,
                                            .reasons = &w->refusals.wanted,
                                            .on_refused = refusals_on_refused,
                                            .cookie = &w->refusals };
    int rc = lane_new(&lane, &w->lane);
    if (rc < 0)
        return rc;
    w->ingest = lane_ingest(w->lane);
    return dgram_init(&w->dgram);
}

int worker_new(const struct worker_opts *opts, struct worker **ret)
{
    struct worker *w = mem_zalloc(sizeof *w);
    w->opts = *opts;
    int rc = uv_loop_init(&w->loop);
    if (rc < 0) {
        free(w);
        return rc;
    }
    uv_async_init(&w->loop, &w->wake, on_wake);
    w->wake.data = w;
    rc = make_core(w);
    if (rc < 0) {
        worker_join(w);
        return rc;
    }
    *ret = w;
    return 0;
}

int worker_add_socket(struct worker *w, int fd, bool udp, enum gauge_sign sign)
{
    if (w->n_sockets == WORKER_SOCKETS_MAX)
        return -E2BIG;
    struct worker_socket *s = mem_zalloc(sizeof *s);
    *s = (struct worker_socket){ .worker = w, .fd = fd, .place = (uint16_t)w->n_sockets, .udp = udp,
                                  .from = { .gauge_sign = sign } };
    int rc = uv_poll_init(&w->loop, &s->poll, fd);
    if (rc < 0) {
        free(s);
        return rc;
    }
    s->poll.data = s;
    unsigned at = w->n_sockets++;
    w->sockets[at] = s;
    if (udp) {
        uv_timer_init(&w->loop, &s->gather);
        s->gather.data = s;
    }
    /* The queue of a Unix socket is a few datagrams long, whatever the buffer: its senders would wait or drop. */
    s->gather_ms = udp ? (unsigned)dgram_rcvbuf(fd) / GATHER_RCVBUF_A_MS : 0;
    s->gather_ms = s->gather_ms < GATHER_MS_MAX ? s->gather_ms : GATHER_MS_MAX;
    ask_beside(w, s);
    rc = uv_poll_start(&s->poll, UV_READABLE, on_readable);
    return rc < 0 ? rc : (int)at;
}

int worker_start(struct worker *w)
{
    int rc = uv_thread_create(&w->thread, run, w);
    w->running = rc == 0;
    return rc;
}

static void sockets_free(struct worker *w)
{
    for (unsigned i = 0; i < w->n_sockets; i++) {
        struct worker_socket *s = w->sockets[i];
        struct worker_socket *never_taken = atomic_load_explicit(&w->renewed[i], memory_order_relaxed);
        if (s->before != NULL)
            close(s->before->fd);
        if (never_taken != NULL)
            close(s->fd);
        free(s->before);
        free(never_taken);
        free(s);
    }
}

void worker_join(struct worker *w)
{
    if (w == NULL)
        return;
    if (w->running) {
        ask(w, ASK_STOP);
        uv_thread_join(&w->thread);
    } else {
        uv_walk(&w->loop, close_handle, NULL);
        uv_run(&w->loop, UV_RUN_DEFAULT);
    }
    uv_loop_close(&w->loop);
    sockets_free(w);
    lane_free(w->lane);
    dgram_release(&w->dgram);
    free(w);
}
