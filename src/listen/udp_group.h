/**
 * udp_group: the sockets of one UDP address, one for each worker.  Private to listen/.
 *
 * Workers share a port by SO_REUSEPORT, which would let a second server of the same user in as
 * well, to take half of the datagrams unnoticed.  So the first socket is bound without the option
 * and kept: the kernel refuses it beside any socket of another server on an overlapping address,
 * and of two servers that start together one comes first.  Then the option is set on it, and the
 * others join.  A server that comes later is refused because its own first bind has no option
 * either.
 *
 *   thread   control
 */
#ifndef LISTEN_UDP_GROUP_H
#define LISTEN_UDP_GROUP_H

#include "listen/listener.h"

/**
 * udp_group_open(l, holder, n_workers):
 * Open l->address for n_workers; with port 0 the first socket picks a port, and the address and
 * name of l get it.
 *   holder   a listener of the same config, already open, whose address includes this one ([::]
 *            holds 127.0.0.1 too): it keeps other servers out, and ours joins it.  NULL: none
 *   returns  0 or -errno; what was opened until then is in l->fds and l->n
 */
int udp_group_open(struct listener *l, const struct listener *holder, unsigned n_workers);

#endif
