/**
 * counters: what the aggregation counts, on the workers' side (ingest) and the control thread's
 * (registry).
 *
 * Each worker counts in a struct ingest_counters of its own, which is sealed into its page at a
 * turn; so the sums of one scrape agree:
 *
 *   statsd_samples_read_total = statsd_samples_aggregated_total
 *                             + sum(statsd_samples_rejected_total) + statsd_samples_refused_total
 *                             + sum(statsd_samples_dropped_total)
 *
 *   thread   a struct has one writer
 */
#ifndef AGGREGATE_COUNTERS_H
#define AGGREGATE_COUNTERS_H

#include "aggregate/event_log.h"
#include "aggregate/limited.h"
#include "base/counters.h"
#include "protocol/event.h"
#include "protocol/reason.h"

/* X(id, name, kind, labels, help); see base/counters.h. */
/* clang-format off */
#define INGEST_COUNTERS(X)                                                                        \
    X(LINES, "statsd_lines_received_total", COUNTER, "",                                          \
      "Lines that were not empty.")                                                               \
    X(SAMPLES_READ, "statsd_samples_read_total", COUNTER, "",                                     \
      "Samples found in lines, good or bad.")                                                     \
    X(SAMPLES_AGGREGATED, "statsd_samples_aggregated_total", COUNTER, "",                         \
      "Samples added to their series.")                                                           \
    X(SAMPLES_REFUSED, "statsd_samples_refused_total", COUNTER, "",                               \
      "Good samples refused by a limit on series or memory.")                                     \
    X(REJECTED, "statsd_samples_rejected_total", COUNTER, "reason",                               \
      "Samples and lines refused, by reason.")                                                    \
    X(SAMPLES_DROPPED, "statsd_samples_dropped_total", COUNTER, "reason",                         \
      "Good samples that a mapping rule drops, by action or because the name it gives is empty, " \
      "those beyond limits.max_samples_per_name (rate), marks of mirrors (mark).")                 \
    X(VALUES_AGGREGATED, "statsd_values_aggregated_total", COUNTER, "",                           \
      "Values in the samples added; more than samples where a line packs several values.")        \
    X(TAG_ERRORS, "statsd_tag_errors_total", COUNTER, "",                                         \
      "Tags dropped because their key or value is empty or malformed; the sample stands.")        \
    X(UNKNOWN_FIELDS, "statsd_unknown_fields_total", COUNTER, "",                                 \
      "Fields after the type that nobody knows; the sample stands.")                              \
    X(REGEX_LIMITS, "statsd_mapping_regex_limits_total", COUNTER, "",                             \
      "Searches of mapping regexes that were ended at their limit on steps, and counted as "      \
      "matching nothing.")                                                                        \
    X(EXEMPLARS_REFUSED, "statsd_exemplars_refused_total", COUNTER, "",                           \
      "Values of prometheus.exemplar_tag that are no exemplar: empty, with a control character, " \
      "or over 128 characters with the key; or there was no memory. The sample stands.")          \
    X(EVENTS, "statsd_events_total", COUNTER, "alert_type",                                       \
      "DogStatsD events received, by their t: field (info without one).")                         \
    X(SERVICE_CHECKS, "statsd_service_checks_total", COUNTER, "status",                           \
      "DogStatsD service checks received, by status.")                                            \
    X(PAGE_TURNS, "statsd_page_turns_total", COUNTER, "",                                         \
      "Interval pages handed from workers to the control thread.")                                \
    X(PAGE_TURNS_LATE, "statsd_page_turns_late_total", COUNTER, "",                               \
      "Page turns put off because the control thread still held the other page.")
/* clang-format on */

