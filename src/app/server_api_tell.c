/*
 *   view_tell_status         what the server is: config, listeners, workers, Redis, mirror
 *   view_tell_conservation   what became of all that arrived, of numbers that /metrics shows too
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/server_priv.h"
#include "app/version.h"
#include "base/mem.h"
#include "config/escape.h"
#include "config/option_value.h"
#include "listen/transport.h"

/* ---- status ---- */

static void tell_listeners(struct server *s, struct api_about *ret)
{
    struct server_view *v = s->view;
    for (size_t i = 0; i < s->n_listeners; i++) {
        const struct listener *l = &s->listeners[i];
        const struct socket_stats sums = view_listener_sums(l);
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

void view_options_release(struct server_view *v)
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
    view_options_release(v);
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
    const struct redis_stats *r = view_redis(s);
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
                             .dropped_datagrams = view_sum(stats.dropped, MIRROR_DROP_COUNT) };
    ret->mirror = &s->view->mirror;
}

void view_tell_status(void *server, struct api_about *ret)
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
                               .series = view_series(s),
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

/* All of it as of the last turn, so that the parts are the whole. */
static void tell_refused(struct server *s, const struct ingest_counters *in,
                         struct api_conservation *ret)
{
    uint64_t by_share = view_sum(in->refused_by, LIMITED_BY_COUNT);
    ret->refused_by[ret->n_refused_by++] =
        (struct api_count){ "max_series", ret->refused - by_share };
    for (int i = 0; s->limit.more != NULL && i < LIMITED_BY_COUNT; i++)
        if (i != LIMITED_SAMPLES_PER_NAME) /* these are dropped, not refused */
            ret->refused_by[ret->n_refused_by++] =
                (struct api_count){ limited_word((enum limited_by)i), in->refused_by[i] };
}

void view_tell_conservation(void *server, struct api_conservation *ret)
{
    static const char *const drops[] = {
#define X(id, word) word,
        INGEST_DROPS(X)
#undef X
    };
    struct server *s = server;
    const struct listen_stats listen = view_listen(s);
    const struct socket_stats sockets = listen_sums(&listen);
    struct ingest_totals in;
    turn_totals(&s->turn, &in);
    ret->kernel_dropped = sockets.kernel_drops;
    ret->datagrams = sockets.datagrams;
    ret->samples_read = in.counters.v[INGEST_SAMPLES_READ];
    ret->aggregated = in.counters.v[INGEST_SAMPLES_AGGREGATED];
    ret->events = view_sum(in.counters.events, EVENT_ALERT_COUNT);
    ret->checks = view_sum(in.counters.checks, CHECK_STATUS_COUNT);
    ret->rejected = view_sum(in.rejected, REASON_COUNT);
    ret->refused = in.counters.v[INGEST_SAMPLES_REFUSED];
    ret->dropped = view_sum(in.counters.dropped, INGEST_DROP_COUNT);
    static_assert((int)REASON_COUNT <= API_COUNTS_MAX, "each reason has a place");
    for (int r = 0; r < REASON_COUNT; r++)
        ret->rejected_by[ret->n_rejected_by++] =
            (struct api_count){ reason_name((enum reason)r), in.rejected[r] };
    for (size_t d = 0; d < INGEST_DROP_COUNT; d++)
        ret->dropped_by[ret->n_dropped_by++] =
            (struct api_count){ drops[d], in.counters.dropped[d] };
    tell_refused(s, &in.counters, ret);
}
