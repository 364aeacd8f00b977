/**
 * notify: what a service tells its manager (sd_notify(3)): datagrams of KEY=VALUE lines to the
 * socket that NOTIFY_SOCKET names, which may bring descriptors along.  Private to app/.
 *
 * There is no answer.  What can be told of the manager is seen at the other end of a pipe that goes
 * along: whether it has come so far (notify_barrier), and whether it keeps descriptors
 * (notify_keeps).
 *
 *   thread   control
 *   cost     a system call; a manager that does not read holds it up NOTIFY_SEND_MS at most
 */
#ifndef APP_NOTIFY_H
#define APP_NOTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

enum {
    NOTIFY_SEND_MS = 1000,
    NOTIFY_WAIT_MS = 5000, /* for a manager that starts a whole machine meanwhile */
    NOTIFY_FDS_MAX = 253
};

struct notify {
    int fd; /* -1: there is no manager */
    struct sockaddr_un to;
    socklen_t to_len;
};

/**
 * notify_open(n, where):
 *   where    NOTIFY_SOCKET: a path, or an abstract name with '@' in front.  NULL or "": no manager
 *   returns  0; -EINVAL (another form), or -errno of socket; n is then one without a manager
 */
int notify_open(struct notify *n, const char *where);
void notify_close(struct notify *n);

static inline bool notify_there(const struct notify *n)
{
    return n->fd >= 0;
}

/* Without a manager nothing happens, here and below.  returns  0 or -errno */
int notify_say(const struct notify *n, const char *text);

/*
 * The same of what is said again and again: it does not wait.  A manager that has a queue of such
 * words before it does not miss this one.
 */
int notify_try(const struct notify *n, const char *text);

/* With descriptors, NOTIFY_FDS_MAX at most. */
int notify_say_with(const struct notify *n, const char *text, const int *fds, size_t n_fds);

/*
 * Wait until the manager has handled all that it was told.
 * returns  false: not within wait_ms, or there is none
 */
bool notify_barrier(const struct notify *n, int wait_ms);

/*
 * Is there room in the manager's store for one descriptor more?  It is asked to keep one, and to
 * forget it.  One that does not say so within wait_ms has none.
 */
bool notify_keeps(const struct notify *n, int wait_ms);

#endif
