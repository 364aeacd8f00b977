/**
 * stream_log: what is said of connections in the log.  Private to listen/.
 *   thread   control
 */
#ifndef LISTEN_STREAM_LOG_H
#define LISTEN_STREAM_LOG_H

#include "base/log.h"
#include "listen/connection.h"
#include "listen/listener.h"

/* What was said of a listener. */
struct stream_hints {
    bool framing, tls;
};

/*
 * Clients that speak the other framing, or TLS to a listener without it, are told of once each,
 * since all their lines are refused.
 */
void stream_log_odd(const struct listener *l, struct stream_hints *said);

/* That none can be accepted now, because of rc. */
void stream_log_waiting(struct log_gate *gate, int rc);

/* Of a handshake that failed.  Who cannot come in may try for ever: five a minute are told of. */
void stream_log_rejected(struct log_gate *gate, const struct listener *l,
                         const struct connection *c);

#endif
