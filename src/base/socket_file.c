#include "base/socket_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { PERMISSIONS = 07777 };

/* A second name: a link to a socket of somebody else, where the kernel lets one be made. */
static int look(int fd, struct stat *ret)
{
    if (fstat(fd, ret) < 0)
        return -errno;
    return S_ISSOCK(ret->st_mode) && ret->st_nlink == 1 ? 0 : -ESTALE;
}

int socket_file_hold(const char *path, bool follow, struct stat *ret)
{
    int fd = open(path, O_PATH | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW));
    if (fd < 0)
        return -errno;
    int rc = look(fd, ret);
    if (rc == 0)
        return fd;
    (void)close(fd);
    return rc;
}

int socket_file_chmod(int fd, mode_t mode)
{
    char path[32];
    struct stat st;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (chmod(path, mode) == 0)
        return 0;
    int rc = -errno; /* without /proc the permissions may be those already */
    return fstat(fd, &st) == 0 && (st.st_mode & PERMISSIONS) == mode ? 0 : rc;
}

int socket_file_chown(int fd, uid_t uid, gid_t gid)
{
    return fchownat(fd, "", uid, gid, AT_EMPTY_PATH) < 0 ? -errno : 0;
}
