/**
 * counters: what the sockets brought, by listener and worker, and summed up.
 *
 *   datagrams that the kernel took for us =
 *       statsd_datagrams_received_total + sum(statsd_udp_kernel_drops_total)
 *
 *   thread   control
 */
#ifndef LISTEN_COUNTERS_H
#define LISTEN_COUNTERS_H

#include "base/counters.h"
#include "listen/listener.h"

/* X(id, name, kind, labels, help); see base/counters.h. */
/* clang-format off */
#define LISTEN_COUNTERS(X)                                                                        \
    X(DATAGRAMS, "statsd_datagrams_received_total", COUNTER, "",                                  \
      "Datagrams read from all sockets.")                                                         \
    X(BYTES, "statsd_bytes_received_total", COUNTER, "",                                          \
      "Payload bytes read from all sockets.")                                                     \
    X(RECEIVE_ERRORS, "statsd_receive_errors_total", COUNTER, "",                                 \
      "Receive calls that failed for another reason than an empty socket.")                       \
    X(BOUND_AGAIN, "statsd_unix_sockets_bound_again_total", COUNTER, "",                          \
      "Times a Unix socket was bound again because its file was removed or replaced.")            \
    X(KERNEL_DROPS, "statsd_udp_kernel_drops_total", COUNTER, "socket,worker",                    \
      "Datagrams that the kernel dropped because the socket's receive buffer was full.")          \
    X(SOCKET_DATAGRAMS, "statsd_socket_datagrams_received_total", COUNTER, "socket,worker",       \
      "Datagrams read from the socket.")                                                          \
    X(SOCKET_BUFFER, "statsd_socket_receive_buffer_bytes", GAUGE, "socket",                       \
      "Receive buffer that the kernel granted.")
/* clang-format on */

enum listen_counter {
#define X(id, name, kind, labels, help) LISTEN_##id,
    LISTEN_COUNTERS(X)
#undef X
};

/* What the table reads: the listeners, borrowed, with their stats as of the last turn. */
struct listen_stats {
    const struct listener *listeners;
    size_t n_listeners;
    unsigned n_workers;
    uint64_t bound_again;
};

extern const struct counter_table listen_counters; /* of a struct listen_stats */

/* The same over all sockets of all workers. */
struct socket_stats listen_sums(const struct listen_stats *s);

#endif
