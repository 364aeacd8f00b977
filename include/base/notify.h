/**
 * notify: what a service tells its manager (sd_notify(3)): datagrams of KEY=VALUE lines to the
 * socket that NOTIFY_SOCKET names, which may bring descriptors along.
 *
 * There is no answer.  What can be told of the manager is seen at the other end of a pipe that goes
 * along: whether it has come so far (notify_barrier), and whether it keeps descriptors
 * (notify_probe).
 *
 * A manager that does not read is waited for once.  It is deaf from then on, which is logged: it is
 * told what its queue has room for, and no more.
 *
 *   thread   control
 *   cost     a system call; that once NOTIFY_SEND_MS, or what a barrier may wait
 */
#ifndef BASE_NOTIFY_H
#define BASE_NOTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

enum {
    NOTIFY_SEND_MS = 1000,
    NOTIFY_HOLD_MS = 250,  /* most answer within one */
    NOTIFY_WAIT_MS = 5000, /* while all goes on: one may start a whole machine meanwhile */
    NOTIFY_FDS_MAX = 253
};

struct notify {
    int fd; /* -1: there is no manager */
    struct sockaddr_un to;
    socklen_t to_len;
    bool deaf;
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
int notify_say(struct notify *n, const char *text);

/*
 * The same of what is said again and again: it does not wait.  A manager that has a queue of such
 * words before it does not miss this one.
 */
int notify_try(struct notify *n, const char *text);

/* With descriptors, NOTIFY_FDS_MAX at most. */
int notify_say_with(struct notify *n, const char *text, const int *fds, size_t n_fds);

/*
 * Wait until the manager has handled all that it was told.
 * returns  false: not within wait_ms, or there is none
 */
bool notify_barrier(struct notify *n, int wait_ms);

/*
 * Is there room in the manager's store for one descriptor more?  It is asked to keep one, which it
 * has closed by the time it has come so far, or keeps; then it is to forget it.
 */
struct notify_probe {
    int kept, done; /* read ends; -1: it is not asked.  done becomes readable with the answer */
};

/* returns  false: it cannot be asked, p has nothing */
bool notify_probe_begin(struct notify *n, struct notify_probe *p);

/* Is the answer there within wait_ms? */
bool notify_probe_answered(const struct notify_probe *p, int wait_ms);

/* returns  whether it keeps it; without an answer it does not, and is deaf.  p has nothing then */
bool notify_probe_end(struct notify *n, struct notify_probe *p);

#endif
