#include "listen/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/address.h"
#include "base/err.h"
#include "base/mem.h"
#include "listen/dgram.h"
#include "listen/udp_group.h"
#include "listen/unix_socket.h"

static const char *in_use(const struct listen_address *a)
{
    if (a->twin)
        return "; another server has this port: stop it, or choose another port, or say 127.0.0.1 for localhost";
    if (a->transport == LISTEN_UDP)
        return "; another server has this port: stop it, or choose another port (0: any free one)";
    return "; another server listens there: stop it, or choose another path";
}

static void explain(const struct listen_address *a, int rc, struct buf *error)
{
    const char *remedy = "";
    if (rc == -EADDRINUSE)
        remedy = in_use(a);
    else if (rc == -EACCES)
        remedy = a->transport == LISTEN_UDP ? "; ports below 1024 need privileges: choose a higher one"
                                            : "; the directory is not writable for this user";
    else if (rc == -ENOENT)
        remedy = "; the directory does not exist: create it";
    else if (rc == -ENOTSOCK)
        remedy = "; a file that is no socket is there: move it away, or choose another path";
    else if (rc == -EADDRNOTAVAIL)
        remedy = "; no interface of this machine has that address";
    buf_printf(error, "%s: %s%s", a->name, err_text(rc), remedy);
}

static int open_one(const struct listen_address *a, const struct listener *holder, unsigned n_workers,
                    struct listener *l)
{
    *l = (struct listener){ .address = *a };
    for (unsigned i = 0; i < LISTEN_WORKERS_MAX; i++)
        l->fds[i] = -1;
    int rc = a->transport == LISTEN_UDP ? udp_group_open(l, holder, n_workers) : unix_socket_open(l);
    if (rc == 0 && a->spread == LISTEN_SPREAD_PAYLOAD)
        rc = listener_spread_payload(l);
    if (rc == 0)
        l->rcvbuf_granted = (uint64_t)dgram_rcvbuf(l->fds[0]);
    return rc;
}

/*
 * The order in which a server claims its addresses: by port, and on one port those that include others
 * first.  It is the same for every config, so that of two servers with several addresses in common one gets
 * the first of them, and with it the rest; in the order of their configs each could get one, and both would
 * refuse.
 */
static int by_claim(const void *x, const void *y)
{
    const struct listen_address *a = *(const struct listen_address *const *)x;
    const struct listen_address *b = *(const struct listen_address *const *)y;
    const struct sockaddr *at = (const struct sockaddr *)&a->addr, *bt = (const struct sockaddr *)&b->addr;
    unsigned port_a = address_port(at), port_b = address_port(bt);
    bool any_a = address_is_any(at), any_b = address_is_any(bt);
    if (port_a != port_b)
        return port_a < port_b ? -1 : 1;
    if (any_a != any_b)
        return any_a ? -1 : 1;
    if (at->sa_family != bt->sa_family)   /* [::] before 0.0.0.0, which it includes */
        return (at->sa_family < bt->sa_family) == any_a ? 1 : -1;
    int order = memcmp(&a->addr, &b->addr, sizeof a->addr);
    return order != 0 ? order : (a > b) - (a < b);
}

/* The one of those that are open already that keeps other servers off a's address, too. */
static const struct listener *holder_of(const struct listen_address *a, const struct listener *open, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (open[i].n > 0 && socket_url_includes(&open[i].address, a))
            return &open[i];
    }
    return NULL;
}

/*
 * The twin a[0] of a[-1], which is open as *first.  A port that the kernel picked for one of them may be
 * taken on the other: then both try again.
 */
static int open_twin(const struct listen_address *a, unsigned n_workers, struct listener *first, struct listener *l)
{
    enum { TRIES = 16 };
    bool picked = address_port((const struct sockaddr *)&a->addr) == 0;
    int rc = 0;
    for (int i = 0; i < TRIES; i++) {
        struct listen_address at = *a;
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&at.addr;
        in6->sin6_port = htons((uint16_t)address_port((const struct sockaddr *)&first->address.addr));
        rc = open_one(&at, NULL, n_workers, l);
        if (rc != -EADDRINUSE || !picked)
            break;
        listener_close(l);
        listener_close(first);
        if ((rc = open_one(a - 1, NULL, n_workers, first)) < 0)
            break;
    }
    if (rc != -EAFNOSUPPORT && rc != -EADDRNOTAVAIL)
        return rc;
    listener_close(l);
    return 0;
}

int listener_open_all(const struct listen_address *a, size_t n, unsigned n_workers, struct listener *ret,
                      struct buf *error)
{
    const struct listen_address **order = mem_alloc(n * sizeof *order);
    int rc = 0;
    for (size_t i = 0; i < n; i++) {
        ret[i] = (struct listener){ .n = 0 };
        order[i] = &a[i];
    }
    qsort(order, n, sizeof *order, by_claim);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct listener *l = &ret[order[i] - a];
        if (order[i]->twin)
            rc = open_twin(order[i], n_workers, l - 1, l);
        else
            rc = open_one(order[i], holder_of(order[i], ret, n), n_workers, l);
        if (rc < 0)
            explain(order[i], rc, error);
    }
    free(order);
    for (size_t i = 0; rc < 0 && i < n; i++)
        listener_close(&ret[i]);
    return rc;
}

enum listener_file listener_look(const struct listener *l)
{
    return l->address.transport == LISTEN_UNIXGRAM ? unix_socket_look(l) : LISTENER_FILE_THERE;
}

int listener_bind_again(struct listener *l, struct buf *error)
{
    l->lost = unix_socket_open(l);
    if (l->lost < 0)
        explain(&l->address, l->lost, error);
    return l->lost;
}

void listener_close(struct listener *l)
{
    /* Before the socket is closed: from then on another server may take the file for stale and put its own there. */
    if (l->n > 0)
        unix_socket_remove(l);
    for (unsigned i = 0; i < l->n; i++)
        if (l->fds[i] >= 0)
            close(l->fds[i]);
    l->n = 0;
}

void listener_refuse(const struct listener *l)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(9), .sin_addr = { htonl(INADDR_LOOPBACK) } };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(9), .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    for (unsigned i = 0; i < l->n; i++) {
        /* Where this fails (an address without a way to the loopback) the socket is drained and closed all the same. */
        if (l->address.transport == LISTEN_UNIXGRAM)
            (void)shutdown(l->fds[i], SHUT_RD);
        else if (l->address.addr.ss_family == AF_INET6)
            (void)connect(l->fds[i], (const struct sockaddr *)&v6, sizeof v6);
        else
            (void)connect(l->fds[i], (const struct sockaddr *)&v4, sizeof v4);
    }
}
