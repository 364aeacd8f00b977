/**
 * limit: how many series there may be, over all workers; and, where asked for, how many of one
 * metric name and of one origin.
 *
 * A set of identity hashes, so that a series which two workers see counts once.  It is asked on
 * first sight of a spelling only, where a mutex costs little; samples of a known series never come
 * here.  It grows in steps (base/probe_move.h), so nobody waits long for the mutex.
 *
 * Limits on shares (limits.max_series_per_name and its like) are `more`: NULL without them.
 */
#ifndef AGGREGATE_LIMIT_H
#define AGGREGATE_LIMIT_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregate/limited.h"
#include "aggregate/shares.h"
#include "base/probe_move.h"

struct limit_opts {
    struct shares_opts shares;
    uint8_t v4_bits, v6_bits;  /* of a network that is an origin */
    uint32_t samples_per_name; /* in a second, at each worker; 0: any number */
};

/* What limits.max_samples_per_name takes of a worker. */
enum { LIMIT_RATES_BYTES = 256 << 10 };

struct limit_more {
    struct limit_opts opts;
    struct shares shares;
    struct limited limited; /* what came with the workers' pages */
};

struct series_limit {
    pthread_mutex_t lock;
    uint64_t *slots; /* open addressing, 0 = free */
    uint64_t mask, n, max;
    struct probe_move move;  /* to twice the slots, a step with each new series */
    struct limit_more *more; /* NULL: no limit on shares */
};

/* returns  0 or -ENOMEM */
int series_limit_init(struct series_limit *l, uint64_t max);
void series_limit_release(struct series_limit *l);

/* Limit shares, too, if opts say so.  To be called before any thread uses it.  returns  as init */
int series_limit_shares(struct series_limit *l, const struct limit_opts *opts);

/* Is the number of series of a name or an origin limited? */
static inline bool series_limit_by_share(const struct series_limit *l)
{
    return l->more != NULL &&
           (l->more->opts.shares.per_name > 0 || l->more->opts.shares.per_origin > 0);
}

/* Are origins limited?  Then whoever brings samples says who sent them. */
static inline bool series_limit_by_origin(const struct series_limit *l)
{
    return l->more != NULL && l->more->opts.shares.per_origin > 0;
}

enum limit_answer { LIMIT_OK, LIMIT_SERIES, LIMIT_PER_NAME, LIMIT_PER_ORIGIN };

/*
 * Make sure that the identity is in the set.  false: it is not, and the limit is reached (or there
 * is no memory).  Any thread.
 */
bool series_limit_claim(struct series_limit *l, uint64_t hash);

/*
 * The same where series_limit_by_share: if it is not in the set, it becomes that name's and that
 * origin's.
 * LIMIT_SERIES: the limit on all series, or no memory.
 */
enum limit_answer series_limit_claim_share(struct series_limit *l, uint64_t hash,
                                           struct share whose);

/* Control has a series whose place in the set may have been its predecessor's, dropped since. */
void series_limit_claim_again(struct series_limit *l, uint64_t hash, struct share whose);

/* Add what came with a page to l->more->limited; the page's is empty then.  Control. */
void series_limit_hand_in(struct series_limit *l, struct limited *of_page);

/* For limit_counters.  Any thread. */
void series_limit_totals(struct series_limit *l, struct limit_totals *ret);

/* Is there something for series_limit_tell to tell? */
bool series_limit_is_new(struct series_limit *l, enum limited_by by);

/* As limited_tell.  who: room for LIMITED_WHO_MAX + 1 */
bool series_limit_tell(struct series_limit *l, enum limited_by by, char *who,
                       uint64_t *ret_samples);

/* The same for n of them, without the answer: their cache misses overlap.  Any thread. */
void series_limit_claim_all(struct series_limit *l, const uint64_t *hashes, size_t n);

/* The identity's series is gone.  Any thread. */
void series_limit_drop(struct series_limit *l, uint64_t hash);

#endif
