/*
 * Draining: from the signal until the sinks have everything, or the time is up.
 *
 *   server_drain   if others keep sockets: no connection is accepted any more, and those that are
 *     leave_check  open may end by themselves, LEAVE_MS at most.  Datagrams are still read
 *   drain          sockets that nobody keeps take nothing new; the last turn reads what they and
 *                  all connections hold.  What arrives later at kept ones stays in the kernel
 *   server_drained (by on_turned) closes the final interval
 *   check          every CHECK_MS:  all sinks idle             -> leave
 *                                   drain_timeout is over      -> give_up -> leave
 *   server_drain   again, for a second signal: give_up -> leave, once the last turn is over
 *
 * With server.state_dir the wait is WITH_STATE_MS at most: what is left then is saved, and sent by
 * the next process.
 *
 * The exit status is 1 if a sink is given up that has not got everything.  An interval without a
 * series is not worth a wait: if only such are left, check gives up after LOG_AFTER_MS.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "app/server_priv.h"
#include "base/now.h"

enum {
    CHECK_MS = 5,
    LOG_AFTER_MS = 100, /* a shorter wait is not logged */
    LEAVE_MS = 250,
    WITH_STATE_MS = 1000,
    MSG_BYTES = 128
};

static void leave(struct server *s)
{
    assert(server_state(s) == DRAINING && s->last_turn == 0); /* nothing is left to be merged */
    server_set_state(s, STOPPING);
    uv_stop(&s->loop);
}

/* What this sink has not got by now is lost.  An interval without a series is not logged. */
static void give_up_on(struct server *s, struct sink *sink, const char *remedy)
{
    struct sink_amount left;
    char msg[MSG_BYTES];
    assert(!sink->idle(sink));
    sink->left(sink, &left);
    sink->give_up(sink);
    if (sink_amount_is_nothing(&left))
        return;
    s->status = 1;
    snprintf(msg, sizeof msg, "stopped before %s had everything: lost", sink->name);
    LOG(LOG_ERROR, msg, F_U64("intervals", left.intervals),
        F_U64("series", sink_amount_series(&left)), F_U64("counters", left.series[SERIES_COUNTER]),
        F_NUM("counters_sum", left.counted), F_U64("timers", left.series[SERIES_TIMER]),
        F_NUM("timer_values", left.timed), F_U64("gauges", left.series[SERIES_GAUGE]),
        F_U64("sets", left.series[SERIES_SET]), F_U64("events", left.entries),
        F_U64("sent_without_answer", left.unsure), F_STR("remedy", remedy));
}

void server_give_up(struct server *s)
{
    for (size_t i = 0; i < s->sinks.n; i++) {
        struct sink *sink = s->sinks.at[i];
        char remedy[MSG_BYTES] = "one signal alone waits for server.drain_timeout";
        if (s->late)
            snprintf(remedy, sizeof remedy,
                     "see why %s does not take it, or raise server.drain_timeout", sink->name);
        if (!sink->idle(sink))
            give_up_on(s, sink, remedy);
    }
}

/*
 * late: the time is up; else a second signal came.  HTTP clients are not waited for either.  Where
 * there is a state, sinks are given up only once it is saved.
 */
static void give_up(struct server *s, bool late)
{
    uv_timer_stop(&s->stop_timer);
    s->hurried = true;
    s->late = late;
    if (s->state_file.dir < 0)
        server_give_up(s);
    leave(s);
}

/* What a sink does not take is in the state: a start waits for this process to end. */
static uint64_t wait_ms(const struct server *s)
{
    uint64_t most_ms = s->config->server_drain_timeout_ms;
    return s->state_file.dir >= 0 && most_ms > WITH_STATE_MS ? WITH_STATE_MS : most_ms;
}

/* returns  whether the sink has something left that is worth a wait */
static bool log_wait_for(const struct server *s, const struct sink *sink)
{
    struct sink_amount left;
    char msg[MSG_BYTES];
    sink->left(sink, &left);
    if (sink_amount_is_nothing(&left))
        return false;
    snprintf(msg, sizeof msg, "waiting for %s to take what is left", sink->name);
    LOG(LOG_INFO, msg, F_U64("intervals", left.intervals),
        F_U64("series", sink_amount_series(&left)), F_U64("events", left.entries),
        F_U64("at_most_ms", wait_ms(s)), F_STR("hint", "a second TERM or INT ends the wait"));
    return true;
}

