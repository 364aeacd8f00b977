/**
 * dgram: many datagrams a call, into buffers of one thread.  Private to listen/.
 */
#ifndef LISTEN_DGRAM_H
#define LISTEN_DGRAM_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>

#include "protocol/parse.h"

/*
 * One slot a call costs 8 to 19 % more; 8 to 256 are alike (bench/results/receive-2026-11-21.md).
 */
enum { DGRAM_SLOTS = 64 };

/* Control messages: room for one of each kind that a socket may be made to send along. */
enum {
    DGRAM_CONTROL_BYTES = CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(struct timespec))
};

union dgram_sender {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* What is read beside the bytes. */
struct dgram_ask {
    unsigned senders; /* of how many datagrams, from the first: sender and pid */
    bool stamps;      /* when the kernel took each in, where dgram_stamp asked for it */
};

struct dgram_buffers {
    struct mmsghdr msgs[DGRAM_SLOTS];
    struct iovec iov[DGRAM_SLOTS];
    char *memory;
    int n;                  /* that the last read brought */
    struct dgram_ask asked; /* of the last read */
    union dgram_sender senders[DGRAM_SLOTS];
    _Alignas(struct cmsghdr) char control[DGRAM_SLOTS][DGRAM_CONTROL_BYTES];
};

/* What the kernel told beside a datagram's bytes. */
struct dgram_aside {
    union dgram_sender sender; /* any.sa_family AF_UNSPEC: not told */
    pid_t pid; /* who sent on a Unix socket; 0: not told, or a process outside our namespace */
};

/* returns  0 or -ENOMEM */
int dgram_init(struct dgram_buffers *d);
void dgram_release(struct dgram_buffers *d);

/*
 * Have the kernel tell the sender's pid with each datagram that comes from now on; Unix sockets.
 * returns  0 or -errno
 */
int dgram_tell_pid(int fd);

/*
 * Have the kernel stamp each datagram that comes from now on, or no longer.  returns  0 or -errno
 */
int dgram_stamp(int fd, bool on);

/**
 * dgram_read(d, fd, ask):
 * Read up to DGRAM_SLOTS datagrams, never waiting.  Descriptors that somebody sends along are
 * closed.
 *   cost     of an 86-byte datagram's 0.73 us a UDP sender's address costs 0.065, a pid 0.08, a
 *            stamp 0.08; address and pid of the first four of 64 cost 0.005 and 0.015 (Linux 6.18,
 *            a full socket emptied)
 *   returns  how many (0: none), or -errno
 */
int dgram_read(struct dgram_buffers *d, int fd, struct dgram_ask ask);

/* When the kernel took datagram i of the last read in, by CLOCK_REALTIME, in ns; 0: not told. */
uint64_t dgram_stamp_ns(const struct dgram_buffers *d, int i);

/* What came with datagram i of the last dgram_read; of one that was not asked for, nothing. */
void dgram_aside(const struct dgram_buffers *d, int i, struct dgram_aside *ret);

/* The slot whose bytes ptr points into; -1: none. */
int dgram_slot(const struct dgram_buffers *d, const char *ptr);

/*
 * Kernel memory held by the queue, and datagrams dropped since the socket was made (wraps).
 * returns  0 or -errno
 */
int dgram_meminfo(int fd, uint32_t *ret_queued_bytes, uint32_t *ret_drops);

/* Ask for a receive buffer: past net.core.rmem_max with the privilege, up to it without. */
void dgram_ask_rcvbuf(int fd, uint64_t bytes);

/* The receive buffer as the kernel counts it; 0 when it does not say. */
int dgram_rcvbuf(int fd);

static inline const char *dgram_ptr(const struct dgram_buffers *d, int i)
{
    return d->iov[i].iov_base;
}

static inline size_t dgram_len(const struct dgram_buffers *d, int i)
{
    return d->msgs[i].msg_len;
}

static inline bool dgram_truncated(const struct dgram_buffers *d, int i)
{
    return d->msgs[i].msg_hdr.msg_flags & MSG_TRUNC;
}

#endif
