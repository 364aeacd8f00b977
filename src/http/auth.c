/*
 *     HTTP thread    look, ask -> queue -> checker: crypt_r, without the lock
 *                                       -> users, wrong -> done() for each waiter
 *     control        set: other users, and the generation one up
 *
 * In this file: what is known of a password (find, look, ask), the checker's thread (run), and its
 * life.  The lock guards all of it; done() is called without it.  What is checked stays in its
 * place meanwhile, so that others may still join.
 */
#include "http/auth.h"

#include <assert.h>
#include <crypt.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/bcrypt.h"
#include "base/mem.h"
#include "base/now.h"
#include "http/auth_header.h"
#include "http/auth_known.h"
#include "http/auth_priv.h"
#include "http/auth_queue.h"
#include "http/auth_users.h"

enum { NICE = 10 };

struct http_auth {
    pthread_t thread;
    bool started; /* the thread */
    unsigned char secret[32];
    struct crypt_data *crypt; /* the checker's: 32 KiB */

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t wake;
    bool stopping;
    uint64_t generation; /* of the users */
    struct http_auth_users users;
    char nobody[BCRYPT_LEN + 1]; /* the hash of unknown names */
    struct http_auth_queue queue;
    struct http_auth_wrong wrong;
    struct http_auth_stats stats;
};

void http_auth_set(struct http_auth *a, const struct http_user *users, size_t n)
{
    struct http_auth_users fresh = http_auth_users_make(users, n), old;
    unsigned cost = http_auth_users_cost(&fresh);
    pthread_mutex_lock(&a->lock);
    http_auth_users_carry_over(&a->users, &fresh);
    old = a->users;
    a->users = fresh;
    a->generation++;
    bcrypt_nobody(cost, a->nobody);
    pthread_mutex_unlock(&a->lock);
    http_auth_users_release(&old);
}

/* ---- what is known ---- */

/* What a header says, and whose it is, under the lock. */
struct asked {
    enum http_verdict verdict;
    struct http_auth_user *user; /* NULL: unknown */
    const char *hash;
    struct http_auth_key key;
};

static struct asked find(struct http_auth *a, const struct http_credentials *c)
{
    struct asked k = { .verdict = HTTP_AUTH_UNKNOWN };
    k.user = http_auth_users_find(&a->users, c->user);
    k.hash = k.user != NULL ? k.user->hash : a->nobody;
    k.key = http_auth_key(a->secret, c->user, slice_str(k.hash), c->password);
    if (k.user != NULL && k.user->known && http_auth_key_eq(&k.user->right, &k.key)) {
        k.verdict = HTTP_AUTH_OK;
        a->stats.cached_ok++;
    } else if (http_auth_wrong_has(&a->wrong, &k.key, now_mono_ns())) {
        k.verdict = HTTP_AUTH_BAD;
        a->stats.cached_bad++;
    }
    return k;
}

enum http_verdict http_auth_look(struct http_auth *a, const char *header)
{
    struct http_credentials c;
    enum http_verdict v = HTTP_AUTH_OK;
    pthread_mutex_lock(&a->lock);
    if (a->users.n > 0) {
        if (http_credentials_read(header, &c)) {
            v = find(a, &c).verdict;
        } else {
            v = HTTP_AUTH_BAD;
            a->stats.bad++;
        }
        http_credentials_wipe(&c);
    }
    pthread_mutex_unlock(&a->lock);
    return v;
}

bool http_auth_asks(struct http_auth *a)
{
    pthread_mutex_lock(&a->lock);
    bool yes = a->users.n > 0;
    pthread_mutex_unlock(&a->lock);
    return yes;
}

/* returns  UNKNOWN: it waits */
static enum http_verdict wait_for(struct http_auth *a, const struct http_credentials *c,
                                  uint64_t who, struct http_auth_waiter w)
{
    struct asked k = find(a, c);
    if (k.verdict != HTTP_AUTH_UNKNOWN)
        return k.verdict;
    struct http_auth_place *p =
        a->stopping ? NULL : http_auth_queue_place(&a->queue, a->generation, &k.key, who);
    if (p == NULL) {
        a->stats.busy++;
        return HTTP_AUTH_BUSY;
    }
    if (p->n_waiters == 0) {
        size_t user = k.user != NULL ? (size_t)(k.user - a->users.at) : SIZE_MAX;
        struct http_auth_place question = {
            .generation = a->generation, .who = who, .key = k.key, .user = user
        };
        http_auth_queue_put(&a->queue, p, &question, k.hash, c->password);
    }
    http_auth_place_join(p, w);
    pthread_cond_signal(&a->wake);
    return HTTP_AUTH_UNKNOWN;
}

void http_auth_ask(struct http_auth *a, const char *header, uint64_t who, http_auth_done done,
                   void *cookie)
{
    struct http_credentials c;
    enum http_verdict v = HTTP_AUTH_BAD;
    bool good = http_credentials_read(header, &c);
    pthread_mutex_lock(&a->lock);
    if (a->users.n == 0) /* since look */
        v = HTTP_AUTH_OK;
    else if (good)
        v = wait_for(a, &c, who, (struct http_auth_waiter){ done, cookie });
    pthread_mutex_unlock(&a->lock);
    http_credentials_wipe(&c);
    if (v != HTTP_AUTH_UNKNOWN)
        done(cookie, v);
}

