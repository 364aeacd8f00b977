/**
 * stream_counts: what became of the connections of one listener.
 *   thread   control
 */
#ifndef LISTEN_STREAM_COUNTS_H
#define LISTEN_STREAM_COUNTS_H

#include <netinet/in.h>
#include <stdint.h>

/* X(id, label): why a connection was closed. */
/* clang-format off */
#define STREAM_ENDS(X)                                                                             \
    X(EOF,       "eof")        /* its client closed it */                                          \
    X(ERROR,     "error")      /* a reset, say */                                                  \
    X(IDLE,      "idle")       /* no byte for the listener's idle_timeout */                       \
    X(BAD_FRAME, "bad_frame")  /* its frames cannot be told apart any more */                      \
    X(STOP,      "stop")       /* the server stops */                                              \
    X(TLS,       "tls")        /* its handshake failed, or took too long */

/* X(id, label): why a connection was refused, by closing it at once. */
#define STREAM_REFUSALS(X)                                                                         \
    X(LIMIT,       "limit")        /* limits.max_connections */                                    \
    X(PER_ADDRESS, "per_address")  /* limits.max_connections_per_address */                        \
    X(NOT_ALLOWED, "not_allowed")  /* its address is not in `allow` of the listener's URL */

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
    struct sockaddr_in6 stranger; /* the last that was not_allowed; may be a sockaddr_in */
    struct {
        uint64_t reloads_ok, reloads_failed;
        uint64_t rests;    /* seconds in which no more handshakes were begun */
        int64_t expires_s; /* the certificate, unix time */
    } tls;                 /* of a listener with TLS */
};

#endif
