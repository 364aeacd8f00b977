/**
 * limited: whom the limits on shares have limited, and how often: for the metrics and the log.
 *
 * Of each limit the LIMITED_TOP that came first have a place with a count of their own; what others
 * were refused is counted together, as `other`.  A place whose owner was not limited for ten
 * minutes is given to another one that is, and its count goes to `other`.  So no sum goes back, and
 * whoever is limited now can be seen.
 *
 *   thread   the owner's
 *   cost     limited_add: a hash of `who`, and LIMITED_TOP of those to compare it with
 */
#ifndef AGGREGATE_LIMITED_H
#define AGGREGATE_LIMITED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/counters.h"
#include "base/slice.h"

/* X(id, name, kind, labels, help); see base/counters.h. */
/* clang-format off */
#define LIMIT_COUNTERS(X)                                                                         \
    X(LIMITED, "statsd_limited_total", COUNTER, "limit,who",                                      \
      "Samples refused or dropped by limits.max_series_per_name, max_series_per_origin and "      \
      "max_samples_per_name, and whose they were: of each limit 20 names or origins, and other.") \
    X(ORIGINS, "statsd_limit_origins", GAUGE, "",                                                 \
      "Origins (networks, containers) that have series, where limits.max_series_per_origin is set.")
/* clang-format on */

enum limit_counter {
#define X(id, name, kind, labels, help) LIMIT_COUNTER_##id,
    LIMIT_COUNTERS(X)
#undef X
        LIMIT_COUNTER_COUNT
};

/* X(id, word): of limits.max_series_per_name and so on */
/* clang-format off */
#define LIMITED_BY(X)                            \
    X(SERIES_PER_NAME,   "series_per_name")      \
    X(SERIES_PER_ORIGIN, "series_per_origin")    \
    X(SAMPLES_PER_NAME,  "samples_per_name")

enum limited_by {
#define X(id, word) LIMITED_##id,
    LIMITED_BY(X)
#undef X
    LIMITED_BY_COUNT
};
/* clang-format on */

enum { LIMITED_TOP = 20, LIMITED_WHO_MAX = 127, LIMITED_IDLE_S = 600 };

struct limited {
    struct limited_list {
        uint64_t other; /* samples of those that have no place */
        unsigned n, last;
        struct limited_place {
            uint64_t hash;                 /* of who */
            uint64_t n, told;              /* samples; those that limited_tell has told of */
            uint32_t last_s;               /* monotonic: when it was limited last */
            char who[LIMITED_WHO_MAX + 1]; /* a longer one is cut, with ... at its end */
        } at[LIMITED_TOP];
        uint64_t told; /* of all samples */
    } by[LIMITED_BY_COUNT];
};

const char *limited_word(enum limited_by by); /* "series_per_name" */

/* n samples of `who` were refused.  A `who` named other counts with the others. */
void limited_add(struct limited *l, enum limited_by by, struct slice who, uint64_t n,
                 uint32_t now_s);

/* What `from` has is added to `to`; from is empty then. */
void limited_move(struct limited *to, struct limited *from);

uint64_t limited_sum(const struct limited *l, enum limited_by by); /* samples */

/**
 * limited_tell(l, by, ret_who, ret_samples):
 *   returns  whether any were refused since it was called last: how many, and who most of all
 *            (static text, or in l until it changes)
 */
bool limited_tell(struct limited *l, enum limited_by by, const char **ret_who,
                  uint64_t *ret_samples);

/* Of limits on shares: a copy, since the workers go on. */
struct limit_totals {
    bool on; /* false: there are none; statsd_limited_total has no lines */
    struct limited limited;
    uint64_t origins;
};

extern const struct counter_table limit_counters; /* of a struct limit_totals */

#endif
