/*
 * The daemon: built in one order, torn down in the reverse of it.  The control thread is the caller's: its loop runs the
 * interval timer, signals, merging, rendering and Redis.
 *
 *   start    registry -> listeners -> workers -> sinks -> HTTP -> signals, timers -> workers run
 *   stop     refuse datagrams -> last turn -> close the partial interval -> sinks idle (or time is up) -> HTTP -> workers
 */
#include "app/server.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "app/memory_bound.h"
#include "app/reload.h"
#include "app/schedule.h"
#include "app/scrape.h"
#include "app/selfmetrics.h"
#include "app/turn.h"
#include "app/version.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/now.h"
#include "sinks/prometheus.h"

enum {
    TICK_MS = 1000,              /* expiry, spreading, warnings */
    IDLE_CHECK_MS = 5,           /* while stopping: is the sink done? */
    WARN_EVERY_MS = 60000,
    HOT_DATAGRAMS = 20000,       /* a second: what makes one sender worth spreading */
    HOT_SHARE_PERCENT = 90
};

enum state { STARTING, RUNNING, DRAINING, STOPPING };

struct server {
    const struct config *config;
    const struct config_source *source;
    uv_loop_t loop;
    _Atomic int state;           /* enum state: control writes, the HTTP thread reads for /-/ready */
    int status;
    struct series_limit limit;
    struct registry *registry;
    struct prometheus *prometheus;
    struct listener *listeners;
    size_t n_listeners;
    struct worker *workers[LISTEN_WORKERS_MAX];
    unsigned n_workers;
    int socket_at[LISTEN_WORKERS_MAX][WORKER_SOCKETS_MAX];
    uint64_t datagrams_seen[LISTEN_WORKERS_MAX][WORKER_SOCKETS_MAX];
    uint64_t drops_seen[LISTEN_WORKERS_MAX][WORKER_SOCKETS_MAX];
    struct turn turn;
    struct scrape scrape;
    struct http_server *http;
    struct http_body *landing;
    struct http_route routes[6];
    struct sink *redis;
    uv_timer_t interval_timer, tick_timer, stop_timer;
    uv_signal_t signals[4];
    uv_async_t lifecycle;        /* POST /-/quit or /-/reload came in */
    _Atomic int lifecycle_signal;
    int64_t interval_start_ms;   /* of the interval that is open */
    uint64_t interval_turn;      /* the turn that closes it; 0: not asked for */
    uint64_t stop_deadline_ms;
    uint64_t refused_seen;
    struct log_gate limit_gate;
    struct selfmetrics_sources self;
};

static const char landing_page[] =
    "<!doctype html><html lang=en><meta charset=utf-8><title>statsd</title><h1>statsd</h1>"
    "<ul><li><a href=/metrics>/metrics</a><li><a href=/-/healthy>/-/healthy</a><li><a href=/-/ready>/-/ready</a></ul>\n";

static int64_t interval_ms(const struct server *s)
{
    return (int64_t)s->config->server_interval_ms;
}

static void set_state(struct server *s, enum state state)
{
    /* relaxed: a flag that guards nothing else */
    atomic_store_explicit(&s->state, (int)state, memory_order_relaxed);
}

static enum state state_of(struct server *s)
{
    return (enum state)atomic_load_explicit(&s->state, memory_order_relaxed);
}

/* ---- /metrics ---- */

static void render(void *server, struct buf *out)
{
    struct server *s = server;
    uint64_t start_ns = now_mono_ns();
    /* About as large as the last one: growing to 10 MB by doubling would copy it several times. */
    buf_reserve(out, (size_t)s->self.measured[SELF_RENDER_BYTES] + 65536);
    selfmetrics_render(&s->self, out);
    prometheus_render(s->prometheus, s->registry, now_mono_ns(), out);
    s->self.measured[SELF_RENDER_BYTES] = (double)out->len;
    s->self.measured[SELF_RENDER_SECONDS] = (double)(now_mono_ns() - start_ns) / 1e9;
}

static unsigned healthy(void *server, const char **ret_text)
{
    (void)server;
    *ret_text = "statsd is healthy";
    return 200;
}

static unsigned ready(void *server, const char **ret_text)
{
    bool yes = state_of(server) == RUNNING;
    *ret_text = yes ? "statsd is ready" : "statsd is starting or stopping";
    return yes ? 200 : 503;
}

/* ---- intervals ---- */

