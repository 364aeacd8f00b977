/**
 * trials: --find-max: runs at one rate after the other, each judged, until the highest that passes
 * is known.
 *   thread   main; blocks for as long as the trials last
 */
#ifndef LOADGEN_TRIALS_H
#define LOADGEN_TRIALS_H

#include <stdbool.h>
#include <stddef.h>

#include "report.h"
#include "run.h"
#include "status.h"

struct trials {
    struct report_trial *at;
    size_t n, cap;
    double best_rate;    /* the highest that passed; 0: none did */
    bool sender_limited; /* the server may take more than the sender can offer */
};

/**
 * trials_run(t, o, run, status, ret):
 *   run      of every trial; its shape and duration are set here, and reset
 *   ret      zeroed; of the best trial, or of the latest while none has passed, with what went
 *            wrong in any; to be released
 *   returns  0; -errno as run_load, when not even the first trial could be run
 */
int trials_run(struct trials *t, const struct opts *o, const struct run_opts *run,
               struct status *status, struct run_result *ret);
void trials_release(struct trials *t);

#endif
