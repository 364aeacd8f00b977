/**
 * stream_refuse: connections that may not come in.  Private to listen/.
 *   thread   control
 */
#ifndef LISTEN_STREAM_REFUSE_H
#define LISTEN_STREAM_REFUSE_H

#include <stdbool.h>

#include "listen/connection.h"
#include "listen/listener.h"
#include "listen/peer_counts.h"

/* Is its address in the listener's `allow`, or is there none? */
bool stream_is_allowed(const struct listener *l, const struct sockaddr *peer);

/**
 * stream_refusal_of(l, peers, full, peer):
 *   peers    connections by address; NULL: clients have none
 *   full     all listeners together have as many connections as there may be
 *   returns  STREAM_REFUSAL_COUNT: it may come in
 */
enum stream_refusal stream_refusal_of(const struct listener *l, const struct peer_counts *peers,
                                      bool full, const struct sockaddr *peer);

/* Count it, and close fd. */
void stream_refuse(struct listener *l, int fd, enum stream_refusal why,
                   const union connection_peer *peer);

#endif