static void arm_interval(struct server *s);

static void close_interval(struct server *s, bool final)
{
    uint64_t start_ns = now_mono_ns();
    int64_t wall_ms = now_wall_ms();
    struct snapshot snap;
    struct interval_end end = { .start_s = s->interval_start_ms / 1000,
                                .interval_ms = interval_ms(s),
                                .now_ns = start_ns,
                                .now_wall_ms = wall_ms };
    registry_close(s->registry, &end, &snap);
    if (s->redis != NULL)
        s->redis->interval(s->redis, &snap, final);
    registry_next(s->registry);
    s->self.control.v[SELF_INTERVALS]++;
    s->self.control.v[SELF_INTERVALS_LATE] += wall_ms > s->interval_start_ms + interval_ms(s) * 3 / 2;
    s->interval_start_ms = schedule_start_ms(wall_ms, interval_ms(s));
    s->self.measured[SELF_FLUSH_SECONDS] = (double)(now_mono_ns() - start_ns) / 1e9;
}

static void on_interval(uv_timer_t *timer)
{
    struct server *s = timer->data;
    if (state_of(s) != RUNNING)
        return;
    /* A timer counts its milliseconds from when the loop last looked at the clock: it may be early by one. */
    if (schedule_start_ms(now_wall_ms(), interval_ms(s)) != s->interval_start_ms && s->interval_turn == 0)
        s->interval_turn = turn_ask(&s->turn, false);
    arm_interval(s);
}

static void arm_interval(struct server *s)
{
    uv_timer_start(&s->interval_timer, on_interval, schedule_wait_ms(now_wall_ms(), interval_ms(s)), 0);
}

static void finish_drain(struct server *s);

static void on_turned(void *server)
{
    struct server *s = server;
    if (state_of(s) == DRAINING) {
        scrape_turned(&s->scrape);
        if (!s->turn.again)
            finish_drain(s);
        return;
    }
    if (s->interval_turn != 0 && s->interval_turn <= s->turn.done) {
        s->interval_turn = 0;
        close_interval(s, false);
    }
    scrape_turned(&s->scrape);
}

/* ---- once a second ---- */

/* One worker has nearly all of a listener's datagrams and loses some: spread them by what is in them. */
static void spread_if_hot(struct server *s, size_t listener)
{
    struct listener *l = &s->listeners[listener];
    uint64_t sum = 0, most = 0, most_drops = 0;
    for (unsigned w = 0; w < s->n_workers; w++) {
        for (unsigned i = 0; i < WORKER_SOCKETS_MAX && s->socket_at[w][i] >= 0; i++) {
            if (s->socket_at[w][i] != (int)listener)
                continue;
            const struct socket_stats *now = &s->turn.sockets[w][i];
            uint64_t n = now->datagrams - s->datagrams_seen[w][i], drops = now->kernel_drops - s->drops_seen[w][i];
            s->datagrams_seen[w][i] = now->datagrams;
            s->drops_seen[w][i] = now->kernel_drops;
            sum += n;
            most_drops = n > most ? drops : most_drops;
            most = n > most ? n : most;
        }
    }
    bool hot = sum >= HOT_DATAGRAMS && most * 100 >= sum * HOT_SHARE_PERCENT && most_drops > 0;
    if (!hot || l->by_payload || l->address.spread != LISTEN_SPREAD_AUTO || listener_spread_payload(l) < 0)
        return;
    LOG(LOG_INFO, "spreading by payload", F_STR("addr", l->address.name), F_U64("datagrams_per_s", sum), F_U64("kernel_drops", most_drops));
}

static void warn_of_limit(struct server *s)
{
    uint64_t refused = 0, suppressed;
    for (unsigned w = 0; w < s->n_workers; w++)
        refused += s->turn.seen[w].v[SELF_SAMPLES_REFUSED];
    uint64_t more = refused - s->refused_seen;
    if (more == 0 || !log_gate(&s->limit_gate, WARN_EVERY_MS, now_mono_ms(), &suppressed))
        return;
    s->refused_seen = refused;
    size_t n;
    const struct family *worst = registry_largest(s->registry, &n);
    LOG(LOG_WARN, "series limit reached", F_U64("samples_refused", more), F_U64("max_series", s->limit.max),
        F_STR("largest_metric", worst == NULL ? "" : worst->name), F_U64("its_series", n),
        F_STR("remedy", "drop a tag of that metric, or raise limits.max_series"));
}

