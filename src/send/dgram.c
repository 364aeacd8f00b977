/*
 *     udp_open, dgram_open  a connected socket
 *     udp_send,             messages_of: datagrams into messages
 *     unixgram_send         -> dgram_send: sendmmsg
 *     udp_unreachable       the socket's error queue
 */
#include "send/dgram.h"

#include <assert.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

int dgram_open(const struct target *t, int send_buffer_bytes, struct target_socket *ret)
{
    *ret = (struct target_socket){ .target = t, .fd = -1, .send_buffer_bytes = send_buffer_bytes };
    int fd = socket(t->addr.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    const struct timeval patience = { .tv_usec = 100000 };
    const int room = send_buffer_bytes;
    if (room > 0 && setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room) < 0)
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fd, (const struct sockaddr *)&t->addr, t->addr_len) < 0) {
        int rc = -errno;
        close(fd);
        return rc;
    }
    ret->fd = fd;
    return 0;
}

/* The kernel queues each ICMP error; else the next send fails with the last one, or with none. */
int udp_open(const struct target *t, int send_buffer_bytes, struct target_socket *ret)
{
    int rc = dgram_open(t, send_buffer_bytes, ret), on = 1;
    if (rc == 0 && t->addr.ss_family == AF_INET6)
        setsockopt(ret->fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof on);
    else if (rc == 0)
        setsockopt(ret->fd, IPPROTO_IP, IP_RECVERR, &on, sizeof on);
    return rc;
}

/* The errno of an entry of the error queue; 0: it did not come by ICMP. */
static int icmp_error(struct msghdr *m)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
        bool v4 = c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR;
        bool v6 = c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR;
        struct sock_extended_err e;
        if (!v4 && !v6)
            continue;
        memcpy(&e, CMSG_DATA(c), sizeof e);
        if (e.ee_origin == SO_EE_ORIGIN_ICMP || e.ee_origin == SO_EE_ORIGIN_ICMP6)
            return (int)e.ee_errno;
    }
    return 0;
}

struct target_unreachable udp_unreachable(int fd)
{
    struct target_unreachable u = { 0 };
    for (;;) {
        _Alignas(struct cmsghdr) char control[256];
        char byte;
        struct iovec piece = { &byte, 1 };
        struct msghdr m = { .msg_iov = &piece,
                            .msg_iovlen = 1,
                            .msg_control = control,
                            .msg_controllen = sizeof control };
        if (recvmsg(fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
            return u;
        int error = icmp_error(&m);
        if (error != 0) {
            u.messages++;
            u.error = error;
        }
    }
}

/* The messages of a sendmmsg: a datagram each, or a run of equal length for the kernel to cut. */
struct messages {
    struct mmsghdr header[TARGET_BATCH_MAX];
    struct iovec piece[TARGET_BATCH_MAX];
    uint16_t held[TARGET_BATCH_MAX]; /* datagrams in message i */
    _Alignas(struct cmsghdr) char control[TARGET_BATCH_MAX][CMSG_SPACE(sizeof(uint16_t))];
    unsigned n;
};

/* Have the kernel cut the last message into datagrams of that many bytes. */
static void messages_segment(struct messages *m, uint16_t bytes)
{
    char *room = m->control[m->n];
    struct cmsghdr *c = (struct cmsghdr *)(void *)room;
    *c = (struct cmsghdr){ .cmsg_level = SOL_UDP,
                           .cmsg_type = UDP_SEGMENT,
                           .cmsg_len = CMSG_LEN(sizeof bytes) };
    memcpy(CMSG_DATA(c), &bytes, sizeof bytes);
    m->header[m->n].msg_hdr.msg_control = room;
    m->header[m->n].msg_hdr.msg_controllen = sizeof m->control[0];
}

/* sendmmsg only reads, but its iovec has no const. */
static struct iovec piece_of(const char *bytes, size_t n)
{
    union {
        const char *in;
        void *out;
    } p = { bytes };
    return (struct iovec){ p.out, n };
}

/* A message that the kernel cuts up is itself no longer than the longest datagram. */
static unsigned segments_that_fit(unsigned segments, uint32_t len)
{
    unsigned fit = len > 0 ? UDP_DATAGRAM_MAX / len : 1;
    return segments < fit ? segments : fit;
}

/* returns  this thread's own messages, valid until the next call */
static struct messages *messages_of(const struct send_block *b, size_t first, size_t n,
                                    unsigned segments)
{
    static _Thread_local struct messages messages;
    struct messages *m = &messages;
    assert(n > 0 && n <= TARGET_BATCH_MAX && first + n <= b->n);
    assert(segments > 0 && segments <= TARGET_SEGMENTS_MAX);
    m->n = 0;
    for (size_t i = 0; i < n;) {
        const struct send_datagram *d = &b->datagrams[first + i];
        unsigned held = 1, most = segments_that_fit(segments, d->len);
        while (held < most && i + held < n && d[held].len == d->len)
            held++;
        m->piece[m->n] = piece_of(b->bytes + d->at, (size_t)d->len * held);
        struct msghdr h = { .msg_iov = &m->piece[m->n], .msg_iovlen = 1 };
        m->header[m->n] = (struct mmsghdr){ .msg_hdr = h };
        if (held > 1)
            messages_segment(m, (uint16_t)d->len);
        m->held[m->n++] = (uint16_t)held;
        i += held;
    }
    return m;
}

static void add_unreachable(struct target_unreachable *sum, const struct target_unreachable *more)
{
    sum->messages += more->messages;
    sum->error = more->error != 0 ? more->error : sum->error;
}

static struct target_sent dgram_send(struct messages *m, int fd,
                                     struct target_unreachable (*unreachable)(int fd))
{
    struct target_sent done = { 0 };
    for (unsigned i = 0; i < m->n;) {
        int rc = sendmmsg(fd, m->header + i, m->n - i, 0);
        int error = errno;
        struct target_unreachable heard = { 0 };
        assert(rc <= (int)(m->n - i));
        if (rc < (int)(m->n - i) && unreachable != NULL)
            heard = unreachable(fd);
        add_unreachable(&done.unreachable, &heard);
        for (int k = 0; k < rc; k++)
            done.datagrams += m->held[i++];
        done.messages += rc > 0 ? (size_t)rc : 0;
        /* It was an earlier datagram's error that stopped the call: this message was not tried. */
        if (rc > 0 || heard.messages > 0)
            continue;
        if (error == EINTR)
            break; /* the caller looks whether it should stop */
        /* The error is this message's; the caller goes on behind it. */
        done.error = error;
        done.failed = m->held[i];
        break;
    }
    return done;
}

struct target_sent udp_send(struct target_socket *s, const struct send_block *b, size_t first,
                            size_t n, unsigned segments)
{
    return dgram_send(messages_of(b, first, n, segments), s->fd, udp_unreachable);
}

struct target_sent unixgram_send(struct target_socket *s, const struct send_block *b, size_t first,
                                 size_t n, unsigned segments)
{
    return dgram_send(messages_of(b, first, n, segments), s->fd, NULL);
}
