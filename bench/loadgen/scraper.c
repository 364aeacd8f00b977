#include "scraper.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "base/now.h"

enum { TIMEOUT_MS = 10000 };

struct scraper {
    struct scrape_url url;
    uint64_t interval_ns;
    pthread_t thread;
    pthread_mutex_t lock; /* over all below */
    pthread_cond_t wake;
    bool stop, any;
    struct scrape_counters last;
    double last_latency_s, flush_max_s;
    double *latency;
    size_t n, cap;
    uint64_t failures;
};

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double scraper_percentile(double *x, size_t n, double q)
{
    assert(q >= 0 && q <= 1);
    if (n == 0)
        return 0;
    qsort(x, n, sizeof *x, ascending);
    double rank = ceil(q * (double)n);
    return x[rank < 1 ? 0 : (size_t)rank - 1];
}

/* Under the lock. */
static void note(struct scraper *s, int rc, const struct scrape_counters *c, double latency_s)
{
    if (rc < 0) {
        s->failures++;
        return;
    }
    s->last = *c;
    s->last_latency_s = latency_s;
    s->any = true;
    if (c->v[SCRAPE_FLUSH_SECONDS] > s->flush_max_s)
        s->flush_max_s = c->v[SCRAPE_FLUSH_SECONDS];
    s->latency = mem_grow(s->latency, &s->cap, s->n + 1, sizeof *s->latency);
    s->latency[s->n++] = latency_s;
}

static void *scraper_run(void *cookie)
{
    struct scraper *s = cookie;
    struct buf body = { 0 };
    struct scrape_counters c = { 0 };
    /* Done when the row of that second is written */
    uint64_t next_ns = now_mono_ns() + s->interval_ns * 4 / 5;
    pthread_mutex_lock(&s->lock);
    while (!s->stop) {
        struct timespec at = { (time_t)(next_ns / 1000000000), (long)(next_ns % 1000000000) };
        if (now_mono_ns() < next_ns && pthread_cond_timedwait(&s->wake, &s->lock, &at) != ETIMEDOUT)
            continue;
        pthread_mutex_unlock(&s->lock);
        uint64_t from_ns = now_mono_ns();
        int rc = scrape_get(&s->url, TIMEOUT_MS, &body);
        double latency_s = (double)(now_mono_ns() - from_ns) * 1e-9;
        if (rc == 0)
            scrape_read(buf_slice(&body), s->url.samples, &c);
        pthread_mutex_lock(&s->lock);
        note(s, rc, &c, latency_s);
        next_ns += s->interval_ns;
        if (next_ns < now_mono_ns())
            next_ns = now_mono_ns(); /* slower than the interval: the next at once, no burst */
    }
    pthread_mutex_unlock(&s->lock);
    buf_release(&body);
    return NULL;
}

struct scraper *scraper_start(const struct scrape_url *url, double interval_s)
{
    struct scraper *s = mem_zalloc(sizeof *s);
    s->url = *url;
    s->interval_ns = (uint64_t)(interval_s * 1e9);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->wake, &attr);
    pthread_condattr_destroy(&attr);
    sigset_t every, before;
    sigfillset(&every);
    pthread_sigmask(SIG_SETMASK, &every, &before);
    int rc = pthread_create(&s->thread, NULL, scraper_run, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc == 0)
        return s;
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->wake);
    free(s);
    return NULL;
}

bool scraper_last(struct scraper *s, struct scrape_counters *ret, double *ret_latency_s)
{
    pthread_mutex_lock(&s->lock);
    bool any = s->any;
    if (any) {
        *ret = s->last;
        *ret_latency_s = s->last_latency_s;
    }
    pthread_mutex_unlock(&s->lock);
    return any;
}

void scraper_end(struct scraper *s, struct scraper_summary *ret)
{
    pthread_mutex_lock(&s->lock);
    s->stop = true;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    *ret = (struct scraper_summary){ .scrapes = s->n,
                                     .failures = s->failures,
                                     .flush_max_s = s->flush_max_s };
    ret->p50_s = scraper_percentile(s->latency, s->n, 0.5);
    ret->p90_s = scraper_percentile(s->latency, s->n, 0.9);
    ret->p99_s = scraper_percentile(s->latency, s->n, 0.99);
    ret->max_s = scraper_percentile(s->latency, s->n, 1);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->wake);
    free(s->latency);
    free(s);
}
