/**
 * limit: how many series there may be, over all workers.
 *
 * A set of identity hashes, so that a series which two workers see counts once.  It is asked on
 * first sight of a spelling only, where a mutex costs little; samples of a known series never come
 * here.  It grows in steps (base/probe_move.h), so nobody waits long for the mutex.
 */
#ifndef AGGREGATE_LIMIT_H
#define AGGREGATE_LIMIT_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/probe_move.h"

struct series_limit {
    pthread_mutex_t lock;
    uint64_t *slots; /* open addressing, 0 = free */
    uint64_t mask, n, max;
    struct probe_move move; /* to twice the slots, a step with each new series */
};

/* returns  0 or -ENOMEM */
int series_limit_init(struct series_limit *l, uint64_t max);
void series_limit_release(struct series_limit *l);

/*
 * Make sure that the identity is in the set.  false: it is not, and the limit is reached (or there
 * is no memory).  Any thread.
 */
bool series_limit_claim(struct series_limit *l, uint64_t hash);

/* The same for n of them, without the answer: their cache misses overlap.  Any thread. */
void series_limit_claim_all(struct series_limit *l, const uint64_t *hashes, size_t n);

/* The identity's series is gone.  Any thread. */
void series_limit_drop(struct series_limit *l, uint64_t hash);

#endif
