/*
 * The table of connections: a list of all, and a count for each address.
 *
 *     struct http_connections
 *       head -> struct http_connection <-> struct http_connection ...      newest first
 *                          | peer                  | peer (NULL: leaving)
 *                          v                       v
 *       buckets -> struct peer: an address, and how many connections it holds
 *
 * In this file: addresses, making room for a newcomer (admit), a connection's life (opened,
 * answers, reads, closed), the deadline of a request (sweep).
 *
 * A connection that has to go is shut down, not closed: libmicrohttpd notices and takes it apart in
 * its own time.  Until then it is "leaving": in the list, but no longer counted.  The lock keeps
 * its socket from being closed while we use it, since `closed` takes the lock before libmicrohttpd
 * closes the socket.
 */
#include "http/connections.h"

#include <assert.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/now.h"

enum {
    BUCKETS = 256,
    ROUNDING_MS = 100 /* the kernel's clock and libmicrohttpd's may differ by less than this */
};

static const uint64_t second_ns = 1000000000;
static const uint64_t waits_for_us = UINT64_MAX; /* of moved_ns */
static const uint64_t not_known = UINT64_MAX;    /* of received */

struct peer {
    struct peer *next;
    uint64_t who;
    uint32_t n, streams; /* connections, and how many of them are streams */
};

struct http_connection {
    struct http_connections *all;
    struct http_connection *prev, *next;
    struct peer *peer;
    struct http_handshake *handshake;
    uint64_t who;
    int fd;
    bool answering; /* the whole request is here, and its answer has not left */
    bool leaving;   /* shut down by us, and not counted any more */
    bool streams;   /* it reads a feed */
    enum { ENDS_UNKNOWN, ENDS_BY_TIMER, ENDS_OTHERWISE } ends;
    uint64_t received;         /* bytes received up to the end of the last request */
    uint64_t begun_ns;         /* when a request's first byte was seen; 0: not yet */
    _Atomic uint64_t moved_ns; /* the HTTP thread writes */
};

struct http_connections {
    pthread_mutex_t lock;
    struct http_connections_opts opts;
    struct http_connection *head;
    struct peer *buckets[BUCKETS];
    uint32_t n; /* connections, without those that are leaving */
    struct http_stats stats;
};

/* Locked. */
static void connections_check(const struct http_connections *cs)
{
    assert(cs->n <= cs->opts.max);          /* admit makes room before libmicrohttpd opens */
    assert(cs->n == 0 || cs->head != NULL); /* those that are leaving are in the list too */
    assert(cs->head == NULL || cs->head->prev == NULL);
}

/* Locked. */
static void connection_check(const struct http_connection *c)
{
    assert(c->leaving == (c->peer == NULL)); /* counted by address until it has to leave */
    assert(c->peer == NULL || (c->peer->who == c->who && c->peer->n > 0));
    assert(c->peer == NULL || c->peer->streams <= c->peer->n);
    assert(c->next == NULL || c->next->prev == c);
    assert(c->prev != NULL ? c->prev->next == c : c->all->head == c);
    connections_check(c->all);
}

struct http_connections *http_connections_new(const struct http_connections_opts *opts)
{
    assert(opts->max > 0 && opts->max_per_ip > 0 && opts->timeout_s > 0);
    struct http_connections *cs = mem_zalloc(sizeof *cs);
    pthread_mutex_init(&cs->lock, NULL);
    cs->opts = *opts;
    return cs;
}

void http_connections_free(struct http_connections *cs)
{
    if (cs == NULL)
        return;
    assert(cs->head == NULL && cs->n == 0);
    pthread_mutex_destroy(&cs->lock);
    free(cs);
}

/* ---- addresses ---- */

uint64_t http_connections_who(const struct sockaddr *from)
{
    uint64_t who = 0;
    if (from->sa_family == AF_INET6) {
        const struct in6_addr *a = &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr;
        if (!IN6_IS_ADDR_V4MAPPED(a)) {
            memcpy(&who, a, sizeof who);
            return who;
        }
        memcpy(&who, &a->s6_addr[12], 4);
    } else if (from->sa_family == AF_INET) {
        memcpy(&who, &((const struct sockaddr_in *)(const void *)from)->sin_addr, 4);
    }
    return who | 1ull << 32; /* apart from ::1, whose first 64 bits are 0 */
}

bool http_connections_is_loopback(uint64_t who)
{
    uint8_t first;
    memcpy(&first, &who, sizeof first);
    return who == 0 || (who >> 32 == 1 && first == 127);
}

