/*
 *     listener_open_rest    in the order of by_claim, so that of two servers one gets everything:
 *       open_one            transport_ops.open, beside a socket that holds the address: holder_of
 *       grow                what is open already (adopt.c) may get sockets for further workers
 *       open_twin           [::1], with the port of the 127.0.0.1 before it
 *     listener_look,        while the server runs: the file of a Unix socket
 *     listener_bind_again
 *     listener_refuse,      the end
 *     listener_close
 *     listener_at ...       what the workers count of its sockets
 *
 * What differs by transport is in transport_ops; spreading (listener_spread_payload) is spread.c.
 */
#include "listen/listener.h"

#include <assert.h>
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
#include "listen/listener_priv.h"
#include "listen/transport_priv.h"

/* A listener that is open, or closed with n = 0. */
static void listener_check(const struct listener *l)
{
    assert(l->n <= LISTEN_WORKERS_MAX && l->reader + l->n_readers <= LISTEN_WORKERS_MAX);
    assert(l->n <= 1 || (l->reader == 0 && !transport_of(l->address.transport)->accepts));
    assert(l->n_before <= l->n && (l->stride == 0 || (l->stride < l->n && l->reader == 0)));
    assert(l->n == 0 || l->fds[0] >= 0);
    assert(!l->by_payload || l->n > 1);
    assert(l->lost <= 0);
}

/* Counters go up, from page turn to page turn. */
static void socket_stats_check(const struct socket_stats *before, const struct socket_stats *now)
{
    assert(now->datagrams >= before->datagrams && now->bytes >= before->bytes);
    assert(now->kernel_drops >= before->kernel_drops && now->errors >= before->errors);
}

static const struct transport_ops *ops_of(const struct listener *l)
{
    return transport_of(l->address.transport)->ops;
}

static const char *remedy_of(const struct listen_address *a, int rc)
{
    const struct transport_ops *ops = transport_of(a->transport)->ops;
    switch (rc) {
    case -EADDRINUSE:
        return a->twin ? "another server has this port: stop it, or choose another port, or say "
                         "127.0.0.1 for localhost"
                       : ops->taken;
    case -EACCES:
        return ops->denied;
    case -EPERM:
        return "only root may give a file to another user (owner=)";
    case -ENOENT:
        return "the directory does not exist: create it";
    case -ENOTSOCK:
        return "a file that is no socket is there: move it away, or choose another path";
    case -EADDRNOTAVAIL:
        return "no interface of this machine has that address";
    default:
        return "";
    }
}

void listener_explain(const struct listen_address *a, int rc, struct buf *error)
{
    const char *remedy = remedy_of(a, rc);
    buf_printf(error, "%s: %s%s%s", a->name, err_text(rc), *remedy != '\0' ? "; " : "", remedy);
}

void listener_prepare(struct listener *l, const struct listen_address *a)
{
    *l = (struct listener){ .address = *a, .own = true };
    for (unsigned i = 0; i < LISTEN_WORKERS_MAX; i++)
        l->fds[i] = -1;
    inherited_own_name(a->name, l->kept_as);
}

int listener_configure(struct listener *l)
{
    int rc = 0;
    if (l->address.spread == LISTEN_SPREAD_PAYLOAD) {
        l->by_payload = false; /* the program divides by the number of sockets */
        rc = listener_spread_payload(l);
    }
    l->rcvbuf_granted = (uint64_t)dgram_rcvbuf(l->fds[0]);
    listener_check(l);
    return rc;
}

int listener_opened(struct listener *l, unsigned n_workers)
{
    const bool accepts = transport_of(l->address.transport)->accepts;
    assert(n_workers > 0 && n_workers <= LISTEN_WORKERS_MAX);
    l->n_readers = accepts ? n_workers : l->n;
    l->stride = l->n_readers > n_workers ? n_workers : 0;
    return l->in_use ? 0 : listener_configure(l);
}

