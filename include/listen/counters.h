/**
 * counters: the metrics about sockets, by listener and worker and over all of them.
 *
 * Every datagram that the kernel accepted for a socket is in one of two of them (or still queued):
 *
 *   statsd_datagrams_received_total + sum(statsd_udp_kernel_drops_total)
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
    X(DATAGRAMS_REFUSED, "statsd_socket_datagrams_refused_total", COUNTER, "socket,reason",       \
      "Datagrams read from the socket whose lines were not: not_allowed, their sender is not in " \
      "`allow` of the socket's URL.")                                                             \
    X(SOCKET_BUFFER, "statsd_socket_receive_buffer_bytes", GAUGE, "socket",                       \
      "Receive buffer that the kernel granted to a socket of datagrams.")                         \
    X(CONNECTIONS, "statsd_stream_connections", GAUGE, "socket",                                  \
      "Connections that are open.")                                                               \
    X(ACCEPTED, "statsd_stream_connections_accepted_total", COUNTER, "socket",                    \
      "Connections accepted.")                                                                    \
    X(REFUSED, "statsd_stream_connections_refused_total", COUNTER, "socket,reason",               \
      "Connections closed at once: limit (of the listener), per_address, not_allowed.")           \
    X(CLOSED, "statsd_stream_connections_closed_total", COUNTER, "socket,reason",                 \
      "Connections that ended: eof (by the client), error, idle, bad_frame, stop, tls (its "      \
      "handshake failed).")                                                                       \
    X(STREAM_BYTES, "statsd_stream_bytes_received_total", COUNTER, "socket,worker",               \
      "Bytes read from connections.")                                                             \
    X(FRAMES, "statsd_stream_frames_received_total", COUNTER, "socket,worker",                    \
      "Datagrams in frames of their length (framing=dsd), read from connections.")                \
    X(CUT, "statsd_stream_lines_cut_total", COUNTER, "socket",                                    \
      "Unfinished lines or frames that were dropped because their connection ended otherwise "    \
      "than by its client's closing it.")                                                         \
    X(TLS_HANDSHAKES, "statsd_tls_handshakes_total", COUNTER, "socket,result",                    \
      "TLS handshakes: ok, failed, timeout (5 s).")                                               \
    X(TLS_RESTS, "statsd_tls_handshake_pauses_total", COUNTER, "socket",                          \
      "Seconds in which limits.tls_handshakes_per_second was reached and new connections waited.")\
    X(TLS_RELOADS, "statsd_tls_reloads_total", COUNTER, "socket,result",                          \
      "Times the certificate was loaded again: ok, failed (the old one stays).")                  \
    X(TLS_EXPIRES, "statsd_tls_certificate_expiry_timestamp_seconds", GAUGE, "socket",            \
      "When the certificate expires, in unix time.")
/* clang-format on */

enum listen_counter {
#define X(id, name, kind, labels, help) LISTEN_##id,
    LISTEN_COUNTERS(X)
#undef X
};

/* Where the table's values come from. */
struct listen_stats {
    const struct listener *listeners; /* borrowed, with their stats as of the last page turn */
    size_t n_listeners;
    unsigned n_workers;
    uint64_t bound_again; /* times that listener_bind_again succeeded */
};

extern const struct counter_table listen_counters; /* reads a struct listen_stats */

/* The sums over all listeners and workers. */
struct socket_stats listen_sums(const struct listen_stats *s);

#endif
