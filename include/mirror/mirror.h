/**
 * mirror: a share of the live traffic to another server, such as a staging one.
 *
 *     workers ══ rings (base/tap_ring.h) ══> the mirror's thread: choose -> pack -> link ──> target
 *
 * Nothing that happens to the target is noticed by a worker: it copies into its ring, or drops and
 * counts when that is full.  The thread has a low priority, starts at the first mirror_set with a
 * target, and ends when the mirror is turned off or told something else.
 *
 * A mirror must not feed itself.  An own address is refused, by the config and when a name turns
 * out to be one; and a mark goes out once a second, which stops the mirror when it comes back in
 * (aggregate/marks.h).  Then the state is MIRROR_LOOP until the next mirror_set.
 *
 *   thread   control
 */
#ifndef MIRROR_MIRROR_H
#define MIRROR_MIRROR_H

#include <stdbool.h>

#include "aggregate/marks.h"
#include "base/tap_ring.h"
#include "mirror/opts.h"
#include "mirror/stats.h"

/* MIRROR_BYTES: the most that it takes beside its rings, its thread's stack included. */
enum { MIRROR_RINGS_MAX = 64, MIRROR_BYTES = 3 << 20 };

struct mirror_setup {
    struct tap_ring *const *rings; /* of which the mirror is the consumer; copied */
    unsigned n_rings;
    const struct mirror_own *own; /* copied */
    size_t n_own;
    struct marks *marks; /* of this process */
};

struct mirror;

/* Off, at first.  The rings and marks outlive it. */
struct mirror *mirror_new(const struct mirror_setup *setup);

/* Go by these from now on; what runs already goes on.  A name is looked up later. */
void mirror_set(struct mirror *m, const struct mirror_opts *opts);

/**
 * mirror_tick(m):
 * To be called once a second: ends what has to end, and starts what is to follow.
 *   returns  whether the workers are to fill the rings
 */
bool mirror_tick(struct mirror *m);

/**
 * mirror_free(m):
 * Send what the rings hold, 1 s at most, and end; nobody fills them any more.  A thread that does
 * not end in time, as one whose resolver does not answer, is left to the end of the process, with
 * its memory.   m may be NULL
 *   returns  whether it ended: if not, its rings and marks have to stay
 */
bool mirror_free(struct mirror *m);

void mirror_stats(const struct mirror *m, struct mirror_stats *ret);

/* The options in force; NULL: off. */
const struct mirror_opts *mirror_in_force(const struct mirror *m);

#endif
