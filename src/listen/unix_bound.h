/**
 * unix_bound: which file a Unix socket was bound to, whatever has its path today.  Private to
 * listen/.
 *
 * The kernel tells by sock_diag(7), over netlink.  A sandbox may forbid that.
 *
 *   thread   control
 */
#ifndef LISTEN_UNIX_BOUND_H
#define LISTEN_UNIX_BOUND_H

#include <stdint.h>

/**
 * unix_bound_file(fd, ret_ino):
 *   ret_ino  the lower 32 bits of the file's inode number
 *   returns  0; -ENODATA: it has no file; -errno: it cannot be known
 *   cost     a few system calls
 */
int unix_bound_file(int fd, uint32_t *ret_ino);

#endif
