/**
 * redis_counters: the numbers of the Redis sink: what it sent, what became of it, what waits.
 *   thread   of a struct redis_stats: its owner
 */
#ifndef SINKS_REDIS_COUNTERS_H
#define SINKS_REDIS_COUNTERS_H

#include <stdint.h>

#include "base/counters.h"

/* Errors of a cluster that say where a command belongs.  X(id, its first word, label `kind`) */
/* clang-format off */
#define REDIS_REDIRECTS(X)                        \
    X(MOVED,       "MOVED",       "moved")        \
    X(ASK,         "ASK",         "ask")          \
    X(TRYAGAIN,    "TRYAGAIN",    "tryagain")     \
    X(CLUSTERDOWN, "CLUSTERDOWN", "clusterdown")  \
    X(NOSCRIPT,    "NOSCRIPT",    "noscript")

enum redis_redirect_kind {
#define X(id, word, label) REDIS_REDIRECT_##id,
    REDIS_REDIRECTS(X)
#undef X
    REDIS_REDIRECT_COUNT,
    REDIS_REDIRECT_NONE = REDIS_REDIRECT_COUNT
};
/* clang-format on */

/* X(member of redis_stats, name, kind, labels, help); see base/counters.h. */
/* clang-format off */
#define REDIS_COUNTERS(X)                                                                         \
    X(connected, "statsd_redis_up", GAUGE, "",                                                    \
      "1 while connected to Redis: to each node of it that has a shard.")                         \
    X(nodes, "statsd_redis_nodes", GAUGE, "",                                                     \
      "Nodes of Redis that have a shard: masters of a cluster, or the one.")                      \
    X(redirects, "statsd_redis_redirects_total", COUNTER, "kind",                                 \
      "Commands that a node sent elsewhere or back, by the kind of its answer.")                  \
    X(map_refreshes, "statsd_redis_map_refreshes_total", COUNTER, "",                             \
      "Questions to Redis or a Sentinel which node has what.")                                    \
    X(connects, "statsd_redis_connects_total", COUNTER, "",                                       \
      "Connections to Redis that were established.")                                              \
    X(disconnects, "statsd_redis_disconnects_total", COUNTER, "",                                 \
      "Connections to Redis that were lost.")                                                     \
    X(connect_failures, "statsd_redis_connect_failures_total", COUNTER, "",                       \
      "Attempts to connect to Redis that failed.")                                                \
    X(errors, "statsd_redis_errors_total", COUNTER, "",                                           \
      "Error replies of Redis.")                                                                  \
    X(batches_sent, "statsd_redis_batches_sent_total", COUNTER, "",                               \
      "Batches sent to Redis, those sent again included.")                                        \
    X(batches_applied, "statsd_redis_batches_applied_total", COUNTER, "",                         \
      "Batches applied to Redis.")                                                                \
    X(batches_duplicate, "statsd_redis_batches_duplicate_total", COUNTER, "",                     \
      "Resent batches that Redis had already applied.")                                           \
    X(batches_resent, "statsd_redis_batches_resent_total", COUNTER, "",                           \
      "Batches sent again after a lost connection or a gap.")                                     \
    X(gaps, "statsd_redis_gaps_total", COUNTER, "",                                               \
      "Times Redis had lost acknowledged batches.")                                               \
    X(epochs, "statsd_redis_epochs_total", COUNTER, "",                                           \
      "Gaps that reached further back than what was kept: something is lost.")                    \
    X(lost_batches, "statsd_redis_lost_batches_total", COUNTER, "",                               \
      "Batches that Redis had acknowledged and lost, and that could not be applied again.")       \
    X(lost_series, "statsd_redis_lost_series_total", COUNTER, "",                                 \
      "Series values lost with those batches.")                                                   \
    X(lost_intervals, "statsd_redis_lost_intervals_total", COUNTER, "",                           \
      "Intervals of which some values were lost with those batches.")                             \
    X(forgotten, "statsd_redis_lost_producers_total", COUNTER, "",                                \
      "Producer keys that Redis lost while the totals stayed (evicted or deleted).")              \
    X(foreign, "statsd_redis_foreign_duplicates_total", COUNTER, "",                              \
      "Batches whose number another server had used under the same identity (duplicates beyond "  \
      "resends); sent again under a new one.")                                                    \
    X(fenced, "statsd_redis_fenced_series_total", COUNTER, "",                                    \
      "Series values of a saved state that were not sent, as another process had gone on from a " \
      "later one.")                                                                               \
    X(rivals, "statsd_redis_instance_conflicts_total", COUNTER, "",                               \
      "Intervals in which another live server wrote under the same server.instance.")             \
    X(series_refused, "statsd_redis_refused_values_total", COUNTER, "",                           \
      "Values left out of Redis because a sum would leave the finite numbers.")                   \
    X(intervals_applied, "statsd_redis_applied_intervals_total", COUNTER, "",                     \
      "Intervals of which every batch was sent and answered.")                                    \
    X(series_applied, "statsd_redis_applied_series_total", COUNTER, "",                           \
      "Series values applied to Redis.")                                                          \
    X(intervals_dropped, "statsd_redis_dropped_intervals_total", COUNTER, "",                     \
      "Intervals dropped because the spool was full or too old.")                                 \
    X(series_dropped, "statsd_redis_dropped_series_total", COUNTER, "",                           \
      "Series values dropped with those intervals.")                                              \
    X(pruned, "statsd_redis_pruned_series_total", COUNTER, "",                                    \
      "Series whose totals this instance removed from Redis: nobody had sent them for "           \
      "redis.totals_ttl.")                                                                        \
    X(series_carried, "statsd_redis_carried_series_total", COUNTER, "",                           \
      "Of the series values of dropped intervals, those whose totals are carried: they come into "\
      "the totals in Redis all the same.")                                                        \
    X(events_appended, "statsd_redis_events_appended_total", COUNTER, "",                         \
      "Events and service checks appended to their streams in Redis.")                            \
    X(events_resent, "statsd_redis_events_resent_total", COUNTER, "",                             \
      "Events and service checks sent again after a lost connection: some are there twice, with " \
      "one id.")                                                                                  \
    X(events_dropped, "statsd_redis_events_dropped_total", COUNTER, "",                           \
      "Events and service checks dropped because too many waited for Redis, or at a stop.")       \
    X(events_refused, "statsd_redis_events_refused_total", COUNTER, "",                           \
      "Events and service checks dropped because Redis can't take them: the key is no stream.")   \
    X(events_waiting, "statsd_redis_events_waiting", GAUGE, "",                                   \
      "Events and service checks that wait for Redis.")                                           \
    X(bytes_sent, "statsd_redis_sent_bytes_total", COUNTER, "",                                   \
      "Bytes sent to Redis.")                                                                     \
    X(spool_bytes, "statsd_redis_spool_bytes", GAUGE, "",                                         \
      "Bytes of batches that wait for Redis or are kept for repair.")                             \
    X(spool_packed_bytes, "statsd_redis_spool_compressed_bytes", GAUGE, "",                       \
      "Of statsd_redis_spool_bytes, those that wait compressed.")                                 \
    X(spool_disk_bytes, "statsd_redis_spool_disk_bytes", GAUGE, "",                               \
      "Bytes of files in server.state_dir with what waits for Redis.")                            \
    X(spool_written, "statsd_redis_spool_written_bytes_total", COUNTER, "",                       \
      "Bytes written to those files.")                                                            \
    X(spool_failures, "statsd_redis_spool_write_failures_total", COUNTER, "",                     \
      "Failures to write to those files: the oldest is dropped instead, once memory is full.")    \
    X(spool_damaged, "statsd_redis_spool_damaged_series_total", COUNTER, "",                      \
      "Series values dropped because their file was damaged or gone.")                            \
    X(spool_left_over, "statsd_redis_spool_left_over_files_total", COUNTER, "",                   \
      "Files of a process that was killed, removed: what they held may have been sent.")          \
    X(spool_batches, "statsd_redis_spool_batches", GAUGE, "",                                     \
      "Batches that wait for Redis.")                                                             \
    X(spool_age_ms, "statsd_redis_spool_age_seconds", GAUGE, "",                                  \
      "For how long the oldest interval has been waiting for Redis.")
/* clang-format on */

enum redis_counter {
#define X(id, name, kind, labels, help) REDIS_COUNTER_##id,
    REDIS_COUNTERS(X)
#undef X
};

/* Sums since the start, and gauges as of now.  The series of a batch that Redis refuses for good
 * (a key of the wrong type) are in series_dropped as well. */
struct redis_stats {
#define X(id, name, kind, labels, help) uint64_t id;
    REDIS_COUNTERS(X)
#undef X
    uint64_t redirects_of[REDIS_REDIRECT_COUNT]; /* `redirects` is their sum */
    uint64_t intervals_queued; /* handed over; applied, dropped or still waiting */
};

extern const struct counter_table redis_counters; /* of a struct redis_stats */

#endif
