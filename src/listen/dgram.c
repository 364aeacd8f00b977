/*
 * One read: make_room -> recvmmsg -> refuse_descriptors.  Beside its bytes, a datagram may bring
 *
 *     sender        in msg_name, of the first ask.senders datagrams
 *     pid           in a control message, of the same, after dgram_tell_pid: read_control
 *     stamp         in a control message, of all if ask.stamps, after dgram_stamp: dgram_stamp_ns
 *     descriptors   in a control message, unasked for: closed at once
 *
 * Then what a read brought: dgram_aside, dgram_slot, dgram_stamp_ns.  At the end, on any socket:
 * its queue and its buffer.
 */
#include "listen/dgram.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/address.h"
#include "base/mem.h"
#include "base/slab.h"

/*
 * Room for the largest datagram, and five cache lines more: slots 64 KiB apart would all begin in
 * the same sets of the cache (bench/results/receive-2026-11-21.md).  Pages that no datagram reaches
 * are never touched, so a slot of small datagrams takes one page.
 */
enum { SLOT_BYTES = DATAGRAM_MAX + 1 + 5 * 64, SLOT_FRONT = 64 };
static_assert((int)SLOT_FRONT >= (int)PARSE_PAD_BEFORE &&
                  SLOT_BYTES - SLOT_FRONT - DATAGRAM_MAX >= PARSE_PAD_BEHIND,
              "a datagram has the room around it that the parser reads");

/* Between two reads. */
static void dgram_check(const struct dgram_buffers *d)
{
    assert(d->memory != NULL);
    assert(d->n >= 0 && d->n <= DGRAM_SLOTS && d->asked.senders <= DGRAM_SLOTS);
}

static void dgram_check_index(const struct dgram_buffers *d, int i)
{
    assert(i >= 0 && i < d->n);
}

int dgram_init(struct dgram_buffers *d)
{
    *d = (struct dgram_buffers){ .memory = slab_map((size_t)DGRAM_SLOTS * SLOT_BYTES) };
    if (d->memory == NULL)
        return -ENOMEM;
    for (int i = 0; i < DGRAM_SLOTS; i++) {
        d->iov[i] = (struct iovec){ d->memory + (size_t)i * SLOT_BYTES + SLOT_FRONT, DATAGRAM_MAX };
        d->msgs[i].msg_hdr = (struct msghdr){ .msg_iov = &d->iov[i], .msg_iovlen = 1 };
    }
    return 0;
}

void dgram_release(struct dgram_buffers *d)
{
    slab_unmap(d->memory, (size_t)DGRAM_SLOTS * SLOT_BYTES);
    d->memory = NULL;
}

int dgram_share(struct dgram_buffers **at)
{
    if (*at != NULL)
        return 0;
    struct dgram_buffers *d = mem_zalloc_apart(sizeof *d);
    int rc = dgram_init(d);
    if (rc < 0)
        free(d);
    else
        *at = d;
    return rc;
}

void dgram_free(struct dgram_buffers *d)
{
    if (d == NULL)
        return;
    dgram_release(d);
    free(d);
}

/* ---- beside the bytes ---- */

static void read_pid(const void *data, struct dgram_aside *ret)
{
    struct ucred who;
    memcpy(&who, data, sizeof who);
    ret->pid = who.pid;
}

/* Control messages about the sender, a row for each kind; its room is in DGRAM_CONTROL_BYTES. */
static const struct control_row {
    int level, type;
    size_t bytes;
    void (*read)(const void *data, struct dgram_aside *ret);
} control_rows[] = {
    { SOL_SOCKET, SCM_CREDENTIALS, sizeof(struct ucred), read_pid },
};

static void read_control(const struct msghdr *from, struct dgram_aside *ret)
{
    struct msghdr h = *from;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&h); c != NULL; c = CMSG_NXTHDR(&h, c))
        for (size_t i = 0; i < ARRAY_LEN(control_rows); i++) {
            const struct control_row *row = &control_rows[i];
            /* A control message that found too little room was cut: it is shorter. */
            if (c->cmsg_level == row->level && c->cmsg_type == row->type &&
                c->cmsg_len == CMSG_LEN(row->bytes))
                row->read(CMSG_DATA(c), ret);
        }
}

void dgram_aside(const struct dgram_buffers *d, int i, struct dgram_aside *ret)
{
    const struct msghdr *h = &d->msgs[i].msg_hdr;
    dgram_check_index(d, i);
    *ret = (struct dgram_aside){ .pid = 0 };
    /* Unix sockets have no name, or one of another length. */
    if (h->msg_namelen == sizeof ret->sender.v4 || h->msg_namelen == sizeof ret->sender.v6)
        memcpy(&ret->sender, &d->senders[i], h->msg_namelen);
    if (ret->sender.any.sa_family != AF_INET && ret->sender.any.sa_family != AF_INET6)
        ret->sender.any.sa_family = AF_UNSPEC;
    read_control(h, ret);
}

const struct sockaddr *dgram_sender(const struct dgram_buffers *d, int i)
{
    const socklen_t len = d->msgs[i].msg_hdr.msg_namelen;
    dgram_check_index(d, i);
    bool known = len == sizeof d->senders[i].v4 || len == sizeof d->senders[i].v6;
    return known ? &d->senders[i].any : NULL;
}

int dgram_slot(const struct dgram_buffers *d, const char *ptr)
{
    uintptr_t at = (uintptr_t)ptr - (uintptr_t)(d->memory + SLOT_FRONT);
    return at < (uintptr_t)DGRAM_SLOTS * SLOT_BYTES ? (int)(at / SLOT_BYTES) : -1;
}

