/**
 * selfmetrics: the server's own numbers, gathered from the rooms that count them.  Private to app/.
 *   thread   control
 */
#ifndef APP_SELFMETRICS_H
#define APP_SELFMETRICS_H

#include "aggregate/registry.h"
#include "app/counter_tables.h"
#include "app/server_counters.h"
#include "app/turn.h"
#include "base/buf.h"
#include "expose/counters.h"
#include "expose/writer.h"
#include "http/http.h"
#include "listen/counters.h"
#include "sinks/sink_list.h"

struct selfmetrics_sources {
    const struct turn *turn;
    const struct registry *registry;
    const struct listener *listeners;
    size_t n_listeners;
    const struct http_server *http;               /* or NULL: all zero */
    const struct sink_list *sinks;                /* or NULL; only their tables are shown */
    /* Written by those who count. */
    struct server_stats server;
    struct expose_stats expose;
    uint64_t bound_again;                         /* Unix sockets */
};

/* Everything as of the last page turn, or of now. */
struct selfmetrics {
    struct listen_stats listen;
    struct ingest_totals ingest;
    struct http_stats http;
    struct counter_source sources[COUNTER_TABLE_COUNT];   /* what each table is read from */
};

/* ret borrows from src and points into itself: it is not to be copied. */
void selfmetrics_gather(const struct selfmetrics_sources *src, struct selfmetrics *ret);

/* For /metrics; for scrape_opts. */
void selfmetrics_render(void *sources, struct writer *w, struct buf *out);

#endif
