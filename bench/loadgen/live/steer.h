/**
 * steer: what the command line asks of workers and the page.
 *   thread   main
 */
#ifndef LIVE_STEER_H
#define LIVE_STEER_H

#include "fleet.h"
#include "opts.h"
#include "run.h"
#include "status.h"

/* --worker.   returns  0 when the master has ended; -errno with error, one line */
int steer_worker(const struct opts *o, struct buf *error);

/* Are there to be processes beside this one? */
bool steer_asked(const struct opts *o);

/* Start them; no thread may have been started.   returns  0; -errno with error, one line */
int steer_begin(struct fleet *f, const struct opts *o, struct buf *error);

/**
 * steer_load(f, o, run, status, ret):
 * run_load by the fleet, with its line on the terminal, once all are there that are expected.
 *   returns  as run_load; -EINTR: stopped before it began
 */
int steer_load(struct fleet *f, const struct opts *o, const struct run_opts *run,
               struct status *status, struct run_result *ret);

#endif
