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

#define OVERTIME_S 0.5
#define ANSWERS_NS UINT64_C(2000000000)   /* another host that is asked all the time answers at least once in that */

/* One writer each: a relaxed load and store, no locked instruction. */
struct tally {
    _Atomic uint64_t datagrams, messages, bytes, unreachable_messages, failed_datagrams;
    _Atomic double forgiven;
    _Atomic int error, unreachable_error;
};

struct sender {
    _Alignas(64) struct tally tally;
    struct senders *all;
    struct pace pace;
    size_t next;          /* datagram of the block */
    int *fds;
    unsigned fd_turn;
    pthread_t thread;
    /* Read after the join. */
    uint64_t end_ns, refused_ns;   /* when the last ICMP answer said that nobody listens; 0: never */
    bool nobody;
    bool started;
};

struct senders {
    struct sender_opts opts;
    uint64_t start_ns;
    _Atomic bool stop;
    _Atomic unsigned running;
    unsigned n;
    struct sender *at;
};

#define BUMP(field, more) \
    atomic_store_explicit(&(field), atomic_load_explicit(&(field), memory_order_relaxed) + (more), memory_order_relaxed)
#define READ(field) atomic_load_explicit(&(field), memory_order_relaxed)

static double cost(const struct senders *all, const struct send_datagram *d)
{
    return all->opts.by_datagram ? 1 : d->amount;
}

