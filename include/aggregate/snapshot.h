/**
 * snapshot: what a sink sees of a closed interval: its head, and each series that was touched in
 * it.  All of it is valid for the call only: a sink serialises what it wants to keep.
 *   thread   control
 */
#ifndef AGGREGATE_SNAPSHOT_H
#define AGGREGATE_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "aggregate/gauge_merge.h"
#include "aggregate/members.h"
#include "aggregate/sketch.h"
#include "base/slice.h"

/* X(id, name) : how a series aggregates.  ms, h and d are all timers. */
#define SERIES_KINDS(X) X(COUNTER, "counter") X(GAUGE, "gauge") X(TIMER, "timer") X(SET, "set")

enum series_kind {
#define X(id, name) SERIES_##id,
    SERIES_KINDS(X)
#undef X
        SERIES_KIND_COUNT
};

const char *series_kind_name(enum series_kind k);

/* A gauge in one interval: `value` if absolute, then `delta` added to it. */
struct gauge_change {
    bool absolute;    /* an absolute value came */
    double value;     /* the last absolute value */
    double delta;     /* sum of the relative changes after it (or of all, when no absolute
                           came) */
    int64_t stamp_ms; /* wall clock of the last change, ms */
};

struct closed_series {
    struct slice key;  /* `name|#k:v,k2:v2`, tags sorted by key; `name` alone without tags.
                               Raw bytes, valid UTF-8 */
    struct slice name; /* the front of key */
    enum series_kind kind;
    bool milliseconds;      /* of a timer: it came as `ms` */
    enum gauge_merge merge; /* of a gauge: its rule */
    union {
        double counter; /* sum of value/rate, may be negative */
        struct gauge_change gauge;
        const struct sketch *timer; /* values as sent: ms stay milliseconds */
        const struct members *set;
    };
};

typedef void (*closed_series_fn)(void *cookie, const struct closed_series *s);

/* When an interval ended, by both clocks, and who gets its series (registry_interval.h). */
struct interval_end {
    int64_t start_s, interval_ms;
    uint64_t now_ns;
    int64_t now_wall_ms;
    closed_series_fn give; /* must not call the registry; NULL: nobody wants them */
    void *cookie;
    bool goes_on; /* in the next process, with all that /metrics shows of it */
};

struct snapshot {
    int64_t start_s; /* T: unix seconds, a multiple of interval_s unless the interval is
                               below 1 s */
    int64_t interval_ms;
    uint64_t n_series; /* touched series */
};

#endif