/* ---- the checker ---- */

static bool same_text(const char *a, const char *b, size_t n)
{
    unsigned differ = 0;
    for (size_t i = 0; i < n; i++)
        differ |= (unsigned char)a[i] ^ (unsigned char)b[i];
    return differ == 0;
}

/* Not locked: nobody else writes hash and password of a place that has waiters. */
static bool is_right(struct http_auth *a, const struct http_auth_place *p)
{
    a->crypt->initialized = 0;
    const char *is = crypt_r(p->password, p->hash, a->crypt);
    bool right = is != NULL && strlen(is) == BCRYPT_LEN && same_text(is, p->hash, BCRYPT_LEN);
    explicit_bzero(a->crypt, sizeof *a->crypt);
    return right;
}

/* Locked. */
static enum http_verdict settle(struct http_auth *a, const struct http_auth_place *p, bool right)
{
    if (p->generation != a->generation) { /* p->user may be another one by now */
        a->stats.busy += p->n_waiters;
        return HTTP_AUTH_BUSY;
    }
    if (!right || p->user == SIZE_MAX) {
        http_auth_wrong_add(&a->wrong, &p->key, now_mono_ns());
        a->stats.bad += p->n_waiters;
        return HTTP_AUTH_BAD;
    }
    assert(p->user < a->users.n);
    a->users.at[p->user].known = true;
    a->users.at[p->user].right = p->key;
    a->stats.ok += p->n_waiters;
    return HTTP_AUTH_OK;
}

/* Locked, but not while done is called. */
static void answer(struct http_auth *a, struct http_auth_place *p, enum http_verdict v)
{
    struct http_auth_waiter waiters[HTTP_AUTH_JOINED_MAX];
    unsigned n = http_auth_place_free(p, waiters);
    pthread_mutex_unlock(&a->lock);
    for (unsigned i = 0; i < n; i++)
        waiters[i].done(waiters[i].cookie, v);
    pthread_mutex_lock(&a->lock);
}

/* Locked. */
static void rest(struct http_auth *a, uint64_t ns)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    ns += (uint64_t)until.tv_nsec;
    until.tv_sec += (time_t)(ns / 1000000000);
    until.tv_nsec = (long)(ns % 1000000000);
    while (!a->stopping && pthread_cond_timedwait(&a->wake, &a->lock, &until) == 0)
        ;
}

/* Not the time on the wall, of which this thread gets little while the machine is busy. */
static uint64_t thread_cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void check_one(struct http_auth *a, struct http_auth_place *p)
{
    pthread_mutex_unlock(&a->lock);
    uint64_t begun_ns = thread_cpu_ns();
    bool right = is_right(a, p);
    uint64_t took_ns = thread_cpu_ns() - begun_ns;
    pthread_mutex_lock(&a->lock);
    enum http_verdict v = settle(a, p, right);
    answer(a, p, v);
    if (v == HTTP_AUTH_BAD)
        rest(a, took_ns);
}

static void *run(void *auth)
{
    struct http_auth *a = auth;
    struct http_auth_place *p;
    /* Of this thread alone, on Linux.  Where it may not, it has the priority of the others. */
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
    pthread_mutex_lock(&a->lock);
    while (!a->stopping) {
        if ((p = http_auth_queue_next(&a->queue)) != NULL)
            check_one(a, p);
        else
            pthread_cond_wait(&a->wake, &a->lock);
    }
    while ((p = http_auth_queue_next(&a->queue)) != NULL)
        answer(a, p, HTTP_AUTH_BUSY);
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

/* ---- its life ---- */

static void release(struct http_auth *a)
{
    pthread_cond_destroy(&a->wake);
    pthread_mutex_destroy(&a->lock);
    http_auth_users_release(&a->users);
    explicit_bzero(a->secret, sizeof a->secret);
    free(a->crypt);
    free(a);
}

/* The thread has all signals blocked: they are for the thread that expects them. */
static int thread_start(struct http_auth *a)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = pthread_create(&a->thread, NULL, run, a);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return rc == 0 ? 0 : -EAGAIN;
}

int http_auth_new(struct http_auth **ret)
{
    struct http_auth *a = mem_zalloc(sizeof *a);
    pthread_condattr_t monotonic;
    a->crypt = mem_zalloc(sizeof *a->crypt);
    bcrypt_nobody(BCRYPT_COST_MIN, a->nobody);
    pthread_mutex_init(&a->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&a->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (getrandom(a->secret, sizeof a->secret, 0) != (ssize_t)sizeof a->secret) {
        release(a);
        return -EAGAIN;
    }
    *ret = a;
    return 0;
}

int http_auth_start(struct http_auth *a)
{
    int rc = a->started ? 0 : thread_start(a);
    a->started = rc == 0;
    return rc;
}

void http_auth_stats(struct http_auth *a, struct http_auth_stats *ret)
{
    pthread_mutex_lock(&a->lock);
    *ret = a->stats;
    pthread_mutex_unlock(&a->lock);
}

void http_auth_free(struct http_auth *a)
{
    if (a == NULL)
        return;
    pthread_mutex_lock(&a->lock);
    a->stopping = true;
    pthread_cond_signal(&a->wake);
    pthread_mutex_unlock(&a->lock);
    if (a->started)
        pthread_join(a->thread, NULL);
    release(a);
}
