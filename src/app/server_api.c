/*
 *   view_*         sums that both the answers and the rows of history show
 *   open, close    its life
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "app/server_priv.h"
#include "base/mem.h"
#include "base/now.h"
#include "sinks/redis_counters.h"

double view_now_s(void)
{
    return (double)now_wall_ms() / 1000;
}

const struct redis_stats *view_redis(const struct server *s)
{
    return sink_list_counted(&s->sinks, &redis_counters);
}

struct listen_stats view_listen(const struct server *s)
{
    return (struct listen_stats){ .listeners = s->listeners,
                                  .n_listeners = s->n_listeners,
                                  .n_workers = s->n_workers };
}

uint64_t view_series(const struct server *s)
{
    uint64_t n = 0;
    for (int k = 0; k < SERIES_KIND_COUNT; k++)
        n += registry_count(s->registry, (enum series_kind)k);
    return n;
}

uint64_t view_sum(const uint64_t *of, size_t n)
{
    uint64_t ret = 0;
    for (size_t i = 0; i < n; i++)
        ret += of[i];
    return ret;
}

struct socket_stats view_listener_sums(const struct listener *l)
{
    struct socket_stats ret = { 0 };
    for (unsigned i = 0; i < l->n_readers; i++) {
        ret.datagrams += l->stats[i].datagrams;
        ret.bytes += l->stats[i].bytes;
        ret.kernel_drops += l->stats[i].kernel_drops;
    }
    return ret;
}

/* ---- its life ---- */

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
                  .status = view_tell_status,
                  .conservation = view_tell_conservation,
                  .explain = server_explain },
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
    view_options_release(v);
    free(v->listeners);
    free(v->kernel_drops);
    free(v);
    s->view = NULL;
}
