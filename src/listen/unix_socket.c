/*
 *     unix_socket_open     lock_directory -> clear_path: answers? -> bind_new: bind_file -> unlock
 *     unix_socket_learn, unix_socket_own   in place of it
 *     unix_socket_look     while the server runs
 *     unix_socket_remove   at the end
 */
#include "listen/unix_socket.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/socket_file.h"
#include "listen/dgram.h"
#include "listen/unix_bound.h"

/* A server holds the lock for a few system calls.  Who holds it longer does not stop us. */
enum { LOCK_WAIT_MS = 250, LOCK_RETRY_MS = 2 };

const char *unix_socket_parse(struct listen_address *a, struct slice path)
{
    struct sockaddr_un *un = (struct sockaddr_un *)&a->addr;
    bool abstract = path.len > 0 && path.ptr[0] == '@';
    size_t room = sizeof un->sun_path;

    if (!abstract && (path.len < 2 || path.ptr[0] != '/' || path.ptr[path.len - 1] == '/'))
        return "a unix socket has an absolute path (unix:///run/x.sock, three slashes) or a name "
               "(unix://@x)";
    if (abstract && path.len < 2)
        return "the name of an abstract socket is empty";
    if (path.len >= room)
        return "the path of a unix socket has at most 107 bytes";
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, path.ptr, path.len);
    if (abstract)
        un->sun_path[0] = '\0'; /* an abstract name ends where its length says, without a NUL */
    a->addr_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.len + !abstract);
    return NULL;
}

const char *unix_socket_path(const struct listen_address *a)
{
    const struct sockaddr_un *un = (const struct sockaddr_un *)&a->addr;
    assert(un->sun_family == AF_UNIX);
    return un->sun_path[0] == '\0' ? NULL : un->sun_path;
}

/*
 * returns  a descriptor that holds the lock until it is closed; -1: no lock, because the directory
 *          cannot be opened, or somebody keeps it locked
 */
static int lock_directory(const char *path)
{
    char dir[sizeof((struct sockaddr_un *)0)->sun_path];
    const struct timespec retry = { .tv_nsec = LOCK_RETRY_MS * 1000000L };
    assert(path[0] == '/' && strlen(path) < sizeof dir); /* socket_url_parse lets no other in */
    size_t n = (size_t)(strrchr(path, '/') - path);
    memcpy(dir, n == 0 ? "/" : path, n == 0 ? 1 : n);
    dir[n == 0 ? 1 : n] = '\0';
    int fd = (int)TEMP_FAILURE_RETRY(open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd < 0)
        return -1;
    for (int waited_ms = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; waited_ms += LOCK_RETRY_MS) {
        if (errno != EWOULDBLOCK || waited_ms >= LOCK_WAIT_MS) {
            close(fd);
            return -1;
        }
        (void)nanosleep(&retry, NULL);
    }
    return fd;
}

/*
 * Does a server listen on a?  Also true when we cannot know: another user's socket that we may not
 * connect to is left alone.
 */
static bool answers(const struct listen_address *a, int type)
{
    /* Non-blocking: connecting to a server of streams whose queue is full would wait for it. */
    int fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return true;
    int rc = connect(fd, (const struct sockaddr *)&a->addr, a->addr_len) < 0 ? -errno : 0;
    close(fd);
    return rc != -ECONNREFUSED && rc != -ENOENT;
}

static int clear_path(const struct listen_address *a, int type, const char *path)
{
    struct stat st;
    if (lstat(path, &st) < 0)
        return 0; /* nothing there; if something else is wrong, bind fails with it */
    if (!S_ISSOCK(st.st_mode))
        return -ENOTSOCK;
    if (answers(a, type))
        return -EADDRINUSE;
    (void)unlink(path);
    return 0;
}

/* file: a descriptor of it alone */
static int give(int file, const struct listen_address *a)
{
    int rc = socket_file_chmod(file, a->mode);
    if (rc < 0 || (a->uid == LISTEN_OWNER_SELF && a->gid == LISTEN_OWNER_SELF))
        return rc;
    /* LISTEN_OWNER_SELF is -1: that one stays as it is */
    return socket_file_chown(file, a->uid, a->gid);
}

static int give_new(const char *path, const struct listen_address *a, struct stat *ret_file)
{
    int file = socket_file_hold(path, false, ret_file);
    if (file < 0)
        return file;
    int rc = give(file, a);
    close(file);
    return rc;
}

