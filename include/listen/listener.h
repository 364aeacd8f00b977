/**
 * listener: the sockets behind one `[listen] socket`.
 *
 * UDP: one socket for each worker, all bound to the same address with SO_REUSEPORT, so that workers
 * share nothing; the kernel spreads by the sender's address.  That pins one busy sender to one
 * worker; listener_spread_payload replaces the choice by a hash over the name of the datagram's
 * first line (classic BPF, no privilege needed; some 40 ns a datagram, at the sender on the
 * loopback): its bytes up to the first ':', at most 64.  So datagrams that begin with one name stay
 * in order, and names alike in their first 64 bytes share a worker.  What is not kept is the order
 * of a name's lines that stand behind others in datagrams of several lines: those datagrams may go
 * to different workers.  Nor is it at the moment that spreading begins.
 *
 * Unix datagrams: one socket, one worker.  A stale socket file is removed if nobody answers on it;
 * servers that start together take turns in looking.  A file that is lost while the server runs
 * (removed, or replaced by another program's) is noticed by listener_look and bound again by
 * listener_bind_again.
 *
 *   thread   control
 */
#ifndef LISTEN_LISTENER_H
#define LISTEN_LISTENER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "listen/socket_url.h"

enum { LISTEN_WORKERS_MAX = 64 };

/* Counters of what one worker reads of a listener, since the listener was opened. */
struct socket_stats {
    uint64_t datagrams, bytes, kernel_drops;
    uint64_t errors;       /* receive calls that failed, but for an empty socket */
    uint64_t queued_bytes; /* kernel memory of what waits, before the turn's reading */
};

struct listener {
    struct listen_address address; /* name has the real port */
    int fds[LISTEN_WORKERS_MAX];   /* n of them, owned until handed to a worker */
    unsigned n;
    uint64_t rcvbuf_granted; /* bytes, as getsockopt tells: Linux doubles what was asked for */
    bool by_payload;
    unsigned reader;                     /* the worker that reads fds[0]; fds[i]: reader + i */
    uint16_t places[LISTEN_WORKERS_MAX]; /* by fds: at its worker (worker_add_socket) */
    struct socket_stats stats[LISTEN_WORKERS_MAX];  /* by fds: as of the last page turn */
    struct socket_stats before[LISTEN_WORKERS_MAX]; /* by fds: as of the last look for heat */
    uint64_t file_dev, file_ino;                    /* a Unix socket's file, as we made it */
    int lost; /* the last failure of listener_bind_again; 0: the file is there */
};

/**
 * listener_open_all(a, n, n_workers, ret, error):
 * Open the n listeners of one config; ret[i] is that of a[i].  All are open afterwards, but for
 * twins, or none. No other server shares a port with us, and none gets in later: of two that start
 * at the same moment, one is refused. A twin ([::1] of a localhost) follows the address before it:
 * with port 0 it gets the same port, and where the machine has no IPv6 it stays closed, n = 0.  Its
 * port taken by another server is a failure as any other: clients would send half here and half
 * there. Only a foreign program of the same user that sets SO_REUSEPORT at each bind may still join
 * a port of several workers.
 *   ret      n of them; on failure n is 0 in each
 *   error    on failure gets what is wrong and the remedy, for people
 *   returns  0 or -errno
 */
int listener_open_all(const struct listen_address *a, size_t n, unsigned n_workers,
                      struct listener *ret, struct buf *error);

/* The same for one. */
static inline int listener_open(const struct listen_address *a, unsigned n_workers,
                                struct listener *ret, struct buf *error)
{
    return listener_open_all(a, 1, n_workers, ret, error);
}

/* Close what is still open and remove the socket file, unless another one has taken its place. */
void listener_close(struct listener *l);

/*
 * Is the file of a Unix socket there, and ours?  One stat.  Of a socket without a file, and where
 * stat does not say: LISTENER_FILE_THERE.
 */
enum listener_file listener_look(const struct listener *l);

/**
 * listener_bind_again(l, error):
 * A new socket at the path, as listener_open_all would make it: what another server listens on is
 * left to that server.  It takes the place of the old one in l; the old one stays open, for
 * worker_renew_socket to take.
 *   returns  0, or -errno with l->lost set to it and *error for people
 */
int listener_bind_again(struct listener *l, struct buf *error);

/* Which of fds that worker reads; -1: none. */
static inline int listener_socket_of(const struct listener *l, unsigned worker)
{
    return worker >= l->reader && worker - l->reader < l->n ? (int)(worker - l->reader) : -1;
}

/* The listener whose socket has that place at that worker, or NULL. */
const struct listener *listener_at(const struct listener *l, size_t n, unsigned worker,
                                   uint16_t place);

/* At a page turn: what a worker's sockets, by their places, have counted. */
void listener_take_stats(struct listener *l, unsigned worker, const struct socket_stats *of_worker);

/* What a listener brought since the look before. */
struct listener_heat {
    uint64_t datagrams;    /* at all workers */
    uint64_t kernel_drops; /* at the worker that had the most of them */
};

/**
 * listener_is_hot(l, ret):
 * Once a second: did one worker get nearly all datagrams, and lose some of them?
 */
bool listener_is_hot(struct listener *l, struct listener_heat *ret);

/* Spread by name from now on.  returns  0 (also for one socket) or -errno (no such BPF hook) */
int listener_spread_payload(struct listener *l);

/**
 * listener_refuse(l):
 * Take no new datagrams, but leave what the sockets hold to be read.  UDP sockets are connected to
 * the discard port, after which the kernel refuses everybody else (their next send sees
 * ECONNREFUSED) while the queue stays; Unix sockets are shut down.
 */
void listener_refuse(const struct listener *l);

#endif
