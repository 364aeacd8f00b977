/**
 * selfmetrics: every number the server tells about itself, in one table.
 *
 * A row makes the enum, the line on /metrics, its HELP and TYPE, and `statsd describe metrics`.  Each thread counts in a
 * struct selfmetrics of its own; the control thread adds them up at a page turn, so that the sums of one scrape agree:
 *
 *   statsd_samples_read_total = statsd_samples_aggregated_total + sum(statsd_samples_rejected_total) + statsd_samples_refused_total
 *   datagrams that the kernel took for us = statsd_datagrams_received_total + sum(statsd_udp_kernel_drops_total)
 *
 * Names end in their unit, counters in _total.  Rows with a label are filled by who knows the label's values (app/selfmetrics.c).
 *   thread   a struct has one writer
 */
#ifndef BASE_SELFMETRICS_H
#define BASE_SELFMETRICS_H

#include <stdint.h>

enum selfmetric_kind { SELF_COUNTER, SELF_GAUGE };

/* X(id, name, kind, label, help): plain numbers, counted by id. */
#define SELFMETRICS(X)                                                                                                           \
    /* ingest: counted by the workers */                                                                                         \
    X(DATAGRAMS,          "statsd_datagrams_received_total",     COUNTER, "", "Datagrams read from all sockets.")                \
    X(BYTES,              "statsd_bytes_received_total",         COUNTER, "", "Payload bytes read from all sockets.")            \
    X(LINES,              "statsd_lines_received_total",         COUNTER, "", "Lines that were not empty.")                      \
    X(SAMPLES_READ,       "statsd_samples_read_total",           COUNTER, "", "Samples found in lines, good or bad.")            \
    X(SAMPLES_AGGREGATED, "statsd_samples_aggregated_total",     COUNTER, "", "Samples added to their series.")                  \
    X(SAMPLES_REFUSED,    "statsd_samples_refused_total",        COUNTER, "", "Good samples refused by a limit on series or memory.") \
    X(VALUES_AGGREGATED,  "statsd_values_aggregated_total",      COUNTER, "", "Values in the samples added; more than samples where a line packs several values.") \
    X(TAG_ERRORS,         "statsd_tag_errors_total",             COUNTER, "", "Tags dropped because their key or value is empty or malformed; the sample stands.") \
    X(UNKNOWN_FIELDS,     "statsd_unknown_fields_total",         COUNTER, "", "Fields after the type that nobody knows; the sample stands.") \
    X(EVENTS,             "statsd_events_total",                 COUNTER, "", "DogStatsD events received.")                      \
    X(SERVICE_CHECKS,     "statsd_service_checks_total",         COUNTER, "", "DogStatsD service checks received.")              \
    X(PAGE_TURNS,         "statsd_page_turns_total",             COUNTER, "", "Interval pages handed from workers to the control thread.") \
    X(PAGE_TURNS_LATE,    "statsd_page_turns_late_total",        COUNTER, "", "Page turns put off because the control thread still held the other page.") \
    X(RECEIVE_ERRORS,     "statsd_receive_errors_total",         COUNTER, "", "Receive calls that failed for another reason than an empty socket.") \
    /* aggregation: counted by the control thread */                                                                             \
    X(TYPE_CONFLICTS,     "statsd_type_conflicts_total",         COUNTER, "", "Samples left out of /metrics because their name already has another type.") \
    X(RESERVED_NAMES,     "statsd_reserved_names_total",         COUNTER, "", "Samples left out of /metrics because their name is reserved: up, scrape_*, ALERTS, ALERTS_FOR_STATE and this server's own names.") \
    X(DECREMENTS,         "statsd_decrements_ignored_total",     COUNTER, "", "Closed pages in which a counter went down; /metrics ignores the decrement, Redis has it.") \
    X(SUMS_REFUSED,       "statsd_sums_refused_total",           COUNTER, "", "Times that a page of a worker brought a series more than its sum can take without leaving the finite doubles; the sum stays as it was.") \
    X(SERIES_CREATED,     "statsd_series_created_total",         COUNTER, "", "Series seen for the first time.")                 \
    X(SERIES_EXPIRED,     "statsd_series_expired_total",         COUNTER, "", "Series removed after aggregate.ttl without a sample.") \
    X(SERIES_LIMIT,       "statsd_series_limit",                 GAUGE,   "", "limits.max_series.")                              \
    X(INTERVALS,          "statsd_intervals_closed_total",       COUNTER, "", "Intervals closed and handed to the sinks.")       \
    X(INTERVALS_LATE,     "statsd_intervals_late_total",         COUNTER, "", "Intervals closed more than half an interval after their end.") \
    /* listen: counted by the control thread */                                                                                  \
    X(SOCKETS_BOUND_AGAIN, "statsd_unix_sockets_bound_again_total", COUNTER, "", "Times a Unix socket was bound again because its file was removed or replaced.") \
    /* http */                                                                                                                   \
    X(HTTP_REQUESTS,      "statsd_http_requests_total",          COUNTER, "", "HTTP requests.")                                  \
    X(HTTP_REJECTED,      "statsd_http_requests_rejected_total", COUNTER, "", "HTTP requests answered 404, 405, 414 or 503.")     \
    X(HTTP_CONNECTIONS,   "statsd_http_connections",             GAUGE,   "", "HTTP connections open now.")                          \
    X(HTTP_REPLACED,      "statsd_http_connections_replaced_total", COUNTER, "", "Quiet HTTP connections closed to make room for new ones.") \
    X(SCRAPES_CUT,        "statsd_http_scrapes_cut_total",       COUNTER, "", "Clients of /metrics cut off because they read too slowly while others asked.") \
    X(SCRAPES_REFUSED,    "statsd_http_scrapes_refused_total",   COUNTER, "", "Requests for /metrics answered 503 because as many pages as may be were being read.") \
    /* redis */                                                                                                                  \
    X(REDIS_UP,           "statsd_redis_up",                     GAUGE,   "", "1 while connected to Redis.")                      \
    X(REDIS_CONNECTS,     "statsd_redis_connects_total",         COUNTER, "", "Connections to Redis that were established.")      \
    X(REDIS_DISCONNECTS,  "statsd_redis_disconnects_total",      COUNTER, "", "Connections to Redis that were lost.")             \
    X(REDIS_CONNECT_FAILURES, "statsd_redis_connect_failures_total", COUNTER, "", "Attempts to connect to Redis that failed.") \
    X(REDIS_ERRORS,       "statsd_redis_errors_total",           COUNTER, "", "Error replies of Redis.")                          \
    X(REDIS_SENT,         "statsd_redis_batches_sent_total",     COUNTER, "", "Batches sent to Redis, those sent again included.") \
    X(REDIS_BATCHES,      "statsd_redis_batches_applied_total",  COUNTER, "", "Batches applied to Redis.")                        \
    X(REDIS_DUPLICATES,   "statsd_redis_batches_duplicate_total", COUNTER, "", "Resent batches that Redis had already applied.")  \
    X(REDIS_RESENT,       "statsd_redis_batches_resent_total",   COUNTER, "", "Batches sent again after a lost connection or a gap.") \
    X(REDIS_GAPS,         "statsd_redis_gaps_total",             COUNTER, "", "Times Redis had lost acknowledged batches.")       \
    X(REDIS_EPOCHS,       "statsd_redis_epochs_total",           COUNTER, "", "Gaps that reached further back than what was kept: something is lost.") \
    X(REDIS_GONE_BATCHES, "statsd_redis_lost_batches_total",     COUNTER, "", "Batches that Redis had acknowledged and lost, and that were not kept any more.") \
    X(REDIS_GONE_SERIES,  "statsd_redis_lost_series_total",      COUNTER, "", "Series values lost with those batches.")            \
    X(REDIS_GONE_INTERVALS, "statsd_redis_lost_intervals_total", COUNTER, "", "Intervals of which some values were lost with those batches.") \
    X(REDIS_FORGOTTEN,    "statsd_redis_lost_producers_total",   COUNTER, "", "Producer keys that Redis lost while the totals stayed (evicted or deleted).") \
    X(REDIS_FOREIGN,      "statsd_redis_foreign_duplicates_total", COUNTER, "", "Batches whose number another server had used under the same identity (duplicates beyond resends); sent again under a new one.") \
    X(REDIS_RIVALS,       "statsd_redis_instance_conflicts_total", COUNTER, "", "Intervals in which another live server wrote under the same server.instance.") \
    X(REDIS_REFUSED,      "statsd_redis_refused_values_total",   COUNTER, "", "Values left out of Redis because a sum would leave the finite numbers.") \
    X(REDIS_INTERVALS,    "statsd_redis_applied_intervals_total", COUNTER, "", "Intervals completely applied to Redis.")          \
    X(REDIS_SERIES,       "statsd_redis_applied_series_total",   COUNTER, "", "Series values applied to Redis.")                  \
    X(REDIS_LOST_INTERVALS, "statsd_redis_dropped_intervals_total", COUNTER, "", "Intervals dropped because the spool was full or too old.") \
    X(REDIS_LOST_SERIES,  "statsd_redis_dropped_series_total",   COUNTER, "", "Series values dropped with those intervals.")       \
    X(REDIS_BYTES,        "statsd_redis_sent_bytes_total",       COUNTER, "", "Bytes sent to Redis.")                              \
    X(REDIS_SPOOL_BYTES,  "statsd_redis_spool_bytes",            GAUGE,   "", "Bytes of batches kept for Redis.")                  \
    X(REDIS_SPOOL_BATCHES, "statsd_redis_spool_batches",         GAUGE,   "", "Batches kept for Redis.")                            \
    /* filled from several places, see app/selfmetrics.c */                                                                      \
    X(REJECTED,           "statsd_samples_rejected_total",       COUNTER, "reason", "Samples and lines refused, by reason.")      \
    X(SERIES,             "statsd_series",                       GAUGE,   "kind",   "Series known now.")                          \
    X(KERNEL_DROPS,       "statsd_udp_kernel_drops_total",       COUNTER, "socket,worker", "Datagrams that the kernel dropped because the socket's receive buffer was full.") \
    X(SOCKET_DATAGRAMS,   "statsd_socket_datagrams_received_total", COUNTER, "socket,worker", "Datagrams read from the socket.")  \
    X(SOCKET_BUFFER,      "statsd_socket_receive_buffer_bytes",  GAUGE,   "socket", "Receive buffer that the kernel granted.")    \
    X(HTTP_REFUSED,       "statsd_http_connections_refused_total", COUNTER, "reason", "HTTP connections closed at once because http.max_connections or http.max_per_ip was reached.") \
    X(HTTP_TIMED_OUT,     "statsd_http_connections_timed_out_total", COUNTER, "reason", "HTTP connections closed because nothing moved for http.timeout (idle), or because the request was not complete 10 s after its first byte (request).") \
    X(BUILD_INFO,         "statsd_build_info",                   GAUGE,   "version,commit", "1; what is running.")

