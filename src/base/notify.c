#include "base/notify.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/log.h"

int notify_open(struct notify *n, const char *where)
{
    *n = (struct notify){ .fd = -1 };
    if (where == NULL || where[0] == '\0')
        return 0;
    size_t len = strlen(where);
    if ((where[0] != '/' && where[0] != '@') || len >= sizeof n->to.sun_path)
        return -EINVAL;
    n->to.sun_family = AF_UNIX;
    memcpy(n->to.sun_path, where, len);
    if (where[0] == '@')
        n->to.sun_path[0] = '\0';
    n->to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (where[0] == '/'));
    const struct timeval wait = { .tv_sec = NOTIFY_SEND_MS / 1000 };
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    n->fd = fd;
    return 0;
}

void notify_close(struct notify *n)
{
    if (n->fd >= 0)
        close(n->fd);
    n->fd = -1;
}

/* It is waited for no more. */
static void find_deaf(struct notify *n, const char *what)
{
    if (!n->deaf)
        LOG(LOG_WARN, "the service manager does not read what it is told", F_STR("missed", what),
            F_STR("remedy", "it is not waited for any more; unset NOTIFY_SOCKET if nobody reads"));
    n->deaf = true;
}

static int say(struct notify *n, const char *text, const int *fds, size_t n_fds, int flags)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(NOTIFY_FDS_MAX * sizeof(int))];
    } control = { .room = { 0 } };
    struct sockaddr_un to = n->to;
    char words[1024];
    size_t len = strlen(text);
    if (!notify_there(n))
        return 0;
    assert(n_fds <= NOTIFY_FDS_MAX && len < sizeof words);
    memcpy(words, text, len);
    struct iovec iov = { words, len };
    struct msghdr m = {
        .msg_name = &to, .msg_namelen = n->to_len, .msg_iov = &iov, .msg_iovlen = 1
    };
    if (n_fds > 0) {
        control.head = (struct cmsghdr){ .cmsg_len = CMSG_LEN(n_fds * sizeof *fds),
                                         .cmsg_level = SOL_SOCKET,
                                         .cmsg_type = SCM_RIGHTS };
        memcpy(CMSG_DATA(&control.head), fds, n_fds * sizeof *fds);
        m.msg_control = &control;
        m.msg_controllen = CMSG_SPACE(n_fds * sizeof *fds);
    }
    flags |= n->deaf ? MSG_DONTWAIT : 0;
    int rc = sendmsg(n->fd, &m, MSG_NOSIGNAL | flags) < 0 ? -errno : 0;
    if (rc == -EAGAIN && (flags & MSG_DONTWAIT) == 0)
        find_deaf(n, text);
    return rc;
}

int notify_say_with(struct notify *n, const char *text, const int *fds, size_t n_fds)
{
    return say(n, text, fds, n_fds, 0);
}

int notify_say(struct notify *n, const char *text)
{
    return say(n, text, NULL, 0, 0);
}

int notify_try(struct notify *n, const char *text)
{
    return say(n, text, NULL, 0, MSG_DONTWAIT);
}

/*
 * Send the only write end of a new pipe.
 * returns  its read end, which shows when that is closed everywhere; -1: nothing was sent
 */
static int say_with_pipe(struct notify *n, const char *text)
{
    int ends[2];
    if (!notify_there(n) || pipe2(ends, O_CLOEXEC) < 0)
        return -1;
    int rc = notify_say_with(n, text, &ends[1], 1);
    close(ends[1]);
    if (rc == 0)
        return ends[0];
    close(ends[0]);
    return -1;
}

/* Is the write end closed everywhere, or will it be within wait_ms? */
static bool closed_within(int fd, int wait_ms)
{
    struct pollfd p = { .fd = fd, .events = 0 };
    return poll(&p, 1, wait_ms) > 0 && (p.revents & POLLHUP) != 0;
}

bool notify_barrier(struct notify *n, int wait_ms)
{
    int fd = say_with_pipe(n, "BARRIER=1");
    if (fd < 0)
        return false;
    bool done = closed_within(fd, n->deaf ? 0 : wait_ms);
    if (!done)
        find_deaf(n, "BARRIER=1");
    close(fd);
    return done;
}

bool notify_probe_begin(struct notify *n, struct notify_probe *p)
{
    *p = (struct notify_probe){ -1, -1 };
    p->kept = say_with_pipe(n, "FDSTORE=1\nFDNAME=own-probe\nFDPOLL=0");
    if (p->kept < 0)
        return false;
    p->done = say_with_pipe(n, "BARRIER=1");
    if (p->done >= 0)
        return true;
    close(p->kept);
    p->kept = -1;
    return false;
}

bool notify_probe_answered(const struct notify_probe *p, int wait_ms)
{
    return closed_within(p->done, wait_ms);
}

bool notify_probe_end(struct notify *n, struct notify_probe *p)
{
    bool answered = closed_within(p->done, 0), keeps = answered && !closed_within(p->kept, 0);
    if (!answered)
        find_deaf(n, "FDSTORE=1");
    close(p->done);
    close(p->kept);
    *p = (struct notify_probe){ -1, -1 };
    (void)notify_say(n, "FDSTOREREMOVE=1\nFDNAME=own-probe");
    return keeps;
}
