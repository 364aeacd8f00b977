/**
 * control_socket: the socket file, of mode 0600, where a server waits for one that takes over.
 * Private to takeover/.
 *   thread   control
 */
#ifndef TAKEOVER_CONTROL_SOCKET_H
#define TAKEOVER_CONTROL_SOCKET_H

#include <stdbool.h>
#include <sys/types.h>

/**
 * control_socket_listen(path, ret):
 * A file without a server behind it is removed.  Two servers that start at one moment: the sockets
 * for metrics, which are opened before, tell them apart.
 *   ret      listens, close-on-exec, not blocking
 *   returns  0; -ENAMETOOLONG, -EADDRINUSE (a server answers there), -ENOTSOCK (a file that is no
 *            socket), or another -errno
 */
int control_socket_listen(const char *path, int *ret);

/* returns  0, or -errno: -ENOENT, -ECONNREFUSED: nobody is there */
int control_socket_connect(const char *path, int *ret);

/* Does the other end of fd belong to that user?  Of what it was when it connected or listened. */
bool control_socket_is_of(int fd, uid_t uid);

/* A socket that listens is of who called listen(2) last: the user that the process has now. */
void control_socket_show_user(int fd);

/* No one is waited for on fd any more, in any process that has it; its file is removed. */
void control_socket_remove(int fd);

#endif
