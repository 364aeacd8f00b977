/*
 *   tell_status, tell_conservation   what the API asks for, of numbers that /metrics shows too
 *   tell_explain                     a room's work (explain/explain.h)
 *   add_row, look_at_redis, look_at_drops   once a second: a row of history, and what is new for
 *                                    the timeline
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/server_priv.h"
#include "app/version.h"
#include "base/mem.h"
#include "base/now.h"
#include "base/process.h"
#include "config/escape.h"
#include "config/option_value.h"
#include "explain/explain.h"
#include "listen/transport.h"
#include "sinks/redis_counters.h"

static double now_s(void)
{
    return (double)now_wall_ms() / 1000;
}

/* NULL: there is no Redis. */
static const struct redis_stats *redis_stats_of(const struct server *s)
{
    return sink_list_counted(&s->sinks, &redis_counters);
}

static struct listen_stats listen_stats_of(const struct server *s)
{
    return (struct listen_stats){ .listeners = s->listeners,
                                  .n_listeners = s->n_listeners,
                                  .n_workers = s->n_workers };
}

static uint64_t series_of(const struct server *s)
{
    uint64_t n = 0;
    for (int k = 0; k < SERIES_KIND_COUNT; k++)
        n += registry_count(s->registry, (enum series_kind)k);
    return n;
}

static uint64_t sum(const uint64_t *of, size_t n)
{
    uint64_t ret = 0;
    for (size_t i = 0; i < n; i++)
        ret += of[i];
    return ret;
}

/* ---- status ---- */

static struct socket_stats listener_sums(const struct listener *l)
{
    struct socket_stats ret = { 0 };
    for (unsigned i = 0; i < l->n_readers; i++) {
        ret.datagrams += l->stats[i].datagrams;
        ret.bytes += l->stats[i].bytes;
        ret.kernel_drops += l->stats[i].kernel_drops;
    }
    return ret;
}

static void tell_listeners(struct server *s, struct api_about *ret)
{
    struct server_view *v = s->view;
    for (size_t i = 0; i < s->n_listeners; i++) {
        const struct listener *l = &s->listeners[i];
        const struct socket_stats sums = listener_sums(l);
        const char *name = l->address.name, *scheme_end = strstr(name, "://");
        v->listeners[i] =
            (struct api_listener){ .url = name,
                                   .proto = transport_of(l->address.transport)->scheme,
                                   .addr = scheme_end != NULL ? scheme_end + 3 : name,
                                   .datagrams = sums.datagrams,
                                   .bytes = sums.bytes,
                                   .kernel_dropped = sums.kernel_drops,
                                   .receive_buffer_bytes = l->rcvbuf_granted,
                                   .connections = l->streams.open };
    }
    ret->listeners = v->listeners;
    ret->n_listeners = s->n_listeners;
}

static void add_readers(const struct server *s, const struct listener *l, struct api_worker *to)
{
    assert(s->n_workers > 0);
    for (unsigned r = 0; r < l->n_readers; r++) {
        struct api_worker *w = &to[(l->reader + r) % s->n_workers];
        w->datagrams += l->stats[r].datagrams;
        w->bytes += l->stats[r].bytes;
    }
}

static void tell_workers(struct server *s, struct api_about *ret)
{
    struct server_view *v = s->view;
    for (unsigned w = 0; w < s->n_workers; w++)
        v->workers[w] = (struct api_worker){ .lines = s->turn.seen[w].v[INGEST_LINES],
                                             .cpu_s = worker_cpu_seconds(s->workers[w]) };
    for (size_t i = 0; i < s->n_listeners; i++)
        add_readers(s, &s->listeners[i], v->workers);
    ret->workers = v->workers;
    ret->n_workers = s->n_workers;
}

