/**
 * worker_order_priv: how sources use the shared order.  Private to listen/.
 *   thread   worker
 */
#ifndef LISTEN_WORKER_ORDER_PRIV_H
#define LISTEN_WORKER_ORDER_PRIV_H

#include "aggregate/ingest.h"
#include "listen/worker_order.h"

/* Is the kernel to stamp the datagrams of a socket that has brought that many to this worker? */
bool worker_order_stamps(struct worker_order *o, const struct ingest *in, uint64_t datagrams);

/*
 * How far the wall clock, which the kernel's stamps are of, is ahead of the monotonic one, which
 * all else goes by: one number for all workers, so that their stamps keep their order.
 *   cost     three readings of a clock
 */
int64_t worker_order_wall_ahead_ns(struct worker_order *o);

#endif
