/**
 * registry_interval: an interval ends, and goes to the sinks in slices.
 *
 *     registry_close(r, &end, &head);              the next interval begins
 *     while (registry_give(r, most))               up to `most` series a call
 *         ...                                      pages are merged, series expire, scrapes read
 *
 * Each series that was touched is given to end.give once, in any order, with what it had at the
 * close, exactly.  An interval's value lives in its series alone, and nothing but a merge or
 * another mapping changes it: registry_merge gives a series before it changes it, and
 * registry_remap gives all that are left.  So there is no second copy of a value, and nothing to be
 * done at the close.
 *
 * Why not two values a series, as cells have: 8 to 64 bytes for each of a million series, for what
 * is needed during a fiftieth of the time.
 *
 *   thread   control
 */
#ifndef AGGREGATE_REGISTRY_INTERVAL_H
#define AGGREGATE_REGISTRY_INTERVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregate/snapshot.h"

struct registry;

/**
 * registry_close(r, end, ret):
 * Not before all of the interval before is given, and not while a page is being merged.
 *   end      copied.  Does the interval go on, nothing is merged before all is given, and for what
 *            /metrics shows none has ended
 *   ret      the head of it, for the sinks
 *   cost     O(1)
 */
void registry_close(struct registry *r, const struct interval_end *end, struct snapshot *ret);

/**
 * registry_give(r, most):
 *   most     series to look at, > 0.  Sets that show members come first, whose windows move on or
 *            whose members are counted: each counts as four, though nothing came
 *   returns  false: all are given
 *   cost     of a series: that of end.give, and 10 to 20 ns; of a large set's window 80 us
 */
bool registry_give(struct registry *r, size_t most);

#endif
