/**
 * inet_socket: what the sockets of UDP and TCP have in common.  Private to listen/.
 *   thread   control
 */
#ifndef LISTEN_INET_SOCKET_H
#define LISTEN_INET_SOCKET_H

#include "listen/listener.h"

/* As transport_ops.parse, of HOST:PORT. */
const char *inet_socket_parse(struct listen_address *a, struct slice host_port);

/**
 * inet_socket_bind(a, type, shared, ret_fd):
 * A new socket that is bound to a, with a's receive buffer.
 *   type     SOCK_DGRAM or SOCK_STREAM, which does not listen yet
 *   shared   with SO_REUSEPORT: other sockets that have it may be bound there as well
 *   returns  0 or -errno
 */
int inet_socket_bind(const struct listen_address *a, int type, bool shared, int *ret_fd);

/* Set SO_REUSEPORT on a socket that is bound.  returns  0 or -errno */
int inet_socket_share(int fd);

/*
 * Where the kernel picked the port of l->fds[0], address and name of l get it.  0 or -errno: then
 * further sockets cannot be bound beside it, and nobody would learn where it is.
 */
int inet_socket_learn_port(struct listener *l);

#endif
