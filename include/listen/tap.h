/**
 * tap: what a worker copies of the datagrams and pieces of streams that it reads, for somebody who
 * looks at them on another thread.
 *
 *     control                              worker                             consumer
 *     -------                              ------                             --------
 *     tap_new, worker_tap  ── wakes ──>    goes by it from the next read on
 *                                          copies into the tap's ring  ════>  tap_ring_next
 *     worker_tap(NULL)     ── wakes ──>    lets go of it
 *     worker_tapped        <───────────
 *     tap_free
 *
 * A worker has a tap of each kind at most.  It looks at what control wants once a read (of up to 64
 * datagrams), and copies what the tap chooses: datagram by datagram a share of them, or as much as
 * a budget of bytes a second allows.  What a strange sender sent (listen.allow) is not copied.
 *
 *   thread   control, but for the ring's consumer
 *   cost     no tap: two branches a read.  One with a budget: some tens of instructions a read
 *            (docs/performance.md).  Senders cost about a tenth of reading a small datagram, in
 *            the reads that are copied
 */
#ifndef LISTEN_TAP_H
#define LISTEN_TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/tap_ring.h"

enum tap_kind { TAP_SAMPLE, TAP_CAPTURE, TAP_MIRROR, TAP_KINDS };

struct tap_opts {
    size_t ring_bytes; /* as tap_ring_new; 0: TAP_RING_BYTES, or tap_budget_ring */
    /*
     * Of all datagrams, evenly: 0.25 is every fourth.  0: by the budget.  Above 0, at most 1.
     */
    double share;
    /* How many bytes a second about, by chance; each record has the share that held when it came.
     * A surge brings some times as much until the share has followed, within a tenth of a
     * second. */
    uint64_t budget;
    uint32_t most; /* bytes that are kept of each datagram, from its front on; 0: all */
    bool senders;  /* records have their senders */
};

/* Bytes of a ring with room for what a budget brings in two seconds. */
size_t tap_budget_ring(uint64_t budget);

struct tap;

struct tap *tap_new(const struct tap_opts *opts);
void tap_free(struct tap *t); /* NULL is fine; no worker goes by it */

struct tap_ring *tap_ring_of(struct tap *t); /* the tap's */

#endif
