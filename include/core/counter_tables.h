/**
 * counter_tables: the counter tables of all rooms, in one list.
 *
 * To add a number: a row in the table of the room that counts it.  To add a room's table: a line in
 * COUNTER_TABLES, and in selfmetrics_gather the struct that it is read from.  To add a sink's
 * table: the line alone.
 *   thread   any (constant)
 */
#ifndef CORE_COUNTER_TABLES_H
#define CORE_COUNTER_TABLES_H

#include "base/counters.h"

/* X(id, rows, table): in the order in which they are shown. */
#define COUNTER_TABLES(X)                                                                          \
    X(LISTEN, LISTEN_COUNTERS, listen_counters)                                                    \
    X(INGEST, INGEST_COUNTERS, ingest_counters)                                                    \
    X(LIMITS, LIMIT_COUNTERS, limit_counters)                                                      \
    X(EVENTS, EVENT_COUNTERS, event_counters)                                                      \
    X(REGISTRY, REGISTRY_COUNTERS, registry_counters)                                              \
    X(HTTP, HTTP_COUNTERS, http_counters)                                                          \
    X(EXPOSE, EXPOSE_COUNTERS, expose_counters)                                                    \
    X(API, API_COUNTERS, api_counters)                                                             \
    X(MIRROR, MIRROR_COUNTERS, mirror_counters)                                                    \
    X(CAPTURE, CAPTURE_COUNTERS, capture_counters)                                                 \
    X(REDIS, REDIS_COUNTERS, redis_counters)                                                       \
    X(CLUSTER, CLUSTER_COUNTERS, cluster_counters)                                                 \
    X(SERVER, SERVER_COUNTERS, server_counters)

/* clang-format off */
enum counter_table_id {
#define X(id, rows, table) COUNTER_TABLE_##id,
    COUNTER_TABLES(X)
#undef X
    COUNTER_TABLE_COUNT
};
/* clang-format on */

extern const struct counter_table *const counter_tables[COUNTER_TABLE_COUNT];

/* The names of all rows (static, *ret_n of them): metrics of clients may not have one of these. */
const char *const *counter_names(size_t *ret_n);

#endif
