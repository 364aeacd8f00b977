#include "listen/dgram.h"

#include <errno.h>

#include "base/slab.h"

/*
 * Room for the largest datagram, and some cache lines more: slots 64 KiB apart would all begin in the same sets of the cache,
 * which costs about 2 % even when nothing is parsed (bench/results/receive-2026-11-21.md).
 * Pages that no datagram reaches are never touched, so a slot of small datagrams costs one page.
 */
enum { SLOT_BYTES = DATAGRAM_MAX + 1 + 5 * 64 };

int dgram_init(struct dgram_buffers *d)
{
    *d = (struct dgram_buffers){ .memory = slab_map((size_t)DGRAM_SLOTS * SLOT_BYTES) };
    if (d->memory == NULL)
        return -ENOMEM;
    for (int i = 0; i < DGRAM_SLOTS; i++) {
        d->iov[i] = (struct iovec){ d->memory + (size_t)i * SLOT_BYTES, DATAGRAM_MAX };
        d->msgs[i].msg_hdr = (struct msghdr){ .msg_iov = &d->iov[i], .msg_iovlen = 1 };
    }
    return 0;
}

void dgram_release(struct dgram_buffers *d)
{
    slab_unmap(d->memory, (size_t)DGRAM_SLOTS * SLOT_BYTES);
    d->memory = NULL;
}

int dgram_read(struct dgram_buffers *d, int fd)
{
    int n = recvmmsg(fd, d->msgs, DGRAM_SLOTS, MSG_DONTWAIT, NULL);
    if (n >= 0)
        return n;
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : -errno;
}

int dgram_meminfo(int fd, uint32_t *ret_queued_bytes, uint32_t *ret_drops)
{
    enum { MEMINFO_RMEM_ALLOC = 0, MEMINFO_DROPS = 8, MEMINFO_VARS = 9 };   /* linux/sock_diag.h */
    uint32_t info[MEMINFO_VARS] = { 0 };
    socklen_t len = sizeof info;
    if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len) < 0)
        return -errno;
    *ret_queued_bytes = info[MEMINFO_RMEM_ALLOC];
    *ret_drops = info[MEMINFO_DROPS];
    return 0;
}

int dgram_rcvbuf(int fd)
{
    int n = 0;
    socklen_t len = sizeof n;
    return getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &n, &len) < 0 ? 0 : n;
}
