#include "app/selfmetrics.h"

#include "expose/render.h"

void selfmetrics_gather(const struct selfmetrics_sources *src, struct selfmetrics *ret)
{
    *ret = (struct selfmetrics){
        .listen = { .listeners = src->listeners,
                    .n_listeners = src->n_listeners,
                    .n_workers = src->turn->n_workers,
                    .bound_again = src->bound_again },
        .http = src->http_ended,
    };
    turn_totals(src->turn, &ret->ingest);
    if (src->limit != NULL)
        series_limit_totals(src->limit, &ret->limits);
    if (src->events != NULL)
        events_totals(src->events, &ret->events);
    if (src->http != NULL)
        http_stats(src->http, &ret->http);
    if (src->cluster != NULL)
        cluster_page_stats(src->cluster, &ret->cluster);
    if (src->mirror != NULL)
        server_mirror_stats(src->mirror, &ret->mirror);
    if (src->capturing != NULL)
        capturing_stats(src->capturing, &ret->capture);
    /* clang-format off */
    const void *of[COUNTER_TABLE_COUNT] = {
        [COUNTER_TABLE_LISTEN] = &ret->listen,
        [COUNTER_TABLE_INGEST] = &ret->ingest,
        [COUNTER_TABLE_LIMITS] = &ret->limits,
        [COUNTER_TABLE_EVENTS] = &ret->events,
        [COUNTER_TABLE_REGISTRY] = src->registry,
        [COUNTER_TABLE_HTTP] = &ret->http,
        [COUNTER_TABLE_API] = api_counted(src->api),
        [COUNTER_TABLE_MIRROR] = &ret->mirror,
        [COUNTER_TABLE_CAPTURE] = &ret->capture,
        [COUNTER_TABLE_CLUSTER] = src->cluster == NULL ? NULL : &ret->cluster,
        [COUNTER_TABLE_EXPOSE] = &src->expose,
        [COUNTER_TABLE_SERVER] = &src->server,
    };
    /* clang-format on */
    for (unsigned i = 0; i < COUNTER_TABLE_COUNT; i++) {
        const struct counter_table *table = counter_tables[i];
        if (of[i] == NULL && src->sinks != NULL) /* a sink's */
            of[i] = sink_list_counted(src->sinks, table);
        ret->sources[i] = (struct counter_source){ table, of[i] };
    }
}

void selfmetrics_render(void *sources, struct writer *w, struct buf *out)
{
    const struct selfmetrics_sources *src = sources;
    struct selfmetrics all;
    struct carried_source rooms[COUNTER_TABLE_COUNT];
    selfmetrics_gather(src, &all);
    for (unsigned i = 0; i < COUNTER_TABLE_COUNT; i++)
        all.sources[i] = carried_wrap(&rooms[i], &src->carried, &all.sources[i]);
    render_counters(w, all.sources, COUNTER_TABLE_COUNT, out);
}
