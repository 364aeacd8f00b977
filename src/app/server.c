/*
 * The daemon's life.  The control thread is the caller of server_run: its loop runs the interval
 * timer, signals, merging, rendering and the sinks.
 *
 *   start    listeners -> registry -> workers -> sinks (server_build.c)
 *            -> signals and timers -> HTTP -> the workers run
 *   drain    sockets refuse, or are left to who keeps them -> last turn -> final interval
 *            -> sinks idle (server_stop.c)
 *   stop     scrapes under way end -> HTTP -> workers -> listeners, sinks, registry -> the loop
 *
 * In this file: when intervals close and turns end, signals and what HTTP clients ask for, start,
 * stop.
 */
#include "app/server.h"

#include <assert.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "app/server_priv.h"
#include "app/version.h"
#include "base/backing.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/now.h"
#include "base/schedule.h"
#include "protocol/variant.h"
#include "sinks/redis.h"

enum {
    TICK_MS = 1000,
    SCRAPES_MS = 1000 /* stopping: how long scrapes under way may take to end */
};

/* ---- intervals ---- */

static void server_check(const struct server *s)
{
    assert(s->interval_start_ms % server_interval_ms(s) == 0);
    assert(s->interval_turn <= s->turn.begun + 1); /* asked for during a turn: the next one */
    assert(s->last_turn <= s->turn.begun + 1 && s->reload_turn <= s->turn.begun + 1);
}

static void arm_interval(struct server *s);

static void on_interval(uv_timer_t *timer)
{
    struct server *s = timer->data;
    if (server_state(s) != RUNNING)
        return;
    server_check(s);
    /* uv_timer_start counts from when the loop last read the clock, so the timer may be early. */
    int64_t start_ms = schedule_start_ms(now_wall_ms(), server_interval_ms(s));
    if (start_ms != s->interval_start_ms && s->interval_turn == 0)
        s->interval_turn = turn_ask(&s->turn, false);
    arm_interval(s);
}

static void arm_interval(struct server *s)
{
    assert(server_state(s) == STARTING || server_state(s) == RUNNING);
    uint64_t wait_ms = schedule_wait_ms(now_wall_ms(), server_interval_ms(s));
    uv_timer_start(&s->interval_timer, on_interval, wait_ms, 0);
}

void server_begin_interval(struct server *s)
{
    s->interval_start_ms = schedule_start_ms(now_wall_ms(), server_interval_ms(s));
    arm_interval(s);
}

void server_resume_interval(struct server *s)
{
    s->interval_turn = 0; /* that turn may have ended during the pause, where nobody looked */
    on_interval(&s->interval_timer);
}

/* An interval that ended while the server drains is part of the final one: see server_drained. */
static void turned_running(struct server *s)
{
    refused_log_look(&s->refused, now_mono_ms());
    server_expire_turned(s);
    if (s->interval_turn != 0 && s->interval_turn <= s->turn.done) {
        s->interval_turn = 0;
        server_close_interval(s, INTERVAL_OVER);
    }
}

void server_turned(void *server)
{
    struct server *s = server;
    enum server_state state = server_state(s);
    server_check(s);
    events_take(&s->events);
    server_manager_turned(s);
    server_hand_on_turned(s);
    server_reload_turned(s);
    if (state == RUNNING)
        turned_running(s);
    scrape_turned(s->scrape, s->turn.done);
    server_api_turned(s);
    api_turned(s->api, s->turn.done);
    if (state == DRAINING && s->last_turn != 0 && s->turn.done >= s->last_turn) {
        s->last_turn = 0;
        server_drained(s);
    }
}

static void on_tick(uv_timer_t *timer)
{
    struct server *s = timer->data;
    if (server_state(s) == RUNNING)
        server_tick(s);
}

static void log_summary(const char *msg, struct server *s)
{
    struct selfmetrics all;
    selfmetrics_gather(&s->self, &all);
    uint64_t series = 0;
    for (int k = 0; k < SERIES_KIND_COUNT; k++)
        series += registry_count(s->registry, (enum series_kind)k);
    const struct socket_stats sockets = listen_sums(&all.listen);
    const uint64_t *in = all.ingest.counters.v;
    const struct counter_source *redis = &all.sources[COUNTER_TABLE_REDIS];
    double rejected = counter_sum(&all.sources[COUNTER_TABLE_INGEST], INGEST_REJECTED);
    LOG(LOG_INFO, msg, F_U64("datagrams", sockets.datagrams),
        F_U64("kernel_drops", sockets.kernel_drops), F_U64("samples_read", in[INGEST_SAMPLES_READ]),
        F_U64("samples_aggregated", in[INGEST_SAMPLES_AGGREGATED]),
        F_U64("samples_rejected", (uint64_t)rejected),
        F_U64("samples_refused", in[INGEST_SAMPLES_REFUSED]), F_U64("series", series),
        F_U64("intervals", s->self.server.intervals),
        F_U64("redis_intervals", counter_sum(redis, REDIS_COUNTER_intervals_applied)),
        F_U64("redis_dropped_intervals", counter_sum(redis, REDIS_COUNTER_intervals_dropped)),
        F_U64("redis_dropped_series", counter_sum(redis, REDIS_COUNTER_series_dropped)),
        F_U64("redis_events", counter_sum(redis, REDIS_COUNTER_events_appended)),
        F_U64("redis_dropped_events", counter_sum(redis, REDIS_COUNTER_events_dropped) +
                                          counter_sum(redis, REDIS_COUNTER_events_refused)));
}