static void on_tick(uv_timer_t *timer)
{
    struct server *s = timer->data;
    if (state_of(s) != RUNNING)
        return;
    registry_expire(s->registry, now_mono_ns());
    warn_of_limit(s);
    if (s->n_workers < 2)
        return;
    for (size_t i = 0; i < s->n_listeners; i++)
        spread_if_hot(s, i);
    /* Fresh numbers for the next look. */
    turn_ask(&s->turn, false);
}

/* ---- stopping ---- */

static void close_handle(uv_handle_t *h, void *cookie)
{
    (void)cookie;
    if (!uv_is_closing(h))
        uv_close(h, NULL);
}

static void stop_now(struct server *s)
{
    set_state(s, STOPPING);
    uv_stop(&s->loop);
}

static void on_stop_check(uv_timer_t *timer)
{
    struct server *s = timer->data;
    bool idle = s->redis == NULL || s->redis->idle(s->redis);
    bool late = now_mono_ms() >= s->stop_deadline_ms;
    if (!idle && !late)
        return;
    if (!idle)
        LOG(LOG_WARN, "stopping before redis has everything", F_STR("remedy", "raise server.drain_timeout"));
    stop_now(s);
}

/* The last page is in: the open interval ends here. */
static void finish_drain(struct server *s)
{
    uv_timer_stop(&s->interval_timer);
    close_interval(s, true);
    s->stop_deadline_ms = now_mono_ms() + s->config->server_drain_timeout_ms;
    uv_timer_start(&s->stop_timer, on_stop_check, 0, IDLE_CHECK_MS);
}

static void drain(struct server *s, int signum)
{
    if (state_of(s) != RUNNING) {
        LOG(LOG_WARN, "second signal: stopping at once", F_STR("signal", strsignal(signum)));
        s->status = 1;
        stop_now(s);
        return;
    }
    LOG(LOG_INFO, "stopping", F_STR("signal", strsignal(signum)));
    set_state(s, DRAINING);
    for (size_t i = 0; i < s->n_listeners; i++)
        listener_refuse(&s->listeners[i]);
    turn_ask(&s->turn, true);
}

static void log_summary(const char *msg, struct server *s)
{
    struct selfmetrics all;
    selfmetrics_gather(&s->self, &all);
    uint64_t series = 0;
    for (int k = 0; k < SERIES_KIND_COUNT; k++)
        series += registry_count(s->registry, (enum series_kind)k);
    LOG(LOG_INFO, msg, F_U64("datagrams", all.v[SELF_DATAGRAMS]), F_U64("kernel_drops", selfmetrics_kernel_drops(&s->self)),
        F_U64("samples_read", all.v[SELF_SAMPLES_READ]), F_U64("samples_aggregated", all.v[SELF_SAMPLES_AGGREGATED]),
        F_U64("samples_rejected", selfmetrics_rejected(&s->self)), F_U64("samples_refused", all.v[SELF_SAMPLES_REFUSED]),
        F_U64("series", series), F_U64("intervals", all.v[SELF_INTERVALS]),
        F_U64("redis_intervals", all.v[SELF_REDIS_INTERVALS]), F_U64("redis_dropped_intervals", all.v[SELF_REDIS_LOST_INTERVALS]));
}

static void on_signal(uv_signal_t *handle, int signum)
{
    struct server *s = handle->data;
    if (signum == SIGUSR1)
        log_summary("summary", s);
    else if (signum == SIGHUP)
        reload(s->config, s->source);
    else
        drain(s, signum);
}

/* As if the signal had come.  HTTP thread, then control. */
static unsigned post_signal(struct server *s, int signum, const char **ret_text)
{
    if (!s->config->http_lifecycle) {
        *ret_text = "not allowed; http.lifecycle = on allows it";
        return 403;
    }
    /* release: of two at once the later one counts; on_lifecycle sees it */
    atomic_store_explicit(&s->lifecycle_signal, signum, memory_order_release);
    uv_async_send(&s->lifecycle);
    *ret_text = signum == SIGHUP ? "reloading; the log has the result" : "stopping";
    return 200;
}

static unsigned post_quit(void *server, const char **ret_text)
{
    return post_signal(server, SIGTERM, ret_text);
}

static unsigned post_reload(void *server, const char **ret_text)
{
    return post_signal(server, SIGHUP, ret_text);
}

