#include "takeover/control_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/socket_file.h"

enum { BACKLOG = 4, MODE = 0600 };

static int address_of(const char *path, struct sockaddr_un *ret)
{
    *ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
    if (path[0] == '\0' || strlen(path) >= sizeof ret->sun_path)
        return -ENAMETOOLONG;
    memcpy(ret->sun_path, path, strlen(path));
    return 0;
}

int control_socket_connect(const char *path, int *ret)
{
    struct sockaddr_un a;
    int rc = address_of(path, &a);
    if (rc < 0)
        return rc;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, (const struct sockaddr *)&a, sizeof a) < 0) {
        rc = -errno;
        close(fd);
        return rc;
    }
    *ret = fd;
    return 0;
}

/* A server that was killed has left its file. */
static int clear(const char *path)
{
    struct stat st;
    int fd = -1;
    if (lstat(path, &st) < 0)
        return 0; /* what is wrong, bind says */
    if (!S_ISSOCK(st.st_mode))
        return -ENOTSOCK;
    int rc = control_socket_connect(path, &fd);
    if (rc == 0)
        close(fd);
    else if (rc == -ECONNREFUSED && unlink(path) == 0)
        return 0;
    return -EADDRINUSE;
}

static int permit(const char *path)
{
    struct stat st;
    int file = socket_file_hold(path, false, &st);
    if (file < 0)
        return file;
    int rc = socket_file_chmod(file, MODE);
    close(file);
    return rc;
}

int control_socket_listen(const char *path, int *ret)
{
    struct sockaddr_un a;
    int rc = address_of(path, &a);
    if (rc == 0)
        rc = clear(path);
    if (rc < 0)
        return rc;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    /* The file gets the permissions of the descriptor, less the umask: it is never open to more. */
    if (fchmod(fd, MODE) == 0 && bind(fd, (const struct sockaddr *)&a, sizeof a) == 0) {
        rc = permit(path);
        if (rc == 0 && listen(fd, BACKLOG) == 0) {
            *ret = fd;
            return 0;
        }
        rc = rc < 0 ? rc : -errno;
        (void)unlink(path);
    } else {
        rc = -errno;
    }
    close(fd);
    return rc;
}

bool control_socket_is_of(int fd, uid_t uid)
{
    struct ucred peer;
    socklen_t len = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.uid == uid;
}

void control_socket_show_user(int fd)
{
    (void)listen(fd, BACKLOG);
}

void control_socket_remove(int fd)
{
    struct sockaddr_un a = { 0 };
    socklen_t len = sizeof a;
    struct stat st;
    int other = -1;
    if (getsockname(fd, (struct sockaddr *)&a, &len) < 0 || len <= sizeof a.sun_family ||
        a.sun_path[0] == '\0')
        return;
    a.sun_path[sizeof a.sun_path - 1] = '\0';
    /* Once fd does not listen any more, a file that answers is another server's. */
    (void)shutdown(fd, SHUT_RDWR);
    int rc = control_socket_connect(a.sun_path, &other);
    if (rc == 0)
        close(other);
    else if (rc == -ECONNREFUSED && lstat(a.sun_path, &st) == 0 && S_ISSOCK(st.st_mode))
        (void)unlink(a.sun_path);
}
