/**
 * event_ring: events and service checks on their way from one worker to the control thread.
 *
 *     worker                                     control
 *     ------                                     -------
 *     event_ring_put_event, _put_check  ══════>  event_rings_take: of all workers, by arrival
 *     (copies; full: dropped and counted)        (at every page turn, and once a second)
 *
 * A ring of bytes with one writer and one reader.  Neither waits for the other and the worker wakes
 * nobody: what a turn brings is taken after it, as the page is.
 */
#ifndef AGGREGATE_EVENT_RING_H
#define AGGREGATE_EVENT_RING_H

#include <stddef.h>
#include <stdint.h>

#include "aggregate/event_log.h"
#include "protocol/event.h"

/* Room for some thousands of usual events.  The longest that a datagram can hold fits twice. */
enum { EVENT_RING_BYTES = 256 << 10 };

struct event_ring;

/* bytes: a power of two, at least 256.  One that could not hold an entry drops it. */
struct event_ring *event_ring_new(size_t bytes);
void event_ring_free(struct event_ring *r); /* NULL is fine; while no worker runs */

/**
 * event_ring_put_event(r, e, at_ns):  event_ring_put_check(r, c, at_ns):
 *   at_ns    when it arrived, monotonic
 *   thread   worker
 *   cost     one copy; no lock, allocation or system call
 */
void event_ring_put_event(struct event_ring *r, const struct event *e, uint64_t at_ns);
void event_ring_put_check(struct event_ring *r, const struct service_check *c, uint64_t at_ns);

/* The monotonic and the wall clock of one moment. */
struct event_now {
    uint64_t mono_ns, wall_ms;
};

/**
 * event_rings_take(rings, n, now, on_entry, cookie):
 * Take what stood in the rings at the call: of each in the order in which the worker put it, and of
 * what stands first in several, what arrived first.
 *   on_entry   e lives for the call; its seq is 0.  at_ns: when it arrived, as it was put
 *   thread     control
 *   cost       O(entries * n)
 */
void event_rings_take(struct event_ring *const *rings, size_t n, struct event_now now,
                      void (*on_entry)(void *cookie, const struct event_entry *e, uint64_t at_ns),
                      void *cookie);

/* How many of a kind found the ring full.  thread  any */
uint64_t event_ring_dropped(const struct event_ring *r, enum event_kind k);

#endif
