/**
 * redis_script: what Redis runs for one batch, in Lua 5.1; and, in the same text, what it runs to
 * remove totals that are idle (script_prune.h).
 *
 * The text is loaded with SCRIPT LOAD on every connection, whose answer is its sha1.  It needs
 * Redis 5 or newer (or Valkey), no module and no step by the operator.
 */
#ifndef SINKS_REDIS_SCRIPT_H
#define SINKS_REDIS_SCRIPT_H

#include "base/buf.h"

/* Append the whole text. */
void redis_script_append(struct buf *out);

/*
 * KEYS[1..] and ARGV[1..] of the script; encode.c writes them in this order:
 *   keys   producer, interval, totals, log, scratch, instance, list of sets; then one HyperLogLog
 *          per set
 *   args   seq, token, token before, mark, stale, life_s, ttl_s, T, instance, log, writer,
 *          nC, nG, nD, nH, nN, nO, nS, generation, only, own, alive_ms; then the series
 *   only   1: into the totals and nothing else
 *   own    the instance in names of fields (docs/redis.md); nothing: it has none of its own
 *   alive_ms   for how long after the batch these count
 * Batches that wait are saved for it: what takes others is of the next REDIS_BATCH_FORMAT.
 */
enum { REDIS_SCRIPT_KEYS = 7, REDIS_SCRIPT_ARGS = 22 };

#endif
