/**
 * events: the way of events and service checks through the daemon.  Private to app/.
 *
 *     each worker's taps -> its ring -> events_take -+-> the log (which tells who forwards them)
 *                                                    +-> the board of statuses, if it is shown
 *
 *   thread   control, but for the taps: worker
 */
#ifndef APP_EVENTS_H
#define APP_EVENTS_H

#include "aggregate/check_board.h"
#include "aggregate/counters.h"
#include "aggregate/event_log.h"
#include "aggregate/event_ring.h"
#include "aggregate/lane.h"
#include "listen/listener.h"

struct events {
    struct event_log *log;
    struct check_board *board;                        /* NULL: statuses are not shown */
    struct event_ring *rings[LISTEN_WORKERS_MAX + 1]; /* of each worker, and events_further_taps */
    unsigned n_rings;
};

/* show_checks: prometheus.service_checks */
void events_init(struct events *ev, unsigned n_workers, bool show_checks);
void events_release(struct events *ev); /* after the workers have ended */

/* For the lane of that worker; its datagrams and batches are not tapped. */
struct lane_taps events_taps(struct events *ev, unsigned worker);

/* The same for a worker beside those.  Once. */
struct lane_taps events_further_taps(struct events *ev);

/* Take what the workers have: after each page turn, and once a second. */
void events_take(struct events *ev);

/* Statuses that were silent for more than ttl_s are not shown any more; 0: all stay. */
void events_expire(struct events *ev, uint64_t ttl_s);

/* ret borrows the board. */
void events_totals(const struct events *ev, struct event_totals *ret);

#endif
