/**
 * registry_totals: a registry that is filled at once, from totals that were added up elsewhere.
 *
 *     f = registry_fill(r, most, now_ns)
 *     registry_put(f, &total)               each of them, in any order
 *     registry_filled(f)                    from now on r is read (registry_walk.h, registry_view)
 *
 * It shows what it would show had every sample come in here: names, labels and types by the same
 * mapping, one line for several series.  What one cannot tell from totals is
 *
 *   counters     decrements are in the total, which is shown as 0 while it is below
 *   le counts    made of the sketch's buckets: le="b" counts every value up to b, and of those
 *                above it the ones in the bucket in which b lies (sketch.h: 2.2 % above b at most,
 *                at schema 5).  Such a count never falls while its total grows, as buckets only
 *                join: one that overlapped (-inf, b] still does
 *   native       values sent in ms, or with a scale, count as the middle of their bucket
 *   sets         several on one line show the largest, and not their union
 *   births       not known: registry_opts.births is false
 *
 * Nothing is merged into such a registry, no interval closes and nothing expires: the next filling
 * goes into another one.
 *
 *   thread   the registry's one owner
 */
#ifndef AGGREGATE_REGISTRY_TOTALS_H
#define AGGREGATE_REGISTRY_TOTALS_H

#include <stdbool.h>
#include <stdint.h>

#include "aggregate/total.h"

struct registry;
struct registry_filling;

enum total_put {
    TOTAL_PUT,
    TOTAL_TWICE,   /* it was put before, and that stays */
    TOTAL_DROPPED, /* by the mapping */
    TOTAL_IDLE,    /* for longer than the ttl of what it is shown by */
    TOTAL_LIMITED, /* as many as may be were put */
    TOTAL_BAD      /* the key is no series', or the instance no text (UTF-8) */
};

/**
 * registry_fill(r, most, now_ns):
 *   r        new: nothing was merged into it or loaded; borrowed until registry_filled
 *   most     series
 */
struct registry_filling *registry_fill(struct registry *r, uint64_t most, uint64_t now_ns);

/* cost  as a new series: about 1 us, and 0.1 us for each bucket of a timer */
enum total_put registry_put(struct registry_filling *f, const struct total *t);

/* As many as may be were put: no other one is shown. */
bool registry_is_full(const struct registry_filling *f);

void registry_filled(struct registry_filling *f); /* NULL is fine */

/* How many series were put. */
uint64_t registry_filled_series(const struct registry *r);

#endif
