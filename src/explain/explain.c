/*
 *   explain_datagram, explain_stream_push      a datagram; or what frames a stream has, each as one
 *     take_datagram                            JSON: as a whole; text: line by line
 *   explain_finish
 *     finish_text, finish_json                 the sums, and what /metrics would show
 */
#include "explain/explain.h"

#include <stdlib.h>

#include "base/mem.h"
#include "explain/explain_core.h"
#include "explain/explain_text.h"

struct explain {
    struct explain_core *core;
    enum explain_form form;
    struct framing framing; /* of the stream that is under way */
    char *room;             /* its, or NULL */
    /* Sums over the lines of the text form; the JSON form needs none. */
    uint64_t samples, events, checks, errors;
    struct buf out;
};

struct explain *explain_new(const struct config *c, const struct core_mapping *m,
                            enum explain_form form)
{
    struct explain *e = mem_zalloc(sizeof *e);
    e->core = explain_core_new(c, m);
    e->form = form;
    return e;
}

void explain_free(struct explain *e)
{
    if (e == NULL)
        return;
    explain_core_free(e->core);
    buf_release(&e->out);
    free(e->room);
    free(e);
}

static void show_lines(struct explain *e, struct slice rest, bool truncated)
{
    struct slice line;
    while (rest.len > 0) {
        bool whole = slice_cut(&rest, '\n', &line);
        if (!whole) {
            line = rest;
            rest.len = 0;
        }
        explain_core_datagram(e->core, line.ptr, line.len, truncated && !whole);
        explain_text_line(e->core, line, &e->out);
        e->samples += json_array_size(e->core->samples);
        e->events += json_array_size(e->core->events);
        e->checks += json_array_size(e->core->checks);
        e->errors += e->core->n_errors;
        explain_core_clear(e->core);
    }
}

static void take_datagram(struct explain *e, const char *ptr, size_t len, bool truncated)
{
    if (e->form == EXPLAIN_JSON)
        explain_core_datagram(e->core, ptr, len, truncated);
    else
        show_lines(e, slice_of(ptr, len), truncated);
}

void explain_datagram(struct explain *e, struct slice datagram, bool truncated)
{
    bool cut = datagram.len > DATAGRAM_MAX;
    take_datagram(e, datagram.len > 0 ? datagram.ptr : "", cut ? DATAGRAM_MAX : datagram.len,
                  cut || truncated);
}

static void take_frame(void *cookie, const char *ptr, size_t len)
{
    take_datagram(cookie, ptr, len, false);
}

static void take_frame_error(struct explain *e, enum reason r, uint32_t n)
{
    for (uint32_t i = 0; r != REASON_NONE && i < n; i++)
        explain_core_error(e->core, r);
    if (e->form == EXPLAIN_TEXT) {
        explain_text_errors(e->core, &e->out);
        e->errors += e->core->n_errors;
        explain_core_clear(e->core);
    }
}

void explain_stream_begin(struct explain *e, enum framing_kind kind)
{
    e->room = mem_realloc(e->room, FRAMING_ROOM);
    framing_init(&e->framing, kind, e->room);
}

bool explain_stream_push(struct explain *e, struct slice bytes)
{
    uint32_t errors = 0;
    enum reason r = framing_push(&e->framing, bytes.ptr, bytes.len, take_frame, e, &errors);
    take_frame_error(e, r, errors > 0 ? errors : 1);
    return !e->framing.broken;
}

void explain_stream_end(struct explain *e)
{
    if (!e->framing.broken)
        take_frame_error(e, framing_end(&e->framing, true, take_frame, e), 1);
}

static void finish_json(struct explain *e)
{
    struct explain_core *x = e->core;
    json_t *j = json_object(), *reasons = json_array();
    struct buf exposition = { 0 };
    for (size_t i = 0; i < x->n_errors; i++)
        json_array_append_new(reasons, json_string(reason_name(x->errors[i].reason)));
    explain_core_exposition(x, &exposition);
    json_object_set_new(j, "expect", json_string(explain_core_expect(x)));
    json_object_set(j, "samples", x->samples);
    if (json_array_size(x->rules) > 0)
        json_object_set(j, "rules", x->rules);
    json_object_set(j, "events", x->events);
    json_object_set(j, "checks", x->checks);
    json_object_set_new(j, "errors", json_integer((json_int_t)x->n_errors));
    json_object_set_new(j, "reasons", reasons);
    json_object_set_new(j, "tag_errors", json_integer((json_int_t)x->tag_errors));
    json_object_set_new(j, "unknown_fields", json_integer((json_int_t)x->unknown_fields));
    json_object_set_new(j, "not_finite",
                        json_integer((json_int_t)explain_core_refused(x).not_finite));
    json_object_set_new(j, "no_room", json_integer((json_int_t)explain_core_refused(x).no_room));
    json_object_set_new(j, "marks", json_integer((json_int_t)explain_core_refused(x).marks));
    json_object_set_new(j, "exposition",
                        json_stringn(exposition.len ? exposition.ptr : "", exposition.len));
    char *text = json_dumps(j, JSON_COMPACT | JSON_REAL_PRECISION(17));
    if (text != NULL)
        buf_append_str(&e->out, text);
    buf_append_char(&e->out, '\n');
    free(text);
    buf_release(&exposition);
    json_decref(j);
}

static void finish_text(struct explain *e)
{
    struct buf exposition = { 0 };
    explain_core_exposition(e->core, &exposition);
    buf_printf(&e->out, "\nsamples %llu, events %llu, service checks %llu, errors %llu\n",
               (unsigned long long)e->samples, (unsigned long long)e->events,
               (unsigned long long)e->checks, (unsigned long long)e->errors);
    if (exposition.len > 0) {
        buf_append_str(&e->out, "\non /metrics:\n");
        buf_append_slice(&e->out, buf_slice(&exposition));
        buf_append_char(&e->out, '\n');
    }
    explain_text_off_page(e->core, &e->out);
    buf_release(&exposition);
}

bool explain_finish(struct explain *e, struct buf *out)
{
    bool wrong = e->errors > 0 || e->core->n_errors > 0;
    if (e->form == EXPLAIN_JSON)
        finish_json(e);
    else
        finish_text(e);
    buf_append_slice(out, buf_slice(&e->out));
    return !wrong && explain_core_refused(e->core).not_finite == 0;
}
