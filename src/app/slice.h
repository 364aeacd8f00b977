/**
 * slice: how long the control thread stays with one thing.  Private to app/.
 *
 * Work over all series (a page that is merged, an interval that goes to the sinks) is cut into
 * slices: so many cells or series at a time until SLICE_NS have passed, and the rest after one
 * round of the loop, in which page turns, scrapes and answers of Redis get their turn.
 *
 * A look at the clock waits for all memory that is on its way, so it comes as rarely as the most
 * costly items let it: sets, whose HyperLogLogs take some 30 us to be written, 10 to be merged and
 * 80 when their window moves on.  So those count as several, and a slice is over after 0.5 ms and
 * at most 3 ms more.
 *   thread   control
 */
#ifndef APP_SLICE_H
#define APP_SLICE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/now.h"

enum { SLICE_CELLS = 256, SLICE_SERIES = 64, SLICE_NS = 500000 };

static inline uint64_t slice_end_ns(void)
{
    return now_mono_ns() + SLICE_NS;
}

static inline bool slice_over(uint64_t end_ns)
{
    return now_mono_ns() >= end_ns;
}

#endif
