/**
 * run: the thread of a mirror, from one set of options to the next.  Private to mirror/.
 *   thread   control; what the thread itself does is in run.c
 */
#ifndef MIRROR_RUN_H
#define MIRROR_RUN_H

#include "mirror/link.h"
#include "aggregate/marks.h"
#include "base/tap_ring.h"

struct run_opts {
    struct mirror_opts mirror;
    struct tap_ring *const *rings; /* borrowed, as what follows, until it ended */
    unsigned n_rings;
    const struct mirror_own *own;
    size_t n_own;
    struct mirror_counts *counts;
    char mark[MARKS_TEXT]; /* its name */
};

struct run;

/* returns  0; -errno: no thread */
int run_start(const struct run_opts *opts, struct run **ret);

/* Ask it to end: what the rings hold is sent, for 1 s at most. */
void run_stop(struct run *r);
bool run_ended(const struct run *r);

/* r: ended */
void run_free(struct run *r);

#endif