static void on_lifecycle(uv_async_t *async)
{
    struct server *s = async->data;
    int signum = atomic_exchange_explicit(&s->lifecycle_signal, 0, memory_order_acquire);
    if (signum == SIGHUP)
        reload(s->config, s->source);
    else if (signum == SIGTERM && state_of(s) == RUNNING)
        drain(s, signum);
}

/* ---- starting ---- */

static void make_registry(struct server *s)
{
    const struct config *c = s->config;
    size_t n_reserved;
    const char *const *reserved = selfmetrics_names(&n_reserved);
    struct registry_opts o = {
        .suffixes = c->prometheus_suffixes,
        .histograms = c->prometheus_observer_type == OBSERVER_HISTOGRAM,
        .buckets = c->prometheus_buckets.at,
        .n_buckets = (uint32_t)c->prometheus_buckets.n,
        .quantiles = c->aggregate_quantiles.at,
        .n_quantiles = (uint32_t)c->aggregate_quantiles.n,
        .summary_max_age_s = (uint32_t)(c->aggregate_summary_max_age_ms / 1000),
        .summary_age_buckets = c->aggregate_summary_age_buckets,
        .sketch_schema = (int)c->aggregate_sketch_schema,
        .ttl_s = (c->aggregate_ttl_ms + 999) / 1000,
        .keep_intervals = c->redis_url[0] != '\0',
        .reserved = reserved,
        .n_reserved = n_reserved,
        .limit = &s->limit,
    };
    s->registry = registry_new(&o);
    struct prometheus_opts p = { o.quantiles, o.n_quantiles, o.buckets, o.n_buckets };
    s->prometheus = prometheus_new(&p);
}

static int open_listeners(struct server *s)
{
    const struct config *c = s->config;
    s->listeners = mem_zalloc((c->n_sockets + 1) * sizeof *s->listeners);
    for (size_t i = 0; i < c->n_sockets; i++) {
        struct buf error = { 0 };
        struct listener *l = &s->listeners[i];
        int rc = listener_open(&c->sockets[i], s->n_workers, l, &error);
        if (rc < 0) {
            LOG(LOG_ERROR, "cannot listen", F_SLICE("error", buf_slice(&error)));
            buf_release(&error);
            return rc;
        }
        buf_release(&error);
        s->n_listeners++;
    }
    return 0;
}

static void log_listener(const struct listener *l)
{
    bool udp = l->address.transport == LISTEN_UDP;
    const char *scheme_end = strstr(l->address.name, "://");
    const char *addr = scheme_end == NULL ? l->address.name : scheme_end + 3;
    /* The kernel grants double, for its own bookkeeping: an even deal is the asked size twice. */
    LOG(LOG_INFO, "listening", F_STR("proto", udp ? "udp" : "unixgram"), F_STR("addr", addr), F_U64("sockets", l->n),
        F_U64("rcvbuf_asked_bytes", l->address.rcvbuf), F_U64("rcvbuf_granted_bytes", l->rcvbuf_granted / 2));
    if (udp && l->rcvbuf_granted / 2 < l->address.rcvbuf)
        LOG(LOG_WARN, "receive buffer smaller than asked for", F_STR("addr", addr),
            F_STR("remedy", "raise net.core.rmem_max, or give the process CAP_NET_ADMIN"));
}

static int make_worker(struct server *s, unsigned i)
{
    const struct config *c = s->config;
    bool histograms = c->prometheus_observer_type == OBSERVER_HISTOGRAM;
    struct worker_opts o = {
        .index = i,
        .parse = { .name_tags = c->protocol_name_tags,
                   .origin_tags = c->protocol_origin_tags,
                   .max_line = c->limits_max_line,
                   .max_name = c->limits_max_name },
        .ingest = { .tags = { c->limits_max_tags, c->limits_max_tag_len, c->protocol_keep_internal_tags },
                    .sketch_schema = (int)c->aggregate_sketch_schema,
                    .buckets = histograms ? c->prometheus_buckets.at : NULL,
                    .n_buckets = (uint32_t)c->prometheus_buckets.n,
                    .ttl_s = (uint32_t)((c->aggregate_ttl_ms + 999) / 1000),
                    .limit = &s->limit },
        .notify = turn_notify,
        .cookie = &s->turn,
    };
    int rc = worker_new(&o, &s->workers[i]);
    for (unsigned j = 0; j < WORKER_SOCKETS_MAX; j++)
        s->socket_at[i][j] = -1;
    return rc;
}

