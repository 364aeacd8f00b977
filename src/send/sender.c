/*
 *     senders_start   sender_open: its sockets, its place in the block -> a thread each: sender_run
 *     sender_run      pace_due -> count_due -> target_kind.send -> count_sent, or sleep_s
 *     creator         senders_totals sums the tallies; senders_stop, _join, _settle, _free
 */
#include "send/sender.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/now.h"
#include "send/pace.h"

#define OVERTIME_S 0.5 /* for what was due at the end of the duration, when sends have to wait */

/* How often a datagram that a full stream has taken in part is tried again at the end. */
#define LAST_TRIES 10

/* For the peer to read what the streams still hold at the end. */
#define READ_ALL_MS 10000

/* Another host whose port is closed answers at least once in that time. */
#define ANSWERS_NS UINT64_C(2000000000)

/* Written by its sender alone: a relaxed load and store (BUMP), no locked instruction. */
struct tally {
    _Atomic uint64_t datagrams, messages, bytes, unreachable_messages, failed_datagrams;
    _Atomic uint64_t reconnects, unfinished;
    _Atomic double forgiven;
    _Atomic int error, unreachable_error;
};

struct sender {
    _Alignas(64) struct tally tally;
    struct senders *all;
    struct pace pace;
    size_t next; /* index in the block of the next datagram to send */
    struct target_socket *sockets;
    unsigned n_sockets, turn;
    pthread_t thread;
    bool started; /* and not joined yet */
    /* Read after the join: */
    uint64_t end_ns;
    uint64_t refused_ns; /* when ICMP said last that nobody listens; 0: never */
    bool nobody;         /* as in struct sender_totals */
};

struct senders {
    struct sender_opts opts;
    uint64_t start_ns;
    _Atomic bool stop;
    _Atomic unsigned running;
    unsigned n;
    struct sender *at;
};

#define READ(field)       atomic_load_explicit(&(field), memory_order_relaxed)
#define WRITE(field, v)   atomic_store_explicit(&(field), v, memory_order_relaxed)
#define BUMP(field, more) WRITE(field, READ(field) + (more))

static void sender_check(const struct sender *s)
{
    assert(s->all != NULL && s->sockets != NULL);
    assert(s->next < s->all->opts.block.n && s->turn < s->n_sockets);
}

/* What a datagram takes off the amount that is due. */
static double cost(const struct senders *all, const struct send_datagram *d)
{
    return all->opts.by_datagram ? 1 : d->amount;
}

/* How many datagrams from s->next on are due, at most a batch, and not beyond the block's end. */
static size_t count_due(const struct sender *s, double due)
{
    const struct send_block *b = &s->all->opts.block;
    size_t n = 0, most = b->n - s->next;
    most = most < s->all->opts.batch ? most : s->all->opts.batch;
    for (; n < most; n++) {
        double c = cost(s->all, &b->datagrams[s->next + n]);
        if (!pace_takes(&s->pace, due, c))
            break;
        due -= c;
    }
    return n;
}

static void count_unreachable(struct sender *s, const struct target_unreachable *u)
{
    if (u->messages == 0)
        return;
    if (u->error == ECONNREFUSED)
        s->refused_ns = now_mono_ns();
    BUMP(s->tally.unreachable_messages, u->messages);
    WRITE(s->tally.unreachable_error, u->error);
}

static void count_datagrams(struct tally *t, const struct target_sent *done,
                            const struct send_datagram *d)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < done->datagrams; i++)
        bytes += d[i].len;
    BUMP(t->messages, done->messages);
    BUMP(t->datagrams, done->datagrams);
    BUMP(t->bytes, bytes);
    BUMP(t->reconnects, done->reconnected);
    if (done->failed == 0)
        return;
    BUMP(t->failed_datagrams, done->failed);
    WRITE(t->error, done->error);
}

/* What send did with n datagrams from s->next on. */
static void count_sent(struct sender *s, const struct target_sent *done, size_t n)
{
    const struct sender_opts *o = &s->all->opts;
    const struct send_datagram *d = &o->block.datagrams[s->next];
    const size_t tried = done->datagrams + done->failed;
    assert(tried <= n && done->messages <= done->datagrams);
    count_unreachable(s, &done->unreachable);
    count_datagrams(&s->tally, done, d);
    /* A Unix socket whose receiver is gone refuses once, and is no longer connected afterwards. */
    s->nobody = done->error == ECONNREFUSED || done->error == ENOTCONN || done->error == ENOENT;
    for (size_t i = 0; i < tried; i++)
        pace_sent(&s->pace, cost(s->all, &d[i]));
    WRITE(s->tally.forgiven, s->pace.forgiven);
    if (o->on_sent != NULL) {
        const struct sender_progress p = { s->next, done->datagrams, done->failed };
        o->on_sent(o->cookie, (unsigned)(s - s->all->at), &p);
    }
    s->next = (s->next + tried) % o->block.n;
}

static void sleep_s(double seconds)
{
    assert(seconds >= 0 && seconds < 1);
    struct timespec t = { .tv_nsec = (long)(seconds * 1e9) };
    nanosleep(&t, NULL);
}