static void on_signal(uv_signal_t *handle, int signum)
{
    struct server *s = handle->data;
    if (server_state(s) == STARTING) { /* it is taking over: see server_take.c */
        if (signum == SIGTERM || signum == SIGINT)
            server_take_cancel(s);
        return;
    }
    if (signum == SIGUSR1)
        log_summary("summary", s);
    else if (signum == SIGHUP)
        server_reload(s);
    else
        server_drain(s, signum);
}

static void on_lifecycle(uv_async_t *async)
{
    struct server *s = async->data;
    unsigned asked = atomic_exchange(&s->lifecycle_asked, 0);
    enum server_state state = server_state(s);
    bool runs = (state == RUNNING && !s->leaving) || state == HANDING_ON;
    if ((asked & LIFECYCLE_QUIT) && runs)
        server_drain(s, SIGTERM);
    if (asked & LIFECYCLE_RELOAD)
        server_reload(s);
}

/* ---- starting ---- */

void server_start_loop(struct server *s)
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
    uv_timer_init(&s->loop, &s->expire_timer);
    uv_idle_init(&s->loop, &s->giving);
    s->giving.data = s;
    server_watch_start(s);
    s->interval_timer.data = s->tick_timer.data = s->stop_timer.data = s->expire_timer.data = s;
    server_begin_interval(s);
    uv_timer_start(&s->tick_timer, on_tick, TICK_MS, TICK_MS);
}

static void close_handle(uv_handle_t *h, void *cookie)
{
    (void)cookie;
    if (!uv_is_closing(h))
        uv_close(h, NULL);
}

static void on_scrapes_late(uv_timer_t *timer)
{
    struct server *s = timer->data;
    scrape_cut(s->scrape);
}

/* Run the loop until all scrapes have ended: by themselves within SCRAPES_MS, else cut off. */
static void end_scrapes(struct server *s)
{
    if (s->scrape == NULL)
        return;
    scrape_stop(s->scrape);
    if (scrape_idle(s->scrape))
        return;
    uv_timer_start(&s->stop_timer, on_scrapes_late, s->hurried ? 0 : SCRAPES_MS, 0);
    while (!scrape_idle(s->scrape))
        uv_run(&s->loop, UV_RUN_ONCE);
}

static void stop(struct server *s)
{
    assert(server_state(s) == STARTING || server_state(s) == STOPPING);
    end_scrapes(s);
    if (s->cluster != NULL)
        cluster_page_stop(s->cluster, s->hurried ? 0 : SCRAPES_MS);
    api_stop(s->api);
    bool ran = server_state(s) != STARTING;
    server_http_stop(s);
    cluster_page_free(s->cluster);
    s->self.cluster = s->cluster = NULL;
    server_state_stop(s);
    if (ran)
        server_state_save(s);
    off_page_log_tick(&s->off_page_log, UINT64_MAX);
    if (ran) {
        refused_log_end(&s->refused, now_mono_ms());
        log_summary("stopped", s);
    }
    server_unbuild(s);
    server_sampling_close(s);
    capturing_close(&s->capturing);
    server_state_close(s);
    server_hand_on_close(s);
    server_take_close(s);
    turn_close(&s->turn);
    scrape_free(s->scrape);
    api_free(s->api);
    server_api_close(s);
    server_web_close(&s->web);
    uv_walk(&s->loop, close_handle, NULL);
    while (uv_run(&s->loop, UV_RUN_DEFAULT) != 0) {}
    int rc = uv_loop_close(&s->loop);
    assert(rc == 0); /* every handle is closed */
    (void)rc;
    acceptor_free(s->acceptor);
    server_manager_close(s);
}

int server_run(const struct config *c, struct core_mapping *mapping,
               const struct config_source *src, bool takeover)
{
    log_setup((enum log_level)c->server_log_level, (enum log_format)c->server_log_format);
    /* Writing to a peer that hung up is an error of that write, no signal. */
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN); /* likewise of writing past RLIMIT_FSIZE: the state file */
    /*
     * No lists of small freed chunks that are joined all at once, some day: after a million series
     * have expired, one free() of a worker would take 0.1 s.
     */
    (void)mallopt(M_MXFAST, 0); /* NOLINT(concurrency-mt-unsafe): no other thread runs yet */
    struct server *s = mem_zalloc_apart(sizeof *s); /* it has parts that are */
    s->config = c;
    s->mapping = *mapping;
    *mapping = (struct core_mapping){ 0 };
    s->source = src;
    s->taking.asked = takeover;
    s->hand_on.http_fd = s->manager.http_fd = s->manager.http_spare = -1;
    s->capturing.dir = -1;
    s->state_file = (struct state_file){ .dir = -1, .fd = -1 };
    int rc = uv_loop_init(&s->loop);
    if (rc < 0) {
        LOG(LOG_ERROR, "cannot start", F_STR("error", uv_strerror(rc)));
        core_mapping_release(&s->mapping);
        free(s);
        return 1;
    }
    turn_init(&s->turn, &s->loop);
    rc = server_user_open(s);
    if (rc == 0)
        rc = takeover ? server_take(s) : server_start(s);
    if (rc < 0) {
        s->status = 1;
        (void)notify_say(&s->manager.to, "STATUS=could not start: the log says why");
    } else {
        uv_run(&s->loop, UV_RUN_DEFAULT);
    }
    stop(s);
    backing_stop();
    int status = s->status;
    free(s);
    return status;
}