/* As `statsd check` shows it, but for what may be secret. */
static char *option_text(const struct config *c, enum option_id id)
{
    const struct option_row *o = &options_table[id];
    struct buf text = { 0 }, shown = { 0 };
    option_value_print(c, id, &text);
    if (o->kind == OPTION_SECRET && text.len > 0)
        buf_append_str(&shown, "***");
    else
        buf_append_slice(&shown, buf_slice(&text));
    char *ret = mem_strndup(shown.len > 0 ? shown.ptr : "", shown.len);
    buf_release(&text);
    buf_release(&shown);
    return ret;
}

static void options_release(struct server_view *v)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        free(v->options[i].name);
        free(v->options[i].value);
    }
    memset(v->options, 0, sizeof v->options);
}

static void tell_options(struct server *s, struct api_about *ret)
{
    struct server_view *v = s->view;
    options_release(v);
    for (int i = 0; i < OPTION_COUNT; i++) {
        const struct option_row *o = &options_table[i];
        struct buf name = { 0 };
        buf_printf(&name, "%s.%s", o->section, o->key);
        v->options[i].name = mem_strndup(name.ptr, name.len);
        v->options[i].value = option_text(s->config, (enum option_id)i);
        buf_release(&name);
    }
    ret->options = v->options;
    ret->n_options = OPTION_COUNT;
}

static void tell_redis(struct server *s, struct api_about *ret)
{
    const struct redis_stats *r = redis_stats_of(s);
    if (r == NULL)
        return;
    s->view->redis = (struct api_redis){
        .state = r->connected      ? "connected"
                 : r->connects > 0 ? "lost"
                                   : "connecting",
        .applied_series = r->series_applied,
        .dropped_series = r->series_dropped,
        .spool_bytes = r->spool_bytes + r->spool_disk_bytes,
        .spool_batches = r->spool_batches,
        .lag_s = (double)r->spool_age_ms / 1000,
    };
    ret->redis = &s->view->redis;
}

static void tell_mirror(struct server *s, struct api_about *ret)
{
    const struct server_mirror *m = &s->mirror;
    const struct mirror_opts *o = m->mirror != NULL ? mirror_in_force(m->mirror) : NULL;
    struct mirror_stats stats;
    if (o == NULL)
        return;
    server_mirror_stats(m, &stats);
    s->view->mirror =
        (struct api_mirror){ .to = o->to,
                             .by = o->by == MIRROR_BY_SERIES ? "series" : "datagram",
                             .state = mirror_state_word(stats.state),
                             .share = o->share.share,
                             .sent_datagrams = stats.datagrams,
                             .sent_lines = stats.lines,
                             .dropped_datagrams = sum(stats.dropped, MIRROR_DROP_COUNT) };
    ret->mirror = &s->view->mirror;
}

static void tell_status(void *server, struct api_about *ret)
{
    static const char *const states[] = { [STARTING] = "starting",
                                          [RUNNING] = "running",
                                          [HANDING_ON] = "running",
                                          [DRAINING] = "draining",
                                          [STOPPING] = "stopping" };
    struct server *s = server;
    *ret = (struct api_about){ .version = version_text,
                               .instance = s->config->server_instance,
                               .state = states[server_state(s)],
                               .config_file = s->source->file,
                               .pid = getpid(),
                               .started_s = s->self.server.start_seconds,
                               .interval_s = (double)server_interval_ms(s) / 1000,
                               .series = series_of(s),
                               .exposed = registry_exposed(s->registry),
                               .max_series = s->limit.max,
                               .streams_open = s->view->streams_open,
                               .streams_max = s->view->streams_max };
    tell_listeners(s, ret);
    tell_workers(s, ret);
    tell_options(s, ret);
    tell_redis(s, ret);
    tell_mirror(s, ret);
}

/* ---- conservation ---- */

static void tell_refused(struct server *s, uint64_t by_share, struct api_conservation *ret)
{
    struct limit_totals limits = { 0 };
    ret->refused_by[ret->n_refused_by++] =
        (struct api_count){ "max_series", ret->refused - by_share };
    series_limit_totals(&s->limit, &limits);
    for (int i = 0; limits.on && i < LIMITED_BY_COUNT; i++) {
        uint64_t n = limits.limited.by[i].other;
        for (unsigned k = 0; k < limits.limited.by[i].n; k++)
            n += limits.limited.by[i].at[k].n;
        if (i != LIMITED_SAMPLES_PER_NAME) /* these are dropped, not refused */
            ret->refused_by[ret->n_refused_by++] =
                (struct api_count){ limited_word((enum limited_by)i), n };
    }
}

