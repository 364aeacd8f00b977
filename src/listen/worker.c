/*
 * The loop of a worker, and how control reaches it.
 *
 *     control                                  worker
 *     -------                                  ------
 *     worker_ask_turn     --- ask, wake --->   on_wake -> turn: look and drain each source, then
 *                                              seal the sources' counters and the page
 *     notify              <-----------------
 *     worker_take, worker_give                 (how pages change hands, and with one of them all
 *     worker_remap, worker_forget              cells: aggregate/ingest.h)
 *     worker_renew_socket --- next_fd, wake -> on_wake -> take_renewed: renew the source
 *     worker_adopt        --- adopted, wake -> on_wake -> take_adopted: the source adopts them
 *     worker_tap          --- wanted, wake --> on_wake, or before the next read: taps_look
 *     worker_read_again   --- again, wake ->   on_wake -> the sources go on after a pause
 *     worker_join         --- ask, wake --->   on_wake -> close_all, after which the loop ends
 *
 * What is read, and when, is up to the sources (source.h).
 */
#include "listen/worker.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <time.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "base/mem.h"
#include "base/now.h"
#include "listen/connection.h"
#include "listen/dgram.h"
#include "listen/refusals_priv.h"
#include "listen/source.h"
#include "listen/tap_priv.h"
#include "listen/transport_priv.h"

enum ask { ASK_NOTHING, ASK_TURN, ASK_LAST_TURN, ASK_PAUSE, ASK_STOP };

enum { NO_FD = -1 };

struct worker {
    uv_loop_t loop;
    /* The worker's, or for reading: */
    struct worker_opts opts;
    struct lane *lane;
    struct ingest *ingest; /* the lane's */
    struct source_env env;
    struct source *sources[WORKER_SOCKETS_MAX];
    unsigned n_sources;
    bool ended;               /* the last turn was taken: what comes later is not read */
    struct refusals refusals; /* keeps both sides apart by itself */
    struct taps taps;         /* likewise */
    /* Where control writes, apart from what every datagram needs: */
    _Alignas(MEM_APART) uv_async_t wake;
    _Atomic int ask;    /* enum ask: control writes, the worker takes it and leaves ASK_NOTHING */
    _Atomic bool again; /* read again after a pause: likewise */
    bool running;       /* the thread was started; control's */
    uv_thread_t thread;
    /* From worker_renew_socket to sources[i]: control writes it, the worker leaves NO_FD. */
    _Atomic int next_fd[WORKER_SOCKETS_MAX];
    struct connection_stack adopted[WORKER_SOCKETS_MAX]; /* for sources[i], not taken up yet */
    /* The sources' counters when page 0 and page 1 were sealed; whoever has the page has them. */
    struct socket_stats sealed[2][WORKER_SOCKETS_MAX];
};
static_assert(sizeof(struct worker) % MEM_APART == 0 &&
                  offsetof(struct worker, refusals) % MEM_APART == 0,
              "what control writes shares no lines with what a datagram needs");

static void worker_check(const struct worker *w)
{
    assert(w->n_sources <= WORKER_SOCKETS_MAX && w->env.lane == w->lane);
    assert((uintptr_t)w % MEM_APART == 0 && (uintptr_t)w->env.dgram % MEM_APART == 0);
    for (unsigned i = 0; i < w->n_sources; i++) {
        source_check(w->sources[i]);
        assert(w->sources[i]->place == i && w->sources[i]->env == &w->env);
    }
}

/* ---- what control asks for ---- */

static void take_renewed(struct worker *w)
{
    for (unsigned i = 0; i < w->n_sources; i++) {
        struct source *s = w->sources[i];
        /* acquire: pairs with the release in worker_renew_socket */
        int fd = atomic_load_explicit(&w->next_fd[i], memory_order_acquire);
        if (fd != NO_FD && s->ops->renew(s, fd) == 0) /* on failure: again at the next wake-up */
            atomic_store_explicit(&w->next_fd[i], NO_FD, memory_order_relaxed);
    }
}

static void take_adopted(struct worker *w)
{
    for (unsigned i = 0; i < w->n_sources; i++) {
        struct connection *list = connection_take_all(&w->adopted[i]);
        if (list != NULL)
            w->sources[i]->ops->adopt(w->sources[i], list);
    }
}

