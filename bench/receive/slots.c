#include "receive.h"

#include <assert.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>

#include "base/now.h"
#include "micro.h"

char *slots;
static struct mmsghdr header[BATCH_MAX];
static struct iovec piece[BATCH_MAX];
/* As cmsghdr wants to be aligned */
static size_t control[BATCH_MAX][CMSG_SPACE(sizeof(int)) / sizeof(size_t)];

bool all_read(void)
{
    return counts.datagrams >= counts.expected || (plan.rate && progress->done);
}

uint64_t late_clock_ns(void)
{
    return plan.rate ? now_mono_ns() : micro_now_ns();
}

void tick(void)
{
    uint64_t t = late_clock_ns(), gap = t - counts.tick_ns;
    if (gap > 1000000 && gap - 1000000 > counts.late_ns)
        counts.late_ns = gap - 1000000;
    counts.tick_ns = t;
}

/* A coalesced message tells the size of its pieces beside it. */
static uint64_t pieces(struct mmsghdr *m)
{
    if (plan.gro)
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&m->msg_hdr); c != NULL;
             c = CMSG_NXTHDR(&m->msg_hdr, c))
            if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
                int size;
                memcpy(&size, CMSG_DATA(c), sizeof size);
                return (m->msg_len + (unsigned)size - 1) / (unsigned)size;
            }
    return 1;
}

int slots_read(int flags)
{
    assert(plan.batch <= BATCH_MAX);
    int n = recvmmsg(rx, header, (unsigned)plan.batch, flags, NULL);
    counts.reads++;
    for (int i = 0; i < n; i++) {
        counts.sum += (unsigned char)*(char *)piece[i].iov_base;
        counts.datagrams += pieces(&header[i]);
        if (plan.gro)
            header[i].msg_hdr.msg_controllen = sizeof control[i];
    }
    return n;
}

void slots_init(void)
{
    size_t bytes = BATCH_MAX * (size_t)STRIDE_MAX;
    slots = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                 -1, 0);
    if (slots == MAP_FAILED)
        die("mmap");
    madvise(slots, bytes, MADV_HUGEPAGE); /* as slab_map */
    for (int i = 0; i < plan.batch; i++) {
        piece[i] = (struct iovec){ slots + i * plan.stride, SLOT_BYTES - 1 };
        header[i].msg_hdr = (struct msghdr){ .msg_iov = &piece[i], .msg_iovlen = 1 };
        if (plan.gro) {
            header[i].msg_hdr.msg_control = control[i];
            header[i].msg_hdr.msg_controllen = sizeof control[i];
        }
    }
}

/* Fewer wake-ups for a socket that is never long without a datagram; one that is seldom used is
 * read at once. */
static void nap(void)
{
    static uint64_t last_ns;
    if (plan.nap == 0)
        return;
    uint64_t t = now_mono_ns();
    if (t - last_ns < (uint64_t)plan.nap * 1000) {
        nanosleep(&(struct timespec){ .tv_nsec = plan.nap * 1000 }, NULL);
        t = now_mono_ns();
    }
    last_ns = t;
}

void read_rounds(void)
{
    counts.wakes++;
    for (long i = 0; plan.rounds == 0 || i < plan.rounds; i++)
        if (slots_read(MSG_DONTWAIT) < plan.batch) {
            nap();
            return;
        }
}
