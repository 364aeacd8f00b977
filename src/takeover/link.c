/*
 *     on_ready ─┬─> flush: send_one for each that waits; `retry` where the kernel has too many
 *               │          descriptors under way
 *               └─> receive_one, until there is nothing: on_message, or end: on_closed
 */
#include "takeover/link.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

enum {
    PACKET_MAX = WIRE_BODY_MAX + 12,
    RECEIVE_MAX = 64, /* messages of one wake-up */
    RETRY_MS = 2
};

struct outgoing {
    struct outgoing *next;
    struct buf packet;
    size_t n_fds;
    int fds[]; /* borrowed */
};

struct link {
    struct link_opts opts;
    uv_poll_t poll;
    uv_timer_t retry;
    int fd;
    struct outgoing *first, **last;
    bool deaf;    /* the other end reads nothing any more; it may have sent something before */
    bool ended;   /* on_closed was called */
    bool closing; /* link_close was called */
    unsigned handles;
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(WIRE_FDS_MAX * sizeof(int))];
    char packet[PACKET_MAX];
};

static void on_ready(uv_poll_t *poll, int status, int events);

/* ---- sending ---- */

/* returns  0, or -errno: -EAGAIN is no failure */
static int send_one(struct link *l, const struct outgoing *o)
{
    struct iovec iov = { o->packet.ptr, o->packet.len };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
    if (o->n_fds > 0) {
        msg.msg_control = l->control;
        msg.msg_controllen = CMSG_SPACE(o->n_fds * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(o->n_fds * sizeof(int));
        memcpy(CMSG_DATA(c), o->fds, o->n_fds * sizeof(int));
    }
    ssize_t n;
    do
        n = sendmsg(l->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : 0;
}

static void drop_first(struct link *l)
{
    struct outgoing *o = l->first;
    l->first = o->next;
    if (l->first == NULL)
        l->last = &l->first;
    buf_release(&o->packet);
    free(o);
}

static void on_retry(uv_timer_t *t);

static void flush(struct link *l)
{
    while (l->first != NULL) {
        int rc = l->deaf ? 0 : send_one(l, l->first);
        if (rc == -EAGAIN)
            break;
        if (rc == -ETOOMANYREFS || rc == -ENOBUFS || rc == -ENOMEM) {
            (void)uv_timer_start(&l->retry, on_retry, RETRY_MS, 0);
            break;
        }
        l->deaf |= rc < 0;
        drop_first(l);
    }
    if (l->ended) /* on_closed has something to say: now or never */
        return;
    bool blocked = l->first != NULL && !uv_is_active((uv_handle_t *)&l->retry);
    (void)uv_poll_start(&l->poll, blocked ? UV_READABLE | UV_WRITABLE : UV_READABLE, on_ready);
}

static void on_retry(uv_timer_t *t)
{
    struct link *l = t->data;
    if (!l->ended)
        flush(l);
}

int link_send(struct link *l, const struct wire_message *m, const int *fds, size_t n)
{
    assert(n <= WIRE_FDS_MAX && !l->closing);
    struct outgoing *o = mem_zalloc(sizeof *o + n * sizeof(int));
    int rc = wire_write(m, &o->packet);
    if (rc < 0 || l->deaf) {
        buf_release(&o->packet);
        free(o);
        return rc;
    }
    o->n_fds = n;
    if (n > 0)
        memcpy(o->fds, fds, n * sizeof(int));
    *l->last = o;
    l->last = &o->next;
    flush(l);
    return 0;
}

void link_turn_away(int fd, const char *why)
{
    struct buf packet = { 0 };
    const struct wire_message m = { .type = WIRE_REFUSE, .text = slice_str(why) };
    if (wire_write(&m, &packet) == 0)
        (void)send(fd, packet.ptr, packet.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    buf_release(&packet);
    close(fd);
}

/* ---- receiving ---- */

/* The descriptors that came with msg, whatever else is wrong with it. */
static size_t fds_of(struct msghdr *msg, int *ret)
{
    size_t n = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t more = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        assert(n + more <= WIRE_FDS_MAX); /* control has no room for more */
        memcpy(ret + n, CMSG_DATA(c), more * sizeof(int));
        n += more;
    }
    return n;
}

static void end(struct link *l, int why)
{
    l->ended = true;
    (void)uv_poll_stop(&l->poll);
    (void)uv_timer_stop(&l->retry);
    l->opts.on_closed(l->opts.cookie, why);
}

/* returns  1 and the message; 0: the end; -errno.  n: what recvmsg returned */
static int judge(const struct link *l, const struct msghdr *msg, ssize_t n, size_t n_fds,
                 struct wire_message *ret)
{
    if (n < 0)
        return -errno;
    if (n == 0 && n_fds == 0) /* else it is a packet of no bytes, which no message is */
        return 0;
    if ((msg->msg_flags & MSG_CTRUNC) != 0) /* there is room for all that one message brings */
        return -EMFILE;
    if ((msg->msg_flags & MSG_TRUNC) != 0)
        return -EPROTO;
    int rc = wire_read(slice_of(l->packet, (size_t)n), n_fds, ret);
    return rc < 0 ? rc : 1;
}

/* returns  true: there may be more */
static bool receive_one(struct link *l)
{
    struct iovec iov = { l->packet, sizeof l->packet };
    struct msghdr msg = { .msg_iov = &iov,
                          .msg_iovlen = 1,
                          .msg_control = l->control,
                          .msg_controllen = sizeof l->control };
    int fds[WIRE_FDS_MAX];
    struct wire_message m;
    ssize_t n = recvmsg(l->fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    /* A reset is told first, once; what the other end had sent before it comes after. */
    if (n < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNRESET))
        return errno != EAGAIN;
    size_t n_fds = n < 0 ? 0 : fds_of(&msg, fds);
    int rc = judge(l, &msg, n, n_fds, &m);
    if (rc > 0) {
        l->opts.on_message(l->opts.cookie, &m, fds);
        return !l->closing;
    }
    for (size_t i = 0; i < n_fds; i++)
        close(fds[i]);
    end(l, rc);
    return false;
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct link *l = poll->data;
    /* status: libuv has stopped to poll, because of an error that recvmsg tells better */
    if (status < 0 || (events & UV_WRITABLE) != 0)
        flush(l);
    for (unsigned i = 0; i < RECEIVE_MAX && !l->ended && receive_one(l); i++) {}
}

/* ---- life ---- */

static void on_handle_closed(uv_handle_t *h)
{
    struct link *l = h->data;
    if (--l->handles > 0)
        return;
    close(l->fd);
    free(l);
}

void link_close(struct link *l)
{
    if (l == NULL)
        return;
    assert(!l->closing);
    l->closing = l->ended = true;
    while (l->first != NULL)
        drop_first(l);
    /* Now, not when the loop comes to it: the other end is to know. */
    (void)shutdown(l->fd, SHUT_RDWR);
    uv_close((uv_handle_t *)&l->poll, on_handle_closed);
    uv_close((uv_handle_t *)&l->retry, on_handle_closed);
}

int link_new(const struct link_opts *opts, int fd, struct link **ret)
{
    struct link *l = mem_zalloc(sizeof *l);
    l->opts = *opts;
    l->fd = fd;
    l->last = &l->first;
    int rc = uv_poll_init(opts->loop, &l->poll, fd);
    if (rc < 0) {
        close(fd);
        free(l);
        return rc;
    }
    (void)uv_timer_init(opts->loop, &l->retry);
    l->poll.data = l->retry.data = l;
    l->handles = 2;
    rc = uv_poll_start(&l->poll, UV_READABLE, on_ready);
    if (rc < 0) {
        link_close(l);
        return rc;
    }
    *ret = l;
    return 0;
}
