/**
 * acceptor: accepts the connections of all stream listeners, and hands them to the workers.
 *
 *     acceptor_new, acceptor_add...      its loop then accepts whatever comes
 *     acceptor_accept                    before a page turn: what is pending, so that the turn
 *                                        reads what came on connections before it was asked for
 *     acceptor_collect                   after it: those that have ended are counted
 *     acceptor_leave                     no more from listeners that are kept
 *     acceptor_stop                      accepts what is pending at the others, then no more
 *     acceptor_close, (the loop runs), acceptor_free
 *
 * A connection goes to the worker with the fewest.  One beyond a limit is accepted and closed: its
 * client sees that, instead of waiting in the kernel's queue.  When the process has no descriptor
 * left, connections stay in that queue, and accepting is tried again every ACCEPTOR_PAUSE_MS.
 *
 * The counts are in listener.streams.
 *
 *   thread   control
 *   cost     accepting one: a system call (two for a Unix socket), an allocation, and a look-up of
 *            its address where these are counted
 */
#ifndef LISTEN_ACCEPTOR_H
#define LISTEN_ACCEPTOR_H

#include <uv.h>

#include "listen/listener.h"
#include "listen/worker.h"

enum { ACCEPTOR_PAUSE_MS = 100 };

struct acceptor;

/*
 * workers: borrowed, until they have ended
 * most: connections of all listeners together
 */
struct acceptor *acceptor_new(uv_loop_t *loop, struct worker **workers, unsigned n_workers,
                              uint64_t most);

/**
 * acceptor_add(a, l, error):
 * Accept from l, an open stream listener that every worker reads.
 *   l         borrowed; closed only after acceptor_close
 *   error     on failure gets what is wrong (with the certificate of l, say), for people
 *   returns   0 or -errno
 */
int acceptor_add(struct acceptor *a, struct listener *l, struct buf *error);

/* To be called once a second: certificates whose files have changed are loaded. */
void acceptor_tick(struct acceptor *a);

/* Load all certificates again.  Connections go on with the ones that they began with. */
void acceptor_reload(struct acceptor *a);

void acceptor_accept(struct acceptor *a);
void acceptor_collect(struct acceptor *a);

/* After listener_bind_again(l): accept from the new socket; the old one is emptied and closed. */
int acceptor_renew(struct acceptor *a, struct listener *l);

/* From now on, leave what is pending at listeners that are kept to whoever comes next. */
void acceptor_leave(struct acceptor *a);

/* Not so after all. */
void acceptor_stay(struct acceptor *a);

/**
 * acceptor_take_over(a, l, fd, begun):
 * A connection of l that another process had accepted, and reads no more.  It was within that one's
 * limits, and counts in ours.  If l does not allow its address, it is refused.
 *   fd       taken over
 *   begun    copied: what worker_each_stream gave there
 */
void acceptor_take_over(struct acceptor *a, struct listener *l, int fd, struct slice begun);

/*
 * Have the kernel refuse new connections (listener_refuse), but for those that are pending; and as
 * acceptor_leave.
 */
void acceptor_stop(struct acceptor *a);

/* After the workers have ended: leave the loop.  a may be NULL, here and below */
void acceptor_close(struct acceptor *a);

/* After the loop has ended. */
void acceptor_free(struct acceptor *a);

#endif
