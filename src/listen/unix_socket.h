/**
 * unix_socket: a Unix socket, of datagrams or of streams, and its file.  Private to listen/.
 *
 * A socket file without a server behind it is removed; one with a server is left alone.  If another
 * server bound its socket between our look at the file and our unlink, we would remove its new
 * file, and nobody would reach it.  So servers lock the directory (flock) while they look and bind;
 * no lock file is left.
 *
 *   thread   control
 */
#ifndef LISTEN_UNIX_SOCKET_H
#define LISTEN_UNIX_SOCKET_H

#include "listen/listener.h"

/**
 * unix_socket_open(l, type):
 * Bind a new socket to l->address; one of streams listens.  Its descriptor replaces l->fds[0],
 * which is not closed (l->n becomes 1 where it was 0), and l->file_dev and file_ino become those of
 * its file.
 *   type     SOCK_DGRAM or SOCK_STREAM
 *   returns  0; -ENOTSOCK (a file that is no socket is there), -EADDRINUSE (a server listens
 *            there), or another -errno; l is then unchanged
 *   cost     waits up to 250 ms for a directory that somebody else keeps locked
 */
int unix_socket_open(struct listener *l, int type);

/* As in transport_ops.  The file is ours unless another server has bound the path since; where the
 * kernel does not tell (unix_bound.h), it is taken for ours. */
int unix_socket_learn(struct listener *l);
void unix_socket_own(struct listener *l);

/* As transport_ops.parse, of a path or an abstract name. */
const char *unix_socket_parse(struct listen_address *a, struct slice path);

/* As transport_ops.refuse: what was sent, and connections that were made, can still be taken. */
void unix_socket_refuse(const struct listener *l);

/* The path, or NULL when the name is abstract. */
const char *unix_socket_path(const struct listen_address *a);

/* As listener_look. */
enum listener_file unix_socket_look(const struct listener *l);

/* Remove the file, unless it is not ours any more. */
void unix_socket_remove(const struct listener *l);

#endif
