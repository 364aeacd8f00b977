/* GET /api/v1/rejected */
#include "api/args.h"
#include "api/json.h"
#include "api/reject_board.h"

static json_t *example_json(const struct reject_example *e)
{
    json_t *j = json_object();
    json_object_set_new(j, "at_s", json_real((double)e->at_ms / 1000));
    json_object_set_new(j, "line", api_json_text(slice_of(e->text, e->len)));
    json_object_set_new(j, "at", e->at >= 0 ? json_integer(e->at) : json_null());
    json_object_set_new(j, "length", json_integer(e->whole_len));
    json_object_set_new(j, "listener", api_json_text(slice_str(e->listener)));
    json_object_set_new(j, "from",
                        e->from[0] != '\0' ? api_json_text(slice_str(e->from)) : json_null());
    return j;
}

static json_t *row_json(const struct reject_row *row)
{
    json_t *j = json_object(), *latest = json_array();
    for (unsigned i = 0; i < row->n; i++)
        json_array_append_new(latest, example_json(reject_row_at(row, i)));
    json_object_set_new(j, "reason", json_string(row->reason));
    json_object_set_new(j, "count", json_integer((json_int_t)row->count));
    json_object_set_new(j, "per_second", json_real(row->per_second));
    json_object_set_new(j, "latest", latest);
    return j;
}

enum api_status api_rejected_answer(const struct api_ask *ask, struct buf *out)
{
    const struct reject_board *b = ask->from->rejects;
    json_t *j = json_object(), *reasons = json_array();
    if (!api_args_read(ask, NULL, 0, NULL, out)) {
        json_decref(j);
        json_decref(reasons);
        return API_400;
    }
    for (size_t i = 0; b != NULL && i < b->n; i++)
        if (b->rows[i].count > 0 || b->rows[i].n > 0)
            json_array_append_new(reasons, row_json(&b->rows[i]));
    json_object_set_new(j, "reasons", reasons);
    json_object_set_new(j, "shown", json_boolean(b != NULL && b->shown));
    api_json_put_take(j, out);
    buf_append_char(out, '\n');
    return API_200;
}