/* clang-format off */
#define REGISTRY_COUNTERS(X)                                                                      \
    X(TYPE_CONFLICTS, "statsd_type_conflicts_total", COUNTER, "",                                 \
      "Samples left out of /metrics because their name already has another type.")                \
    X(RESERVED_NAMES, "statsd_reserved_names_total", COUNTER, "",                                 \
      "Samples left out of /metrics because their name is reserved: up, scrape_*, ALERTS, "       \
      "ALERTS_FOR_STATE and this server's own names.")                                            \
    X(DECREMENTS, "statsd_decrements_ignored_total", COUNTER, "",                                 \
      "Closed pages in which a counter went down; /metrics ignores the decrement, Redis has "     \
      "it.")                                                                                      \
    X(SUMS_REFUSED, "statsd_sums_refused_total", COUNTER, "",                                     \
      "Times that a page of a worker brought a series more than its sum can take without "        \
      "leaving the finite doubles; the sum stays as it was.")                                     \
    X(SERIES_CREATED, "statsd_series_created_total", COUNTER, "",                                 \
      "Series seen for the first time.")                                                          \
    X(SERIES_EXPIRED, "statsd_series_expired_total", COUNTER, "",                                 \
      "Series removed after their ttl without a sample, dropped by the mapping of a reload, or "  \
      "deleted over the API.")                                                                    \
    X(SERIES_DELETED, "statsd_series_deleted_total", COUNTER, "",                                 \
      "Series deleted over the API.")                                                             \
    X(RESTORED, "statsd_restored_lines", GAUGE, "",                                               \
      "Lines of /metrics that the saved state brought and no sample has come for since.")         \
    X(RESTORED_RESET, "statsd_restored_reset_total", COUNTER, "",                                 \
      "Lines of the saved state that started at 0, because their first sample had another type, " \
      "other bounds or another unit of its window.")                                              \
    X(RESTORED_LEFT_OUT, "statsd_restored_left_out_total", COUNTER, "",                           \
      "Lines of the saved state that were not brought back: idle beyond their ttl, beyond "       \
      "limits.max_series, or under a name that is reserved now.")                                 \
    X(SERIES, "statsd_series", GAUGE, "kind",                                                     \
      "Series known now.")
/* clang-format on */

/* clang-format off */
#define EVENT_COUNTERS(X)                                                                         \
    X(EVENTS_DROPPED, "statsd_events_dropped_total", COUNTER, "reason",                           \
      "Events that were counted and then dropped, by reason: ring_full, more came within a "      \
      "second than a worker can hold.")                                                           \
    X(CHECKS_DROPPED, "statsd_service_checks_dropped_total", COUNTER, "reason",                   \
      "Service checks that were counted and then dropped, as events are.")                        \
    X(CHECK_STATUS, "statsd_service_check_status", GAUGE, "check,host",                           \
      "The last status of a service check on a host: 0 ok, 1 warning, 2 critical, 3 unknown. "    \
      "With prometheus.service_checks = on.")                                                     \
    X(CHECK_STATUS_REFUSED, "statsd_service_check_status_refused_total", COUNTER, "reason",       \
      "Service checks that statsd_service_check_status does not show, by reason: limit, 1,000 "   \
      "others are shown; too_long, the name or host has more than 512 bytes.")
/* clang-format on */

enum ingest_counter {
#define X(id, name, kind, labels, help) INGEST_##id,
    INGEST_COUNTERS(X)
#undef X
        INGEST_COUNTER_COUNT
};

enum event_counter {
#define X(id, name, kind, labels, help) EVENT_COUNTER_##id,
    EVENT_COUNTERS(X)
#undef X
        EVENT_COUNTER_COUNT
};

enum registry_counter {
#define X(id, name, kind, labels, help) REGISTRY_##id,
    REGISTRY_COUNTERS(X)
#undef X
        REGISTRY_COUNTER_COUNT
};

/* X(id, word): why a good sample is dropped: by a mapping rule, limits.max_samples_per_name, or
 * because it is the mark of a mirror. */
#define INGEST_DROPS(X) X(RULE, "rule") X(EMPTY_NAME, "empty_name") X(RATE, "rate") X(MARK, "mark")

enum ingest_drop {
#define X(id, word) INGEST_DROP_##id,
    INGEST_DROPS(X)
#undef X
        INGEST_DROP_COUNT
};

/* By id; places of rows with labels are not used. */
struct ingest_counters {
    uint64_t v[INGEST_COUNTER_COUNT];
    uint64_t dropped[INGEST_DROP_COUNT];   /* INGEST_SAMPLES_DROPPED, by reason */
    uint64_t events[EVENT_ALERT_COUNT];    /* INGEST_EVENTS, by alert type */
    uint64_t checks[CHECK_STATUS_COUNT];   /* INGEST_SERVICE_CHECKS, by status */
    uint64_t refused_by[LIMITED_BY_COUNT]; /* of INGEST_SAMPLES_REFUSED: by limits on shares */
};

/* By id; places of rows with labels are not used. */
struct registry_counters {
    uint64_t v[REGISTRY_COUNTER_COUNT];
};

/* Of all workers together. */
struct ingest_totals {
    struct ingest_counters counters;
    uint64_t rejected[REASON_COUNT]; /* INGEST_REJECTED, by reason */
};

struct check_board;

/* Of the way of events and service checks to the control thread. */
struct event_totals {
    uint64_t dropped[EVENT_KINDS];
    const struct check_board *board; /* borrowed; NULL: statuses are not shown */
};

struct registry;

extern const struct counter_table limit_counters;    /* of a struct limit_totals */
extern const struct counter_table ingest_counters;   /* of a struct ingest_totals */
extern const struct counter_table event_counters;    /* of a struct event_totals */
extern const struct counter_table registry_counters; /* of a struct registry */

#endif