static void turn(struct worker *w, enum ask what)
{
    worker_check(w);
    for (unsigned i = 0; !w->ended && i < w->n_sources; i++) {
        struct source *s = w->sources[i];
        s->ops->look(s);
        s->ops->drain(s, what == ASK_LAST_TURN);
        if (what == ASK_PAUSE)
            s->ops->rest(s);
    }
    w->ended |= what == ASK_LAST_TURN;
    const unsigned page = ingest_page_index(w->ingest);
    assert(page < ARRAY_LEN(w->sealed));
    struct socket_stats *sealed = w->sealed[page];
    for (unsigned i = 0; i < w->n_sources; i++)
        sealed[i] = w->sources[i]->stats;
    /* If control still has the other page, this one is filled further; ingest counts that. */
    (void)ingest_turn(w->ingest, now_mono_ns());
    w->opts.notify(w->opts.cookie);
}

static void read_again(struct worker *w)
{
    for (unsigned i = 0; i < w->n_sources; i++)
        w->sources[i]->ops->go_on(w->sources[i]);
}

static void close_all(struct worker *w)
{
    take_adopted(w); /* so that their source closes them */
    for (unsigned i = 0; i < w->n_sources; i++) {
        struct source *s = w->sources[i];
        bool renewed = atomic_load_explicit(&w->next_fd[i], memory_order_relaxed) != NO_FD;
        source_check(s);
        s->ops->close(s, renewed); /* worker_renew_socket gave us the descriptor that s has */
    }
    uv_close((uv_handle_t *)&w->wake, NULL);
}

static void on_wake(uv_async_t *wake)
{
    struct worker *w = wake->data;
    /* acquire: what control did before it asked (giving a page back) is done */
    enum ask what = (enum ask)atomic_exchange_explicit(&w->ask, ASK_NOTHING, memory_order_acquire);
    taps_look(&w->taps);
    /* Only now: the turn that is asked for reads what was handed over before. */
    if (!w->ended) {
        take_renewed(w);
        take_adopted(w);
    }
    if (atomic_exchange_explicit(&w->again, false, memory_order_relaxed))
        read_again(w);
    switch (what) {
    case ASK_NOTHING:
        break;
    case ASK_TURN:
    case ASK_LAST_TURN:
    case ASK_PAUSE:
        turn(w, what);
        break;
    case ASK_STOP:
        close_all(w);
        break;
    }
}

/* ---- control's side ---- */

static void ask(struct worker *w, enum ask what)
{
    /* release: pairs with the acquire in on_wake */
    atomic_store_explicit(&w->ask, what, memory_order_release);
    uv_async_send(&w->wake);
}

void worker_ask_turn(struct worker *w, bool last)
{
    assert(w->running && atomic_load_explicit(&w->ask, memory_order_relaxed) == ASK_NOTHING);
    ask(w, last ? ASK_LAST_TURN : ASK_TURN);
}

void worker_ask_pause(struct worker *w)
{
    assert(w->running && atomic_load_explicit(&w->ask, memory_order_relaxed) == ASK_NOTHING);
    ask(w, ASK_PAUSE);
}

/* The page that came of the pause is control's: so is what the worker wrote before. */
void worker_each_stream(struct worker *w, worker_stream_fn fn, void *cookie)
{
    for (unsigned i = 0; i < w->n_sources; i++)
        if (w->sources[i]->ops->each != NULL)
            w->sources[i]->ops->each(w->sources[i], fn, cookie);
}

void worker_read_again(struct worker *w)
{
    assert(w->running);
    /* relaxed: it brings nothing along; a turn that is asked for next comes after it */
    atomic_store_explicit(&w->again, true, memory_order_relaxed);
    uv_async_send(&w->wake);
}

void worker_remap(struct worker *w, struct generation *take)
{
    ingest_renew(w->ingest, take);
}

