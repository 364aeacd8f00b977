/**
 * worker: a thread that receives, parses and aggregates: one libuv loop, its own sockets and
 * connections, its own lane.
 *
 * Datagrams are read by recvmmsg when the loop finds them readable, or every few milliseconds where
 * datagrams come one by one but often (src/listen/watch.h).  Other ways to receive were measured
 * and not taken: docs/performance.md.
 *
 * A page turn (worker_ask_turn) first reads what the sockets hold, so that a scrape shows every
 * datagram that came before it, then seals the page and calls notify.
 *
 *     worker_new, worker_add_socket..., worker_add_inherited..., worker_start
 *     worker_ask_turn -> notify -> worker_take, worker_give      any number of times
 *     worker_join
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
#include "listen/tap.h"
#include "listen/worker_order.h"

/* One worker reads all that others read before it, of several listeners: as many as a manager keeps
 * (FileDescriptorStoreMax= in contrib/systemd/statsd.service). */
enum { WORKER_SOCKETS_MAX = 512 };

struct connection;
struct worker;

struct worker_opts {
    unsigned index;               /* for the thread's name */
    struct lane_opts lane;        /* its taps run on the worker's thread; its refusals are unused */
    struct worker_order *order;   /* shared; NULL: one worker with one socket reads everything */
    void (*notify)(void *cookie); /* worker thread: the turn that was asked for is over */
    void *cookie;
};

/* The most bytes that a worker takes beside its cells, with lines of up to max_line bytes. */
uint64_t worker_memory(uint32_t max_line);

/* returns  0 or -errno */
int worker_new(const struct worker_opts *opts, struct worker **ret);

/**
 * worker_add_socket(w, fd, a):
 * Have the worker read fd, a socket of a listener on a, or connections of it (worker_adopt).
 * Before worker_start.
 *   fd       the caller's; stays open until worker_join.  -1 where control accepts
 *   returns  the socket's place at the worker, from 0 on; -E2BIG (it has WORKER_SOCKETS_MAX), or
 *            another -errno
 */
int worker_add_socket(struct worker *w, int fd, const struct listen_address *a);

/*
 * The same of a socket of datagrams that was inherited, and that others may have open: it is never
 * shut down, its options stay as they are until worker_start, and what it dropped before that is
 * not counted.
 */
int worker_add_inherited(struct worker *w, int fd, const struct listen_address *a);

/*
 * Such a socket, at the place `at`, is this process' alone, as after a takeover: it may be shut
 * down, and what it dropped since it had dropped that many is counted.  Before worker_start.
 */
void worker_take_over(struct worker *w, unsigned at, uint32_t drops);

/*
 * Have the worker read a connection of the listener at the place `at`; c is then the worker's until
 * it is on its stack (src/listen/connection.h).  A page turn that is asked for later reads it.
 */
void worker_adopt(struct worker *w, unsigned at, struct connection *c);

/* returns  0 or -errno (no thread) */
int worker_start(struct worker *w);

/**
 * worker_renew_socket(w, at, fd):
 * Have the worker read fd, a new Unix socket, at the place `at`, with the counters of that place.
 * The socket that was there is read as well, because clients that are connected to it do not see
 * that its file is gone.  The one before that takes no more datagrams (its clients see an error and
 * connect again); it is read until it is empty, and closed.
 *   fd       the caller's, as for worker_add_socket; the descriptor that was there before becomes
 *            the worker's, which closes it
 */
void worker_renew_socket(struct worker *w, unsigned at, int fd);

/* Whether the worker has begun to read the last socket of worker_renew_socket, so that a further
 * one may follow. */
bool worker_may_renew(const struct worker *w, unsigned at);

/*
 * Ask for a page turn; not before the page of the last one was taken.
 * last: the sockets are not read any more after this turn, and none that comes later, nor a
 * connection, is begun to be read; those that nobody keeps were refused (listener_refuse)
 */
void worker_ask_turn(struct worker *w, bool last);

/*
 * Another process may be given the sockets and connections: as worker_ask_turn, and nothing is read
 * after it until worker_read_again.  TLS ends, and so do sockets that worker_renew_socket replaced.
 */
void worker_ask_pause(struct worker *w);
void worker_read_again(struct worker *w);

/*
 * fd: borrowed.  at: the place of its listener.  begun: what it has brought of a line or frame that
 * is not complete, for worker_adopt; lives for the call.
 */
typedef void (*worker_stream_fn)(void *cookie, unsigned at, int fd, struct slice begun);

/* Each connection, while the worker pauses. */
void worker_each_stream(struct worker *w, worker_stream_fn fn, void *cookie);

/* Have it go by another mapping from the page turn on that is asked for next (ingest_renew). */
void worker_remap(struct worker *w, struct generation *take);

/* Have it drop the cells of deleted series (ingest_forget). */
void worker_forget(struct worker *w, struct deleted *d);

/**
 * worker_take(w, ret_sockets):
 *   ret_sockets  gets the counters of the sockets when the page was sealed, indexed by their
 *                places; valid until worker_give
 *   returns      the sealed page, to be given back; NULL: the turn that was asked for is not over
 */
struct page *worker_take(struct worker *w, const struct socket_stats **ret_sockets);
void worker_give(struct worker *w, struct page *p);

/* CPU time of a running worker's thread.  returns  0 where the kernel does not say */
double worker_cpu_seconds(const struct worker *w);

/* Examples of what the worker refused; lives as long as the worker. */
struct refusals *worker_refusals(struct worker *w);

/*
 * Have the worker copy into t what it reads from now on, in place of the tap of that kind that it
 * had; NULL: none.  t stays the caller's, who may free it once the worker goes by another one.
 */
void worker_tap(struct worker *w, enum tap_kind k, struct tap *t);

/* Does the worker go by all that worker_tap was told?  Soon after, also when nothing comes in. */
bool worker_tapped(const struct worker *w);

/* End the thread and free everything; every page that was taken was given back.  w may be NULL. */
void worker_join(struct worker *w);

#endif
