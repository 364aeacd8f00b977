/**
 * listener_priv: what opening and adopting have in common.  Private to listen/.
 *   thread   control
 */
#ifndef LISTEN_LISTENER_PRIV_H
#define LISTEN_LISTENER_PRIV_H

#include "listen/listener.h"

/* *l becomes a closed listener on a. */
void listener_prepare(struct listener *l, const struct listen_address *a);

/* l has its sockets: what follows from their number.  returns  0 or -errno */
int listener_opened(struct listener *l, unsigned n_workers);

/* The options that go by the config of open sockets that are ours.  returns  0 or -errno */
int listener_configure(struct listener *l);

/* What is wrong with a, which could not be opened, and the remedy, for people. */
void listener_explain(const struct listen_address *a, int rc, struct buf *error);

#endif
