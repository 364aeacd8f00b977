/**
 * dgram: many datagrams a call, into buffers of one thread.  Private to listen/.
 */
#ifndef LISTEN_DGRAM_H
#define LISTEN_DGRAM_H

#include <stdint.h>
#include <sys/socket.h>

#include "protocol/parse.h"

/* One slot a call costs 8 to 19 % more; 8 to 256 are alike (bench/results/receive-2026-11-21.md). */
enum { DGRAM_SLOTS = 64 };

struct dgram_buffers {
    struct mmsghdr msgs[DGRAM_SLOTS];
    struct iovec iov[DGRAM_SLOTS];
    char *memory;
};

/* returns  0 or -ENOMEM */
int dgram_init(struct dgram_buffers *d);
void dgram_release(struct dgram_buffers *d);

/* Read up to DGRAM_SLOTS datagrams, never waiting.  returns  how many (0: none), or -errno */
int dgram_read(struct dgram_buffers *d, int fd);

/* Kernel memory held by the queue, and datagrams dropped since the socket was made (wraps).  returns  0 or -errno */
int dgram_meminfo(int fd, uint32_t *ret_queued_bytes, uint32_t *ret_drops);

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
