/* GET /api/v1/conservation */
#include "api/args.h"
#include "api/json.h"

static json_t *by_reason(const struct api_count *at, size_t n)
{
    json_t *j = json_object();
    for (size_t i = 0; i < n; i++)
        if (at[i].n > 0)
            api_json_set_count(j, at[i].name, at[i].n);
    return j;
}

static json_t *lines(const struct api_conservation *c, int64_t *ret_difference)
{
    json_t *j = json_object();
    uint64_t received = c->samples_read + c->events + c->checks;
    uint64_t found = c->aggregated + c->events + c->checks + c->rejected + c->refused + c->dropped;
    api_json_set_count(j, "received", received);
    api_json_set_count(j, "aggregated", c->aggregated);
    api_json_set_count(j, "events", c->events);
    api_json_set_count(j, "checks", c->checks);
    api_json_set_count(j, "rejected", c->rejected);
    api_json_set_count(j, "refused", c->refused);
    api_json_set_count(j, "dropped", c->dropped);
    *ret_difference = (int64_t)(received - found);
    return j;
}

enum api_status api_conservation_answer(const struct api_ask *ask, struct buf *out)
{
    struct api_conservation c = { 0 };
    int64_t difference;
    if (!api_args_read(ask, NULL, 0, NULL, out))
        return API_400;
    ask->from->conservation(ask->from->server, &c);
    json_t *j = json_object();
    api_json_set_number(j, "at_s", (double)ask->now_ms / 1000);
    api_json_set_count(j, "kernel_dropped", c.kernel_dropped);
    api_json_set_count(j, "datagrams", c.datagrams);
    json_object_set_new(j, "lines", lines(&c, &difference));
    json_object_set_new(j, "difference", json_integer(difference));
    json_object_set_new(j, "rejected", by_reason(c.rejected_by, c.n_rejected_by));
    json_object_set_new(j, "refused", by_reason(c.refused_by, c.n_refused_by));
    json_object_set_new(j, "dropped", by_reason(c.dropped_by, c.n_dropped_by));
    api_json_put_take(j, out);
    buf_append_char(out, '\n');
    return API_200;
}
