/**
 * cluster_fill: all totals of the ledger, read once, into a registry.
 *
 *     the clock of Redis, by which all of this was written; then, at once:
 *     all fields of each shard's totals                  --> cluster_shard --> registry
 *     sets: which there are, then how many members       --> registry
 *     logs: who has written                              --> how many instances
 *
 * Nothing is given before all of it has come: a counter that is missing once, and there again,
 * would be taken for one that began anew.
 *
 *   thread   the loop's
 */
#ifndef CLUSTER_FILL_H
#define CLUSTER_FILL_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "cluster/shard.h"
#include "base/slice.h"

struct cluster_fill;
struct redis_reader;

struct cluster_fill_opts {
    struct redis_reader *reader;  /* borrowed */
    struct cluster_totals totals; /* its `to`, memory and flags */
    int64_t interval_ms;
    int64_t set_window_ms; /* members of sets that came in it; 0: in the last closed interval */
    /*
     * Its last call, not within cluster_fill_new.  error: for people, valid for the call; NULL: it
     * is whole.  The reader must not be freed within it.
     */
    void (*done)(void *cookie, enum cluster_result result, const char *error);
    void *cookie;
};

struct cluster_fill *cluster_fill_new(const struct cluster_fill_opts *opts);

/* What it found; once it is whole. */
void cluster_fill_stats(const struct cluster_fill *f, struct cluster_stats *ret);

/* The reader has been freed, or f is done.  NULL is fine. */
void cluster_fill_free(struct cluster_fill *f);

#endif
