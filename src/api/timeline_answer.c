/* GET /api/v1/timeline */
#include "api/args.h"
#include "api/json.h"

static json_t *flushes(const struct timeline *t, double since_s)
{
    json_t *list = json_array();
    for (uint64_t i = timeline_first(t->n_flushes); i < t->n_flushes; i++) {
        const struct timeline_flush *f = &t->flushes[i % TIMELINE_MAX];
        if (f->start_s < since_s)
            continue;
        json_t *j = json_object();
        api_json_set_number(j, "start_s", f->start_s);
        api_json_set_count(j, "series", f->series);
        api_json_set_count(j, "samples", f->samples);
        api_json_set_number(j, "closed_ms", f->closed_ms);
        json_array_append_new(list, j);
    }
    return list;
}

static json_t *redis(const struct timeline *t, double since_s)
{
    json_t *list = json_array();
    for (uint64_t i = timeline_first(t->n_redis); i < t->n_redis; i++) {
        const struct timeline_redis *r = &t->redis[i % TIMELINE_MAX];
        if (r->at_s < since_s)
            continue;
        json_t *j = json_object();
        api_json_set_number(j, "at_s", r->at_s);
        api_json_set_text(j, "what", slice_str(r->what));
        api_json_set_text(j, "text", slice_str(r->text));
        json_array_append_new(list, j);
    }
    return list;
}

static json_t *drops(const struct timeline *t, double since_s)
{
    json_t *list = json_array();
    for (uint64_t i = timeline_first(t->n_drops); i < t->n_drops; i++) {
        const struct timeline_drop *d = &t->drops[i % TIMELINE_MAX];
        if (d->at_s < since_s)
            continue;
        json_t *j = json_object();
        api_json_set_number(j, "at_s", d->at_s);
        api_json_set_text(j, "addr", slice_str(d->addr));
        api_json_set_count(j, "dropped", d->dropped);
        json_array_append_new(list, j);
    }
    return list;
}

enum api_status api_timeline_answer(const struct api_ask *ask, struct buf *out)
{
    static const struct timeline nothing;
    if (!api_args_read(ask, NULL, 0, NULL, out))
        return API_400;
    const struct timeline *t = ask->from->timeline != NULL ? ask->from->timeline : &nothing;
    double since_s = (double)ask->now_ms / 1000 - TIMELINE_S;
    json_t *j = json_object();
    json_object_set_new(j, "flushes", flushes(t, since_s));
    json_object_set_new(j, "redis", redis(t, since_s));
    json_object_set_new(j, "kernel_drops", drops(t, since_s));
    api_json_put_take(j, out);
    buf_append_char(out, '\n');
    return API_200;
}
