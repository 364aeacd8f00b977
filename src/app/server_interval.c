/*
 * An interval closes and goes to the sinks.
 *
 *   server_close_interval   the registry begins the next one
 *     give_slice            series to the sinks, a slice each round of the loop (slice.h)
 *     give_rest             in one go: at the end of the next interval, whose series must not meet
 *                           them, and when the server stops
 *     end                   when all are given
 */
#include <assert.h>

#include "aggregate/registry_interval.h"
#include "app/server_priv.h"
#include "app/slice.h"
#include "base/now.h"
#include "base/schedule.h"

static void give(void *server, const struct closed_series *c)
{
    const struct server *s = server;
    sink_list_put(&s->sinks, c);
}

static void end(struct server *s)
{
    uv_idle_stop(&s->giving);
    sink_list_end(&s->sinks);
    s->is_giving = false;
    s->self.server.flush_seconds = (double)(s->giving_ns + now_mono_ns() - s->slice_begun_ns) / 1e9;
    server_api_closed(s, &s->giving_snap, s->self.server.flush_seconds);
}

static void give_slice(uv_idle_t *giving)
{
    struct server *s = giving->data;
    s->slice_begun_ns = now_mono_ns();
    uint64_t end_ns = s->slice_begun_ns + SLICE_NS;
    while (registry_give(s->registry, SLICE_SERIES)) {
        if (slice_over(end_ns)) {
            s->giving_ns += now_mono_ns() - s->slice_begun_ns;
            return;
        }
    }
    end(s);
}

static void give_rest(struct server *s)
{
    if (!s->is_giving)
        return;
    s->slice_begun_ns = now_mono_ns();
    (void)registry_give(s->registry, SIZE_MAX);
    end(s);
}

void server_close_interval(struct server *s, enum interval_close how)
{
    uint64_t now_ns = now_mono_ns();
    int64_t wall_ms = now_wall_ms();
    struct snapshot snap;
    const bool final = how == INTERVAL_FINAL;
    assert(final == (server_state(s) == DRAINING));  /* none behind the final one */
    s->self.server.intervals_rushed += s->is_giving; /* the one before: it took that long */
    give_rest(s);
    struct interval_end close = { .start_s = s->interval_start_ms / 1000,
                                  .interval_ms = server_interval_ms(s),
                                  .now_ns = now_ns,
                                  .now_wall_ms = wall_ms,
                                  .give = s->sinks.n > 0 ? give : NULL,
                                  .cookie = s,
                                  .goes_on = how != INTERVAL_OVER };
    registry_close(s->registry, &close, &snap);
    sink_list_begin(&s->sinks, &snap, final);
    s->giving_snap = snap;
    s->self.server.intervals++;
    s->self.server.intervals_late += wall_ms > s->interval_start_ms + server_interval_ms(s) * 3 / 2;
    s->interval_start_ms = schedule_start_ms(wall_ms, server_interval_ms(s));
    s->is_giving = true;
    s->giving_ns = 0;
    if (how != INTERVAL_OVER)
        give_rest(s);
    else
        uv_idle_start(&s->giving, give_slice);
}