/* X(id, name, kind, label, help): measured as seconds or bytes by the control thread. */
#define SELFMETRICS_MEASURED(X)                                                                                                  \
    X(FLUSH_SECONDS,      "statsd_last_flush_duration_seconds",  GAUGE,   "", "Time the last close of an interval took on the control thread.") \
    X(RENDER_SECONDS,     "statsd_last_render_duration_seconds", GAUGE,   "", "Time the last rendering of /metrics took on the control thread.") \
    X(RENDER_BYTES,       "statsd_last_render_bytes",            GAUGE,   "", "Size of the last rendering of /metrics.")          \
    X(REDIS_SPOOL_AGE,    "statsd_redis_spool_age_seconds",      GAUGE,   "", "For how long the oldest interval kept for Redis has been waiting.") \
    X(CPU_SECONDS,        "process_cpu_seconds_total",           COUNTER, "", "User and system CPU time of the process.")         \
    X(RESIDENT_BYTES,     "process_resident_memory_bytes",       GAUGE,   "", "Resident memory of the process.")                  \
    X(START_SECONDS,      "process_start_time_seconds",          GAUGE,   "", "When the process started, unix time.")             \
    X(OPEN_FDS,           "process_open_fds",                    GAUGE,   "", "Open file descriptors.")                           \
    X(INTERVAL_SECONDS,   "statsd_interval_seconds",             GAUGE,   "", "server.interval.")

enum selfmetric {
#define X(id, name, kind, label, help) SELF_##id,
    SELFMETRICS(X)
    SELF_COUNT
};

enum selfmetric_measured {
    SELFMETRICS_MEASURED(X)
    SELF_MEASURED_COUNT
#undef X
};

struct selfmetrics {
    uint64_t v[SELF_COUNT];
};

#endif