static int open_one(const struct listen_address *a, const struct listener *holder,
                    unsigned n_workers, struct listener *l)
{
    listener_prepare(l, a);
    int rc = ops_of(l)->open(l, holder, n_workers);
    return rc == 0 ? listener_opened(l, n_workers) : rc;
}

/* Of an open one.  Without further sockets it goes on with what it has. */
static int grow(struct listener *l, unsigned n_workers)
{
    if (!l->own || ops_of(l)->grow == NULL || l->n >= n_workers)
        return 0;
    ops_of(l)->grow(l, n_workers);
    return listener_opened(l, n_workers);
}

/*
 * The order in which a server binds its addresses: by port, and on one port those that include
 * others first.  It does not depend on the order in the config: of two servers that start together
 * with several addresses in common, the one that gets the first address gets the others too.  In
 * the order of their configs each could get one, and both would fail.
 */
static int by_claim(const void *x, const void *y)
{
    const struct listen_address *a = *(const struct listen_address *const *)x;
    const struct listen_address *b = *(const struct listen_address *const *)y;
    const struct sockaddr *at = (const struct sockaddr *)&a->addr,
                          *bt = (const struct sockaddr *)&b->addr;
    unsigned port_a = address_port(at), port_b = address_port(bt);
    bool any_a = address_is_any(at), any_b = address_is_any(bt);
    if (port_a != port_b)
        return port_a < port_b ? -1 : 1;
    if (any_a != any_b)
        return any_a ? -1 : 1;
    if (at->sa_family != bt->sa_family) /* [::] before 0.0.0.0, which it includes */
        return (at->sa_family < bt->sa_family) == any_a ? 1 : -1;
    int order = memcmp(&a->addr, &b->addr, sizeof a->addr);
    return order != 0 ? order : (a > b) - (a < b);
}

/* An open listener that keeps other servers off a's address as well; NULL: none. */
static const struct listener *holder_of(const struct listen_address *a, const struct listener *open,
                                        size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (open[i].n > 0 && socket_url_includes(&open[i].address, a))
            return &open[i];
    }
    return NULL;
}

/*
 * holder: or NULL.  One that another process reads is left alone: the new socket would take its
 * datagrams away from it.
 */
static int open_part(const struct listen_address *a, const struct listener *holder,
                     unsigned n_workers, struct listener *l)
{
    return holder != NULL && holder->in_use ? -EADDRINUSE : open_one(a, holder, n_workers, l);
}

/* The twin *a once, with the port that *first has. */
static int open_beside(const struct listen_address *a, unsigned n_workers,
                       const struct listener *first, struct listener *l)
{
    const struct sockaddr *of_first = (const struct sockaddr *)&first->address.addr;
    struct listen_address at = *a;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&at.addr;
    assert(first->n > 0 && a->twin && in6->sin6_family == AF_INET6);
    in6->sin6_port = htons((uint16_t)address_port(of_first));
    return open_one(&at, NULL, n_workers, l);
}

/*
 * The twin a[0] of a[-1], which is open as *first.  A port that the kernel picked for *first may be
 * taken on the twin: then *first is opened again, on another port.
 */
static int open_twin(const struct listen_address *a, unsigned n_workers, struct listener *first,
                     struct listener *l)
{
    enum { TRIES = 16 };
    bool picked = address_port((const struct sockaddr *)&a->addr) == 0 && first->n_before == 0;
    int rc = open_beside(a, n_workers, first, l);
    for (int i = 1; rc == -EADDRINUSE && picked && i < TRIES; i++) {
        listener_close(l);
        listener_close(first);
        int again = open_one(a - 1, NULL, n_workers, first);
        if (again < 0)
            return again;
        rc = open_beside(a, n_workers, first, l);
    }
    if (rc != -EAFNOSUPPORT && rc != -EADDRNOTAVAIL)
        return rc;
    listener_close(l);
    return 0;
}

int listener_open_all(const struct listen_address *a, size_t n, unsigned n_workers,
                      struct listener *ret, struct buf *error)
{
    for (size_t i = 0; i < n; i++)
        ret[i] = (struct listener){ .n = 0 };
    return listener_open_rest(a, n, n_workers, ret, error);
}

