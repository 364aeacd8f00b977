/**
 * redis_script_prune: the part of redis_script that removes totals which nobody adds to any more
 * (janitor.h).  Private to script.c.
 *
 *   keys   totals, lease
 *   args   prune, cursor of HSCAN ("0": a turn begins), ttl_s, lease_ms
 *
 * It answers with text:
 *
 *   pruned cursor n    n series; cursor "0": the walk is over
 *   busy               another instance has the lease; nothing was done
 *
 * Counters and timers go by lastT, gauges by their stamp, all against the clock of Redis, in the
 * same run that removes them.  What a version before left without lastT gets one: now.
 */
#ifndef SINKS_REDIS_SCRIPT_PRUNE_H
#define SINKS_REDIS_SCRIPT_PRUNE_H

#include "base/buf.h"

void redis_script_prune_append(struct buf *out);

#endif
