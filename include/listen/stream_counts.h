/**
 * stream_counts: what became of the connections of one listener.
 *   thread   control
 */
#ifndef LISTEN_STREAM_COUNTS_H
#define LISTEN_STREAM_COUNTS_H

#include <stdint.h>

/* X(id, label): why a connection was closed. */
/* clang-format off */
#define STREAM_ENDS(X)                                                                             \
    X(EOF,       "eof")        /* its client closed it */                                          \
    X(ERROR,     "error")      /* a reset, say */                                                  \
    X(IDLE,      "idle")       /* no byte for the listener's idle_timeout */                       \
    X(BAD_FRAME, "bad_frame")  /* its frames cannot be told apart any more */                      \
    X(STOP,      "stop")       /* the server stops */

/* X(id, label): why a connection was refused, by closing it at once. */
#define STREAM_REFUSALS(X)                                                                         \
    X(LIMIT,       "limit")        /* limits.max_connections */                                    \
    X(PER_ADDRESS, "per_address")  /* limits.max_connections_per_address */

enum stream_end {
#define X(id, label) STREAM_END_##id,
    STREAM_ENDS(X)
#undef X
    STREAM_END_COUNT,
    STREAM_GOES_ON = STREAM_END_COUNT /* it is open */
};

enum stream_refusal {
#define X(id, label) STREAM_REFUSED_##id,
    STREAM_REFUSALS(X)
#undef X
    STREAM_REFUSAL_COUNT
};
/* clang-format on */

struct stream_counts {
    uint64_t accepted; /* those that a worker got: open ones, and all of `closed` */
    uint64_t refused[STREAM_REFUSAL_COUNT];
    uint64_t closed[STREAM_END_COUNT];
    uint32_t open;
};

#endif
