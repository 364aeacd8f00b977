/*
 *   explain_datagram, explain_stream_push   what was received, or what frames a stream has, waits
 *   explain_some                            a line of it: its members of the JSON, and its text
 *
 * The end, explain_close and explain_finish, is explain_end.c's.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "config/escape.h"
#include "explain/explain_exposition.h"
#include "explain/explain_priv.h"
#include "explain/explain_text.h"

enum { JSON_FLAGS = JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(17) };

const struct explain_bounds explain_all = { .bytes = SIZE_MAX, .near_looks = SIZE_MAX };

struct explain *explain_new(const struct config *c, const struct core_mapping *m,
                            enum explain_form form, const struct explain_bounds *b)
{
    struct explain *e = mem_zalloc(sizeof *e);
    e->core = explain_core_new(c, m, b->near_looks);
    e->form = form;
    e->bounds = *b;
    return e;
}

void explain_free(struct explain *e)
{
    if (e == NULL)
        return;
    explain_core_free(e->core);
    for (int i = 0; i < LIST_COUNT; i++)
        buf_release(&e->lists[i]);
    buf_release(&e->text);
    buf_release(&e->waiting);
    free(e->room);
    free(e);
}

/* ---- what was found, as text and as JSON ---- */

static int append(const char *bytes, size_t n, void *out)
{
    buf_append(out, bytes, n);
    return 0;
}

/* Both the protocol's lines and what is said of them are valid UTF-8: "?" would show that they are
 * not. */
void explain_put_inside_string(struct slice text, struct buf *out)
{
    struct buf string = { 0 };
    json_t *j = json_stringn(text.len > 0 ? text.ptr : "", text.len);
    if (j == NULL)
        j = json_string("?\n");
    json_dump_callback(j, append, &string, JSON_FLAGS);
    buf_append(out, string.ptr + 1, string.len - 2);
    json_decref(j);
    buf_release(&string);
}

void explain_add_text_take(struct explain *e, struct buf *text)
{
    if (e->form == EXPLAIN_TEXT)
        buf_append_slice(&e->text, buf_slice(text));
    else
        explain_put_inside_string(buf_slice(text), &e->text);
    buf_release(text);
}

static void add_element(struct buf *list, const json_t *element)
{
    if (list->len > 0)
        buf_append_char(list, ',');
    json_dump_callback(element, append, list, JSON_FLAGS);
}

static void add_elements(struct buf *list, const json_t *elements)
{
    const json_t *one;
    size_t i;
    json_array_foreach(elements, i, one)
        add_element(list, one);
}

static void add_lists(struct explain *e)
{
    const struct explain_core *x = e->core;
    add_elements(&e->lists[LIST_SAMPLES], x->samples);
    add_elements(&e->lists[LIST_RULES], x->rules);
    add_elements(&e->lists[LIST_EVENTS], x->events);
    add_elements(&e->lists[LIST_CHECKS], x->checks);
    for (size_t i = 0; i < x->n_errors; i++) {
        json_t *reason = json_string(reason_name(x->errors[i].reason));
        add_element(&e->lists[LIST_REASONS], reason);
        json_decref(reason);
    }
}

/* What the core holds, of one line; text: what was said of it. */
static void add_found(struct explain *e, struct buf *text)
{
    const struct explain_sums sums = explain_sums_of(e->core);
    const struct explain_left_out *left = &e->core->left_out;
    explain_sums_add(&e->sums, &sums);
    e->left_out += left->samples + left->events + left->checks + left->errors;
    if (e->form != EXPLAIN_TEXT)
        add_lists(e);
    explain_add_text_take(e, text);
    explain_core_clear(e->core);
}

/* ---- lines ---- */

size_t explain_held(const struct explain *e)
{
    size_t n = e->text.len;
    for (int i = 0; i < LIST_COUNT; i++)
        n += e->lists[i].len;
    return n;
}

