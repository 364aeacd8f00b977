/*
 *     stream_open           connect_within: a socket, its options, a bounded connect
 *     stream_send           hear: has the peer closed? -> one write of all datagrams that adjoin
 *                           -> took: which of them went wholly, where the next call goes on
 *                           -> reconnect, where it broke: what was begun is completed or cut
 *     stream_complete       a larger buffer for the rest of a datagram, and its rest
 *     stream_finish         shutdown, or cut
 *     stream_finished       hear until the peer has closed its end
 */
#include "send/stream.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/now.h"

enum { OPEN_MS = 5000, REOPEN_MS = 1000, ROOM_MS = 100 };

/* A connection that broke so soon was refused in all but name: it is not tried again at once. */
#define YOUNG_NS UINT64_C(100000000)
#define PAUSE_NS 10000000

static void socket_check(const struct target_socket *s)
{
    assert(s->target != NULL && s->target->kind->stream);
    assert(s->fd >= 0 || s->begun == 0);
}

static void set_patience(int fd, int ms)
{
    const struct timeval t = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000L };
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
}

/* On the loopback a port that is free may be given to the caller itself, who then hears himself. */
static bool is_own_echo(int fd)
{
    struct sockaddr_storage own = { 0 }, peer = { 0 };
    socklen_t n = sizeof own, m = sizeof peer;
    return getsockname(fd, (struct sockaddr *)&own, &n) == 0 &&
           getpeername(fd, (struct sockaddr *)&peer, &m) == 0 && own.ss_family != AF_UNIX &&
           n == m && memcmp(&own, &peer, n) == 0;
}

static int connect_within(struct target_socket *s, int ms)
{
    const struct target *t = s->target;
    const int room = s->send_buffer_bytes, on = 1;
    int fd = socket(t->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), rc = 0;
    s->opened_ns = now_mono_ns();
    if (fd < 0)
        return -errno;
    if (room > 0 && setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room) < 0)
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    set_patience(fd, ms);
    if (connect(fd, (const struct sockaddr *)&t->addr, t->addr_len) < 0)
        rc = errno == EINPROGRESS || errno == EAGAIN ? -ETIMEDOUT : -errno;
    else if (is_own_echo(fd))
        rc = -ECONNREFUSED;
    if (rc < 0) {
        close(fd);
        return rc;
    }
    if (t->addr.ss_family != AF_UNIX)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    set_patience(fd, ROOM_MS);
    s->fd = fd;
    return 0;
}

int stream_open(const struct target *t, int send_buffer_bytes, struct target_socket *ret)
{
    *ret = (struct target_socket){ .target = t, .fd = -1, .send_buffer_bytes = send_buffer_bytes };
    return connect_within(ret, OPEN_MS);
}

/*
 * What the peer says: nothing, as a rule, and what it says is of no use here.  But a write to a
 * connection that the peer has closed succeeds once, and all of it is lost.
 *   returns  0: it listens; -EPIPE: it has closed its end; -errno: broken
 */
static int hear(int fd)
{
    char said[256];
    for (;;) {
        ssize_t n = recv(fd, said, sizeof said, MSG_DONTWAIT);
        if (n == 0)
            return -EPIPE;
        if (n < 0)
            return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    }
}

/* Bytes of the datagrams from d on that lie one behind the other, n at most. */
static size_t adjoining(const struct send_datagram *d, size_t n)
{
    size_t bytes = d->len;
    for (size_t i = 1; i < n && d[i].at == d->at + bytes; i++)
        bytes += d[i].len;
    return bytes;
}

static void took(struct target_socket *s, const struct send_datagram *d, size_t n, size_t bytes,
                 struct target_sent *done)
{
    size_t left = s->begun + bytes;
    while (done->datagrams < n && left >= d[done->datagrams].len)
        left -= d[done->datagrams++].len;
    assert(left == 0 || done->datagrams < n);
    done->messages = done->datagrams;
    s->begun = (uint32_t)left;
    done->begun = left > 0;
}

