/**
 * adopt: listeners on sockets that this process was given.
 *
 *     adopt_listeners      takes what belongs to the addresses of the config
 *     adopt_own            of those that another process reads meanwhile: they are ours now
 *     inherited_left       what belongs to none of them
 *     listener_open_rest   opens what was not there
 *
 *   thread   control
 */
#ifndef LISTEN_ADOPT_H
#define LISTEN_ADOPT_H

#include "listen/listener.h"

/**
 * adopt_listeners(a, n, n_workers, from, ret, error):
 * Take from the list all sockets that are on the addresses a, however many workers there are.  Of a
 * port 0, those that an earlier run opened for it.  A Unix socket of ours whose file is gone is
 * left: no new client could reach it.
 *
 * They become non-blocking, and what an earlier reader set on them is undone: a program that
 * spreads them, stamps.  A receive buffer is made larger where that is permitted, never smaller.
 * Of a list that is in use nothing is touched: adopt_own does that.
 *   ret      n of them; those that found nothing are closed (n = 0)
 *   error    on failure gets what is wrong and the remedy, for people
 *   returns  0; -E2BIG with all closed: more than LISTEN_WORKERS_MAX on one address, or more than
 *            one of streams
 */
int adopt_listeners(const struct listen_address *a, size_t n, unsigned n_workers,
                    struct inherited *from, struct listener *ret, struct buf *error);

/*
 * Who gave the sockets of l reads them no more: what adopt_listeners has left to do.
 * returns  0; -errno: they are ours, but the kernel does not take the program that spreads them
 */
int adopt_own(struct listener *l);

/*
 * Datagrams that the kernel has dropped at the inherited sockets of l, in their whole life.  The
 * workers begin at 0: what was dropped before was another process', or nobody's.
 */
uint64_t adopt_drops(const struct listener *l);

#endif
