/**
 * cluster_shard: the totals of one shard of the ledger, on their way from its fields to a registry.
 *
 * Fields of one series come apart (h| and n|, a gauge's of each instance), so all of a shard are
 * kept until it is whole.
 *
 *   thread   one owner
 */
#ifndef CLUSTER_SHARD_H
#define CLUSTER_SHARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregate/registry_totals.h"
#include "cluster/memory.h"
#include "base/arena.h"
#include "base/buf.h"
#include "core/cluster_counters.h"
#include "protocol/sample.h"
#include "sinks/redis_field.h"

/* Where the totals of all shards go; borrowed. */
struct cluster_totals {
    struct registry_filling *to;
    struct cluster_memory *memory;
    int64_t now_ms;      /* by the clock of Redis */
    bool instance_label; /* gauges are shown for each instance */
    bool fell;           /* a timer's count did: Redis lost what it had */
    uint64_t left_out[CLUSTER_LEFT_OUT_COUNT];
    struct buf scratch;
};

/* { 0 } is an empty one. */
struct cluster_shard {
    struct arena memory;
    struct redis_field *at;
    size_t n, cap;
    size_t n_instances; /* they come first, once it is sorted */
    uint32_t birth;     /* which totals these are: of the ledger's field */
    bool no_memory;     /* something is missing */
    uint64_t odd;
};

/* A field of its hash.   thread of bytes  anybody's: what is not ours is counted as odd */
void cluster_shard_field(struct cluster_shard *s, struct slice name, struct slice value);

/* All fields have come: put what they are.  s is empty afterwards.   returns  false: no memory */
bool cluster_shard_put(struct cluster_shard *s, struct cluster_totals *to);

void cluster_shard_release(struct cluster_shard *s);

/* Put a total, and count it if it stays out. */
void cluster_totals_put(struct cluster_totals *to, const struct total *t);

#endif
