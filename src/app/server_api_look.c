/*
 * Once a second: a row of history, and what is new for the timeline (Redis lost, kernel drops).
 */
#include "app/server_priv.h"
#include "base/now.h"
#include "base/process.h"

static double cpu_percent(struct server_view *v, double at_s)
{
    double cpu_s = process_cpu_seconds();
    double passed_s = at_s - v->cpu_at_s;
    double percent = v->cpu_at_s > 0 && passed_s > 0 ? (cpu_s - v->cpu_s) / passed_s * 100 : 0;
    v->cpu_s = cpu_s;
    v->cpu_at_s = at_s;
    return percent;
}

static void add_row(struct server *s)
{
    struct server_view *v = s->view;
    const struct listen_stats listen = view_listen(s);
    const struct socket_stats sockets = listen_sums(&listen);
    const struct redis_stats *r = view_redis(s);
    struct ingest_totals in;
    double at_s = view_now_s();
    turn_totals(&s->turn, &in);
    const struct history_row
        row = { .of = {
                    [HISTORY_at_s] = at_s,
                    [HISTORY_datagrams] = (double)sockets.datagrams,
                    [HISTORY_bytes] = (double)sockets.bytes,
                    [HISTORY_lines] = (double)in.counters.v[INGEST_LINES],
                    [HISTORY_aggregated] = (double)in.counters.v[INGEST_SAMPLES_AGGREGATED],
                    [HISTORY_events] = (double)view_sum(in.counters.events, EVENT_ALERT_COUNT),
                    [HISTORY_checks] = (double)view_sum(in.counters.checks, CHECK_STATUS_COUNT),
                    [HISTORY_rejected] = (double)view_sum(in.rejected, REASON_COUNT),
                    [HISTORY_refused] = (double)in.counters.v[INGEST_SAMPLES_REFUSED],
                    [HISTORY_dropped] = (double)view_sum(in.counters.dropped, INGEST_DROP_COUNT),
                    [HISTORY_kernel_dropped] = (double)sockets.kernel_drops,
                    [HISTORY_series] = (double)view_series(s),
                    [HISTORY_exposed] = (double)registry_exposed(s->registry),
                    [HISTORY_redis_spool_batches] = r != NULL ? (double)r->spool_batches : 0,
                    [HISTORY_redis_lag_s] = r != NULL ? (double)r->spool_age_ms / 1000 : 0,
                    [HISTORY_cpu_percent] = cpu_percent(v, at_s),
                    [HISTORY_rss_bytes] = process_resident_bytes(),
                    [HISTORY_streams] = (double)v->streams_open,
                } };
    history_add(&v->history, &row, v->turned_s);
    api_live_added(v->live);
}

static void look_at_redis(struct server *s)
{
    struct server_view *v = s->view;
    const struct redis_stats *r = view_redis(s);
    char text[TIMELINE_TEXT_MAX];
    if (r == NULL)
        return;
    bool up = r->connected != 0;
    if (up != v->redis_up) {
        snprintf(text, sizeof text, "%llu batches wait", (unsigned long long)r->spool_batches);
        timeline_add_redis(&v->timeline, view_now_s(), up ? "connected" : "lost", text);
    }
    if (r->series_dropped > v->redis_dropped) {
        snprintf(text, sizeof text, "%llu values of series dropped",
                 (unsigned long long)(r->series_dropped - v->redis_dropped));
        timeline_add_redis(&v->timeline, view_now_s(), "dropped", text);
    }
    v->redis_up = up;
    v->redis_dropped = r->series_dropped;
}

static void look_at_drops(struct server *s)
{
    struct server_view *v = s->view;
    for (size_t i = 0; i < s->n_listeners; i++) {
        const uint64_t n = view_listener_sums(&s->listeners[i]).kernel_drops;
        if (n > v->kernel_drops[i])
            timeline_add_drop(&v->timeline, view_now_s(), s->listeners[i].address.name,
                              n - v->kernel_drops[i]);
        v->kernel_drops[i] = n;
    }
}

static void look_at_streams(struct server *s)
{
    struct http_stats http = { 0 };
    if (s->http != NULL)
        http_stats(s->http, &http);
    s->view->streams_open = http.streams;
    s->view->streams_max = http.streams_max;
}

static void count_rejects(struct server *s)
{
    struct ingest_totals in;
    const int64_t now_ms = now_wall_ms();
    turn_totals(&s->turn, &in);
    for (int i = 0; i < REASON_COUNT; i++)
        if (in.rejected[i] > 0)
            reject_board_count(&s->view->rejects, reason_name((enum reason)i), in.rejected[i],
                               now_ms);
    reject_board_ticked(&s->view->rejects, now_ms);
}

void server_api_tick(struct server *s)
{
    if (s->view == NULL)
        return;
    count_rejects(s);
    look_at_redis(s);
    look_at_drops(s);
    look_at_streams(s);
    if (s->view->streams_open > 0)
        s->view->row_turn = turn_ask(&s->turn, false);
    else
        add_row(s);
}

void server_api_turned(struct server *s)
{
    struct server_view *v = s->view;
    if (v == NULL)
        return;
    v->turned_s = view_now_s();
    if (v->row_turn == 0 || s->turn.done < v->row_turn)
        return;
    v->row_turn = 0;
    add_row(s);
}

void server_api_closed(struct server *s, const struct snapshot *snap, double seconds)
{
    struct server_view *v = s->view;
    struct ingest_totals in;
    if (v == NULL)
        return;
    turn_totals(&s->turn, &in);
    uint64_t samples = in.counters.v[INGEST_SAMPLES_AGGREGATED];
    timeline_add_flush(&v->timeline,
                       &(struct timeline_flush){ .start_s = (double)snap->start_s,
                                                 .series = snap->n_series,
                                                 .samples = samples - v->samples_closed,
                                                 .closed_ms = seconds * 1000 });
    v->samples_closed = samples;
}