/* The socket whose turn it is sends the next n datagrams, or what it takes of them. */
static void send_some(struct sender *s, size_t n)
{
    const struct sender_opts *o = &s->all->opts;
    struct target_socket *socket = &s->sockets[s->turn];
    struct target_sent done = o->target->kind->send(socket, &o->block, s->next, n, o->segments);
    /* Nobody else can send the rest of a datagram that it began. */
    if (!done.begun)
        s->turn = (s->turn + 1) % s->n_sockets;
    count_sent(s, &done, n);
}

/* No datagram stays half sent, if a second is enough for its other half, or there is another
 * way. */
static void finish_begun(struct sender *s)
{
    const struct sender_opts *o = &s->all->opts;
    struct target_socket *socket = &s->sockets[s->turn];
    const struct target_sent whole = { .datagrams = 1, .messages = 1 };
    const struct target_sent cut = { .failed = 1, .error = ETIMEDOUT };
    for (int i = 0; i < LAST_TRIES && s->sockets[s->turn].begun > 0; i++)
        send_some(s, 1);
    if (socket->begun > 0)
        count_sent(s, o->target->kind->complete(socket, &o->block, s->next) ? &whole : &cut, 1);
}

static void give_up(struct sender *s)
{
    s->pace.forgiven += pace_due(&s->pace, s->all->opts.duration_s);
    WRITE(s->tally.forgiven, s->pace.forgiven);
}

static void *sender_run(void *cookie)
{
    struct sender *s = cookie;
    const struct sender_opts *o = &s->all->opts;
    bool late = false;
    while (!late && !READ(s->all->stop)) {
        sender_check(s);
        double elapsed = senders_elapsed_s(s->all);
        bool over = elapsed >= o->duration_s;
        if (over && o->shape == NULL)
            break;
        /* What was due at the end of the duration is still sent, if OVERTIME_S is enough for it. */
        double due = pace_due(&s->pace, fmin(elapsed, o->duration_s));
        size_t n = count_due(s, due);
        if (n == 0 && over)
            break;
        late = n > 0 && elapsed >= o->duration_s + OVERTIME_S;
        if (n == 0)
            sleep_s(pace_sleep(&s->pace, elapsed, cost(s->all, &o->block.datagrams[s->next])));
        else if (!late)
            send_some(s, n);
    }
    finish_begun(s);
    if (late)
        give_up(s);
    s->end_ns = now_mono_ns();
    atomic_fetch_sub(&s->all->running, 1);
    return NULL;
}

/* Of sender i: its share of the connections, or as many as each has. */
static unsigned sockets_of(const struct sender_opts *o, unsigned i)
{
    if (o->connections == 0)
        return o->sockets;
    return o->connections / o->threads + (i < o->connections % o->threads);
}

