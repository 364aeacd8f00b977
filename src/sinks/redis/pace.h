/**
 * redis_pace: how fast what has waited is sent.
 *
 * An interval as large as those of late goes at once.  What has piled up goes at REDIS_PACE_TIMES
 * the rate at which it comes in, so that a Redis that is back is not swamped by a whole fleet, and
 * has caught up after a third of the time that it was away.
 *
 *   weight   series, and REDIS_PACE_BATCH for each batch
 *   thread   one owner
 */
#ifndef SINKS_REDIS_PACE_H
#define SINKS_REDIS_PACE_H

#include <stdint.h>

enum { REDIS_PACE_TIMES = 4, REDIS_PACE_BATCH = 10 };

/* { 0 } lets everything through, as long as interval_ms is 0. */
struct redis_pace {
    uint64_t interval_ms;
    double normal; /* weight of an interval */
    double left;   /* what may be sent now; at most one interval, and below 0 after a large batch */
    uint64_t at_ms;
};

/* An interval of that weight came in. */
void redis_pace_interval(struct redis_pace *p, double weight);

/* returns  0: the next batch may be sent; else in how many ms */
uint64_t redis_pace_wait(struct redis_pace *p, uint64_t now_ms);
void redis_pace_spend(struct redis_pace *p, double weight);

#endif
