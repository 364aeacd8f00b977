/* GET /api/v1/status */
#include "api/args.h"
#include "api/capture_json.h"
#include "api/json.h"

static json_t *listener(const struct api_listener *l)
{
    json_t *j = json_object();
    api_json_set_text(j, "url", slice_str(l->url));
    api_json_set_text(j, "proto", slice_str(l->proto));
    api_json_set_text(j, "addr", slice_str(l->addr));
    api_json_set_count(j, "datagrams", l->datagrams);
    api_json_set_count(j, "bytes", l->bytes);
    api_json_set_count(j, "connections", l->connections);
    api_json_set_count(j, "kernel_dropped", l->kernel_dropped);
    api_json_set_count(j, "receive_buffer_bytes", l->receive_buffer_bytes);
    return j;
}

static json_t *worker(const struct api_worker *w, size_t number)
{
    json_t *j = json_object();
    api_json_set_count(j, "worker", number);
    api_json_set_count(j, "datagrams", w->datagrams);
    api_json_set_count(j, "lines", w->lines);
    api_json_set_count(j, "bytes", w->bytes);
    api_json_set_number(j, "cpu_s", w->cpu_s);
    return j;
}

static json_t *redis(const struct api_redis *r)
{
    if (r == NULL)
        return json_null();
    json_t *j = json_object();
    api_json_set_text(j, "state", slice_str(r->state));
    api_json_set_count(j, "applied_series", r->applied_series);
    api_json_set_count(j, "dropped_series", r->dropped_series);
    api_json_set_count(j, "spool_bytes", r->spool_bytes);
    api_json_set_count(j, "spool_batches", r->spool_batches);
    api_json_set_number(j, "lag_s", r->lag_s);
    return j;
}

static json_t *mirror(const struct api_mirror *m)
{
    if (m == NULL)
        return json_null();
    json_t *j = json_object();
    api_json_set_text(j, "to", slice_str(m->to));
    api_json_set_text(j, "by", slice_str(m->by));
    api_json_set_number(j, "share", m->share);
    api_json_set_text(j, "state", slice_str(m->state));
    api_json_set_count(j, "sent_datagrams", m->sent_datagrams);
    api_json_set_count(j, "sent_lines", m->sent_lines);
    api_json_set_count(j, "dropped_datagrams", m->dropped_datagrams);
    return j;
}

static json_t *config(const struct api_about *s)
{
    json_t *j = json_object(), *options = json_object();
    for (size_t i = 0; i < s->n_options; i++)
        api_json_set_text(options, s->options[i].name, slice_str(s->options[i].value));
    json_object_set_new(
        j, "file", s->config_file == NULL ? json_null() : api_json_text(slice_str(s->config_file)));
    json_object_set_new(j, "options", options);
    return j;
}

static json_t *parts(const struct api_about *s)
{
    json_t *j = json_object(), *listeners = json_array(), *workers = json_array();
    for (size_t i = 0; i < s->n_listeners; i++)
        json_array_append_new(listeners, listener(&s->listeners[i]));
    for (size_t i = 0; i < s->n_workers; i++)
        json_array_append_new(workers, worker(&s->workers[i], i));
    json_object_set_new(j, "listeners", listeners);
    json_object_set_new(j, "workers", workers);
    json_object_set_new(j, "redis", redis(s->redis));
    json_object_set_new(j, "mirror", mirror(s->mirror));
    json_object_set_new(j, "config", config(s));
    return j;
}

static void set_own(const struct api_about *s, double now_s, json_t *j)
{
    json_t *limits = json_object(), *streams = json_object();
    api_json_set_text(j, "version", slice_str(s->version));
    api_json_set_text(j, "instance", slice_str(s->instance));
    api_json_set_count(j, "pid", (uint64_t)s->pid);
    api_json_set_number(j, "started_s", s->started_s);
    api_json_set_number(j, "uptime_s", now_s - s->started_s);
    api_json_set_text(j, "state", slice_str(s->state));
    api_json_set_number(j, "interval_s", s->interval_s);
    api_json_set_count(j, "series", s->series);
    api_json_set_count(j, "exposed", s->exposed);
    api_json_set_count(limits, "max_series", s->max_series);
    api_json_set_count(streams, "open", s->streams_open);
    api_json_set_count(streams, "max", s->streams_max);
    json_object_set_new(j, "limits", limits);
    json_object_set_new(j, "streams", streams);
}

enum api_status api_status_answer(const struct api_ask *ask, struct buf *out)
{
    struct api_about s = { 0 };
    if (!api_args_read(ask, NULL, 0, NULL, out))
        return API_400;
    ask->from->status(ask->from->server, &s);
    json_t *j = parts(&s);
    set_own(&s, (double)ask->now_ms / 1000, j);
    json_object_set_new(j, "capture", api_capture_json(ask->from));
    api_json_put_take(j, out);
    buf_append_char(out, '\n');
    return API_200;
}
