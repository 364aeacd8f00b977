/**
 * selfmetrics: the server's own numbers, gathered from the rooms that count them.  Private to app/.
 *   thread   control
 */
#ifndef APP_SELFMETRICS_H
#define APP_SELFMETRICS_H

#include "aggregate/limit.h"
#include "aggregate/registry.h"
#include "api/api.h"
#include "cluster/page.h"
#include "app/capturing.h"
#include "app/events.h"
#include "app/server_mirror.h"
#include "app/turn.h"
#include "base/buf.h"
#include "core/counter_tables.h"
#include "core/server_counters.h"
#include "expose/counters.h"
#include "expose/writer.h"
#include "http/http.h"
#include "listen/counters.h"
#include "sinks/sink_list.h"
#include "state/carried.h"

struct selfmetrics_sources {
    const struct turn *turn;
    const struct registry *registry;
    struct series_limit *limit; /* or NULL: it has no numbers */
    const struct listener *listeners;
    size_t n_listeners;
    const struct http_server *http;     /* or NULL: its numbers are those of http_ended */
    const struct events *events;        /* or NULL: its numbers are zero */
    const struct capturing *capturing;  /* or NULL: its numbers are zero */
    const struct api *api;              /* or NULL: its numbers are zero */
    struct cluster_page *cluster;       /* or NULL: its numbers are zero */
    const struct server_mirror *mirror; /* or NULL: its numbers are zero */
    const struct sink_list *sinks;      /* or NULL; a sink that is not in it has no rows */
    /* Not borrowed: written by the files of app/ that count. */
    struct server_stats server;
    struct expose_stats expose;
    struct http_stats http_ended; /* of the HTTP server, as it stopped */
    struct carried carried;       /* owned by the server */
    uint64_t bound_again;         /* Unix sockets */
};

/* All numbers: the workers' as of the last page turn, the others as of now. */
struct selfmetrics {
    struct listen_stats listen;
    struct ingest_totals ingest;
    struct limit_totals limits;
    struct event_totals events;
    struct http_stats http;
    struct cluster_stats cluster;
    struct mirror_stats mirror;
    struct capture_stats capture;
    struct counter_source sources[COUNTER_TABLE_COUNT]; /* what each table is read from */
};

/* ret borrows from src and points into itself: do not copy it. */
void selfmetrics_gather(const struct selfmetrics_sources *src, struct selfmetrics *ret);

/* Append all as text of /metrics.  For scrape_opts; sources: struct selfmetrics_sources. */
void selfmetrics_render(void *sources, struct writer *w, struct buf *out);

#endif
