/**
 * worker: a thread that receives, parses and aggregates: one libuv loop, its own sockets, its own tables.
 *
 * The receive loop is uv_poll on our own sockets with recvmmsg, for UDP and Unix datagrams alike.  Emptying a full socket of
 * 86-byte datagrams it costs 0.55 us of CPU each, within 9 % of a bare blocking recvmmsg(64); uv_udp_t costs 0.67, with
 * UV_UDP_RECVMMSG 0.61, and hides control messages (bench/results/receive-2026-11-21.md).  At 100,000 a second the wake-up is
 * the cost and all ways are alike.  16 rounds a wake-up keep the loop 0.3 ms without parsing; unlimited ones 39 ms and no CPU
 * saved.  UDP_GRO is left off: it makes only GSO senders cheaper (0.03 us against 0.54), and a coalesced drop counts as one:
 * 62,240 datagrams lost, 1,945 counted; without it 63,771 and 63,771.
 *
 * A UDP stream of some thousand datagrams a second is not worth a wake-up for each: the worker then looks at the socket every few
 * milliseconds, as far as the receive buffer holds a burst for so long (4 ms from 8 MiB granted, not at all below 2 MiB).
 * CPU of the process against waking up for each, same load, medians of 3: 0.54 at 100,000 packed lines a second, 0.19 for
 * 100,000 one-line datagrams evenly spaced, 0.08 for 20,000, 0.17 for 5,000.
 * A Unix socket is never left waiting: it holds net.unix.max_dgram_qlen datagrams (10 where nobody raised it) and then its senders
 * wait or drop; looked at every 4 ms it took 2,700 a second.
 *
 * A page turn (worker_ask_turn) first reads all that the kernel had delivered when it was asked for, so that a scrape shows
 * every datagram that came before it, then seals the page and calls notify.
 *
 *   thread   control, but for notify: worker
 */
#ifndef LISTEN_WORKER_H
#define LISTEN_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "aggregate/lane.h"
#include "listen/refusals.h"

enum { WORKER_SOCKETS_MAX = 64 };

struct worker;

/*
 * What the workers of one server share so that the changes of a gauge are put in the order in which they arrived, whoever
 * reads them.  The kernel's stamps cost 0.08 us a datagram, so they are asked for while a server is new, and from the first
 * relative change of a gauge on; a server that has seen none among its first WORKER_STAMPED_FIRST datagrams of a socket does
 * without.  Then, and where the kernel has no stamp, a datagram arrived when it was read.
 */
struct worker_order {
    _Atomic bool relative;            /* a worker has seen a relative change of a gauge */
};

enum { WORKER_STAMPED_FIRST = 4096 };

struct worker_opts {
    unsigned index;                   /* for the thread's name */
    struct lane_opts lane;            /* its refusals are the worker's own; taps: worker thread */
    struct worker_order *order;       /* shared; NULL: one worker with one socket reads everything */
    void (*notify)(void *cookie);     /* a turn that was asked for is over */
    void *cookie;
};

/* A socket's counters since it was opened. */
struct socket_stats {
    uint64_t datagrams, kernel_drops;
    uint64_t queued_bytes;            /* kernel memory of what waits, before the turn's reading */
};

/* returns  0 or -errno */
int worker_new(const struct worker_opts *opts, struct worker **ret);

/* Before worker_start.  fd stays the caller's and open until worker_join.  returns  the socket's place in stats, or -E2BIG */
int worker_add_socket(struct worker *w, int fd, bool udp, enum gauge_sign sign);

int worker_start(struct worker *w);

/**
 * worker_renew_socket(w, at, fd):
 * Another socket in the place of Unix socket `at`, with the same counters, while the worker runs.  The one it had goes on being
 * read, because clients that are connected to it do not see that its file is gone; the one before that gets no more datagrams
 * (its clients see an error and connect again), is read until it is empty and closed.
 *   fd       as for worker_add_socket; the one it had is the worker's to close from now on
 */
void worker_renew_socket(struct worker *w, unsigned at, int fd);

/* Not before the worker has taken over the last one. */
bool worker_may_renew(const struct worker *w, unsigned at);

/* Ask for a page turn; at most one at a time.  last: the sockets take nothing new: read until they are empty. */
void worker_ask_turn(struct worker *w, bool last);

/**
 * worker_take(w, ret_sockets):
 *   ret_sockets  counters of the sockets as of the page, valid until worker_give
 *   returns      the sealed page, or NULL: the turn asked for is not over
 */
struct page *worker_take(struct worker *w, const struct socket_stats **ret_sockets);
void worker_give(struct worker *w, struct page *p);

/* What the worker refused; lives as long as the worker. */
struct refusals *worker_refusals(struct worker *w);

/* End the thread and free everything; the last page must have been given back. */
void worker_join(struct worker *w);

#endif
