/*
 *     udp_room   diag_family, IPv4 and IPv6: a dump of the port's sockets -> diag_read: an answer's
 *                messages -> take: its memory
 */
#include "send/udp_room.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "send/procfs.h"

enum { USUAL_SIZE = 212992 }; /* net.core.rmem_default, unless somebody changed it */

struct dump {
    struct udp_room room; /* size 0: no socket yet */
    bool done;
};

static void take(struct dump *d, uint64_t queued, uint64_t size)
{
    const uint64_t free = queued < size ? size - queued : 0;
    if (d->room.size == 0 || free < d->room.free)
        d->room = (struct udp_room){ free, size };
}

/* Attributes lie one behind the other, each at a multiple of 4. */
static void socket_read(struct dump *d, const char *at, size_t n)
{
    struct rtattr a;
    uint32_t mem[SK_MEMINFO_RCVBUF + 1];
    while (n >= sizeof a) {
        memcpy(&a, at, sizeof a);
        const size_t step = RTA_ALIGN((size_t)a.rta_len);
        if (a.rta_len < sizeof a || step > n)
            return;
        if (a.rta_type == INET_DIAG_SKMEMINFO && a.rta_len >= sizeof a + sizeof mem) {
            memcpy(mem, at + sizeof a, sizeof mem);
            take(d, mem[SK_MEMINFO_RMEM_ALLOC], mem[SK_MEMINFO_RCVBUF]);
        }
        at += step;
        n -= step;
    }
}

static void diag_read(struct dump *d, const void *bytes, size_t n)
{
    const size_t before = NLMSG_LENGTH(sizeof(struct inet_diag_msg));
    const struct nlmsghdr *h = bytes;
    while (NLMSG_OK(h, n)) {
        const size_t step = NLMSG_ALIGN((size_t)h->nlmsg_len);
        if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR)
            d->done = true;
        else if (h->nlmsg_len >= before)
            socket_read(d, (const char *)h + before, h->nlmsg_len - before);
        if (step >= n)
            return;
        h = (const struct nlmsghdr *)(const void *)((const char *)h + step);
        n -= step;
    }
}

static void diag_family(int fd, uint8_t family, uint16_t port, struct dump *d)
{
    _Alignas(struct nlmsghdr) char answer[8192];
    const struct {
        struct nlmsghdr h;
        struct inet_diag_req_v2 r;
    } ask = {
        .h = { .nlmsg_len = sizeof ask,
               .nlmsg_type = SOCK_DIAG_BY_FAMILY,
               .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
        .r = { .sdiag_family = family,
               .sdiag_protocol = IPPROTO_UDP,
               .idiag_ext = 1 << (INET_DIAG_SKMEMINFO - 1),
               .idiag_states = UINT32_MAX,
               .id = { .idiag_sport = htons(port) } },
    };
    d->done = send(fd, &ask, sizeof ask, 0) != (ssize_t)sizeof ask;
    while (!d->done) {
        ssize_t n = recv(fd, answer, sizeof answer, 0);
        if (n <= 0)
            return;
        diag_read(d, answer, (size_t)n);
    }
}

bool udp_room(uint16_t port, struct udp_room *ret)
{
    struct dump d = { 0 };
    struct procfs_udp known;
    int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd >= 0) {
        diag_family(fd, AF_INET, port, &d);
        diag_family(fd, AF_INET6, port, &d);
        close(fd);
    }
    if (d.room.size == 0 && procfs_udp(port, &known))
        take(&d, known.queue_bytes, USUAL_SIZE);
    if (d.room.size > 0)
        *ret = d.room;
    return d.room.size > 0;
}
