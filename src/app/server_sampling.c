/*
 * What is made of the sample of what arrives:
 *
 *     sampling -> on_line -+-> top: who sends most, which names come most often
 *                          +-> tails: those who watch lines
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "app/server_priv.h"
#include "base/now.h"
#include "core/core_opts.h"

/* ---- top ---- */

enum { CONTAINER_TEXT_MAX = 160 };

static bool is_same_host(const struct tap_sender *a, const struct tap_sender *b)
{
    return a->family == b->family && memcmp(a->address, b->address, sizeof a->address) == 0 &&
           (a->family != AF_UNIX || a->port == b->port);
}

/* Printing takes longer than all else that is done with a line, and many a datagram comes from
 * where the last one came from. */
static void begin_datagram(struct sampled_from *from, const struct tap_sender *sender)
{
    if (!is_same_host(&from->sender, sender))
        tap_sender_print_host(sender, from->text);
    from->sender = *sender;
    from->samples = from->rejected = 0;
}

static struct slice text_of(const struct sampled_from *from)
{
    return from->text[0] != '\0' ? slice_str(from->text) : slice_of(NULL, 0);
}

/* A line that says which container it is from is that one's; the others are their datagram's
 * sender's, who gets the sum of them. */
static void note_top(struct server *s, const struct sampled *one)
{
    char text[CONTAINER_TEXT_MAX];
    struct sampled_from *from = &s->sampled_from;
    const bool of_container = one->origin.ptr != NULL;
    const double weight = 1 / (double)one->datagram->share;
    const int64_t at_ms = (int64_t)(one->datagram->stamp_ns / 1000000);
    struct slice container = slice_of(NULL, 0);
    if (one->first)
        begin_datagram(from, &one->datagram->sender);
    if (of_container) {
        snprintf(text, sizeof text, "container:%.*s", (int)one->origin.len, one->origin.ptr);
        container = slice_str(text);
    }
    if (one->first)
        top_datagram(s->top, of_container ? container : text_of(from), weight, at_ms);
    if (one->name.ptr != NULL && one->samples > 0)
        top_note(s->top, one->name, container, (double)one->samples * weight, at_ms);
    if (of_container && one->rejected)
        top_rejected(s->top, container, weight, at_ms);
    from->samples += of_container ? 0 : one->samples;
    from->rejected += !of_container && one->rejected;
}

static void on_datagram(void *server, const struct tap_record *rec)
{
    struct server *s = server;
    const struct sampled_from *from = &s->sampled_from;
    const double weight = 1 / (double)rec->share;
    if (from->samples > 0 || from->rejected > 0)
        top_sender(s->top, text_of(from), (double)from->samples * weight,
                   (double)from->rejected * weight, (int64_t)(rec->stamp_ns / 1000000));
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
    const uint64_t at_us = rec->stamp_ns / 1000;
    ret->at_s = (double)at_us / 1e6;
    ret->share = (double)rec->share;
    if (a->from[0] != '\0')
        ret->from = slice_str(a->from);
    if (l != NULL)
        ret->listener = slice_str(l->address.name);
}

static uint32_t on_line(void *server, const struct sampled *one)
{
    struct server *s = server;
    struct about about = { .server = s, .one = one };
    note_top(s, one);
    if (!api_tails_open(s->tails))
        return 0;
    return api_tails_line(s->tails, one->line, one->name, tell_about, &about);
}

static bool on_drained(void *server)
{
    struct server *s = server;
    top_tick(s->top, now_wall_ms());
    api_tails_flush(s->tails, now_mono_ns());
    return api_tails_open(s->tails);
}

static void on_tail_opened(void *server)
{
    sampling_soon(((struct server *)server)->sampling);
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
    const struct api_tails_opts tails = {
        .loop = &s->loop, .refusal = tails_refusal(c), .opened = on_tail_opened, .cookie = s
    };
    int rc = api_tails_new(&tails, &s->tails);
    if (rc < 0 || c->http_sample == 0)
        return rc;
    const struct lane_opts lane = core_lane_opts(c, &s->mapping, NULL);
    const struct sampling_opts o = { .loop = &s->loop,
                                     .workers = s->workers,
                                     .n_workers = s->n_workers,
                                     .budget = c->http_sample,
                                     .parse = &lane.parse,
                                     .on_line = on_line,
                                     .on_datagram = on_datagram,
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
