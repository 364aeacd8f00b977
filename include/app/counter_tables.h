/**
 * counter_tables: the tables of all rooms, stacked: all that the server tells about itself.
 *
 * Adding a number: a row in the table of the room that counts it.  Adding a room: a line here in
 * COUNTER_TABLES, and in selfmetrics_gather what it is read from.  Adding a sink: the line alone.
 *   thread   any (constant)
 */
#ifndef APP_COUNTER_TABLES_H
#define APP_COUNTER_TABLES_H

#include "base/counters.h"

/* X(id, rows, table): in the order in which they are shown. */
#define COUNTER_TABLES(X)                                                                          \
    X(LISTEN, LISTEN_COUNTERS, listen_counters)                                                    \
    X(INGEST, INGEST_COUNTERS, ingest_counters)                                                    \
    X(REGISTRY, REGISTRY_COUNTERS, registry_counters)                                              \
    X(HTTP, HTTP_COUNTERS, http_counters)                                                          \
    X(EXPOSE, EXPOSE_COUNTERS, expose_counters)                                                    \
    X(REDIS, REDIS_COUNTERS, redis_counters)                                                       \
    X(SERVER, SERVER_COUNTERS, server_counters)

enum counter_table_id {
#define X(id, rows, table) COUNTER_TABLE_##id,
    COUNTER_TABLES(X)
#undef X
    COUNTER_TABLE_COUNT
};

extern const struct counter_table *const counter_tables[COUNTER_TABLE_COUNT];

/* The names of all rows, which no client may take; static.  *ret_n of them. */
const char *const *counter_names(size_t *ret_n);

#endif
