/**
 * limit: how many series there may be, over all workers.
 *
 * A set of identity hashes, so that a series which two workers see counts once.  It is asked on
 * first sight of a spelling only, where a mutex costs little; samples of a known series never come
 * here.
 */
#ifndef AGGREGATE_LIMIT_H
#define AGGREGATE_LIMIT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct series_limit {
    pthread_mutex_t lock;
    uint64_t *slots; /* open addressing, 0 = free */
    uint64_t mask, n, max;
};

/* returns  0 or -ENOMEM */
int series_limit_init(struct series_limit *l, uint64_t max);
void series_limit_release(struct series_limit *l);

/*
 * Make sure that the identity is in the set.  false: it is not, and the limit is reached (or there
 * is no memory).  Any thread.
 */
bool series_limit_claim(struct series_limit *l, uint64_t hash);

/* The identity's series is gone.  Any thread. */
void series_limit_drop(struct series_limit *l, uint64_t hash);

#endif
