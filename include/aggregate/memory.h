/**
 * memory: what one series of each kind takes at most, for `statsd check` and for planning.
 *
 * Bounds, not measurements: what many series share, above all their names and tags, counts for each
 * of them.  The text of a series (name and tags) is taken as AGGREGATE_TEXT_BYTES with four tags.
 * The limits on tags allow far more, but no client sends a million such series.  The text of an
 * exemplar is taken as 64 bytes, likewise.
 *   thread   any (pure)
 */
#ifndef AGGREGATE_MEMORY_H
#define AGGREGATE_MEMORY_H

#include <stdint.h>

#include "aggregate/registry.h"

enum {
    AGGREGATE_TEXT_BYTES = 128,
    AGGREGATE_STATE_BYTES = 40 + AGGREGATE_TEXT_BYTES, /* a counter's line in a saved state */
    AGGREGATE_DROPPED_BYTES = 32 + 6 * 16 /* a spelling that a mapping drops, and its slots */
};

/* Bytes of one series, in the registry and in all workers together. */
struct aggregate_memory {
    uint64_t series;    /* a counter, or a gauge that is only set */
    uint64_t timer;     /* on top of it: values over two decades */
    uint64_t gauge;     /* on top of it: changed up and down by several sources */
    uint64_t set;       /* on top of it: 8 members */
    uint64_t restored;  /* a line of a saved state that no series has come for: the largest kind */
    uint64_t large_set; /* in place of it: past MEMBERS_EXACT members in all of its window */
};

/* Of a series of profile p; of its arrays only the lengths are read. */
void aggregate_memory(const struct registry_opts *o, const struct profile *p, unsigned workers,
                      struct aggregate_memory *ret);

/* Buckets in use in a native histogram of that profile, over two decades of one sign. */
uint32_t aggregate_native_buckets(const struct profile *p);

#endif