/*
 * Bind fd, to a file with a's permissions where there is a path.  The file gets the permissions of
 * the descriptor, less the umask: so it is never open to more than a->mode says, and give adds
 * what the umask took.
 */
static int bind_file(int fd, const struct listen_address *a, const char *path,
                     struct stat *ret_file)
{
    if (path != NULL && fchmod(fd, a->mode) < 0)
        return -errno;
    if (bind(fd, (const struct sockaddr *)&a->addr, a->addr_len) < 0)
        return -errno;
    int rc = path != NULL ? give_new(path, a, ret_file) : 0;
    if (rc < 0)
        (void)unlink(path);
    return rc;
}

static int bind_new(const struct listen_address *a, int type, const char *path,
                    struct stat *ret_file, int *ret_fd)
{
    int fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (a->rcvbuf > 0)
        dgram_ask_rcvbuf(fd, a->rcvbuf);
    int rc = bind_file(fd, a, path, ret_file);
    /* Still under the lock: to another server, a socket that does not listen looks left behind. */
    if (rc == 0 && type == SOCK_STREAM && listen(fd, LISTEN_BACKLOG) < 0) {
        rc = -errno;
        if (path != NULL)
            (void)unlink(path);
    }
    if (rc < 0)
        close(fd);
    else
        *ret_fd = fd;
    return rc;
}

int unix_socket_open(struct listener *l, int type)
{
    const struct listen_address *a = &l->address;
    const char *path = unix_socket_path(a);
    int lock = path == NULL ? -1 : lock_directory(path);
    int rc = path == NULL ? 0 : clear_path(a, type, path), fd = -1;
    struct stat file = { 0 };
    if (rc == 0)
        rc = bind_new(a, type, path, &file, &fd);
    if (lock >= 0)
        close(lock);
    if (rc < 0)
        return rc;
    l->file_dev = file.st_dev;
    l->file_ino = file.st_ino;
    l->fds[0] = fd;
    if (l->n == 0)
        l->n = 1;
    return 0;
}

static bool is_file_of(const struct stat *file, int fd)
{
    uint32_t ino;
    if (!S_ISSOCK(file->st_mode))
        return false;
    return unix_bound_file(fd, &ino) < 0 || ino == (uint32_t)file->st_ino;
}

int unix_socket_learn(struct listener *l)
{
    const char *path = unix_socket_path(&l->address);
    struct stat file;
    if (path == NULL)
        return 0;
    if (stat(path, &file) < 0 || !is_file_of(&file, l->fds[0])) {
        l->file_ino = UINT64_MAX; /* no file has it: the next look finds that it is lost */
        return 0;
    }
    l->file_dev = file.st_dev;
    l->file_ino = file.st_ino;
    return 0;
}

void unix_socket_own(struct listener *l)
{
    const char *path = unix_socket_path(&l->address);
    struct stat st;
    int file = path != NULL && l->own ? socket_file_hold(path, true, &st) : -1;
    if (file < 0)
        return;
    if (st.st_dev == l->file_dev && st.st_ino == l->file_ino)
        (void)give(file, &l->address); /* as the config says today */
    close(file);
}

enum listener_file unix_socket_look(const struct listener *l)
{
    const char *path = unix_socket_path(&l->address);
    struct stat st;
    if (path == NULL)
        return LISTENER_FILE_THERE;
    /*
     * As long as our socket is open no other file gets its inode number.  A symbolic link to the
     * file is as good as the file.
     */
    if (stat(path, &st) == 0)
        return st.st_dev == l->file_dev && st.st_ino == l->file_ino ? LISTENER_FILE_THERE
                                                                    : LISTENER_FILE_REPLACED;
    return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? LISTENER_FILE_GONE
                                                                 : LISTENER_FILE_THERE;
}

void unix_socket_refuse(const struct listener *l)
{
    for (unsigned i = 0; i < l->n; i++)
        (void)shutdown(l->fds[i], SHUT_RD);
}

void unix_socket_remove(const struct listener *l)
{
    const char *path = unix_socket_path(&l->address);
    struct stat st;
    if (path != NULL && lstat(path, &st) == 0 && st.st_dev == l->file_dev &&
        st.st_ino == l->file_ino)
        (void)unlink(path);
}
