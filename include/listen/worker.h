/**
 * worker: a thread that receives, parses and aggregates: one libuv loop, its own sockets, its own
 * lane.
 *
 * Sockets are our own, read by recvmmsg when the loop says that something is there, or every few
 * milliseconds where datagrams come one by one but often (src/listen/watch.h).  Other ways to
 * receive were measured and not taken: docs/performance.md.
 *
 * A page turn (worker_ask_turn) first reads all that the kernel had delivered when it was asked
 * for, so that a scrape shows every datagram that came before it, then seals the page and calls
 * notify.
 *
 *   thread   control, but for notify: worker
 */
#ifndef LISTEN_WORKER_H
#define LISTEN_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "aggregate/lane.h"
#include "listen/listener.h"
#include "listen/refusals.h"
#include "listen/worker_order.h"

enum { WORKER_SOCKETS_MAX = 64 };

struct worker;

struct worker_opts {
    unsigned index;               /* for the thread's name */
    struct lane_opts lane;        /* its refusals are the worker's own; taps: worker thread */
    struct worker_order *order;   /* shared; NULL: one worker with one socket reads everything */
    void (*notify)(void *cookie); /* a turn that was asked for is over */
    void *cookie;
};

/* Bytes that a worker takes at most beside its cells, with lines of up to max_line bytes. */
uint64_t worker_memory(uint32_t max_line);

/* returns  0 or -errno */
int worker_new(const struct worker_opts *opts, struct worker **ret);

/**
 * worker_add_socket(w, fd, a):
 * A socket of a listener on a for the worker to read.  Before worker_start.
 *   fd       stays the caller's and open until worker_join
 *   returns  the socket's place among those of the worker; -E2BIG, or another -errno
 */
int worker_add_socket(struct worker *w, int fd, const struct listen_address *a);

int worker_start(struct worker *w);

/**
 * worker_renew_socket(w, at, fd):
 * Another socket in the place `at` of one with a file, with the same counters, while the worker
 * runs.  The one it had goes on being read, because clients that are connected to it do not see
 * that its file is gone; the one before that gets no more datagrams (its clients see an error and
 * connect again), is read until it is empty and closed.
 *   fd       as for worker_add_socket; the one it had is the worker's to close from now on
 */
void worker_renew_socket(struct worker *w, unsigned at, int fd);

/* Not before the worker has taken over the last one. */
bool worker_may_renew(const struct worker *w, unsigned at);

/*
 * Ask for a page turn; at most one at a time.  last: the sockets take nothing new: read until they
 * are empty.
 */
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
