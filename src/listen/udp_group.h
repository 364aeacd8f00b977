/**
 * udp_group: the sockets of one UDP address, one for each worker.  Private to listen/.
 *
 * Workers share a port by SO_REUSEPORT, which would let a second server of the same user in as
 * well, to take half of the datagrams unnoticed.  Therefore:
 *
 *     1. the first socket is bound without the option: the kernel refuses it where any socket of
 *        another server has an overlapping address
 *     2. the option is set on it, and the other workers' sockets are bound with it
 *
 * A server that comes later fails at its own step 1, and of two that start together one is first.
 *
 *   thread   control
 */
#ifndef LISTEN_UDP_GROUP_H
#define LISTEN_UDP_GROUP_H

#include "listen/listener.h"

/**
 * udp_group_open(l, holder, n_workers):
 * As transport_ops.open, a socket for each worker.
 *   holder   keeps other servers off this address ([::] holds 127.0.0.1 too), so that all sockets
 *            can be bound with the option
 */
int udp_group_open(struct listener *l, const struct listener *holder, unsigned n_workers);

/* As transport_ops.grow. */
void udp_group_grow(struct listener *l, unsigned n_workers);

#endif
