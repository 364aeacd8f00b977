/**
 * profile: how a series is aggregated and shown, as far as that may differ from series to series.
 *
 * Made when the configuration is loaded, one for each rule, never at first sight of a series.  A profile never changes, so the
 * workers read it without a lock; cell, series and exposed refer to it.  Without a mapping there is one for all.
 */
#ifndef AGGREGATE_PROFILE_H
#define AGGREGATE_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

enum { PROFILE_SET_STEPS_MAX = 12 };

struct profile {
    bool histogram;                 /* timers are histograms, not summaries */
    int sketch_schema;              /* 0..8, of timers */
    const double *buckets;          /* `le` bounds of histograms, ascending */
    uint32_t n_buckets;
    const double *quantiles;        /* of summaries, ascending */
    uint32_t n_quantiles;
    uint32_t summary_max_age_ms;    /* up to 49 days */
    uint32_t summary_age_buckets;
    uint32_t set_steps;             /* a set shows the open step and this many before it; 0: the last closed interval */
    uint32_t set_step_intervals;    /* intervals in a step, >= 1 where there are steps */
    uint64_t ttl_s;                 /* a series idle for longer is removed; 0: never */
};

#endif
