/*
 * What the daemon looks after once a second: the reserve of memory, idle series, events, late HTTP
 * requests, the mirror, the series limit, names kept off /metrics, and listeners whose datagrams
 * come from one sender.
 *
 * A sweep for idle series, begun here, goes on every EXPIRE_MS, a slice each time, and so do those
 * of the workers, whose slices come with page turns.
 */
#include <assert.h>

#include "app/server_priv.h"
#include "base/mem.h"
#include "base/now.h"
#include "listen/strangers.h"

enum { WARN_EVERY_MS = 60000, EXPIRE_MS = 5 };

/* If one worker gets nearly all of a listener's datagrams and loses some, spread them by name. */
static void spread_if_hot(struct listener *l)
{
    struct listener_heat heat;
    if (!(transport_of(l->address.transport)->options >> LISTEN_SPREAD & 1))
        return;
    bool may = l->address.spread == LISTEN_SPREAD_AUTO && !l->by_payload;
    if (!listener_is_hot(l, &heat) || !may || listener_spread_payload(l) < 0)
        return;
    LOG(LOG_INFO, "spreading by payload", F_STR("addr", l->address.name),
        F_U64("datagrams_per_s", heat.datagrams), F_U64("kernel_drops", heat.kernel_drops));
}

static void warn_of_limit(struct server *s)
{
    uint64_t refused = 0, suppressed;
    for (unsigned w = 0; w < s->n_workers; w++) {
        const struct ingest_counters *seen = &s->turn.seen[w];
        refused += seen->v[INGEST_SAMPLES_REFUSED] - view_sum(seen->refused_by, LIMITED_BY_COUNT);
    }
    uint64_t more = refused - s->refused_seen;
    if (more == 0 || !log_gate(&s->limit_gate, WARN_EVERY_MS, now_mono_ms(), &suppressed))
        return;
    s->refused_seen = refused;
    size_t n;
    const struct family *worst = registry_largest(s->registry, &n);
    LOG(LOG_WARN, "series limit reached", F_U64("samples_refused", more),
        F_U64("max_series", s->limit.max),
        F_STR("largest_metric", worst == NULL ? "" : worst->name), F_U64("its_series", n),
        F_STR("remedy", "drop a tag of that metric, or raise limits.max_series"));
}

static const char *const limited_remedies[] = {
    [LIMITED_SERIES_PER_NAME] = "drop a tag of that metric, or raise limits.max_series_per_name",
    [LIMITED_SERIES_PER_ORIGIN] =
        "look at what that sender sends, or raise limits.max_series_per_origin",
    [LIMITED_SAMPLES_PER_NAME] =
        "have its clients sample (@0.1) or add up, or raise limits.max_samples_per_name",
};

static uint64_t limited_to(const struct config *c, enum limited_by by)
{
    if (by == LIMITED_SAMPLES_PER_NAME)
        return c->limits_max_samples_per_name;
    return by == LIMITED_SERIES_PER_NAME ? c->limits_max_series_per_name
                                         : c->limits_max_series_per_origin;
}

/* Once a minute for each limit: how many samples, and whose most of them were. */
static void warn_of_shares(struct server *s)
{
    char who[LIMITED_WHO_MAX + 1];
    uint64_t samples, suppressed;
    for (unsigned i = 0; s->limit.more != NULL && i < LIMITED_BY_COUNT; i++) {
        const enum limited_by by = (enum limited_by)i;
        if (!series_limit_is_new(&s->limit, by) ||
            !log_gate(&s->limited_gates[i], WARN_EVERY_MS, now_mono_ms(), &suppressed) ||
            !series_limit_tell(&s->limit, by, who, &samples))
            continue;
        LOG(LOG_WARN, "limit reached", F_STR("limit", limited_word(by)), F_STR("who", who),
            F_U64("samples", samples), F_U64("most", limited_to(s->config, by)),
            F_STR("remedy", limited_remedies[by]));
    }
}

static void on_expire(uv_timer_t *timer);

static void expire_soon(struct server *s)
{
    if (!uv_is_active((uv_handle_t *)&s->expire_timer))
        uv_timer_start(&s->expire_timer, on_expire, EXPIRE_MS, 0);
}

static void expire(struct server *s)
{
    if (registry_expire(s->registry, now_mono_ns()))
        expire_soon(s);
}

static void on_expire(uv_timer_t *timer)
{
    struct server *s = timer->data;
    if (server_state(s) != RUNNING)
        return;
    if (s->turn.unswept && !s->turn.under_way)
        turn_ask(&s->turn, false);
    expire(s);
}

void server_expire_turned(struct server *s)
{
    assert(server_state(s) == RUNNING);
    if (s->turn.unswept)
        expire_soon(s);
}

static void look_at_web(struct server *s)
{
    uint64_t failed = s->self.server.web_reloads_failed;
    server_web_look(&s->web, s->http);
    if (s->self.server.web_reloads_failed != failed)
        server_confine_explain(s);
}

void server_tick(struct server *s)
{
    assert(server_state(s) == RUNNING);
    mem_reserve_keep();
    expire(s);
    events_take(&s->events);
    events_expire(&s->events, profiles_at(s->mapping.profiles, 0)->ttl_s);
    server_http_again(s);
    look_at_web(s);
    if (s->http != NULL)
        http_tick(s->http, now_mono_ns());
    if (s->acceptor != NULL)
        acceptor_tick(s->acceptor);
    server_mirror_tick(&s->mirror);
    warn_of_limit(s);
    warn_of_shares(s);
    off_page_log_tick(&s->off_page_log, now_mono_ms());
    for (size_t i = 0; i < s->n_listeners; i++)
        strangers_log(&s->listeners[i], now_mono_ms());
    server_sampling_tick(s);
    server_api_tick(s);
    for (size_t i = 0; s->n_workers > 1 && i < s->n_listeners; i++)
        spread_if_hot(&s->listeners[i]);
    /* For fresh counts, which the next look at the spread and the log of refusals need; with it
     * goes what was deleted. */
    if (s->n_workers > 1 || registry_has_deleted(s->registry) ||
        refused_log_due(&s->refused, now_mono_ms()))
        turn_ask(&s->turn, false);
}
