/**
 * profile: how a series is aggregated and shown, as far as that may differ from series to series.
 *
 * Profiles are made when the configuration is loaded, one for each mapping rule, never at first
 * sight of a series; equal profiles are stored once.  A help text is the rule's, not the profile's:
 * a file has one for each metric.  A profile never changes, so the workers read
 * it without a lock.  A cell has its number, a series and an exposed point to it.  Profile 0 is
 * that of series which no rule matches; without a mapping it is the only one.
 */
#ifndef AGGREGATE_PROFILE_H
#define AGGREGATE_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "aggregate/gauge_merge.h"

enum { PROFILE_SET_STEPS_MAX = 12, PROFILES_MAX = 256 };

struct profile {
    uint8_t index;         /* its number */
    uint64_t set;          /* number of its set, which no other has had: with index, which profile
                                       it is, even after others have gone */
    bool histogram;        /* timers are histograms, not summaries */
    int sketch_schema;     /* 0..8, of timers */
    const double *buckets; /* `le` bounds of histograms, ascending */
    uint32_t n_buckets;
    double native_factor;         /* of histograms: over 1, they are native histograms too, whose
                                       buckets grow by this factor at most; else 0 */
    uint32_t native_max_buckets;  /* with more in use, buckets join, two by two; 0: no limit */
    double native_zero_threshold; /* values up to it, as shown, count as zero: at least 2^-128;
                                       < 0: 2^-128 */
    const double *quantiles;      /* of summaries, ascending */
    uint32_t n_quantiles;
    uint32_t summary_max_age_ms; /* up to 49 days */
    uint32_t summary_age_buckets;
    uint32_t set_steps;           /* a set shows the open step and this many before it; 0: the
                                       last closed interval */
    uint32_t set_step_intervals;  /* intervals in a step, >= 1 where there are steps */
    uint64_t ttl_s;               /* a series idle for longer is removed; 0: never */
    enum gauge_merge gauge_merge; /* of gauges that several instances have, in Redis */
    double scale;                 /* finite; what is shown is what was sent, in seconds where that
                                       was ms, times this: 1 as sent, 0 is honoured */
};

/* Are its timers native histograms, too? */
static inline bool profile_native(const struct profile *p)
{
    return p->histogram && p->native_factor > 1;
}

/*
 * The schema of a native profile's native histograms: the coarsest of -4 .. 8 whose buckets grow by
 * native_factor at most; 8 where none is that fine.
 */
int profile_native_schema(const struct profile *p);

/* native_zero_threshold as it is applied. */
double profile_zero_threshold(const struct profile *p);

/*
 * A native schema that is finer than sketch_schema raises it.  The profiles of a set have this
 * done.
 */
void profile_raise_schema(struct profile *p);

struct profiles;

/*
 * A set with profile 0, which is a copy of p and of what it points to.  p->index and p->set are not
 * read, here and below.   thread  control
 */
struct profiles *profiles_new(const struct profile *p);

/* Nobody refers to a profile of the set any more.  NULL is fine. */
void profiles_free(struct profiles *ps);

/**
 * profiles_intern(ps, p):
 *   returns  the profile of the set that is equal to p, made when there was none; NULL: there are
 *            PROFILES_MAX others
 *   thread   control, before a worker uses the set
 */
const struct profile *profiles_intern(struct profiles *ps, const struct profile *p);

const struct profile *profiles_at(const struct profiles *ps, uint8_t index);

/* The profile of the set that is equal to p, or NULL. */
const struct profile *profiles_find(const struct profiles *ps, const struct profile *p);

/* Do timers of both keep and show the same, but for the scale and the most native buckets? */
bool profile_same_timers(const struct profile *a, const struct profile *b);

/* The least ttl_s of those that are not 0; 0: all are. */
uint64_t profiles_least_ttl_s(const struct profiles *ps);

#endif