/* How many datagrams from s->next on fit into `due`, without wrapping round the block. */
static size_t count_due(const struct sender *s, double due)
{
    const struct send_block *b = &s->all->opts.block;
    size_t n = 0, room = b->n - s->next, most = s->all->opts.batch < room ? s->all->opts.batch : room;
    for (; n < most; n++) {
        double c = cost(s->all, &b->datagrams[s->next + n]);
        if (due < c / 2)
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
    atomic_store_explicit(&s->tally.unreachable_error, u->error, memory_order_relaxed);
}

static void count_sent(struct sender *s, const struct target_sent *done)
{
    count_unreachable(s, &done->unreachable);
    /* A Unix socket whose receiver went refuses once, and is not connected from then on. */
    s->nobody = done->error == ECONNREFUSED || done->error == ENOTCONN;
    const struct sender_opts *o = &s->all->opts;
    const struct send_datagram *d = &o->block.datagrams[s->next];
    uint64_t bytes = 0;
    double paced = 0;
    for (size_t i = 0; i < done->datagrams; i++)
        bytes += d[i].len;
    for (size_t i = 0; i < done->datagrams + done->failed; i++)
        paced += cost(s->all, &d[i]);
    struct tally *t = &s->tally;
    BUMP(t->datagrams, done->datagrams);
    BUMP(t->messages, done->messages);
    BUMP(t->bytes, bytes);
    if (done->failed > 0) {
        BUMP(t->failed_datagrams, done->failed);
        atomic_store_explicit(&t->error, done->error, memory_order_relaxed);
    }
    pace_sent(&s->pace, paced);
    atomic_store_explicit(&t->forgiven, s->pace.forgiven, memory_order_relaxed);
    if (o->on_sent != NULL) {
        const struct sender_progress p = { s->next, done->datagrams, done->failed };
        o->on_sent(o->cookie, (unsigned)(s - s->all->at), &p);
    }
    s->next = (s->next + done->datagrams + done->failed) % o->block.n;
}

static void sleep_s(double seconds)
{
    struct timespec t = { .tv_nsec = (long)(seconds * 1e9) };
    nanosleep(&t, NULL);
}

static void give_up(struct sender *s, double due)
{
    s->pace.forgiven += due;
    atomic_store_explicit(&s->tally.forgiven, s->pace.forgiven, memory_order_relaxed);
}

static void *sender_run(void *cookie)
{
    struct sender *s = cookie;
    const struct sender_opts *o = &s->all->opts;
    while (!atomic_load_explicit(&s->all->stop, memory_order_relaxed)) {
        double elapsed = senders_elapsed_s(s->all);
        bool over = elapsed >= o->duration_s;
        if (over && o->shape == NULL)
            break;
        /* After the last second what was due by then is still sent, unless each send has to wait. */
        double due = pace_due(&s->pace, fmin(elapsed, o->duration_s));
        size_t n = count_due(s, due);
        if (n > 0 && elapsed >= o->duration_s + OVERTIME_S) {
            give_up(s, due);
            break;
        }
        if (n == 0 && over)
            break;
        if (n == 0) {
            sleep_s(pace_sleep(&s->pace, elapsed));
            continue;
        }
        struct target_sent done =
            o->target->kind->send(s->fds[s->fd_turn], &o->block, s->next, n, o->segments);
        s->fd_turn = (s->fd_turn + 1) % o->sockets;
        count_sent(s, &done);
    }
    s->end_ns = now_mono_ns();
    atomic_fetch_sub(&s->all->running, 1);
    return NULL;
}

static double mean_amount(const struct send_block *b)
{
    return (double)b->amount / (double)b->n;
}

static int sender_open(struct sender *s, struct senders *all, unsigned i)
{
    const struct sender_opts *o = &all->opts;
    s->all = all;
    s->next = o->block.n * i / o->threads;
    s->pace = (struct pace){ .shape = o->shape,
                             .share = 1.0 / o->threads,
                             .phase = ((double)i + 0.5) / o->threads,
                             .unit = o->by_datagram ? 1 : mean_amount(&o->block) };
    s->fds = mem_alloc(o->sockets * sizeof *s->fds);
    for (unsigned k = 0; k < o->sockets; k++)
        s->fds[k] = -1;
    for (unsigned k = 0; k < o->sockets; k++) {
        s->fds[k] = o->target->kind->open(o->target, o->send_buffer_bytes);
        if (s->fds[k] < 0)
            return s->fds[k];
    }
    return 0;
}

int senders_start(const struct sender_opts *opts, struct senders **ret)
{
    assert(opts->threads > 0 && opts->sockets > 0 && opts->block.n > 0);
    assert(opts->batch > 0 && opts->batch <= TARGET_BATCH_MAX);
    struct senders *all = mem_zalloc(sizeof *all);
    all->opts = *opts;
    all->at = aligned_alloc(64, opts->threads * sizeof *all->at);
    if (all->at == NULL)
        abort();
    memset(all->at, 0, opts->threads * sizeof *all->at);
    int rc = 0;
    for (; all->n < opts->threads && rc == 0; all->n++)
        rc = sender_open(&all->at[all->n], all, all->n);

    /* Signals belong to the main thread. */
    sigset_t every, before;
    sigfillset(&every);
    pthread_sigmask(SIG_SETMASK, &every, &before);
    all->start_ns = now_mono_ns();
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
        int error = READ(t->error);
        sum.error = error ? error : sum.error;
        int unreachable = READ(t->unreachable_error);
        sum.unreachable_error = unreachable ? unreachable : sum.unreachable_error;
        sum.nobody = sum.nobody || (!s->at[i].started && s->at[i].nobody);
    }
    if (sum.unreachable_datagrams >= messages)
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

void senders_settle(struct senders *s)
{
    for (unsigned i = 0; i < s->n && s->opts.target->kind->unreachable != NULL; i++) {
        struct sender *one = &s->at[i];
        assert(!one->started);
        for (unsigned k = 0; k < s->opts.sockets; k++) {
            struct target_unreachable u = s->opts.target->kind->unreachable(one->fds[k]);
            count_unreachable(one, &u);
            one->nobody = one->nobody || u.error == ECONNREFUSED;
        }
        if (!s->opts.target->here && one->refused_ns > 0)
            one->nobody = one->nobody || one->refused_ns + ANSWERS_NS > one->end_ns;
    }
}

void senders_free(struct senders *s)
{
    if (s == NULL)
        return;
    for (unsigned i = 0; i < s->n; i++) {
        assert(!s->at[i].started);
        for (unsigned k = 0; k < s->opts.sockets && s->at[i].fds != NULL; k++)
            if (s->at[i].fds[k] >= 0)
                close(s->at[i].fds[k]);
        free(s->at[i].fds);
    }
    free(s->at);
    free(s);
}