static struct peer **peer_at(struct http_connections *cs, uint64_t who)
{
    struct peer **at = &cs->buckets[who * 0x9E3779B97F4A7C15ull >> 56];
    while (*at != NULL && (*at)->who != who)
        at = &(*at)->next;
    return at;
}

static void count_in(struct http_connections *cs, struct http_connection *c)
{
    struct peer **at = peer_at(cs, c->who);
    if (*at == NULL) {
        *at = mem_zalloc(sizeof **at);
        (*at)->who = c->who;
    }
    c->peer = *at;
    c->peer->n++;
    cs->n++;
}

static void count_out(struct http_connections *cs, struct http_connection *c)
{
    struct peer **at = peer_at(cs, c->who), *peer = *at;
    assert(peer != NULL && peer == c->peer && cs->n > 0);
    cs->n--;
    c->peer = NULL;
    peer->streams -= c->streams;
    if (--peer->n > 0)
        return;
    *at = peer->next;
    free(peer);
}

/* ---- making room ---- */

static void send_off(struct http_connections *cs, struct http_connection *c)
{
    connection_check(c);
    assert(!c->leaving);
    c->leaving = true;
    count_out(cs, c);
    shutdown(c->fd, SHUT_RDWR);
}

/* held: how many connections the newcomer's address holds, without the newcomer */
static bool may_go(const struct http_connection *c, uint64_t quiet_ns, uint32_t held)
{
    if (atomic_load_explicit(&c->moved_ns, memory_order_relaxed) == waits_for_us)
        return false;
    return quiet_ns >= second_ns || (!c->answering && c->peer->n > held + 1);
}

/* The connection that has to go for a newcomer, or NULL.  only: of this address; NULL: of any */
static struct http_connection *worst(struct http_connections *cs, const struct peer *only,
                                     uint32_t held, uint64_t now_ns)
{
    struct http_connection *found = NULL;
    uint64_t most = 0;
    for (struct http_connection *c = cs->head; c != NULL; c = c->next) {
        if (c->leaving || (only != NULL && c->peer != only))
            continue;
        uint64_t quiet_ns = http_connection_quiet_ns(c, now_ns);
        uint64_t weight = (quiet_ns + 1) * c->peer->n;
        if (weight > most && may_go(c, quiet_ns, held)) {
            most = weight;
            found = c;
        }
    }
    return found;
}

bool http_connections_admit(struct http_connections *cs, const struct sockaddr *from,
                            uint64_t now_ns)
{
    bool yes = true;
    pthread_mutex_lock(&cs->lock);
    const struct peer *peer = *peer_at(cs, http_connections_who(from));
    uint32_t held = peer == NULL ? 0 : peer->n - peer->streams;
    bool own_full = held >= cs->opts.max_per_ip;
    if (own_full || cs->n >= cs->opts.max) {
        struct http_connection *c = worst(cs, own_full ? peer : NULL, held, now_ns);
        yes = c != NULL;
        if (yes)
            send_off(cs, c);
        cs->stats.replaced += yes;
        cs->stats.refused_per_ip += !yes && own_full;
        cs->stats.refused_full += !yes && !own_full;
    }
    pthread_mutex_unlock(&cs->lock);
    return yes;
}

/* ---- a connection's life ---- */

struct http_connection *http_connection_opened(struct http_connections *cs,
                                               struct MHD_Connection *mhd, uint64_t now_ns)
{
    struct http_connection *c = mem_zalloc(sizeof *c);
    c->all = cs;
    const union MHD_ConnectionInfo *info;
    info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    c->fd = info->connect_fd;
    info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    c->who = http_connections_who(info->client_addr);
    atomic_init(&c->moved_ns, now_ns);
    pthread_mutex_lock(&cs->lock);
    count_in(cs, c);
    c->next = cs->head;
    if (c->next != NULL)
        c->next->prev = c;
    cs->head = c;
    connection_check(c);
    pthread_mutex_unlock(&cs->lock);
    return c;
}

void http_connection_secure(struct http_connection *c, struct http_handshake *h)
{
    c->handshake = h;
}

struct http_handshake *http_connection_handshake(const struct http_connection *c)
{
    return c->handshake;
}

void http_connection_abandon(struct http_connection *c)
{
    pthread_mutex_lock(&c->all->lock);
    if (!c->leaving)
        send_off(c->all, c);
    pthread_mutex_unlock(&c->all->lock);
}