/* Each worker gets its socket of each UDP listener; the single sockets of the others go round. */
static int hand_out_sockets(struct server *s)
{
    unsigned next = 0;
    for (size_t i = 0; i < s->n_listeners; i++) {
        const struct listener *l = &s->listeners[i];
        for (unsigned j = 0; j < l->n; j++) {
            unsigned w = l->n > 1 ? j : next++ % s->n_workers;
            int at = worker_add_socket(s->workers[w], l->fds[j], l->address.transport == LISTEN_UDP, l->address.gauge_sign);
            if (at < 0) {
                LOG(LOG_ERROR, "cannot receive", F_STR("addr", l->address.name), F_STR("error", strerror(-at)));
                return at;
            }
            s->socket_at[w][at] = (int)i;
        }
    }
    return 0;
}

static int make_workers(struct server *s)
{
    for (unsigned i = 0; i < s->n_workers; i++) {
        int rc = make_worker(s, i);
        if (rc < 0) {
            LOG(LOG_ERROR, "cannot make a worker", F_STR("error", strerror(-rc)));
            return rc;
        }
    }
    s->turn.workers = s->workers;
    s->turn.n_workers = s->n_workers;
    s->turn.registry = s->registry;
    s->turn.on_turned = on_turned;
    s->turn.cookie = s;
    return hand_out_sockets(s);
}

static int make_redis(struct server *s)
{
    const struct config *c = s->config;
    if (c->redis_url[0] == '\0')
        return 0;
    char host[256] = "";
    if (c->server_instance[0] == '\0')
        (void)gethostname(host, sizeof host - 1);
    struct redis_opts o = {
        .url = c->redis_url,
        .prefix = c->redis_prefix,
        .instance = host[0] != '\0' ? host : c->server_instance,
        .epoch = (uint64_t)now_wall_ms(),
        .retention_s = (uint32_t)(c->redis_retention_ms / 1000),
        .interval_ms = (uint32_t)c->server_interval_ms,
        .spool_max_bytes = c->redis_spool_max_bytes,
        .spool_max_age_ms = c->redis_spool_max_age_ms,
        .connect_timeout_ms = (uint32_t)c->redis_connect_timeout_ms,
        .reply_timeout_ms = (uint32_t)c->redis_reply_timeout_ms,
    };
    int rc = redis_sink_new(&s->loop, &o, &s->redis);
    if (rc < 0)
        LOG(LOG_ERROR, "cannot set up redis", F_STR("error", strerror(-rc)));
    return rc;
}

static int start_http(struct server *s)
{
    const struct config *c = s->config;
    if (c->http_listen[0] == '\0')
        return 0;
    s->landing = http_body_take("text/html; charset=utf-8", mem_strdup(landing_page), sizeof landing_page - 1);
    s->routes[0] = (struct http_route){ .path = "/", .fixed = s->landing };
    s->routes[1] = (struct http_route){ .path = "/metrics", .ask = scrape_ask, .cookie = &s->scrape };
    s->routes[2] = (struct http_route){ .path = "/-/healthy", .probe = healthy, .cookie = s };
    s->routes[3] = (struct http_route){ .path = "/-/ready", .probe = ready, .cookie = s };
    s->routes[4] = (struct http_route){ .path = "/-/quit", .probe = post_quit, .cookie = s, .post = true };
    s->routes[5] = (struct http_route){ .path = "/-/reload", .probe = post_reload, .cookie = s, .post = true };
    struct http_opts o = { .listen = c->http_listen,
                           .routes = s->routes,
                           .n_routes = ARRAY_LEN(s->routes),
                           .max_connections = c->http_max_connections,
                           .max_per_ip = c->http_max_per_ip,
                           .timeout_s = (uint32_t)(c->http_timeout_ms / 1000) };
    const char *error = "";
    int rc = http_start(&o, &s->http, &error);
    if (rc < 0)
        LOG(LOG_ERROR, "cannot serve http", F_STR("addr", c->http_listen), F_STR("error", error));
    else
        LOG(LOG_INFO, "listening", F_STR("proto", "http"), F_STR("addr", http_address(s->http)));
    return rc;
}

