/**
 * status: the live line on the terminal, and the wish to stop.
 *
 * On a terminal one line is overwritten; elsewhere each second is a line of its own.
 *   thread   main
 */
#ifndef LOADGEN_STATUS_H
#define LOADGEN_STATUS_H

#include <stdbool.h>

#include "run.h"

struct status {
    bool quiet, terminal, by_datagram;
    bool stop;    /* INT or TERM came */
    bool blocked; /* INT and TERM wait until status_wait takes them */
};

void status_init(struct status *s, bool quiet, bool by_datagram);

/**
 * For struct run_opts; cookie is the status.  From the first wait on INT and TERM arrive here: the
 * first is the wish to stop, the second ends the process.  Before that there is nothing to report,
 * and the first ends it.  Other threads block all signals.
 */
bool status_wait(void *cookie, double seconds);
/* Has somebody asked to stop, and will the next status_wait say so? */
bool status_stop_waits(void);

void status_row(void *cookie, const struct run_row *now, const struct run_row *before);

void status_end(struct status *s); /* leave the live line */

#endif