static void tell_conservation(void *server, struct api_conservation *ret)
{
    static const char *const drops[] = {
#define X(id, word) word,
        INGEST_DROPS(X)
#undef X
    };
    struct server *s = server;
    const struct listen_stats listen = listen_stats_of(s);
    const struct socket_stats sockets = listen_sums(&listen);
    struct ingest_totals in;
    turn_totals(&s->turn, &in);
    ret->kernel_dropped = sockets.kernel_drops;
    ret->datagrams = sockets.datagrams;
    ret->samples_read = in.counters.v[INGEST_SAMPLES_READ];
    ret->aggregated = in.counters.v[INGEST_SAMPLES_AGGREGATED];
    ret->events = sum(in.counters.events, EVENT_ALERT_COUNT);
    ret->checks = sum(in.counters.checks, CHECK_STATUS_COUNT);
    ret->rejected = sum(in.rejected, REASON_COUNT);
    ret->refused = in.counters.v[INGEST_SAMPLES_REFUSED];
    ret->dropped = sum(in.counters.dropped, INGEST_DROP_COUNT);
    static_assert((int)REASON_COUNT <= API_COUNTS_MAX, "each reason has a place");
    for (int r = 0; r < REASON_COUNT; r++)
        ret->rejected_by[ret->n_rejected_by++] =
            (struct api_count){ reason_name((enum reason)r), in.rejected[r] };
    for (size_t d = 0; d < INGEST_DROP_COUNT; d++)
        ret->dropped_by[ret->n_dropped_by++] =
            (struct api_count){ drops[d], in.counters.dropped[d] };
    tell_refused(s, in.counters.refused_by_share, ret);
}

/* ---- explain ---- */

static void tell_explain(void *server, struct slice datagram, enum api_framing framing,
                         enum api_explain_form form, struct buf *out)
{
    const struct server *s = server;
    struct config c = *s->config;
    c.protocol_gauge_sign = (int)c.sockets[0].gauge_sign; /* as statsd explain */
    struct explain *e =
        explain_new(&c, &s->mapping, form == API_EXPLAIN_JSON ? EXPLAIN_JSON : EXPLAIN_TEXT);
    if (framing == API_FRAMING_DATAGRAM) {
        explain_datagram(e, datagram, false);
    } else {
        explain_stream_begin(e, framing == API_FRAMING_DSD ? FRAMING_DSD : FRAMING_LINE);
        (void)explain_stream_push(e, datagram);
        explain_stream_end(e);
    }
    (void)explain_finish(e, out);
    explain_free(e);
}