int listener_open_rest(const struct listen_address *a, size_t n, unsigned n_workers,
                       struct listener *ret, struct buf *error)
{
    const struct listen_address **order = mem_alloc(n * sizeof *order);
    int rc = 0;
    for (size_t i = 0; i < n; i++)
        order[i] = &a[i];
    qsort(order, n, sizeof *order, by_claim);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct listener *l = &ret[order[i] - a];
        assert(!order[i]->twin || (order[i] > a && order[i][-1].localhost));
        if (l->n > 0)
            rc = grow(l, n_workers);
        else if (order[i]->twin)
            rc = open_twin(order[i], n_workers, l - 1, l);
        else
            rc = open_part(order[i], holder_of(order[i], ret, n), n_workers, l);
        if (rc < 0)
            listener_explain(order[i], rc, error);
    }
    free(order);
    for (size_t i = 0; rc < 0 && i < n; i++)
        listener_close(&ret[i]);
    return rc;
}

enum listener_file listener_look(const struct listener *l)
{
    return ops_of(l)->look != NULL ? ops_of(l)->look(l) : LISTENER_FILE_THERE;
}

int listener_bind_again(struct listener *l, struct buf *error)
{
    listener_check(l);
    assert(ops_of(l)->look != NULL && l->n > 0);
    l->lost = ops_of(l)->open(l, NULL, 1);
    if (l->lost < 0) {
        listener_explain(&l->address, l->lost, error);
        return l->lost;
    }
    l->own = true;
    l->kept = l->n > 1; /* others of it may be somebody's */
    return 0;
}

void listener_close(struct listener *l)
{
    /*
     * First the file, then the socket: once the socket is closed, another server may take the file
     * for one without a server, and put its own there.
     */
    if (l->n > 0 && !l->kept && ops_of(l)->remove != NULL)
        ops_of(l)->remove(l);
    for (unsigned i = 0; i < l->n; i++)
        if (l->fds[i] >= 0)
            close(l->fds[i]);
    l->n = l->n_before = l->n_readers = 0;
    l->by_payload = l->kept = l->in_use = false;
}

void listener_refuse(const struct listener *l)
{
    listener_check(l);
    if (!l->kept)
        ops_of(l)->refuse(l);
}

/* ---- what the workers count ---- */

const struct listener *listener_at(const struct listener *l, size_t n, unsigned worker,
                                   uint16_t place)
{
    for (size_t i = 0; i < n; i++) {
        int at = listener_place_of(&l[i], worker);
        for (; at >= 0; at = listener_place_after(&l[i], at))
            if (l[i].places[at] == place)
                return &l[i];
    }
    return NULL;
}

void listener_take_stats(struct listener *l, unsigned worker, const struct socket_stats *of_worker)
{
    listener_check(l);
    for (int at = listener_place_of(l, worker); at >= 0; at = listener_place_after(l, at)) {
        const struct socket_stats *now = &of_worker[l->places[at]];
        socket_stats_check(&l->stats[at], now);
        l->stats[at] = *now;
    }
}

bool listener_is_hot(struct listener *l, struct listener_heat *ret)
{
    enum { DATAGRAMS_MIN = 20000, SHARE_PERCENT = 90 }; /* fewer are no load for one worker */
    struct listener_heat heat = { 0, 0 };
    uint64_t most = 0;
    listener_check(l);
    for (unsigned i = 0; i < l->n_readers; i++) {
        uint64_t datagrams = l->stats[i].datagrams - l->before[i].datagrams;
        uint64_t drops = l->stats[i].kernel_drops - l->before[i].kernel_drops;
        l->before[i] = l->stats[i];
        heat.datagrams += datagrams;
        if (datagrams > most) {
            most = datagrams;
            heat.kernel_drops = drops;
        }
    }
    *ret = heat;
    return heat.datagrams >= DATAGRAMS_MIN && most * 100 >= heat.datagrams * SHARE_PERCENT &&
           heat.kernel_drops > 0;
}
