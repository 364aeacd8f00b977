#include "listen/udp_group.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "base/address.h"
#include "listen/dgram.h"

static int share(int fd)
{
    const int on = 1;
    return setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) < 0 ? -errno : 0;
}

static int open_bound(const struct listen_address *a, bool shared, int *ret_fd)
{
    int fd = socket(a->addr.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), rc = 0;
    if (fd < 0)
        return -errno;
    const int off = 0;
    dgram_ask_rcvbuf(fd, a->rcvbuf);
    /* [::] takes IPv4 too, whatever net.ipv6.bindv6only says. */
    if (a->addr.ss_family == AF_INET6 &&
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) < 0)
        rc = -errno;
    if (rc == 0 && shared)
        rc = share(fd);
    if (rc == 0 && bind(fd, (const struct sockaddr *)&a->addr, a->addr_len) < 0)
        rc = -errno;
    if (rc < 0) {
        close(fd);
        return rc;
    }
    *ret_fd = fd;
    return 0;
}

static void learn_port(struct listener *l)
{
    char text[ADDRESS_TEXT_MAX];
    struct listen_address *a = &l->address;
    a->addr_len = sizeof a->addr;
    if (getsockname(l->fds[0], (struct sockaddr *)&a->addr, &a->addr_len) < 0)
        return;
    address_print((const struct sockaddr *)&a->addr, text);
    socket_url_name(a, text);
}

int udp_group_open(struct listener *l, const struct listener *holder, unsigned n_workers)
{
    int rc = 0;
    assert(l->n == 0 && n_workers > 0 && n_workers <= LISTEN_WORKERS_MAX);
    for (unsigned i = 0; rc == 0 && holder != NULL && i < holder->n; i++)
        rc = share(holder->fds[i]);
    if (rc == 0)
        rc = open_bound(&l->address, holder != NULL, &l->fds[0]);
    if (rc < 0)
        return rc;
    l->n = 1;
    learn_port(l);
    /* A single socket does without the option: then no foreign program can join it either. */
    if (n_workers > 1)
        rc = share(l->fds[0]);
    while (rc == 0 && l->n < n_workers) {
        rc = open_bound(&l->address, true, &l->fds[l->n]);
        l->n += rc == 0;
    }
    assert(rc < 0 || l->n == n_workers);
    return rc;
}
