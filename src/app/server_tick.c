/* What the daemon looks after once a second. */
#include "app/server_priv.h"
#include "base/now.h"

enum {
    WARN_EVERY_MS = 60000,
    HOT_DATAGRAMS = 20000,       /* a second: what makes one sender worth spreading */
    HOT_SHARE_PERCENT = 90
};

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
        refused += s->turn.seen[w].v[INGEST_SAMPLES_REFUSED];
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

void server_tick(struct server *s)
{
    registry_expire(s->registry, now_mono_ns());
    if (s->http != NULL)
        http_tick(s->http, now_mono_ns());
    warn_of_limit(s);
    off_page_log_tick(&s->off_page_log, now_mono_ms());
    for (size_t i = 0; s->n_workers > 1 && i < s->n_listeners; i++)
        spread_if_hot(s, i);
    /* Fresh numbers: for the next look at the spread, or to tell how much was refused. */
    if (s->n_workers > 1 || refused_log_due(&s->refused, now_mono_ms()))
        turn_ask(&s->turn, false);
}
