/**
 * server_mirror: the daemon's mirror, and the taps that feed it.  Private to app/.
 *   thread   control
 */
#ifndef APP_SERVER_MIRROR_H
#define APP_SERVER_MIRROR_H

#include <stdbool.h>

#include "aggregate/marks.h"
#include "listen/listener.h"
#include "listen/worker.h"
#include "mirror/mirror.h"

struct server_mirror {
    struct marks marks; /* workers note there what comes in */
    struct worker *const *workers;
    unsigned n_workers;
    const struct listener *listeners;
    size_t n_listeners;
    struct tap *taps[LISTEN_WORKERS_MAX]; /* from the first time on that there is a mirror */
    struct mirror *mirror;                /* likewise; else NULL */
    bool tapped;                          /* the workers fill them */
};

/* Before the workers are made, which get the marks. */
void server_mirror_init(struct server_mirror *m);

/* Go by these options: workers and listeners are there. */
void server_mirror_set(struct server_mirror *m, const struct mirror_opts *opts);

/* To be called once a second. */
void server_mirror_tick(struct server_mirror *m);

/* The workers have ended: what they have put in is sent, for a second at most. */
void server_mirror_close(struct server_mirror *m);

void server_mirror_stats(const struct server_mirror *m, struct mirror_stats *ret);

#endif