/* For `more` bytes beyond what lies in it.  The kernel counts its own part of each buffer, too. */
static void make_room(int fd, size_t more)
{
    int room = 0;
    socklen_t n = sizeof room;
    if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, &n) < 0)
        return;
    room += 2 * (int)more;
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room) < 0)
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
}

bool stream_complete(struct target_socket *s, const struct send_block *b, size_t first)
{
    const struct send_datagram *d = &b->datagrams[first];
    socket_check(s);
    assert(first < b->n && s->begun > 0 && s->begun < d->len);
    if (s->target->addr.ss_family != AF_UNIX)
        return false;
    make_room(s->fd, d->len - s->begun);
    while (s->begun > 0) {
        ssize_t n = send(s->fd, b->bytes + d->at + s->begun, d->len - s->begun,
                         MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            return false;
        s->begun += n > 0 ? (uint32_t)n : 0;
        s->begun = s->begun < d->len ? s->begun : 0;
    }
    return true;
}

/* Close it, at once where a datagram was begun: what the peer has of that is not to look whole. */
static void cut(struct target_socket *s)
{
    const struct linger at_once = { .l_onoff = 1 };
    if (s->begun > 0)
        setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(s->fd);
    s->fd = -1;
    s->begun = 0;
}

/* The rest of a datagram that was begun means nothing to a new connection: it is for the old one,
 * whose peer may still read although it writes no more, or it has failed. */
static void reconnect(struct target_socket *s, const struct send_block *b, size_t first, size_t n,
                      int error, struct target_sent *done)
{
    const struct timespec pause = { .tv_nsec = PAUSE_NS };
    done->error = error;
    if (s->begun > 0) {
        done->datagrams = done->messages = stream_complete(s, b, first);
        done->failed = 1 - done->datagrams;
    }
    if (s->fd >= 0)
        cut(s);
    if (now_mono_ns() - s->opened_ns < YOUNG_NS)
        nanosleep(&pause, NULL);
    int rc = connect_within(s, REOPEN_MS);
    done->reconnected = rc == 0;
    if (rc < 0) {
        done->error = -rc;
        done->failed = n - done->datagrams;
    }
}

struct target_sent stream_send(struct target_socket *s, const struct send_block *b, size_t first,
                               size_t n, unsigned segments)
{
    struct target_sent done = { .begun = s->begun > 0 };
    const struct send_datagram *d = &b->datagrams[first];
    ssize_t bytes = 0;
    (void)segments;
    socket_check(s);
    assert(n > 0 && first + n <= b->n && s->begun < d->len);
    int rc = s->fd < 0 ? -ENOTCONN : hear(s->fd);
    if (rc == 0) {
        bytes = send(s->fd, b->bytes + d->at + s->begun, adjoining(d, n) - s->begun, MSG_NOSIGNAL);
        rc = bytes < 0 ? -errno : 0;
    }
    if (rc == 0) {
        took(s, d, n, (size_t)bytes, &done);
    } else if (rc != -EAGAIN && rc != -EINTR) {
        done.begun = false;
        reconnect(s, b, first, n, -rc, &done);
    }
    socket_check(s);
    return done;
}

void stream_finish(struct target_socket *s)
{
    socket_check(s);
    if (s->fd < 0)
        return;
    if (s->begun == 0 || s->target->addr.ss_family == AF_UNIX)
        shutdown(s->fd, SHUT_WR);
    else
        cut(s);
}

int stream_finished(struct target_socket *s, int timeout_ms)
{
    const uint64_t until_ms = now_mono_ms() + (uint64_t)timeout_ms;
    socket_check(s);
    if (s->fd < 0)
        return -ENOTCONN;
    for (;;) {
        int rc = hear(s->fd);
        uint64_t now_ms = now_mono_ms();
        if (rc < 0)
            return rc == -EPIPE ? 0 : rc;
        if (now_ms >= until_ms)
            return -ETIMEDOUT;
        struct pollfd p = { .fd = s->fd, .events = POLLIN };
        poll(&p, 1, (int)(until_ms - now_ms));
    }
}
