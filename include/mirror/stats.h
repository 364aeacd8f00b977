/**
 * stats: what a mirror has done, and its rows on /metrics.
 *   thread   a struct mirror_stats: its owner
 */
#ifndef MIRROR_STATS_H
#define MIRROR_STATS_H

#include <stdint.h>

#include "base/counters.h"

/* X(id, word): what a mirror is doing. */
#define MIRROR_STATES(X)                                                                           \
    X(OFF, "off")                 /* mirror.to is empty, or the thread does not run */             \
    X(CONNECTING, "connecting")   /* nothing was sent yet */                                       \
    X(ON, "on")                   /* */                                                            \
    X(UNREACHABLE, "unreachable") /* the last attempt failed; there will be others */              \
    X(LOOP, "loop")               /* stopped: what it sent came back, or would have */

/* X(id, word): why datagrams did not go out. */
#define MIRROR_DROPS(X)                                                                            \
    X(BEHIND, "behind") /* live ones, which found the ring full: nobody looked at them */          \
    X(FULL, "full")     /* the target takes no more for now */                                     \
    X(UNREACHABLE, "unreachable") /* nobody is there, or its name has no address */                \
    X(TOO_LONG, "too_long")       /* for the target's kind of socket */

/* clang-format off */
enum mirror_state {
#define X(id, word) MIRROR_##id,
    MIRROR_STATES(X)
#undef X
    MIRROR_STATE_COUNT
};

enum mirror_drop {
#define X(id, word) MIRROR_DROP_##id,
    MIRROR_DROPS(X)
#undef X
    MIRROR_DROP_COUNT
};
/* clang-format on */

const char *mirror_state_word(enum mirror_state s);

struct mirror_stats {
    enum mirror_state state;
    uint64_t lines, datagrams, bytes; /* sent: the kernel took them */
    uint64_t dropped[MIRROR_DROP_COUNT];
    uint64_t marks, loops; /* marks of other servers that came in; own ones */
};

/* clang-format off */
#define MIRROR_COUNTERS(X)                                                                        \
    X(LINES, "statsd_mirror_lines_total", COUNTER, "",                                            \
      "Lines sent to mirror.to.")                                                                 \
    X(DATAGRAMS, "statsd_mirror_datagrams_total", COUNTER, "",                                    \
      "Datagrams sent to mirror.to, or pieces of a stream.")                                      \
    X(BYTES, "statsd_mirror_bytes_total", COUNTER, "",                                            \
      "Bytes in them.")                                                                           \
    X(DROPPED, "statsd_mirror_dropped_total", COUNTER, "reason",                                  \
      "Datagrams not mirrored, by reason: behind, live ones that came faster than the mirror "    \
      "looks at them; full, the target takes no more; unreachable, nobody is there (UDP: these "  \
      "were sent); too_long, for the target.")                                                    \
    X(STATE, "statsd_mirror_state", GAUGE, "state",                                               \
      "1 for what the mirror is doing: off, connecting, on, unreachable, or loop (stopped, "      \
      "because what it sent came back); 0 for the others.")                                       \
    X(MARKS, "statsd_mirror_marks_total", COUNTER, "",                                            \
      "Marks of other servers that came in: each mirrors its traffic here, and sends one a "      \
      "second.")                                                                                  \
    X(LOOPS, "statsd_mirror_loops_total", COUNTER, "",                                            \
      "Marks of this server's own mirror that came back.")
/* clang-format on */

extern const struct counter_table mirror_counters; /* of a struct mirror_stats */

#endif
