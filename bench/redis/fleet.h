/**
 * fleet: one process plays many instances that write to one Redis, or to the masters of a cluster.
 *
 *     fleet.c      the options, the connections, a flush of all instances, the figures
 *     load.c       the series of an instance in an interval
 *     reference.c  the same series as commands of flush_reference.lua
 *
 * The ledger's batches are redis_encode's own, numbered and sent as the server does; only the
 * sockets are plain ones.  So what Redis has to do is what real instances would give it.
 *
 *   thread   main
 */
#ifndef BENCH_REDIS_FLEET_H
#define BENCH_REDIS_FLEET_H

#include <stdbool.h>
#include <stdint.h>

#include "aggregate/snapshot.h"
#include "base/buf.h"

/* The options, as fleet.c explains them. */
struct fleet_plan {
    uint32_t instances, series, part[SERIES_KIND_COUNT]; /* part: of 100 series, by kind */
    uint32_t buckets, members, shared;                   /* shared: of 100 series */
    bool reference;
};

/* ---- load.c ---- */

struct fleet_load;

struct fleet_load *fleet_load_new(const struct fleet_plan *plan);
void fleet_load_free(struct fleet_load *l);

/* The nth series of an instance in an interval; what ret points to is valid until the next call. */
void fleet_load_series(struct fleet_load *l, uint32_t instance, uint32_t nth, int64_t start_s,
                       struct closed_series *ret);

/* The text of one of a set's members: those that fleet_load_series counts. */
void fleet_load_member(uint32_t nth, uint32_t i, struct buf *out);

/* ---- reference.c ---- */

struct fleet_reference;

/* sha40: what SCRIPT LOAD answered, borrowed. */
struct fleet_reference *fleet_reference_new(const struct fleet_plan *plan, const char *sha40);
void fleet_reference_free(struct fleet_reference *r);

/**
 * fleet_reference_flush(r, l, instance, start_s, take, cookie):
 * An interval of an instance as commands, of at most 250 series each.
 *   take     gets each, for the call
 */
typedef void (*fleet_command_fn)(void *cookie, uint32_t shard, const struct buf *command);
void fleet_reference_flush(struct fleet_reference *r, struct fleet_load *l, uint32_t instance,
                           int64_t start_s, fleet_command_fn take, void *cookie);

#endif
