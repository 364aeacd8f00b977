/*
 * The way out: from the signal until the sinks have everything, or no more time.
 *
 *   server_drain -> last turn -> server_drained -> check, every few ms: idle?  -> leave, status 0
 *        |                                                            late?    -> lose -> leave, status 1
 *        +- second signal: no wait, so lose -> leave; status 1 if that was anything
 *
 * Intervals in which nothing came are left as soon as Redis does not answer at once.
 */
#include <string.h>

#include "app/server_priv.h"
#include "base/now.h"

enum {
    CHECK_MS = 5,
    TELL_AFTER_MS = 100          /* a wait shorter than that is not worth a line */
};

static const char *const hurried_remedy = "one signal alone waits for server.drain_timeout";

static void leave(struct server *s)
{
    server_set_state(s, STOPPING);
    uv_stop(&s->loop);
}

static bool delivered(const struct server *s)
{
    return s->redis == NULL || s->redis->idle(s->redis);
}

/* What the sink has not got by now is lost.  An interval without a series is not worth a word. */
static void lose(struct server *s, const char *remedy)
{
    struct sink_amount left;
    if (delivered(s))
        return;
    s->redis->left(s->redis, &left);
    s->redis->give_up(s->redis);
    if (sink_amount_series(&left) == 0)
        return;
    s->status = 1;
    LOG(LOG_ERROR, "stopped before redis had everything: lost", F_U64("intervals", left.intervals),
        F_U64("series", sink_amount_series(&left)), F_U64("counters", left.series[SERIES_COUNTER]),
        F_NUM("counters_sum", left.counted), F_U64("timers", left.series[SERIES_TIMER]), F_NUM("timer_values", left.timed),
        F_U64("gauges", left.series[SERIES_GAUGE]), F_U64("sets", left.series[SERIES_SET]),
        F_U64("sent_without_answer", left.unsure), F_STR("remedy", remedy));
}

/* The time is up, so nobody else gets any more of it either. */
static void give_up(struct server *s, const char *remedy)
{
    uv_timer_stop(&s->stop_timer);
    s->hurried = true;
    lose(s, remedy);
    leave(s);
}

/* returns  false: nothing is left that is worth a long wait */
static bool tell_wait(struct server *s)
{
    struct sink_amount left;
    s->redis->left(s->redis, &left);
    if (sink_amount_series(&left) == 0)
        return false;
    LOG(LOG_INFO, "waiting for redis to take what is left", F_U64("intervals", left.intervals),
        F_U64("series", sink_amount_series(&left)), F_U64("at_most_ms", s->config->server_drain_timeout_ms),
        F_STR("hint", "a second TERM or INT ends the wait"));
    return true;
}

static void check(uv_timer_t *timer)
{
    struct server *s = timer->data;
    uint64_t waited_ms = now_mono_ms() - s->drained_ms;
    bool enough = waited_ms >= s->config->server_drain_timeout_ms;
    if (!delivered(s) && !enough && !s->told_wait && waited_ms >= TELL_AFTER_MS) {
        s->told_wait = tell_wait(s);
        enough = !s->told_wait;
    }
    if (delivered(s))
        leave(s);
    else if (enough)
        give_up(s, "see why redis does not take it, or raise server.drain_timeout");
}

void server_drained(struct server *s)
{
    uv_timer_stop(&s->interval_timer);
    server_close_interval(s, true);
    if (s->hurried) {
        give_up(s, hurried_remedy);
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
        scrape_cut(&s->scrape);         /* those under way got a moment to end */
    else if (s->last_turn == 0)
        give_up(s, hurried_remedy);
    /* Else the sockets are being read, which waits for nobody; server_drained sees that there is no time left. */
}

void server_drain(struct server *s, int signum)
{
    if (server_state(s) != RUNNING) {
        drain_no_longer(s, signum);
        return;
    }
    LOG(LOG_INFO, "stopping", F_STR("signal", sigdescr_np(signum)));
    server_set_state(s, DRAINING);
    for (size_t i = 0; i < s->n_listeners; i++)
        listener_refuse(&s->listeners[i]);
    s->last_turn = turn_ask(&s->turn, true);
}
