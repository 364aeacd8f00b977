/**
 * socket_file: change the file of a Unix socket, and none that comes to its path meanwhile.
 *
 * A server that is still root binds in folders of the user that it becomes.  By its path, who has
 * that user could have root change any file of the machine: with a link, put in the socket's place.
 *   thread   any
 */
#ifndef BASE_SOCKET_FILE_H
#define BASE_SOCKET_FILE_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

/**
 * socket_file_hold(path, follow, ret):
 *   follow   a link is followed: for who knows the inode, and compares it
 *   ret      its inode, owner and permissions
 *   returns  a descriptor of the file alone, to be closed; -ESTALE: what is there is no socket, or
 *            has a second name; another -errno
 */
int socket_file_hold(const char *path, bool follow, struct stat *ret);

/* What was held.  As fchmod and fchown, which take no such descriptor.  0, or -errno: chmod needs
 * /proc where the permissions are others. */
int socket_file_chmod(int fd, mode_t mode);
int socket_file_chown(int fd, uid_t uid, gid_t gid);

#endif
