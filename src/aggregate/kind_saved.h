/**
 * kind_saved: what kind_ops.save and load have in common: when the state was saved.  Private to
 * aggregate/.
 *
 * Times are saved as ages, and become stamps of the process that loads them.
 */
#ifndef AGGREGATE_KIND_SAVED_H
#define AGGREGATE_KIND_SAVED_H

#include <stdint.h>

struct set_list;

/* When a state was saved: what ages in it count back from. */
struct kind_saved {
    int64_t at_ns;         /* by the monotonic clock of the process at hand; may lie before its 0 */
    uint64_t interval;     /* number of the interval that was open */
    struct set_list *sets; /* loading: the sets that show members */
};

static inline uint64_t kind_age(const struct kind_saved *at, uint64_t stamp_ns)
{
    return at->at_ns > (int64_t)stamp_ns ? (uint64_t)at->at_ns - stamp_ns : 0;
}

/* A stamp that is so old; never 0: what came before the clock's 0 came at its first nanosecond. */
static inline uint64_t kind_stamp(const struct kind_saved *at, uint64_t age_ns)
{
    bool before = at->at_ns <= 0 || age_ns >= (uint64_t)at->at_ns;
    return before ? 1 : (uint64_t)at->at_ns - age_ns;
}

#endif
