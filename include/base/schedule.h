/**
 * schedule: when intervals end.  They are aligned to the wall clock: an interval starts at
 * floor(now / interval) * interval.  The caller asks again after each wait, so errors of timers and
 * steps of the clock do not add up.
 *   thread   any (no state)
 */
#ifndef BASE_SCHEDULE_H
#define BASE_SCHEDULE_H

#include <stdint.h>

/* Start of the interval that now_ms falls into. */
int64_t schedule_start_ms(int64_t now_ms, int64_t interval_ms);

/* How long until it ends: 1 .. interval_ms. */
uint64_t schedule_wait_ms(int64_t now_ms, int64_t interval_ms);

#endif
