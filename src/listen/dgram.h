/**
 * dgram: many datagrams by one recvmmsg, and what the kernel says about each.  Private to listen/.
 *
 * One set of buffers serves all sockets of a thread: what a read brought is there until the next.
 *
 *   thread   struct dgram_buffers: one; the functions on an fd: any
 */
#ifndef LISTEN_DGRAM_H
#define LISTEN_DGRAM_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>

#include "listen/refusals_priv.h"
#include "protocol/parse.h"

/* Datagrams a read at most.  8 to 256 cost the same (bench/results/receive-2026-11-21.md). */
enum { DGRAM_SLOTS = 64 };

/* Room for control messages: one of each kind that dgram_tell_pid and dgram_stamp ask for. */
enum {
    DGRAM_CONTROL_BYTES = CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(struct timespec))
};

union dgram_sender {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* What a read brings beside the bytes. */
struct dgram_ask {
    unsigned senders; /* sender or pid of that many datagrams, from the first on */
    bool stamps;      /* when the kernel received each datagram, if dgram_stamp is on */
};

struct dgram_buffers {
    struct mmsghdr msgs[DGRAM_SLOTS];
    struct iovec iov[DGRAM_SLOTS];
    char *memory;           /* the bytes of all slots */
    int n;                  /* datagrams of the last read */
    struct dgram_ask asked; /* in the last read */
    union dgram_sender senders[DGRAM_SLOTS];
    _Alignas(struct cmsghdr) char control[DGRAM_SLOTS][DGRAM_CONTROL_BYTES];
};

/* Who sent a datagram. */
struct dgram_aside {
    union dgram_sender sender; /* any.sa_family AF_UNSPEC: not known */
    pid_t pid; /* on a Unix socket; 0: not known, or a process outside our namespace */
};

/* Make *at if it is NULL, for dgram_free.  returns  0 or -ENOMEM */
int dgram_share(struct dgram_buffers **at);
void dgram_free(struct dgram_buffers *d);

/* returns  0 or -ENOMEM */
int dgram_init(struct dgram_buffers *d);
void dgram_release(struct dgram_buffers *d);

/*
 * Have the kernel note the sender's pid with each datagram that a Unix socket gets from now on.
 * returns  0 or -errno
 */
int dgram_tell_pid(int fd);

/*
 * Have the kernel note when each datagram came, from now on (on) or no longer.
 * returns  0 or -errno
 */
int dgram_stamp(int fd, bool on);

/**
 * dgram_read(d, fd, ask):
 * Read up to DGRAM_SLOTS datagrams, never waiting.  Descriptors that a sender passes along are
 * closed.
 *   cost     one system call; a sender, a pid or a stamp each cost about a tenth of reading a small
 *            datagram
 *   returns  how many (0: the socket is empty), or -errno
 */
int dgram_read(struct dgram_buffers *d, int fd, struct dgram_ask ask);

/* When the kernel received datagram i of the last read: CLOCK_REALTIME in ns; 0: not known. */
uint64_t dgram_stamp_ns(const struct dgram_buffers *d, int i);

/* Who sent datagram i of the last read, as far as it was asked for. */
void dgram_aside(const struct dgram_buffers *d, int i, struct dgram_aside *ret);

/* The address that datagram i of the last read came from; NULL: not asked for, or it has none. */
const struct sockaddr *dgram_sender(const struct dgram_buffers *d, int i);

/* Which datagram of the last read ptr points into; -1: none. */
int dgram_slot(const struct dgram_buffers *d, const char *ptr);

/* Of the datagrams of the last read, as refusals_find.  dgram: a struct dgram_buffers */
bool dgram_find(const void *dgram, const char *ptr, struct refusal_origin *ret);

/*
 * Kernel memory of the socket's queue in bytes, and the datagrams dropped since the socket was made
 * (a counter that wraps).
 * returns  0 or -errno
 */
int dgram_meminfo(int fd, uint32_t *ret_queued_bytes, uint32_t *ret_drops);

/*
 * Of a socket that was read by another process before: as a new one, without stamps.  Its receive
 * buffer is made larger with CAP_NET_ADMIN, and never smaller.
 */
void dgram_adopt(int fd, uint64_t rcvbuf);

/* Ask for a receive buffer: beyond net.core.rmem_max with CAP_NET_ADMIN, up to it without. */
void dgram_ask_rcvbuf(int fd, uint64_t bytes);

/* The receive buffer in bytes, as the kernel counts it (twice what was asked for); 0 on failure. */
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
