/*
 *     run_main     drain, send_rest, or a nap where there was nothing; a mark once a second
 *       drain      each record of each ring: choose_from -> on_chosen -> pack
 *         on_chosen  a full pack: send_all
 *       send_all   mirror_link_send, until the block is over
 */
#include "mirror/run.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/now.h"
#include "mirror/choose.h"
#include "mirror/pack.h"

enum { NICE = 5, RECORDS_AT_ONCE = 256, NAP_MS = 5, LAST_MS = 1000 };

#define MS_NS     UINT64_C(1000000)
#define MARK_NS   (1000 * MS_NS)
#define LINGER_NS (20 * MS_NS) /* under load a datagram waits so long to be filled */

struct run {
    struct run_opts opts;
    struct choose *choose;
    struct pack *pack;
    struct mirror_link link;
    pthread_t thread;
    uint64_t mark_ns, sent_ns; /* when the next mark is due; when all was sent last */
    uint64_t until_ns;         /* once it was asked to end: by then at the latest */
    _Atomic bool stop, ended;
};

static bool asked_to_stop(const struct run *r)
{
    return atomic_load_explicit(&r->stop, memory_order_relaxed); /* a flag that guards nothing */
}

/* Is there no time for more? */
static bool over(struct run *r)
{
    if (!asked_to_stop(r))
        return false;
    const uint64_t now_ns = now_mono_ns();
    if (r->until_ns == 0)
        r->until_ns = now_ns + LAST_MS * MS_NS;
    return now_ns >= r->until_ns;
}

static void nap(int ms)
{
    const struct timespec t = { .tv_nsec = ms * 1000000L };
    (void)nanosleep(&t, NULL);
}

/* A full stream keeps it here, while the rings fill up and workers drop. */
static void send_all(struct run *r)
{
    struct send_block b;
    if (!pack_block(r->pack, &b))
        return;
    mirror_link_ready(&r->link);
    bool done = false;
    while (!done && !over(r))
        done = mirror_link_send(&r->link, &b);
    if (!done)
        mirror_link_give_up(&r->link, &b);
    pack_clear(r->pack);
    r->sent_ns = now_mono_ns();
}

static void on_chosen(void *cookie, struct slice bytes, bool whole)
{
    struct run *r = cookie;
    bool (*put)(struct pack *, struct slice) = whole ? pack_whole : pack_line;
    if (put(r->pack, bytes))
        return;
    send_all(r);
    (void)put(r->pack, bytes); /* an empty one has room for any */
}

/* returns  whether there was anything */
static bool drain(struct run *r)
{
    bool any = false;
    for (unsigned i = 0; i < r->opts.n_rings; i++) {
        const struct tap_record *rec;
        for (int n = 0; n < RECORDS_AT_ONCE && !over(r); n++) {
            if ((rec = tap_ring_next(r->opts.rings[i])) == NULL)
                break;
            choose_from(r->choose, rec, tap_record_data(rec));
            any = true;
        }
        tap_ring_release(r->opts.rings[i]);
    }
    return any;
}

static void send_mark(struct run *r, uint64_t now_ns)
{
    char line[MARKS_TEXT + 8];
    if (now_ns < r->mark_ns)
        return;
    const int n = snprintf(line, sizeof line, "%s:1|c", r->opts.mark);
    r->mark_ns = now_ns + MARK_NS;
    on_chosen(r, slice_of(line, (size_t)n), true);
}

static void *run_main(void *run)
{
    struct run *r = run;
    (void)pthread_setname_np(pthread_self(), "mirror");
    /* Of this thread alone, on Linux.  Where it may not, it has the priority of the others. */
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
    for (bool any = true; !over(r) && (any || !asked_to_stop(r));) {
        any = drain(r);
        const uint64_t now_ns = now_mono_ns();
        send_mark(r, now_ns);
        if (!any || now_ns - r->sent_ns >= LINGER_NS)
            send_all(r);
        if (!any && !asked_to_stop(r))
            nap(NAP_MS);
    }
    send_all(r);
    mirror_link_release(&r->link);
    /* release: pairs with the acquire in run_ended, whose caller frees what this thread used */
    atomic_store_explicit(&r->ended, true, memory_order_release);
    return NULL;
}

static void release(struct run *r)
{
    choose_free(r->choose);
    pack_free(r->pack);
    free(r);
}

int run_start(const struct run_opts *opts, struct run **ret)
{
    struct run *r = mem_zalloc(sizeof *r);
    sigset_t all, before;
    r->opts = *opts;
    atomic_init(&r->stop, false);
    atomic_init(&r->ended, false);
    mirror_link_init(&r->link, opts->mirror.to, opts->own, opts->n_own, opts->counts);
    r->choose = choose_new(&opts->mirror, on_chosen, r);
    r->pack = pack_new(r->link.target.framing, PACK_MTU);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&r->thread, NULL, run_main, r);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0) {
        release(r);
        return -rc;
    }
    *ret = r;
    return 0;
}

void run_stop(struct run *r)
{
    atomic_store_explicit(&r->stop, true, memory_order_relaxed);
}

bool run_ended(const struct run *r)
{
    return atomic_load_explicit(&r->ended, memory_order_acquire);
}

void run_free(struct run *r)
{
    pthread_join(r->thread, NULL);
    release(r);
}
