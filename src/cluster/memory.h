/**
 * cluster_memory: what /cluster/metrics remembers of each series from one filling to the next.
 *
 *   counters   the highest that was shown.  A master that fails may take the last writes with it,
 *              until the instances send them again: meanwhile the total is lower, which a
 *              Prometheus would take for a restart, and add all of it once more
 *   timers     the same of their count, and what their total was at some moments of the window, so
 *              that quantiles are those of the window
 *
 * Totals that began anew (redis FLUSHALL) have another birth, and what was known of them is
 * forgotten; so is what an hour passed over without a filling.  A series that nobody sends is
 * pruned one day, and may be there again, from zero on, before the next filling: so what is below
 * what it was, after about totals_ttl without a sample, began anew.  A failover takes away what
 * came last alone.
 *
 *   thread   one owner
 */
#ifndef CLUSTER_MEMORY_H
#define CLUSTER_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregate/sketch.h"

/* { 0 }, the window and totals_ttl_s are one that knows nothing. */
struct cluster_memory {
    uint64_t window_ns;       /* 0: nobody wants to know what came in it */
    uint64_t totals_ttl_s;    /* redis.totals_ttl; 0: no total is pruned */
    struct cluster_known *at; /* open addressing; hash 0: free */
    size_t n, cap;            /* cap: 0 or a power of two */
    uint32_t filling;         /* number of the one under way */
    bool lenient;             /* it takes what fell as it is */
    uint64_t now_ns, last_ns; /* monotonic: of it, and of the last one that was good; 0: none */
    struct sketch scratch;
};

void cluster_memory_release(struct cluster_memory *m);

/*
 * Between these two each series is asked for once.  lenient: timers that fell are taken as they
 * are; else they are told each time, until they are what they were.  good: all were asked for
 */
void cluster_memory_begin(struct cluster_memory *m, uint64_t now_ns, bool lenient);
void cluster_memory_end(struct cluster_memory *m, bool good);

/* What of a series says whether it is the one that is known. */
struct cluster_series {
    uint64_t hash;
    uint32_t birth;  /* of the totals it is in */
    uint64_t idle_s; /* since when nothing came */
};

/* What a counter shows. */
double cluster_memory_highest(struct cluster_memory *m, const struct cluster_series *of,
                              double value);

/**
 * cluster_memory_recent(m, of, total, fell):
 *   fell     set when its count is below what it was
 *   returns  what came in the window, since the first filling at most; NULL: this is the first one,
 *            or there is no window.
 *            Valid until the next call
 *   cost     a few us; memory: seven sketches a timer at most
 */
const struct sketch *cluster_memory_recent(struct cluster_memory *m,
                                           const struct cluster_series *of,
                                           const struct sketch *total, bool *fell);

#endif