static int sender_open(struct sender *s, struct senders *all, unsigned i)
{
    const struct sender_opts *o = &all->opts;
    s->all = all;
    s->next = o->block.n * i / o->threads;
    const double share = (o->share > 0 ? o->share : 1) / o->threads;
    s->pace =
        (struct pace){ .shape = o->shape,
                       .share = share,
                       .sent = o->shape != NULL ? shape_total(o->shape, o->from_s) * share : 0,
                       .phase = ((double)i + 0.5) / o->threads,
                       .unit = o->by_datagram ? 1 : (double)o->block.amount / (double)o->block.n };
    unsigned n = sockets_of(o, i);
    s->sockets = mem_alloc(n * sizeof *s->sockets);
    for (; s->n_sockets < n; s->n_sockets++) {
        struct target_socket *socket = &s->sockets[s->n_sockets];
        int rc = o->target->kind->open(o->target, o->send_buffer_bytes, socket);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static struct senders *senders_new(const struct sender_opts *opts)
{
    const size_t bytes = opts->threads * sizeof(struct sender);
    struct senders *all = mem_zalloc(sizeof *all);
    all->opts = *opts;
    while ((all->at = aligned_alloc(_Alignof(struct sender), bytes)) == NULL) {
        if (!mem_reserve_helps(bytes))
            mem_exhausted(bytes);
    }
    memset(all->at, 0, bytes);
    return all;
}

int senders_start(const struct sender_opts *opts, struct senders **ret)
{
    assert(opts->threads > 0 && opts->sockets > 0 && opts->block.n > 0);
    assert(opts->batch > 0 && opts->batch <= TARGET_BATCH_MAX);
    assert(opts->segments > 0 && opts->segments <= TARGET_SEGMENTS_MAX);
    assert(opts->from_s >= 0 && opts->share >= 0 && opts->share <= 1);
    assert(opts->connections == 0 || opts->connections >= opts->threads);
    struct senders *all = senders_new(opts);
    int rc = 0;
    for (; all->n < opts->threads && rc == 0; all->n++)
        rc = sender_open(&all->at[all->n], all, all->n);

    /* Signals are for the creator's thread: the senders' have all of them blocked. */
    sigset_t every, before;
    sigfillset(&every);
    pthread_sigmask(SIG_SETMASK, &every, &before);
    all->start_ns = now_mono_ns() - (uint64_t)(opts->from_s * 1e9);
    for (unsigned i = 0; i < all->n && rc == 0; i++) {
        atomic_fetch_add(&all->running, 1);
        rc = -pthread_create(&all->at[i].thread, NULL, sender_run, &all->at[i]);
        all->at[i].started = rc == 0;
        if (rc < 0)
            atomic_fetch_sub(&all->running, 1);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc < 0) {
        senders_stop(all);
        senders_join(all);
        senders_free(all);
        return rc;
    }
    *ret = all;
    return 0;
}

bool senders_running(const struct senders *s)
{
    return atomic_load(&s->running) > 0;
}

double senders_elapsed_s(const struct senders *s)
{
    return (double)(now_mono_ns() - s->start_ns) * 1e-9;
}

double senders_lasted_s(const struct senders *s)
{
    uint64_t last_ns = s->start_ns;
    assert(!senders_running(s));
    for (unsigned i = 0; i < s->n; i++)
        last_ns = s->at[i].end_ns > last_ns ? s->at[i].end_ns : last_ns;
    return (double)(last_ns - s->start_ns) * 1e-9;
}

void senders_totals(const struct senders *s, struct sender_totals *ret)
{
    struct sender_totals sum = { 0 };
    uint64_t messages = 0;
    for (unsigned i = 0; i < s->n; i++) {
        const struct tally *t = &s->at[i].tally;
        sum.datagrams += READ(t->datagrams);
        sum.bytes += READ(t->bytes);
        messages += READ(t->messages);
        sum.unreachable_datagrams += READ(t->unreachable_messages);
        sum.failed_datagrams += READ(t->failed_datagrams);
        sum.forgiven += READ(t->forgiven);
        sum.connections += s->opts.target->kind->stream ? s->at[i].n_sockets : 0;
        sum.reconnects += READ(t->reconnects);
        sum.unfinished += READ(t->unfinished);
        int error = READ(t->error);
        sum.error = error ? error : sum.error;
        int unreachable = READ(t->unreachable_error);
        sum.unreachable_error = unreachable ? unreachable : sum.unreachable_error;
        sum.nobody = sum.nobody || (!s->at[i].started && s->at[i].nobody);
    }
    /* A message can be several datagrams: all of them are unreachable for certain if all are. */
    if (sum.unreachable_datagrams > 0 && sum.unreachable_datagrams >= messages)
        sum.unreachable_datagrams = sum.datagrams;
    *ret = sum;
}

void senders_stop(struct senders *s)
{
    atomic_store(&s->stop, true);
}

void senders_join(struct senders *s)
{
    for (unsigned i = 0; i < s->n; i++) {
        if (s->at[i].started)
            pthread_join(s->at[i].thread, NULL);
        s->at[i].started = false;
    }
}

static void hear_icmp(struct sender *s)
{
    const struct target *t = s->all->opts.target;
    for (unsigned k = 0; k < s->n_sockets; k++) {
        struct target_unreachable u = t->kind->unreachable(s->sockets[k].fd);
        count_unreachable(s, &u);
        s->nobody = s->nobody || u.error == ECONNREFUSED;
    }
    if (!t->here && s->refused_ns > 0)
        s->nobody = s->nobody || s->refused_ns + ANSWERS_NS > s->end_ns;
}

static void finish_streams(struct senders *all)
{
    const struct target_kind *kind = all->opts.target->kind;
    uint64_t until_ms = now_mono_ms() + READ_ALL_MS;
    for (unsigned i = 0; i < all->n; i++)
        for (unsigned k = 0; k < all->at[i].n_sockets; k++)
            kind->finish(&all->at[i].sockets[k]);
    for (unsigned i = 0; i < all->n; i++) {
        struct sender *s = &all->at[i];
        for (unsigned k = 0; k < s->n_sockets; k++) {
            int64_t left_ms = (int64_t)(until_ms - now_mono_ms());
            int rc = kind->finished(&s->sockets[k], left_ms > 0 ? (int)left_ms : 0);
            BUMP(s->tally.unfinished, rc < 0);
        }
    }
}

void senders_settle(struct senders *s)
{
    const struct target_kind *kind = s->opts.target->kind;
    for (unsigned i = 0; i < s->n; i++) {
        assert(!s->at[i].started);
        if (kind->unreachable != NULL)
            hear_icmp(&s->at[i]);
    }
    if (kind->finish != NULL)
        finish_streams(s);
}

void senders_free(struct senders *s)
{
    if (s == NULL)
        return;
    for (unsigned i = 0; i < s->n; i++) {
        assert(!s->at[i].started);
        for (unsigned k = 0; k < s->at[i].n_sockets; k++)
            if (s->at[i].sockets[k].fd >= 0)
                close(s->at[i].sockets[k].fd);
        free(s->at[i].sockets);
    }
    free(s->at);
    free(s);
}
