/**
 * state: everything that outlives the process, as one stream of records.
 *
 *     STATE_OWNER    first: text server.instance, i64 when it was written (Unix ms), u8 is it of
 *                    gauges alone; of those, what Redis had not acknowledged then: u64 intervals,
 *                    u64 series
 *     1 .. 15        registry_state.h
 *     STATE_COUNTER  the server's own counters (carried.h)
 *     STATE_SOCKET   in a takeover (socket_notes.h)
 *     32 ..          what sinks hold (sinks/sink.h)
 *
 * A stream is read twice: first for its checksums and its owner, then to be loaded; so of one that
 * is damaged nothing was used.
 *
 *   thread   control
 */
#ifndef STATE_STATE_H
#define STATE_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "aggregate/registry_state.h"
#include "base/records.h"
#include "sinks/redis.h"
#include "sinks/sink_list.h"
#include "state/carried.h"
#include "state/socket_notes.h"

enum { STATE_VERSION = 1, STATE_OWNER = 16, STATE_COUNTER, STATE_SOCKET, STATE_OF_SINKS = 32 };

/* What one process has to read that takes over from another.  A file is used without batches of
 * another format, as it has counters as well; in a takeover nothing has to be lost. */
enum { STATE_TAKEOVER_VERSION = STATE_VERSION | REDIS_BATCH_FORMAT << 16 };

/* What is saved and loaded: borrowed parts of a server. */
struct state_parts {
    const char *instance;
    struct registry *registry;
    struct carried *carried;
    const struct counter_source *counters; /* COUNTER_TABLE_COUNT of them; NULL: only to load */
    struct sink_list *sinks;
    struct socket_notes *sockets; /* NULL: they are not handed on */
};

/* The first record. */
struct state_owner {
    int64_t wall_ms;
    bool gauges_only;
    uint64_t waiting_intervals, waiting_series;
};

void state_put_owner(struct records_writer *to, const struct state_parts *p,
                     const struct state_clock *clock, bool gauges_only);

/* All of it, in one go; to be ended by records_end.   returns  lines that were left out: timers of
 * more than a record takes */
size_t state_save(struct records_writer *to, const struct state_parts *p,
                  const struct state_clock *clock);

/**
 * state_check(from, instance, ret, ret_why):
 * Read it to its end.   returns  0, or a negative error with *ret_why static
 */
int state_check(const struct records_source *from, const char *instance, struct state_owner *ret,
                const char **ret_why);

struct state_loaded {
    size_t lines, left_out, idle;
    size_t unclaimed; /* records of a sink that there is none of now */
    const char *why;  /* static: what was wrong */
};

/**
 * state_load(from, p, owner, now, started_ns, ret):
 * From its begin again.  Nothing was merged into the registry so far.
 *   returns  as state_check, with ret->why: then nothing of it is left
 */
int state_load(const struct records_source *from, const struct state_parts *p,
               const struct state_owner *owner, const struct state_clock *now, uint64_t started_ns,
               struct state_loaded *ret);

#endif