/* ---- once a second ---- */

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
    const struct listen_stats listen = listen_stats_of(s);
    const struct socket_stats sockets = listen_sums(&listen);
    const struct redis_stats *r = redis_stats_of(s);
    struct ingest_totals in;
    double at_s = now_s();
    turn_totals(&s->turn, &in);
    const struct history_row
        row = { .of = {
                    [HISTORY_at_s] = at_s,
                    [HISTORY_datagrams] = (double)sockets.datagrams,
                    [HISTORY_bytes] = (double)sockets.bytes,
                    [HISTORY_lines] = (double)in.counters.v[INGEST_LINES],
                    [HISTORY_aggregated] = (double)in.counters.v[INGEST_SAMPLES_AGGREGATED],
                    [HISTORY_events] = (double)sum(in.counters.events, EVENT_ALERT_COUNT),
                    [HISTORY_checks] = (double)sum(in.counters.checks, CHECK_STATUS_COUNT),
                    [HISTORY_rejected] = (double)sum(in.rejected, REASON_COUNT),
                    [HISTORY_refused] = (double)in.counters.v[INGEST_SAMPLES_REFUSED],
                    [HISTORY_dropped] = (double)sum(in.counters.dropped, INGEST_DROP_COUNT),
                    [HISTORY_kernel_dropped] = (double)sockets.kernel_drops,
                    [HISTORY_series] = (double)series_of(s),
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
    const struct redis_stats *r = redis_stats_of(s);
    char text[TIMELINE_TEXT_MAX];
    if (r == NULL)
        return;
    bool up = r->connected != 0;
    if (up != v->redis_up) {
        snprintf(text, sizeof text, "%llu batches wait", (unsigned long long)r->spool_batches);
        timeline_add_redis(&v->timeline, now_s(), up ? "connected" : "lost", text);
    }
    if (r->series_dropped > v->redis_dropped) {
        snprintf(text, sizeof text, "%llu values of series dropped",
                 (unsigned long long)(r->series_dropped - v->redis_dropped));
        timeline_add_redis(&v->timeline, now_s(), "dropped", text);
    }
    v->redis_up = up;
    v->redis_dropped = r->series_dropped;
}

static void look_at_drops(struct server *s)
{
    struct server_view *v = s->view;
    for (size_t i = 0; i < s->n_listeners; i++) {
        const uint64_t n = listener_sums(&s->listeners[i]).kernel_drops;
        if (n > v->kernel_drops[i])
            timeline_add_drop(&v->timeline, now_s(), s->listeners[i].address.name,
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

static void on_example(void *server, enum reason reason, const struct refusal *r,
                       const char *listener)
{
    const struct server *s = server;
    struct reject_example e = { .at_ms = now_wall_ms(),
                                .listener = listener,
                                .len = r->len,
                                .whole_len = r->whole_len,
                                .at = r->at };
    static_assert(sizeof e.text >= sizeof r->text && sizeof e.from >= sizeof r->from, "it fits");
    memcpy(e.text, r->text, r->len);
    memcpy(e.from, r->from, sizeof r->from);
    if (s->view != NULL) /* not after server_api_close */
        reject_board_add(&s->view->rejects, reason_name(reason), &e);
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
    v->turned_s = now_s();
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

/* ---- its life ---- */

static uint64_t ask_turn(void *turn)
{
    return turn_ask(turn, false);
}

int server_api_open(struct server *s)
{
    if (s->config->http_listen[0] == '\0')
        return 0;
    struct server_view *v = s->view = mem_zalloc(sizeof *v);
    v->listeners = mem_zalloc((s->n_listeners + 1) * sizeof *v->listeners);
    v->kernel_drops = mem_zalloc((s->n_listeners + 1) * sizeof *v->kernel_drops);
    v->rejects.shown = s->config->http_show_lines;
    if (v->rejects.shown) {
        s->refused.on_example = on_example;
        s->refused.cookie = s;
        refused_log_lines(&s->refused, s->config->protocol_log_rejected);
    }
    const struct api_opts o = {
        .loop = &s->loop,
        .from = { .lifecycle = s->config->http_lifecycle,
                  .capture = &s->capturing.api,
                  .events = s->events.log,
                  .history = &v->history,
                  .timeline = &v->timeline,
                  .registry = s->registry,
                  .top = s->top,
                  .rejects = &v->rejects,
                  .server = s,
                  .status = tell_status,
                  .conservation = tell_conservation,
                  .explain = tell_explain },
        .ask_turn = ask_turn,
        .turn = &s->turn,
    };
    int rc = api_new(&o, &s->api);
    s->self.api = s->api;
    return rc < 0 ? rc : api_live_new(&s->loop, &v->history, &v->live);
}

void server_api_leave(struct server *s)
{
    if (s->view != NULL)
        api_live_stop(s->view->live);
}

void server_api_enter(struct server *s)
{
    if (s->view != NULL)
        api_live_start(s->view->live);
}

void server_api_close(struct server *s)
{
    struct server_view *v = s->view;
    if (v == NULL)
        return;
    api_live_free(v->live);
    options_release(v);
    free(v->listeners);
    free(v->kernel_drops);
    free(v);
    s->view = NULL;
}