/* returns  as log_wait_for, of any sink */
static bool log_wait(const struct server *s)
{
    bool worth = false;
    for (size_t i = 0; i < s->sinks.n; i++)
        worth |= log_wait_for(s, s->sinks.at[i]);
    return worth;
}

static void check(uv_timer_t *timer)
{
    struct server *s = timer->data;
    uint64_t waited_ms = now_mono_ms() - s->drained_ms;
    bool enough = waited_ms >= wait_ms(s);
    if (!sink_list_idle(&s->sinks) && !enough && !s->wait_logged && waited_ms >= LOG_AFTER_MS) {
        s->wait_logged = log_wait(s);
        enough = !s->wait_logged;
    }
    if (sink_list_idle(&s->sinks))
        leave(s);
    else if (enough)
        give_up(s, true);
}

void server_drained(struct server *s)
{
    assert(server_state(s) == DRAINING && s->last_turn == 0);
    uv_timer_stop(&s->interval_timer);
    server_close_interval(s, INTERVAL_FINAL);
    if (s->hurried) {
        give_up(s, false);
        return;
    }
    s->drained_ms = now_mono_ms();
    uv_timer_start(&s->stop_timer, check, 0, CHECK_MS);
}

static void drain_no_longer(struct server *s, int signum)
{
    LOG(LOG_WARN, "second signal: stopping at once", F_STR("signal", sigdescr_np(signum)));
    s->hurried = true;
    if (server_state(s) == STOPPING)
        scrape_cut(s->scrape); /* see end_scrapes */
    else if (s->last_turn == 0)
        give_up(s, false);
    /* Else the last turn is under way, which ends when the sockets are empty: server_drained then
     * gives up. */
}

static void drain(struct server *s)
{
    uv_timer_stop(&s->stop_timer);
    s->leaving = false;
    server_set_state(s, DRAINING);
    if (s->acceptor != NULL)
        acceptor_stop(s->acceptor);
    for (size_t i = 0; i < s->n_listeners; i++)
        listener_refuse(&s->listeners[i]);
    s->last_turn = turn_ask(&s->turn, true);
}

/* Connections to sockets that others keep: of streams, and of HTTP. */
static uint64_t connections_left(struct server *s)
{
    struct http_stats http = { .connections = 0 };
    uint64_t n = 0;
    if (s->acceptor != NULL)
        acceptor_collect(s->acceptor);
    for (size_t i = 0; i < s->n_listeners; i++)
        n += s->listeners[i].kept ? s->listeners[i].streams.open : 0;
    if (s->manager.http_kept && s->http != NULL)
        http_stats(s->http, &http);
    return n + http.connections;
}

static void leave_check(uv_timer_t *timer)
{
    struct server *s = timer->data;
    assert(s->leaving && server_state(s) == RUNNING);
    const uint64_t waited_ms = now_mono_ms() - s->leaving_ms;
    bool counted = !s->manager.http_kept || s->http == NULL || waited_ms >= HTTP_LEAVE_MS;
    if ((counted && connections_left(s) == 0) || waited_ms >= LEAVE_MS)
        drain(s);
}

/* Whoever comes next accepts; what is accepted already is ours to end. */
static void leave_connections(struct server *s)
{
    s->leaving = true;
    s->leaving_ms = now_mono_ms();
    if (s->acceptor != NULL)
        acceptor_leave(s->acceptor);
    if (s->manager.http_kept && s->http != NULL)
        server_http_leave(s);
    uv_timer_start(&s->stop_timer, leave_check, 0, CHECK_MS);
}

bool server_others_keep(const struct server *s)
{
    bool kept = s->manager.http_kept;
    for (size_t i = 0; i < s->n_listeners; i++)
        kept |= s->listeners[i].kept;
    return kept;
}

void server_drain(struct server *s, int signum)
{
    if (s->leaving)
        drain(s);
    if (!server_hand_on_cancel(s, signum))
        return;
    if (server_state(s) != RUNNING) {
        drain_no_longer(s, signum);
        return;
    }
    LOG(LOG_INFO, "stopping", F_STR("signal", sigdescr_np(signum)));
    server_manager_stopping(s);
    if (server_others_keep(s))
        leave_connections(s);
    else
        drain(s);
}