static void start_loop(struct server *s)
{
    static const int numbers[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1 };
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        uv_signal_init(&s->loop, &s->signals[i]);
        s->signals[i].data = s;
        uv_signal_start(&s->signals[i], on_signal, numbers[i]);
    }
    uv_async_init(&s->loop, &s->lifecycle, on_lifecycle);
    s->lifecycle.data = s;
    uv_timer_init(&s->loop, &s->interval_timer);
    uv_timer_init(&s->loop, &s->tick_timer);
    uv_timer_init(&s->loop, &s->stop_timer);
    s->interval_timer.data = s->tick_timer.data = s->stop_timer.data = s;
    s->interval_start_ms = schedule_start_ms(now_wall_ms(), interval_ms(s));
    arm_interval(s);
    uv_timer_start(&s->tick_timer, on_tick, TICK_MS, TICK_MS);
}

static void prepare_self(struct server *s)
{
    s->self = (struct selfmetrics_sources){ .turn = &s->turn,
                                            .registry = s->registry,
                                            .listeners = s->listeners,
                                            .n_listeners = s->n_listeners,
                                            .socket_at = s->socket_at,
                                            .redis = s->redis,
                                            .version = version_text,
                                            .commit = version_commit };
    s->self.control.v[SELF_SERIES_LIMIT] = s->limit.max;
    s->self.measured[SELF_START_SECONDS] = (double)now_wall_ms() / 1000;
    s->self.measured[SELF_INTERVAL_SECONDS] = (double)interval_ms(s) / 1000;
}

static int start(struct server *s)
{
    int rc = series_limit_init(&s->limit, s->config->limits_max_series);
    if (rc < 0)
        return rc;
    make_registry(s);
    if ((rc = open_listeners(s)) < 0 || (rc = make_workers(s)) < 0 || (rc = make_redis(s)) < 0)
        return rc;
    prepare_self(s);
    start_loop(s);
    for (unsigned i = 0; i < s->n_workers && rc == 0; i++)
        rc = worker_start(s->workers[i]);
    if (rc < 0 || (rc = start_http(s)) < 0)
        return rc;
    s->self.http = s->http;
    for (size_t i = 0; i < s->n_listeners; i++)
        log_listener(&s->listeners[i]);
    set_state(s, RUNNING);
    LOG(LOG_INFO, "ready", F_STR("version", version_text), F_STR("commit", version_commit), F_U64("workers", s->n_workers),
        F_I64("interval_ms", interval_ms(s)), F_BOOL("redis", s->redis != NULL));
    return 0;
}

static void stop(struct server *s)
{
    scrape_stop(&s->scrape);
    while (!scrape_idle(&s->scrape))
        uv_run(&s->loop, UV_RUN_ONCE);
    if (s->http != NULL)
        http_stop(s->http);
    s->self.http = NULL;
    if (s->registry != NULL && s->status == 0)
        log_summary("stopped", s);
    http_body_unref(s->landing);
    for (unsigned i = 0; i < s->n_workers; i++)
        worker_join(s->workers[i]);
    for (size_t i = 0; i < s->n_listeners; i++)
        listener_close(&s->listeners[i]);
    if (s->redis != NULL)
        s->redis->close(s->redis);
    turn_close(&s->turn);
    scrape_close(&s->scrape);
    uv_walk(&s->loop, close_handle, NULL);
    while (uv_run(&s->loop, UV_RUN_DEFAULT) != 0) {}
    uv_loop_close(&s->loop);
    free(s->listeners);
    prometheus_free(s->prometheus);
    registry_free(s->registry);
    series_limit_release(&s->limit);
}

int server_run(const struct config *c, const struct config_source *src)
{
    log_setup((enum log_level)c->server_log_level, (enum log_format)c->server_log_format);
    /* A peer that hangs up is an error to handle, not a reason to die. */
    signal(SIGPIPE, SIG_IGN);
    hash_seed_random();
    struct server *s = mem_zalloc(sizeof *s);
    s->config = c;
    s->source = src;
    s->n_workers = memory_bound_workers(c);
    int rc = uv_loop_init(&s->loop);
    if (rc < 0) {
        LOG(LOG_ERROR, "cannot start", F_STR("error", uv_strerror(rc)));
        free(s);
        return 1;
    }
    turn_init(&s->turn, &s->loop);
    s->scrape = (struct scrape){ .turn = &s->turn, .render = render, .cookie = s };
    scrape_init(&s->scrape, &s->loop);
    if (start(s) < 0)
        s->status = 1;
    else
        uv_run(&s->loop, UV_RUN_DEFAULT);
    stop(s);
    int status = s->status;
    free(s);
    return status;
}
