/**
 * tap_group: the same tap at each of some workers, from its beginning until the last worker has let
 * go of it.
 *
 *     tap_group_new -> tap_group_ring(0..n-1), read by one thread each
 *     tap_group_stop -> ... -> tap_group_stopped -> tap_group_free
 *
 *   thread   control, but for the rings' consumers, which end before tap_group_free
 */
#ifndef LISTEN_TAP_GROUP_H
#define LISTEN_TAP_GROUP_H

#include <stdbool.h>

#include "listen/tap.h"
#include "listen/worker.h"

struct tap_group;

/**
 * tap_group_new(workers, n, k, opts):
 * Have each of the workers copy into a tap of its own, from its next read on.  No other group has
 * taps of kind k there.
 *   workers  borrowed until tap_group_stop
 */
struct tap_group *tap_group_new(struct worker *const *workers, unsigned n, enum tap_kind k,
                                const struct tap_opts *opts);

unsigned tap_group_size(const struct tap_group *g);
struct tap_ring *tap_group_ring(struct tap_group *g, unsigned worker); /* the group's */

/* The sums of the rings.  thread  any, before tap_group_free */
struct tap_ring_counts tap_group_counts(const struct tap_group *g);

/* Have them copy nothing more.  What the rings hold may still be read. */
void tap_group_stop(struct tap_group *g);

/* Has every worker seen that?  Soon after, also when nothing comes in. */
bool tap_group_stopped(const struct tap_group *g);

/* After tap_group_stopped, or after the workers have ended.  NULL is fine. */
void tap_group_free(struct tap_group *g);

#endif