void worker_forget(struct worker *w, struct deleted *d)
{
    ingest_forget(w->ingest, d);
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

struct refusals *worker_refusals(struct worker *w)
{
    return &w->refusals;
}

void worker_tap(struct worker *w, enum tap_kind k, struct tap *t)
{
    assert(k < TAP_KINDS);
    taps_want(&w->taps, k, t);
    uv_async_send(&w->wake); /* it may have nothing to read */
}

bool worker_tapped(const struct worker *w)
{
    return !w->running || taps_done(&w->taps);
}

bool worker_may_renew(const struct worker *w, unsigned at)
{
    assert(at < w->n_sources);
    /* relaxed: the worker read everything of the last hand-over before it left NO_FD */
    return atomic_load_explicit(&w->next_fd[at], memory_order_relaxed) == NO_FD;
}

void worker_renew_socket(struct worker *w, unsigned at, int fd)
{
    assert(fd >= 0 && worker_may_renew(w, at));
    /* release: pairs with the acquire in take_renewed; the socket is bound */
    atomic_store_explicit(&w->next_fd[at], fd, memory_order_release);
    uv_async_send(&w->wake);
}

void worker_adopt(struct worker *w, unsigned at, struct connection *c)
{
    assert(at < w->n_sources && w->sources[at]->ops->adopt != NULL);
    connection_push(&w->adopted[at], c);
    uv_async_send(&w->wake);
}

/* ---- life ---- */

uint64_t worker_memory(uint32_t max_line)
{
    enum {
        LINE_FACTOR = 64, /* bytes of a batch for each byte of a line: samples, values, text */
        REST = 1 << 20    /* loop, handles, refusals */
    };
    return DGRAM_SLOTS * (uint64_t)(DATAGRAM_MAX + 1) + LINE_FACTOR * (uint64_t)max_line + REST;
}

static void run(void *cookie)
{
    struct worker *w = cookie;
    char name[16];
    snprintf(name, sizeof name, "worker-%u", w->opts.index);
    (void)pthread_setname_np(pthread_self(), name);
    uv_run(&w->loop, UV_RUN_DEFAULT);
}

static int make_core(struct worker *w)
{
    struct lane_opts lane = w->opts.lane;
    refusals_init(&w->refusals);
    lane.refusals = (struct lane_refusals){ .on_rejected = refusals_on_rejected,
                                            .reasons = &w->refusals.wanted,
                                            .on_refused = refusals_on_refused,
                                            .cookie = &w->refusals };
    int rc = lane_new(&lane, &w->lane);
    if (rc < 0)
        return rc;
    w->ingest = lane_ingest(w->lane);
    taps_init(&w->taps, w->lane);
    w->env = (struct source_env){ .loop = &w->loop,
                                  .lane = w->lane,
                                  .refusals = &w->refusals,
                                  .taps = &w->taps,
                                  .order = w->opts.order,
                                  .senders = series_limit_by_origin(lane.ingest.limit) };
    return 0;
}

int worker_new(const struct worker_opts *opts, struct worker **ret)
{
    struct worker *w = mem_zalloc_apart(sizeof *w);
    w->opts = *opts;
    for (unsigned i = 0; i < WORKER_SOCKETS_MAX; i++)
        atomic_init(&w->next_fd[i], NO_FD);
    int rc = uv_loop_init(&w->loop);
    if (rc < 0) {
        free(w);
        return rc;
    }
    rc = uv_async_init(&w->loop, &w->wake, on_wake);
    assert(rc == 0); /* uv_loop_init has made what it could lack */
    w->wake.data = w;
    rc = make_core(w);
    if (rc < 0) {
        worker_join(w);
        return rc;
    }
    *ret = w;
    return 0;
}

static int add(struct worker *w, int fd, const struct listen_address *a, bool inherited)
{
    struct source *s;
    assert(!w->running && (fd >= 0 || transport_of(a->transport)->accepts));
    if (w->n_sources == WORKER_SOCKETS_MAX)
        return -E2BIG;
    int rc = transport_of(a->transport)->ops->source_new(&w->env, a, fd, inherited, &s);
    if (rc < 0)
        return rc;
    s->place = (uint16_t)w->n_sources;
    w->sources[w->n_sources++] = s;
    return s->place;
}

int worker_add_socket(struct worker *w, int fd, const struct listen_address *a)
{
    return add(w, fd, a, false);
}

int worker_add_inherited(struct worker *w, int fd, const struct listen_address *a)
{
    assert(!transport_of(a->transport)->accepts);
    return add(w, fd, a, true);
}

void worker_take_over(struct worker *w, unsigned at, uint32_t drops)
{
    assert(!w->running && at < w->n_sources && w->sources[at]->ops->take_over != NULL);
    w->sources[at]->ops->take_over(w->sources[at], drops);
}

int worker_start(struct worker *w)
{
    assert(!w->running);
    worker_check(w);
    for (unsigned i = 0; i < w->n_sources; i++)
        if (w->sources[i]->ops->own != NULL)
            w->sources[i]->ops->own(w->sources[i]);
    int rc = uv_thread_create(&w->thread, run, w);
    w->running = rc == 0;
    return rc;
}

double worker_cpu_seconds(const struct worker *w)
{
    clockid_t clock;
    struct timespec t = { 0 };
    if (w->running && pthread_getcpuclockid(w->thread, &clock) == 0)
        (void)clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void worker_join(struct worker *w)
{
    if (w == NULL)
        return;
    if (w->running) {
        ask(w, ASK_STOP);
        uv_thread_join(&w->thread);
    } else {
        close_all(w);
        uv_run(&w->loop, UV_RUN_DEFAULT);
    }
    int rc = uv_loop_close(&w->loop);
    assert(rc == 0); /* every source has closed its handles */
    (void)rc;
    for (unsigned i = 0; i < w->n_sources; i++)
        free(w->sources[i]);
    lane_free(w->lane);
    dgram_free(w->env.dgram);
    free(w);
}
