/**
 * cluster_counters: what /cluster/metrics tells about itself, on that page and on /metrics.
 *   thread   read: any; a struct has one writer
 */
#ifndef CORE_CLUSTER_COUNTERS_H
#define CORE_CLUSTER_COUNTERS_H

#include <stdint.h>

#include "base/counters.h"

/* X(id, name, kind, labels, help); see base/counters.h. */
/* clang-format off */
#define CLUSTER_COUNTERS(X)                                                                       \
    X(FILLINGS, "statsd_cluster_fillings_total", COUNTER, "result",                               \
      "Times that /cluster/metrics was read from Redis: ok, or why it could not be.")             \
    X(FILL_SECONDS, "statsd_cluster_last_fill_duration_seconds", GAUGE, "",                       \
      "Time that the last reading took.")                                                         \
    X(FILL_TIME, "statsd_cluster_last_fill_timestamp_seconds", GAUGE, "",                         \
      "When the last reading that succeeded began, unix time: of that age the page is.")          \
    X(SERIES, "statsd_cluster_series", GAUGE, "",                                                 \
      "Series on /cluster/metrics.")                                                              \
    X(INSTANCES, "statsd_cluster_instances", GAUGE, "",                                           \
      "Instances with an interval in the log of the last minute, or of the last five intervals.") \
    X(LEFT_OUT, "statsd_cluster_left_out_series", GAUGE, "reason",                                \
      "Totals that the last reading found and that /cluster/metrics does not show: idle for "     \
      "longer than their ttl, dropped by the mapping, beyond limits.max_series (limited), of an " \
      "instance that is gone, or none of ours (odd).")
/* clang-format on */

enum cluster_counter {
#define X(id, name, kind, labels, help) CLUSTER_##id,
    CLUSTER_COUNTERS(X)
#undef X
};

/* X(id, word): how a reading ended. */
#define CLUSTER_RESULTS(X)                                                                         \
    X(OK, "ok")                                                                                    \
    X(AWAY, "away")       /* Redis, or one of its nodes, does not answer */                        \
    X(REFUSED, "refused") /* it answers with an error */                                           \
    X(LATE, "late")       /* it took too long */                                                   \
    X(BEHIND, "behind")   /* Redis lost what it had, and the instances send it again */

enum cluster_result {
#define X(id, word) CLUSTER_RESULT_##id,
    CLUSTER_RESULTS(X)
#undef X
        CLUSTER_RESULT_COUNT
};

const char *cluster_result_word(enum cluster_result r);

/* X(id, word): why a total is not shown. */
#define CLUSTER_LEFT_OUTS(X)                                                                       \
    X(IDLE, "idle") X(DROPPED, "dropped") X(LIMITED, "limited") X(GONE, "gone") X(ODD, "odd")

enum cluster_left_out {
#define X(id, word) CLUSTER_LEFT_OUT_##id,
    CLUSTER_LEFT_OUTS(X)
#undef X
        CLUSTER_LEFT_OUT_COUNT
};

struct cluster_stats {
    uint64_t fillings[CLUSTER_RESULT_COUNT];
    double fill_seconds, fill_time;
    uint64_t series, instances;
    uint64_t left_out[CLUSTER_LEFT_OUT_COUNT];
};

extern const struct counter_table cluster_counters; /* of a struct cluster_stats */

#endif
