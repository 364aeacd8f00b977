/**
 * worker_order: what the workers of one server share so that the changes of a gauge are put in the
 * order in which they arrived, whoever reads them.
 *
 * Only relative changes (`g:+1|g`) depend on that order, and stamps by the kernel cost some 10 % of
 * reading a datagram.  So a socket has them for its first WORKER_STAMPED_FIRST datagrams and while
 * its datagrams wait long to be read, and all sockets from the moment at which a worker sees a
 * relative change.  A datagram without a stamp arrived when it was read.
 *
 *   thread   a zeroed struct, made by control; every worker reads and writes it
 */
#ifndef LISTEN_WORKER_ORDER_H
#define LISTEN_WORKER_ORDER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"

enum { WORKER_STAMPED_FIRST = 4096 };

/* On lines of its own: every worker looks at it before each read. */
struct worker_order {
    _Alignas(MEM_APART) _Atomic bool relative; /* a worker has seen a relative change of a gauge */
    _Atomic int64_t wall_ahead_ns; /* the wall clock, less the monotonic one; 0: not read yet */
};

#endif
