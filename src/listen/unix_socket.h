/**
 * unix_socket: a Unix datagram socket and its file.  Private to listen/.
 *
 * A file that a dead server left behind is removed; one behind which somebody answers is not.
 * Between the look and the bind another server may do the same, and its fresh file would be taken
 * for the stale one: both run, and one of them hears nothing. So servers take turns by a lock on
 * the directory, held for the look and the bind alone; no lock file is left.
 *
 *   thread   control
 */
#ifndef LISTEN_UNIX_SOCKET_H
#define LISTEN_UNIX_SOCKET_H

#include "listen/listener.h"

/**
 * unix_socket_open(l):
 * Bind a new socket to l->address; it becomes l->fds[0], whatever was there, and l learns its file.
 *   returns  0; -ENOTSOCK (a file that is no socket is there), -EADDRINUSE (somebody answers
 *            there), or another -errno; l is then unchanged
 */
int unix_socket_open(struct listener *l);

/* The path, or NULL when the name is abstract. */
const char *unix_socket_path(const struct listen_address *a);

enum listener_file unix_socket_look(const struct listener *l);

/* Remove the file, unless it is another server's by now. */
void unix_socket_remove(const struct listener *l);

#endif
