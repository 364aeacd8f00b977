/**
 * restored: lines of /metrics that a saved state brought (registry_state.h), and that no series has
 * asked for since.  Private to aggregate/.
 *
 * Series are born again with their first sample; until then something else has to point to the
 * exposed, and that is an entry here.  It counts as one series (exposed.series).
 *
 *     loaded      exposed.restored = 1, on the page, of a profile that the file brought
 *     woken       a series of that name and labels came (output.c): restored = 0, and the profile
 *                 is that of the series.  The entry goes with the next sweep
 *     over        idle beyond the ttl it was saved with, or its family's name was taken over: the
 *                 entry goes with the next sweep, and the line with it
 *
 *   thread   control
 */
#ifndef AGGREGATE_RESTORED_H
#define AGGREGATE_RESTORED_H

#include <stddef.h>
#include <stdint.h>

#include "aggregate/output.h"
#include "aggregate/profile.h"

struct restored {
    struct exposed **at;
    size_t n, cap, swept;   /* the sweep goes on at `swept` */
    struct profiles **sets; /* of the file, a profile each; as long as there are entries */
    size_t n_sets, cap_sets;
};

/* e is on the page. */
void restored_add(struct restored *l, struct exposed *e);

/* The file's next profile, copied. */
const struct profile *restored_profile(struct restored *l, const struct profile *p);

/* Look at so many entries, in a circle.   cost  a cache miss each */
void restored_sweep(struct restored *l, struct output *o, uint64_t now_s, size_t looks);

/* All entries go, and the lines with them that nothing else points to. */
void restored_release(struct restored *l, struct output *o);

#endif
