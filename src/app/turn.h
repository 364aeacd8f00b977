/**
 * turn: one page turn over all workers.  Private to app/.
 *
 * turn_ask may be called at any time, also while a turn is under way: whatever came in before the ask is in the pages of the
 * turn that answers it, so an ask during a turn makes another one.
 *
 *     turn_ask -> each worker reads its sockets empty and seals its page -> each page is merged -> on_turned
 *
 *   thread   control
 */
#ifndef APP_TURN_H
#define APP_TURN_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "aggregate/registry.h"
#include "listen/listener.h"
#include "listen/worker.h"
#include "protocol/reason.h"

struct turn {
    struct worker **workers;          /* borrowed */
    unsigned n_workers;
    struct listener *listeners;       /* borrowed; each turn brings their stats up to date */
    size_t n_listeners;
    struct registry *registry;        /* borrowed */
    void (*on_turned)(void *cookie);
    void *cookie;

    uv_async_t notified;              /* a worker sealed its page */
    bool under_way, again, last;
    uint64_t begun, done;             /* numbers of the turns */
    bool waiting_for[LISTEN_WORKERS_MAX];
    unsigned n_waiting;
    struct ingest_counters seen[LISTEN_WORKERS_MAX];      /* each worker's counters */
    uint64_t rejected[LISTEN_WORKERS_MAX][REASON_COUNT];
};

/* Before the workers exist; then fill in workers, listeners and registry. */
int turn_init(struct turn *t, uv_loop_t *loop);
void turn_notify(void *turn);         /* for worker_opts; worker thread */

/**
 * turn_ask(t, last):
 *   last     nothing new comes in: read until the sockets are empty
 *   returns  the number of the turn that answers: it is over once t->done has reached it
 */
uint64_t turn_ask(struct turn *t, bool last);

/* What the workers counted, summed up, as of the last turn. */
void turn_totals(const struct turn *t, struct ingest_totals *ret);
void turn_close(struct turn *t);

#endif
