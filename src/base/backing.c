/*
 * What is to be done waits under one mutex:
 *
 *     ahead    a stack, worked off in pieces, so that the next page of who asked last does not wait
 *              for a large table; what finds it full is left to its owner
 *     busy     whose piece is being touched, without the mutex
 *     gone     a list through the mappings themselves, which nobody else uses any more
 */
#include "base/backing.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>

enum {
    AHEAD_MAX = 64,
    AHEAD_LEAST = 256 << 10,
    PIECE = 2 << 20, /* a huge page */
    SMALL = 4096     /* the least page there is */
};

struct range {
    char *whole; /* as it was asked for */
    size_t bytes, done;
};

struct gone {
    struct gone *next;
    size_t bytes;
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t work, let_go;
    pthread_t thread;
    bool running, stopping;
    struct range ahead[AHEAD_MAX];
    unsigned n; /* of them */
    const char *busy;
    struct gone *gone;
} backing = { .lock = PTHREAD_MUTEX_INITIALIZER,
              .work = PTHREAD_COND_INITIALIZER,
              .let_go = PTHREAD_COND_INITIALIZER };

/* Under the lock. */
static void backing_check(void)
{
    assert(backing.n <= AHEAD_MAX);
    for (unsigned i = 0; i < backing.n; i++)
        assert(backing.ahead[i].done < backing.ahead[i].bytes);
}

/* ---- the thread ---- */

static void touch(volatile char *p, size_t bytes)
{
    for (size_t at = 0; at < bytes; at += SMALL)
        p[at] = 0;
}

/* A piece of what was asked for last.  Under the lock, but for the touching. */
static void do_piece(void)
{
    struct range *r = &backing.ahead[backing.n - 1];
    char *at = r->whole + r->done;
    const size_t left = r->bytes - r->done, n = left < PIECE ? left : PIECE;
    r->done += n;
    backing.busy = r->whole;
    backing.n -= left == n;
    pthread_mutex_unlock(&backing.lock);
    touch(at, n);
    pthread_mutex_lock(&backing.lock);
    backing.busy = NULL;
    pthread_cond_broadcast(&backing.let_go);
}

/* Likewise. */
static void do_gone(void)
{
    struct gone *g = backing.gone;
    backing.gone = g->next;
    pthread_mutex_unlock(&backing.lock);
    munmap(g, g->bytes);
    pthread_mutex_lock(&backing.lock);
}

static void *run(void *unused)
{
    (void)pthread_setname_np(pthread_self(), "memory");
    pthread_mutex_lock(&backing.lock);
    for (;;) {
        backing_check();
        if (backing.n > 0)
            do_piece();
        else if (backing.gone != NULL)
            do_gone();
        else if (backing.stopping)
            break;
        else
            pthread_cond_wait(&backing.work, &backing.lock);
    }
    pthread_mutex_unlock(&backing.lock);
    return unused;
}

/* ---- life ---- */

int backing_start(void)
{
    sigset_t all, before;
    assert(!backing.running && !backing.stopping);
    backing.running = true;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&backing.thread, NULL, run, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0)
        backing.running = false;
    return -rc;
}

void backing_stop(void)
{
    if (!backing.running)
        return;
    pthread_mutex_lock(&backing.lock);
    backing.stopping = true;
    pthread_cond_signal(&backing.work);
    pthread_mutex_unlock(&backing.lock);
    pthread_join(backing.thread, NULL);
    backing.running = backing.stopping = false;
}

/* ---- owners ---- */

void backing_ahead(void *p, size_t bytes)
{
    assert(p != NULL);
    if (!backing.running || bytes < AHEAD_LEAST)
        return;
    pthread_mutex_lock(&backing.lock);
    if (backing.n < AHEAD_MAX)
        backing.ahead[backing.n++] = (struct range){ .whole = p, .bytes = bytes };
    pthread_cond_signal(&backing.work);
    pthread_mutex_unlock(&backing.lock);
}

/* Under the lock.   returns  true: it was asked for, and nothing of it was touched */
static bool claim(const char *p)
{
    bool untouched = false;
    unsigned kept = 0;
    for (unsigned i = 0; i < backing.n; i++)
        if (backing.ahead[i].whole != p)
            backing.ahead[kept++] = backing.ahead[i];
        else
            untouched = backing.ahead[i].done == 0;
    backing.n = kept;
    while (backing.busy == p)
        pthread_cond_wait(&backing.let_go, &backing.lock);
    return untouched;
}

void backing_claim(void *p)
{
    assert(p != NULL);
    if (!backing.running)
        return;
    pthread_mutex_lock(&backing.lock);
    (void)claim(p);
    pthread_mutex_unlock(&backing.lock);
}

bool backing_is_ready(const void *p)
{
    if (!backing.running)
        return true;
    pthread_mutex_lock(&backing.lock);
    bool ready = backing.busy != p;
    for (unsigned i = 0; i < backing.n; i++)
        ready = ready && backing.ahead[i].whole != p;
    pthread_mutex_unlock(&backing.lock);
    return ready;
}

/* To write to what nobody has touched would bring its first page, under the lock. */
void backing_unmap(void *p, size_t bytes)
{
    if (p == NULL)
        return;
    if (!backing.running) {
        munmap(p, bytes);
        return;
    }
    pthread_mutex_lock(&backing.lock);
    const bool later = !claim(p);
    if (later) {
        *(struct gone *)p = (struct gone){ .next = backing.gone, .bytes = bytes };
        backing.gone = p;
        pthread_cond_signal(&backing.work);
    }
    pthread_mutex_unlock(&backing.lock);
    if (!later)
        munmap(p, bytes);
}
