/**
 * calls: the functions that can be made fail, see faults.h.
 *
 * X(name, what it returns, what it returns when it fails, its parameters, their names)
 *
 * ALLOCATIONS fail with ENOMEM.  SYSTEM_CALLS do nothing when they fail; ENDINGS do their work and
 * fail all the same, as the kernel closes a descriptor whatever close says.  Some functions have a
 * second name, for files over 2 GiB; open, prctl and syscall get all that they may be given.
 */
#ifndef FAULTS_CALLS_H
#define FAULTS_CALLS_H

/* clang-format off */
#define ALLOCATIONS(X)                                                                            \
    X(malloc, void *, NULL, (size_t n), (n))                                                      \
    X(calloc, void *, NULL, (size_t n, size_t item), (n, item))                                   \
    X(realloc, void *, NULL, (void *p, size_t n), (p, n))                                         \
    X(aligned_alloc, void *, NULL, (size_t align, size_t n), (align, n))                          \
    X(strndup, char *, NULL, (const char *s, size_t n), (s, n))                                   \
    X(mmap, void *, MAP_FAILED, (void *p, size_t n, int prot, int flags, int fd, off_t at),       \
      (p, n, prot, flags, fd, at))                                                                \
    X(mmap64, void *, MAP_FAILED, (void *p, size_t n, int prot, int flags, int fd, off_t at),     \
      (p, n, prot, flags, fd, at))                                                                \
    X(fopencookie, FILE *, NULL, (void *of, const char *mode, cookie_io_functions_t io),          \
      (of, mode, io))                                                                             \
    X(mremap, void *, MAP_FAILED, (void *p, size_t n, size_t more, int flags), (p, n, more, flags))

