/**
 * state_memory: a stream of records (base/records.h) in memory, and what a pipeline shows saved to
 * it and loaded from it.
 */
#ifndef SUPPORT_STATE_MEMORY_H
#define SUPPORT_STATE_MEMORY_H

#include "aggregate/registry_state.h"
#include "support/pipeline.h"

enum { STATE_MEMORY_VERSION = 7 };

struct state_memory {
    struct buf bytes;
    size_t at;      /* read so far */
    size_t full_at; /* writing past it fails with -ENOSPC; 0: never */
    size_t piece;   /* read at most so many at a time; 0: all that is asked for */
};

struct records_sink state_memory_sink(struct state_memory *m);
struct records_source state_memory_source(struct state_memory *m);
void state_memory_release(struct state_memory *m);

/* The clocks of a pipeline: both are its own. */
struct state_clock state_memory_clock(const struct pipeline *p);

/* returns  as records_end */
int state_memory_save(struct state_memory *m, struct pipeline *p, bool gauges_only);

/**
 * state_memory_load(m, p, saved_at):
 *   p        fresh
 *   saved_at the clock of the save
 *   returns  0, or a negative error: the stream is damaged, and p is as fresh as before
 */
int state_memory_load(struct state_memory *m, struct pipeline *p,
                      const struct state_clock *saved_at);

#endif
