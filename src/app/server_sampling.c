/*
 * What is made of the sample of what arrives:
 *
 *     sampling -> on_line -+-> top: who sends most, which names come most often
 *                          +-> tails: those who watch lines
 */
#include <stdio.h>

#include "app/server_priv.h"
#include "base/now.h"
#include "core/core_opts.h"

/* ---- top ---- */

enum { CONTAINER_TEXT_MAX = 160 };

/* returns  "container:abc", where the line says which (in out), or who sent its datagram */
static struct slice sender_of(struct server *s, const struct sampled *one,
                              char out[CONTAINER_TEXT_MAX])
{
    if (one->first) /* printing takes longer than all else that is done with a line */
        tap_sender_print_host(&one->datagram->sender, s->sampled_from);
    const char *text = s->sampled_from;
    if (one->origin.ptr != NULL) {
        snprintf(out, CONTAINER_TEXT_MAX, "container:%.*s", (int)one->origin.len, one->origin.ptr);
        text = out;
    }
    return text[0] != '\0' ? slice_str(text) : slice_of(NULL, 0);
}

static void note_top(struct server *s, const struct sampled *one)
{
    char text[CONTAINER_TEXT_MAX];
    const struct slice sender = sender_of(s, one, text);
    const double weight = 1 / (double)one->datagram->share;
    const int64_t at_ms = (int64_t)(one->datagram->stamp_ns / 1000000);
    if (one->first)
        top_datagram(s->top, sender, weight, at_ms);
    if (one->name.ptr != NULL && one->samples > 0)
        top_note(s->top, one->name, sender, (double)one->samples * weight, at_ms);
    if (one->rejected)
        top_rejected(s->top, sender, weight, at_ms);
}

/* ---- tails ---- */

struct about {
    const struct server *server;
    const struct sampled *one;
    char from[ADDRESS_TEXT_MAX];
};

static void tell_about(void *cookie, struct tail_line *ret)
{
    struct about *a = cookie;
    const struct tap_record *rec = a->one->datagram;
    const struct listener *l =
        listener_at(a->server->listeners, a->server->n_listeners, a->one->worker, rec->listener);
    tap_sender_print(&rec->sender, a->from);
    ret->at_s = (double)(rec->stamp_ns / 1000) / 1e6;
    ret->share = (double)rec->share;
    if (a->from[0] != '\0')
        ret->from = slice_str(a->from);
    if (l != NULL)
        ret->listener = slice_str(l->address.name);
}

static void on_line(void *server, const struct sampled *one)
{
    struct server *s = server;
    struct about about = { .server = s, .one = one };
    note_top(s, one);
    if (api_tails_open(s->tails))
        api_tails_line(s->tails, one->line, one->name, tell_about, &about);
}

static bool on_drained(void *server)
{
    struct server *s = server;
    top_tick(s->top, now_wall_ms());
    api_tails_flush(s->tails, now_mono_ns());
    return api_tails_open(s->tails);
}

/* ---- its life ---- */

static const char *tails_refusal(const struct config *c)
{
    if (!c->http_show_lines)
        return "not allowed; http.show_lines = on allows it";
    return c->http_sample == 0 ? "nothing is sampled; http.sample = 64KiB turns it on" : NULL;
}

int server_sampling_open(struct server *s)
{
    const struct config *c = s->config;
    if (c->http_listen[0] == '\0')
        return 0;
    int rc = api_tails_new(&s->loop, tails_refusal(c), &s->tails);
    if (rc < 0 || c->http_sample == 0)
        return rc;
    const struct lane_opts lane = core_lane_opts(c, &s->mapping, NULL);
    const struct sampling_opts o = { .loop = &s->loop,
                                     .workers = s->workers,
                                     .n_workers = s->n_workers,
                                     .budget = c->http_sample,
                                     .parse = &lane.parse,
                                     .on_line = on_line,
                                     .drained = on_drained,
                                     .cookie = s };
    s->top = top_new(now_wall_ms());
    return sampling_open(&o, &s->sampling);
}

void server_sampling_tick(struct server *s)
{
    const struct tap_ring_counts c = sampling_counts(s->sampling);
    s->self.server.sampled = c.put;
    s->self.server.sampled_dropped = c.dropped;
}

void server_sampling_close(struct server *s)
{
    sampling_close(s->sampling);
    s->sampling = NULL;
    api_tails_free(s->tails);
    s->tails = NULL;
    top_free(s->top);
    s->top = NULL;
}
