/**
 * server_counters: the numbers of the control thread and of the process.
 *   thread   control
 */
#ifndef CORE_SERVER_COUNTERS_H
#define CORE_SERVER_COUNTERS_H

#include <stdbool.h>

#include "base/counters.h"

/* X(id, name, kind, labels, help); see base/counters.h. */
/* clang-format off */
#define SERVER_COUNTERS(X)                                                                        \
    X(INTERVALS, "statsd_intervals_closed_total", COUNTER, "",                                    \
      "Intervals closed and handed to the sinks.")                                                \
    X(INTERVALS_LATE, "statsd_intervals_late_total", COUNTER, "",                                 \
      "Intervals closed more than half an interval after their end.")                             \
    X(INTERVALS_RUSHED, "statsd_intervals_rushed_total", COUNTER, "",                             \
      "Intervals that went to the sinks in one go at last, because the next one had ended.")      \
    X(INTERVAL_SECONDS, "statsd_interval_seconds", GAUGE, "",                                     \
      "server.interval.")                                                                         \
    X(FLUSH_SECONDS, "statsd_last_flush_duration_seconds", GAUGE, "",                             \
      "Time the last close of an interval took on the control thread.")                           \
    X(RELOADS, "statsd_reloads_total", COUNTER, "",                                               \
      "Reloads that were put in force.")                                                          \
    X(RELOADS_FAILED, "statsd_reloads_failed_total", COUNTER, "",                                 \
      "Reloads refused, because the configuration or its mapping file had a mistake.")            \
    X(RELOAD_SUCCESSFUL, "statsd_last_reload_successful", GAUGE, "",                              \
      "1, or 0: the last reload was refused.")                                                    \
    X(RELOAD_SECONDS, "statsd_last_reload_timestamp_seconds", GAUGE, "",                  \
      "When the configuration in force was read, unix time.")                                     \
    X(WEB_RELOADS, "statsd_http_config_reloads_total", COUNTER, "result",                         \
      "Times that http.web_config or a certificate that it names was read again: in force (ok) "  \
      "or refused, with the one before in force (failed).")                                       \
    X(MAPPING_RULES, "statsd_mapping_rules", GAUGE, "",                                           \
      "Rules of the mapping file in force.")                                                      \
    X(SERIES_LIMIT, "statsd_series_limit", GAUGE, "",                                             \
      "limits.max_series.")                                                                       \
    X(SAMPLED, "statsd_sampled_datagrams_total", COUNTER, "result",                               \
      "Datagrams that http.sample set aside: to be looked at (ok), or there was no room left "    \
      "because the control thread was late (dropped).")                                           \
    X(STATE_SNAPSHOTS, "statsd_state_snapshots_total", COUNTER, "",                               \
      "Times that gauges and sets were written to server.state_dir.")                             \
    X(STATE_SNAPSHOTS_FAILED, "statsd_state_snapshots_failed_total", COUNTER, "",                 \
      "Times that this failed; the file of the time before is still there.")                      \
    X(RESERVE_USED, "statsd_memory_reserve_used_total", COUNTER, "",                              \
      "Times that the system had no memory and a reserve of 1 MiB was given back for it.")        \
    X(BUILD_INFO, "statsd_build_info", GAUGE, "version,commit",                                   \
      "1; what is running.")                                                                      \
    X(CPU_SECONDS, "process_cpu_seconds_total", COUNTER, "",                                      \
      "User and system CPU time of the process.")                                                 \
    X(RESIDENT_BYTES, "process_resident_memory_bytes", GAUGE, "",                                 \
      "Resident memory of the process.")                                                          \
    X(START_SECONDS, "process_start_time_seconds", GAUGE, "",                                     \
      "When the process started, unix time.")                                                     \
    X(OPEN_FDS, "process_open_fds", GAUGE, "",                                                    \
      "Open file descriptors.")
/* clang-format on */

enum server_counter {
#define X(id, name, kind, labels, help) SERVER_##id,
    SERVER_COUNTERS(X)
#undef X
};

struct server_stats {
    uint64_t intervals, intervals_late, intervals_rushed;
    uint64_t reloads, reloads_failed, mapping_rules;
    uint64_t web_reloads, web_reloads_failed;
    bool reload_failed;    /* the last one */
    double reload_seconds; /* of the last that did not, or the start */
    double flush_seconds;  /* of the last interval */
    uint64_t series_limit;
    uint64_t sampled, sampled_dropped;
    uint64_t state_snapshots, state_snapshots_failed;
    double interval_seconds, start_seconds;
    const char *version, *commit;
};

/* Of a struct server_stats; the rows about the process are read from the kernel. */
extern const struct counter_table server_counters;

#endif