int dgram_tell_pid(int fd)
{
    const int on = 1;
    return setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) < 0 ? -errno : 0;
}

int dgram_stamp(int fd, bool on)
{
    const int yes = on;
    return setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &yes, sizeof yes) < 0 ? -errno : 0;
}

uint64_t dgram_stamp_ns(const struct dgram_buffers *d, int i)
{
    struct msghdr h = d->msgs[i].msg_hdr;
    struct timespec t;
    dgram_check_index(d, i);
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&h); c != NULL; c = CMSG_NXTHDR(&h, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_TIMESTAMPNS ||
            c->cmsg_len != CMSG_LEN(sizeof t))
            continue;
        memcpy(&t, CMSG_DATA(c), sizeof t);
        return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
    }
    return 0;
}

static unsigned slots_with_control(struct dgram_ask ask)
{
    return ask.stamps ? DGRAM_SLOTS : ask.senders;
}

/* Point slot i to the room for what is asked for. */
static void set_room(struct dgram_buffers *d, unsigned i, struct dgram_ask ask)
{
    struct msghdr *h = &d->msgs[i].msg_hdr;
    bool sender = i < ask.senders, control = i < slots_with_control(ask);
    h->msg_name = sender ? &d->senders[i] : NULL;
    h->msg_namelen = sender ? sizeof d->senders[i] : 0;
    h->msg_control = control ? d->control[i] : NULL;
    h->msg_controllen = control ? sizeof d->control[i] : 0;
}

static unsigned larger(unsigned a, unsigned b)
{
    return a > b ? a : b;
}

static void make_room(struct dgram_buffers *d, struct dgram_ask ask)
{
    unsigned now = slots_with_control(ask), before = slots_with_control(d->asked),
             filled = (unsigned)d->n;
    bool same = ask.senders == d->asked.senders && ask.stamps == d->asked.stamps;
    /* The kernel has overwritten the sizes of the room in the slots that it filled. */
    unsigned last = same ? (filled < now ? filled : now) : larger(now, before);
    for (unsigned i = 0; i < last; i++)
        set_room(d, i, ask);
    d->asked = ask;
}

/* A sender may pass descriptors; as many as there was room for are open in this process now. */
static void close_descriptors(const struct cmsghdr *c)
{
    int fd;
    for (size_t at = 0; at + sizeof fd <= c->cmsg_len - CMSG_LEN(0); at += sizeof fd) {
        memcpy(&fd, CMSG_DATA(c) + at, sizeof fd);
        close(fd);
    }
}

static void refuse_descriptors(struct msghdr *h)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c != NULL; c = CMSG_NXTHDR(h, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
            close_descriptors(c);
}

int dgram_read(struct dgram_buffers *d, int fd, struct dgram_ask ask)
{
    dgram_check(d);
    assert(ask.senders <= DGRAM_SLOTS);
    make_room(d, ask);
    int n = recvmmsg(fd, d->msgs, DGRAM_SLOTS, MSG_DONTWAIT, NULL);
    d->n = n > 0 ? n : 0;
    if (n < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : -errno;
    for (unsigned i = 0; i < slots_with_control(ask) && i < (unsigned)n; i++)
        refuse_descriptors(&d->msgs[i].msg_hdr);
    return n;
}

bool dgram_find(const void *dgram, const char *ptr, struct refusal_origin *ret)
{
    const struct dgram_buffers *d = dgram;
    struct dgram_aside a = { .pid = 0 };
    int slot = dgram_slot(d, ptr);
    if (slot < 0)
        return false;
    dgram_aside(d, slot, &a);
    ret->text = slice_of(dgram_ptr(d, slot), dgram_len(d, slot));
    ret->not_asked = slot >= (int)d->asked.senders;
    if (a.sender.any.sa_family != AF_UNSPEC)
        address_print(&a.sender.any, ret->from);
    else if (a.pid > 0)
        snprintf(ret->from, sizeof ret->from, "pid:%d", (int)a.pid);
    return true;
}

int dgram_meminfo(int fd, uint32_t *ret_queued_bytes, uint32_t *ret_drops)
{
    enum { MEMINFO_RMEM_ALLOC = 0, MEMINFO_DROPS = 8, MEMINFO_VARS = 9 }; /* linux/sock_diag.h */
    uint32_t info[MEMINFO_VARS] = { 0 };
    socklen_t len = sizeof info;
    if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len) < 0)
        return -errno;
    *ret_queued_bytes = info[MEMINFO_RMEM_ALLOC];
    *ret_drops = info[MEMINFO_DROPS];
    return 0;
}

void dgram_ask_rcvbuf(int fd, uint64_t bytes)
{
    int n = bytes > INT32_MAX / 2 ? INT32_MAX / 2 : (int)bytes;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &n, sizeof n) < 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &n, sizeof n);
}

void dgram_adopt(int fd, uint64_t rcvbuf)
{
    const int n = rcvbuf > INT32_MAX / 2 ? INT32_MAX / 2 : (int)rcvbuf;
    (void)dgram_stamp(fd, false);
    /* Not SO_RCVBUF: what it is limited to may be less than the socket has. */
    if ((uint64_t)dgram_rcvbuf(fd) / 2 < rcvbuf)
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &n, sizeof n);
}

int dgram_rcvbuf(int fd)
{
    int n = 0;
    socklen_t len = sizeof n;
    return getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &n, &len) < 0 ? 0 : n;
}