#define SYSTEM_CALLS(X)                                                                           \
    X(accept4, int, -1, (int fd, struct sockaddr *a, socklen_t *n, int flags), (fd, a, n, flags)) \
    X(access, int, -1, (const char *path, int mode), (path, mode))                                \
    X(bind, int, -1, (int fd, const struct sockaddr *a, socklen_t n), (fd, a, n))                 \
    X(chmod, int, -1, (const char *path, mode_t mode), (path, mode))                              \
    X(connect, int, -1, (int fd, const struct sockaddr *a, socklen_t n), (fd, a, n))              \
    X(epoll_create1, int, -1, (int flags), (flags))                                               \
    X(epoll_ctl, int, -1, (int fd, int op, int of, struct epoll_event *e), (fd, op, of, e))       \
    X(epoll_wait, int, -1, (int fd, struct epoll_event *e, int n, int ms), (fd, e, n, ms))        \
    X(faccessat, int, -1, (int dir, const char *path, int mode, int flags),                       \
      (dir, path, mode, flags))                                                                   \
    X(fchmod, int, -1, (int fd, mode_t mode), (fd, mode))                                         \
    X(fchownat, int, -1, (int dir, const char *path, uid_t user, gid_t group, int flags),         \
      (dir, path, user, group, flags))                                                            \
    X(fdopen, FILE *, NULL, (int fd, const char *mode), (fd, mode))                               \
    X(fdopendir, DIR *, NULL, (int fd), (fd))                                                     \
    X(flock, int, -1, (int fd, int op), (fd, op))                                                 \
    X(fopen, FILE *, NULL, (const char *path, const char *mode), (path, mode))                    \
    X(fopen64, FILE *, NULL, (const char *path, const char *mode), (path, mode))                  \
    X(fstat, int, -1, (int fd, struct stat *to), (fd, to))                                        \
    X(fstat64, int, -1, (int fd, struct stat *to), (fd, to))                                      \
    X(fstatat, int, -1, (int dir, const char *path, struct stat *to, int flags),                  \
      (dir, path, to, flags))                                                                     \
    X(fstatat64, int, -1, (int dir, const char *path, struct stat *to, int flags),                \
      (dir, path, to, flags))                                                                     \
    X(fstatvfs, int, -1, (int fd, struct statvfs *to), (fd, to))                                  \
    X(fstatvfs64, int, -1, (int fd, struct statvfs *to), (fd, to))                                \
    X(fsync, int, -1, (int fd), (fd))                                                             \
    X(ftruncate, int, -1, (int fd, off_t to), (fd, to))                                           \
    X(ftruncate64, int, -1, (int fd, off_t to), (fd, to))                                         \
    X(getgrouplist, int, -1, (const char *user, gid_t group, gid_t *all, int *n),                 \
      (user, group, all, n))                                                                      \
    X(getpeername, int, -1, (int fd, struct sockaddr *a, socklen_t *n), (fd, a, n))               \
    X(getrandom, ssize_t, -1, (void *p, size_t n, unsigned flags), (p, n, flags))                 \
    X(getresgid, int, -1, (gid_t *r, gid_t *e, gid_t *s), (r, e, s))                              \
    X(getresuid, int, -1, (uid_t *r, uid_t *e, uid_t *s), (r, e, s))                              \
    X(getsockname, int, -1, (int fd, struct sockaddr *a, socklen_t *n), (fd, a, n))               \
    X(getsockopt, int, -1, (int fd, int level, int name, void *p, socklen_t *n),                  \
      (fd, level, name, p, n))                                                                    \
    X(listen, int, -1, (int fd, int backlog), (fd, backlog))                                      \
    X(lseek, off_t, -1, (int fd, off_t to, int whence), (fd, to, whence))                         \
    X(lseek64, off_t, -1, (int fd, off_t to, int whence), (fd, to, whence))                       \
    X(lstat, int, -1, (const char *path, struct stat *to), (path, to))                            \
    X(lstat64, int, -1, (const char *path, struct stat *to), (path, to))                          \
    X(madvise, int, -1, (void *p, size_t n, int what), (p, n, what))                              \
    X(memfd_create, int, -1, (const char *name, unsigned flags), (name, flags))                   \
    X(open, int, -1, (const char *path, int flags, mode_t mode), (path, flags, mode))             \
    X(open64, int, -1, (const char *path, int flags, mode_t mode), (path, flags, mode))           \
    X(openat, int, -1, (int dir, const char *path, int flags, mode_t mode),                       \
      (dir, path, flags, mode))                                                                   \
    X(openat64, int, -1, (int dir, const char *path, int flags, mode_t mode),                     \
      (dir, path, flags, mode))                                                                   \
    X(opendir, DIR *, NULL, (const char *path), (path))                                           \
    X(pipe2, int, -1, (int *fd, int flags), (fd, flags))                                          \
    X(poll, int, -1, (struct pollfd *fd, nfds_t n, int ms), (fd, n, ms))                          \
    X(pread, ssize_t, -1, (int fd, void *p, size_t n, off_t at), (fd, p, n, at))                  \
    X(pread64, ssize_t, -1, (int fd, void *p, size_t n, off_t at), (fd, p, n, at))                \
    X(prctl, int, -1,                                                                             \
      (int op, unsigned long a, unsigned long b, unsigned long c, unsigned long d),               \
      (op, a, b, c, d))                                                                           \
    X(pthread_create, int, fault_errno(),                                                         \
      (pthread_t *t, const pthread_attr_t *a, void *(*run)(void *), void *of),                    \
      (t, a, run, of))                                                                            \
    X(pwrite, ssize_t, -1, (int fd, const void *p, size_t n, off_t at), (fd, p, n, at))           \
    X(pwrite64, ssize_t, -1, (int fd, const void *p, size_t n, off_t at), (fd, p, n, at))         \
    X(read, ssize_t, -1, (int fd, void *p, size_t n), (fd, p, n))                                 \
    X(realpath, char *, NULL, (const char *path, char *to), (path, to))                           \
    X(recv, ssize_t, -1, (int fd, void *p, size_t n, int flags), (fd, p, n, flags))               \
    X(recvmmsg, int, -1, (int fd, struct mmsghdr *m, unsigned n, int flags, struct timespec *t),  \
      (fd, m, n, flags, t))                                                                       \
    X(recvmsg, ssize_t, -1, (int fd, struct msghdr *m, int flags), (fd, m, flags))                \
    X(renameat, int, -1, (int from, const char *a, int to, const char *b), (from, a, to, b))      \
    X(seccomp_attr_set, int, -fault_errno(), (void *f, int what, uint32_t to), (f, what, to))     \
    X(seccomp_init, void *, NULL, (uint32_t action), (action))                                    \
    X(seccomp_load, int, -fault_errno(), (const void *f), (f))                                    \
    X(send, ssize_t, -1, (int fd, const void *p, size_t n, int flags), (fd, p, n, flags))         \
    X(sendmmsg, int, -1, (int fd, struct mmsghdr *m, unsigned n, int flags), (fd, m, n, flags))   \
    X(sendmsg, ssize_t, -1, (int fd, const struct msghdr *m, int flags), (fd, m, flags))          \
    X(sendto, ssize_t, -1,                                                                        \
      (int fd, const void *p, size_t n, int flags, const struct sockaddr *a, socklen_t len),      \
      (fd, p, n, flags, a, len))                                                                  \
    X(setgroups, int, -1, (size_t n, const gid_t *all), (n, all))                                 \
    X(setpriority, int, -1, (int which, id_t who, int to), (which, who, to))                      \
    X(setresgid, int, -1, (gid_t r, gid_t e, gid_t s), (r, e, s))                                 \
    X(setresuid, int, -1, (uid_t r, uid_t e, uid_t s), (r, e, s))                                 \
    X(setsockopt, int, -1, (int fd, int level, int name, const void *p, socklen_t n),             \
      (fd, level, name, p, n))                                                                    \
    X(shutdown, int, -1, (int fd, int how), (fd, how))                                            \
    X(socket, int, -1, (int family, int type, int protocol), (family, type, protocol))            \
    X(stat, int, -1, (const char *path, struct stat *to), (path, to))                             \
    X(stat64, int, -1, (const char *path, struct stat *to), (path, to))                           \
    X(syscall, long, -1, (long nr, long a, long b, long c, long d, long e, long f),               \
      (nr, a, b, c, d, e, f))                                                                     \
    X(unlink, int, -1, (const char *path), (path))                                                \
    X(unlinkat, int, -1, (int dir, const char *path, int flags), (dir, path, flags))              \
    X(write, ssize_t, -1, (int fd, const void *p, size_t n), (fd, p, n))

#define ENDINGS(X)                                                                                \
    X(close, int, -1, (int fd), (fd))                                                             \
    X(fclose, int, EOF, (FILE *f), (f))                                                           \
    X(fflush, int, EOF, (FILE *f), (f))
/* clang-format on */

#endif