/* One that is leaving is counted no more: its feed will find out. */
bool http_connection_streams(struct http_connection *c, uint32_t most)
{
    pthread_mutex_lock(&c->all->lock);
    const bool yes = c->leaving || c->peer->streams < most;
    assert(!c->streams);
    c->streams = yes && !c->leaving;
    if (c->streams)
        c->peer->streams++;
    pthread_mutex_unlock(&c->all->lock);
    return yes;
}

static bool tcp_info(int fd, struct tcp_info *ret)
{
    socklen_t n = sizeof *ret;
    memset(ret, 0, sizeof *ret);
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, ret, &n) == 0;
}

/*
 * Why libmicrohttpd closes a connection without a request it does not say.  After a silence of
 * timeout_s it was its timer.
 */
static bool timed_out(const struct http_connection *c)
{
    struct tcp_info t;
    uint32_t least_ms = c->all->opts.timeout_s * 1000 - ROUNDING_MS;
    if (c->ends != ENDS_UNKNOWN || c->leaving)
        return c->ends == ENDS_BY_TIMER;
    return tcp_info(c->fd, &t) && t.tcpi_last_data_recv >= least_ms &&
           t.tcpi_last_data_sent >= least_ms;
}

void http_connection_ends(struct http_connection *c, bool timed_out)
{
    c->ends = timed_out ? ENDS_BY_TIMER : ENDS_OTHERWISE;
}

void http_connection_closed(struct http_connection *c)
{
    struct http_connections *cs = c->all;
    pthread_mutex_lock(&cs->lock);
    connection_check(c);
    cs->stats.timed_out_idle += timed_out(c);
    if (!c->leaving)
        count_out(cs, c);
    *(c->prev ? &c->prev->next : &cs->head) = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
    pthread_mutex_unlock(&cs->lock);
    free(c);
}

struct http_connection *http_connection_of(struct MHD_Connection *mhd)
{
    return MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static void set_answering(struct http_connection *c, bool answering)
{
    http_connection_moved(c);
    pthread_mutex_lock(&c->all->lock);
    c->answering = answering;
    if (!answering && c->streams && !c->leaving)
        c->peer->streams--;
    c->streams = c->streams && answering;
    c->received = not_known; /* the next sweep looks it up */
    c->begun_ns = 0;
    pthread_mutex_unlock(&c->all->lock);
}

void http_connection_answers(struct http_connection *c)
{
    set_answering(c, true);
}

void http_connection_reads(struct http_connection *c)
{
    set_answering(c, false);
}

/* relaxed: a point in time, which orders nothing else */
void http_connection_moved(struct http_connection *c)
{
    atomic_store_explicit(&c->moved_ns, now_mono_ns(), memory_order_relaxed);
}

void http_connection_waits(struct http_connection *c)
{
    atomic_store_explicit(&c->moved_ns, waits_for_us, memory_order_relaxed);
}

uint64_t http_connection_who(const struct http_connection *c)
{
    return c->who;
}

uint64_t http_connection_quiet_ns(const struct http_connection *c, uint64_t now_ns)
{
    uint64_t moved_ns = atomic_load_explicit(&c->moved_ns, memory_order_relaxed);
    return moved_ns < now_ns ? now_ns - moved_ns : 0;
}

/* ---- the deadline ---- */

/* libmicrohttpd has no callback for the first byte, but the kernel counts the bytes received. */
static bool late(struct http_connection *c, uint64_t now_ns)
{
    struct tcp_info t;
    if (!tcp_info(c->fd, &t))
        return false;
    if (c->received == not_known)
        c->received = t.tcpi_bytes_received;
    if (c->begun_ns == 0 && t.tcpi_bytes_received > c->received)
        c->begun_ns = now_ns;
    return c->begun_ns != 0 && now_ns - c->begun_ns >= HTTP_REQUEST_S * second_ns;
}

void http_connections_sweep(struct http_connections *cs, uint64_t now_ns)
{
    pthread_mutex_lock(&cs->lock);
    for (struct http_connection *c = cs->head; c != NULL; c = c->next) {
        if (c->leaving || c->answering || !late(c, now_ns))
            continue;
        send_off(cs, c);
        cs->stats.timed_out_request++;
    }
    pthread_mutex_unlock(&cs->lock);
}

void http_connections_stats(struct http_connections *cs, struct http_stats *ret)
{
    pthread_mutex_lock(&cs->lock);
    ret->connections = cs->n;
    ret->refused_full = cs->stats.refused_full;
    ret->refused_per_ip = cs->stats.refused_per_ip;
    ret->replaced = cs->stats.replaced;
    ret->timed_out_idle = cs->stats.timed_out_idle;
    ret->timed_out_request = cs->stats.timed_out_request;
    pthread_mutex_unlock(&cs->lock);
}
