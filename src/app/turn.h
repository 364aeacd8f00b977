/**
 * turn: one page turn over all workers.  Private to app/.
 *
 *     turn_ask -> connections that are pending are accepted
 *              -> each worker reads its sockets empty and seals its page
 *              -> each page is merged into the registry, one at a time, in slices (slice.h)
 *              -> when all are: series move, if there is another mapping (turn_remap)
 *              -> on_turned
 *
 * A turn answers all asks from before it began: whatever had been received at the ask is merged
 * when the turn is over.  So an ask during a turn causes another turn, right after it.
 *
 *   thread   control
 */
#ifndef APP_TURN_H
#define APP_TURN_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "aggregate/registry.h"
#include "core/core_mapping.h"
#include "listen/acceptor.h"
#include "listen/listener.h"
#include "listen/worker.h"
#include "protocol/reason.h"

struct turn {
    struct worker **workers; /* borrowed */
    unsigned n_workers;
    struct listener *listeners; /* borrowed; each turn brings their stats up to date */
    size_t n_listeners;
    struct acceptor *acceptor; /* borrowed; NULL: there are no streams */
    struct registry *registry; /* borrowed */
    void (*on_turned)(void *cookie);
    void *cookie;

    /* The mapping that goes with a turn: asked for, until one begins; riding, until it is over. */
    const struct core_mapping *asked, *riding;
    struct generation *next[LISTEN_WORKERS_MAX]; /* of the mapping asked for */
    struct registry_remapped remapped;           /* by the last mapping */
    struct deleted *deleted; /* told to the workers; NULL: nothing is.  A reference */

    uv_async_t notified;                  /* a worker sealed its page */
    uv_idle_t more;                       /* the next slice, while a page is being merged */
    struct page *merging;                 /* that page; NULL: none is */
    unsigned merging_of;                  /* its worker */
    const struct socket_stats *sockets;   /* that came with it */
    bool under_way;                       /* from turn_ask until on_turned */
    bool again;                           /* asked for during a turn: begin another one after it */
    bool unswept;                         /* page_unswept of one in the last turn */
    bool last;                            /* nothing is read after the turn asked for */
    bool pauses;                          /* the workers pause after the next turn, or do already */
    bool paused;                          /* that turn has begun: none begins before turn_go_on */
    uint64_t begun, done;                 /* how many turns have begun, and are over */
    bool waiting_for[LISTEN_WORKERS_MAX]; /* workers whose page is not merged yet ... */
    unsigned n_waiting;                   /* ... n_waiting of them */
    /* Each worker's counters as of its last page. */
    struct ingest_counters seen[LISTEN_WORKERS_MAX];
    uint64_t rejected[LISTEN_WORKERS_MAX][REASON_COUNT];
};

/**
 * turn_init(t, loop):
 * Before there are workers.  The caller fills in the first eight fields before the first ask.
 *   returns  0 or -errno
 */
int turn_init(struct turn *t, uv_loop_t *loop);

/* For worker_opts.notify, with the turn as cookie.  thread  worker */
void turn_notify(void *turn);

/**
 * turn_ask(t, last):
 *   last     it reads the sockets to the end, and those after it read nothing
 *   returns  the number of the turn that answers: it is over once t->done has reached it
 */
uint64_t turn_ask(struct turn *t, bool last);

/* The same; the workers pause after it (worker_ask_pause), until turn_go_on.  What is asked for in
 * between, as by a scrape that came late, has its turn then: until then nothing may be read. */
uint64_t turn_ask_pause(struct turn *t);
void turn_go_on(struct turn *t);

/**
 * turn_remap(t, m, ret_turn):
 * Put another mapping in force.  The first turn that begins from now on takes it to the workers:
 * each hands over all its cells with its page.  When all these are merged, and before on_turned,
 * the registry moves every series.
 *   m         borrowed until the next mapping has replaced it
 *   ret_turn  that turn's number: once t->done has reached it, nobody refers to the mapping before
 *   returns   0, or -ENOMEM with nothing changed.  Not again before that turn is over
 */
int turn_remap(struct turn *t, const struct core_mapping *m, uint64_t *ret_turn);

/* The sums of all workers' counters, as of the last turn. */
void turn_totals(const struct turn *t, struct ingest_totals *ret);

/* After the workers have ended. */
void turn_close(struct turn *t);

#endif