/* line: its text is told in any case. */
static void allow(struct explain *e, struct slice line)
{
    struct buf told = { 0 };
    size_t held = explain_held(e), most = e->bounds.bytes / 8 * 7, room = e->bounds.bytes / 4;
    if (e->bounds.bytes == SIZE_MAX)
        return;
    if (room > most - (held < most ? held : most)) /* errors of framing come after the last line */
        room = most - (held < most ? held : most);
    escape_text(line, &told);
    size_t weight = explain_weight(buf_slice(&told));
    buf_release(&told);
    explain_core_allow(e->core, weight < room ? room - weight : 0, &explain_text_teller);
}

static void take_line(struct explain *e)
{
    struct slice rest = slice_of(e->waiting.ptr + e->at, e->waiting.len - e->at), line;
    struct buf text = { 0 };
    bool whole = slice_cut(&rest, '\n', &line);
    if (!whole)
        line = rest;
    e->at += line.len + whole;
    allow(e, line);
    explain_core_datagram(e->core, line.ptr, line.len, e->truncated && !whole);
    if (e->form != EXPLAIN_JSON)
        explain_text_line(e->core, line, &text);
    add_found(e, &text);
}

static void take_framing_errors(struct explain *e)
{
    struct buf text = { 0 };
    allow(e, (struct slice){ 0 });
    for (uint32_t i = 0; i < e->n_framing_errors; i++)
        explain_core_error(e->core, e->framing_error);
    if (e->form != EXPLAIN_JSON)
        explain_text_errors(e->core, &text);
    add_found(e, &text);
    e->n_framing_errors = 0;
}

static bool something_waits(const struct explain *e)
{
    return e->at < e->waiting.len || e->n_framing_errors > 0;
}

bool explain_some(struct explain *e)
{
    if (explain_core_prepare(e->core))
        return true;
    if (e->at < e->waiting.len && explain_held(e) >= e->bounds.bytes / 8 * 5) {
        e->unread += e->waiting.len - e->at;
        e->at = e->waiting.len;
    } else if (e->at < e->waiting.len) {
        take_line(e);
    } else if (e->n_framing_errors > 0) {
        take_framing_errors(e);
    }
    return something_waits(e);
}

/* What waited is done with. */
static void wait_anew(struct explain *e)
{
    while (something_waits(e))
        (void)explain_some(e);
    buf_clear(&e->waiting);
    e->at = 0;
}

void explain_datagram(struct explain *e, struct slice datagram, bool truncated)
{
    bool cut = datagram.len > DATAGRAM_MAX;
    wait_anew(e);
    buf_append_slice(&e->waiting, cut ? slice_of(datagram.ptr, DATAGRAM_MAX) : datagram);
    e->truncated = cut || truncated;
}

static void take_frame(void *explain, const char *ptr, size_t len)
{
    struct explain *e = explain;
    buf_append(&e->waiting, ptr, len);
    if (ptr[len - 1] != '\n') /* the next frame begins another line */
        buf_append_char(&e->waiting, '\n');
}

static void note_framing_errors(struct explain *e, enum reason r, uint32_t n)
{
    e->framing_error = r;
    e->n_framing_errors = r != REASON_NONE ? n : 0;
}

void explain_stream_begin(struct explain *e, enum framing_kind kind)
{
    wait_anew(e);
    e->truncated = false;
    e->room = mem_realloc(e->room, FRAMING_ROOM);
    framing_init(&e->framing, kind, e->room);
}

bool explain_stream_push(struct explain *e, struct slice bytes)
{
    uint32_t errors = 0;
    wait_anew(e);
    enum reason r = framing_push(&e->framing, bytes.ptr, bytes.len, take_frame, e, &errors);
    note_framing_errors(e, r, errors > 0 ? errors : 1);
    return !e->framing.broken;
}

void explain_stream_end(struct explain *e)
{
    wait_anew(e);
    if (!e->framing.broken)
        note_framing_errors(e, framing_end(&e->framing, true, take_frame, e), 1);
}
