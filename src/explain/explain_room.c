#include "explain/explain_room.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "explain/explain_exposition.h"

static size_t weight_of(const json_t *j)
{
    return json_dumpb(j, NULL, 0, JSON_COMPACT | JSON_REAL_PRECISION(17)) + 1; /* a comma */
}

/* text is released. */
static bool take(struct explain_core *x, size_t json, struct buf *text)
{
    size_t weight = json + explain_weight(buf_slice(text));
    bool fits = weight <= x->room;
    buf_release(text);
    x->room = fits ? x->room - weight : 0;
    return fits;
}

static void keep(json_t *list, json_t *j, bool fits, uint64_t *left_out)
{
    if (fits) {
        json_array_append_new(list, j);
        return;
    }
    json_decref(j);
    (*left_out)++;
}

void explain_room_event(struct explain_core *x, json_t *event)
{
    struct buf text = { 0 };
    if (x->bounded)
        x->teller->event(x, event, &text);
    keep(x->events, event, !x->bounded || take(x, weight_of(event), &text), &x->left_out.events);
}

void explain_room_check(struct explain_core *x, json_t *check)
{
    struct buf text = { 0 };
    if (x->bounded)
        x->teller->check(x, check, &text);
    keep(x->checks, check, !x->bounded || take(x, weight_of(check), &text), &x->left_out.checks);
}

static bool room_for_sample(struct explain_core *x, json_t *sample, const json_t *rule)
{
    struct buf text = { 0 };
    if (!x->bounded)
        return true;
    x->teller->sample(x, sample, rule, &text);
    return take(x, weight_of(sample) + (rule != NULL ? weight_of(rule) : 0), &text);
}

void explain_room_no_sample(struct explain_core *x)
{
    x->left_out.samples++;
    x->counters_lack = true;
}

bool explain_room_sample(struct explain_core *x, json_t *sample, json_t *rule)
{
    if (!room_for_sample(x, sample, rule)) {
        json_decref(sample);
        json_decref(rule);
        explain_room_no_sample(x);
        return false;
    }
    json_array_append_new(x->samples, sample);
    if (rule != NULL)
        json_array_append_new(x->rules, rule);
    return true;
}

/* ---- errors ---- */

/* The copy of the line that errors point to.  Not mem_strndup, which ends at a NUL: a refused line
 * may hold one. */
static const char *keep_line(struct explain_core *x, struct slice line)
{
    struct explain_line *last = x->n_lines > 0 ? &x->lines[x->n_lines - 1] : NULL;
    if (line.ptr == NULL)
        return NULL;
    if (last != NULL && last->len == line.len && memcmp(last->ptr, line.ptr, line.len) == 0)
        return last->ptr;
    char *copy = mem_alloc(line.len + 1);
    memcpy(copy, line.ptr, line.len);
    copy[line.len] = '\0';
    x->lines = mem_grow(x->lines, &x->cap_lines, x->n_lines + 1, sizeof *x->lines);
    x->lines[x->n_lines++] = (struct explain_line){ .ptr = copy, .len = line.len };
    return copy;
}

static bool room_for_error(struct explain_core *x, const struct explain_error *e)
{
    struct buf text = { 0 };
    if (!x->bounded)
        return true;
    x->teller->error(x, e, &text);
    return take(x, strlen(reason_name(e->reason)) + strlen("\"\","), &text);
}

void explain_room_error(struct explain_core *x, enum reason r, struct slice line, size_t at)
{
    struct explain_error e = { .reason = r, .line = line.ptr, .len = line.len, .at = at };
    assert(r < REASON_COUNT);
    assert(at == SIZE_MAX || at <= line.len);
    if ((x->bounded && x->room == 0) || !room_for_error(x, &e)) {
        x->left_out.errors++;
        return;
    }
    e.line = keep_line(x, line);
    x->errors = mem_grow(x->errors, &x->cap_errors, x->n_errors + 1, sizeof *x->errors);
    x->errors[x->n_errors++] = e;
}

void explain_room_clear(struct explain_core *x)
{
    for (size_t i = 0; i < x->n_lines; i++)
        free(x->lines[i].ptr);
    x->n_lines = x->n_errors = 0;
}
