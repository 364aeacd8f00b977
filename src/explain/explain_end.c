/*
 *   explain_close             /metrics, some at a time
 *   explain_finish
 *     finish_text, put_notes  the sums, what /metrics would show, and what it would not
 *     finish_json             the same, around the lists
 */
#include "explain/explain_exposition.h"
#include "explain/explain_priv.h"
#include "explain/explain_text.h"

/* Bytes of the answer that are left, with some for what always stands there. */
static size_t left(const struct explain *e)
{
    enum { ALWAYS = 2048 };
    size_t used = explain_held(e) + ALWAYS;
    return used < e->bounds.bytes ? e->bounds.bytes - used : 0;
}

/* /metrics stands in JSON and in its text. */
bool explain_close(struct explain *e)
{
    if (explain_some(e))
        return true;
    size_t most = left(e) / 4 * 3;
    return explain_core_close(e->core, e->form == EXPLAIN_JSON_WITH_TEXT ? most / 2 : most);
}

static void put_left_out(const struct explain *e, bool lines_cut, struct buf *out)
{
    uint64_t near = explain_core_near_left_out(e->core);
    if (e->unread > 0)
        buf_printf(out, "\nnot read: the last %llu bytes, or the answer would be too long\n",
                   (unsigned long long)e->unread);
    if (lines_cut)
        buf_append_str(out, "\nmore on /metrics: left out, or the answer would be too long\n");
    if (near > 0)
        buf_printf(out,
                   "\nnear misses were not looked for: of %llu samples, there are too many "
                   "names and rules\n",
                   (unsigned long long)near);
}

/* As many whole lines of notes as there is room for. */
static void put_notes(const struct explain *e, struct buf *out)
{
    struct buf notes = { 0 };
    size_t room = left(e) / 4;
    explain_text_off_page(e->core, &notes);
    struct slice rest = buf_slice(&notes), line;
    while (slice_cut(&rest, '\n', &line)) {
        size_t weight = explain_weight(line) + 2;
        if (weight > room) {
            buf_append_str(out, "  and more\n");
            break;
        }
        room -= weight;
        buf_append_slice(out, line);
        buf_append_char(out, '\n');
    }
    buf_release(&notes);
}

static void finish_text(struct explain *e, struct slice exposition, bool lines_cut)
{
    struct buf end = { 0 };
    buf_printf(&end, "\nsamples %llu, events %llu, service checks %llu, errors %llu\n",
               (unsigned long long)e->sums.samples, (unsigned long long)e->sums.events,
               (unsigned long long)e->sums.checks, (unsigned long long)e->sums.errors);
    if (exposition.len > 0) {
        buf_append_str(&end, "\non /metrics:\n");
        buf_append_slice(&end, exposition);
        buf_append_char(&end, '\n');
    }
    put_notes(e, &end);
    put_left_out(e, lines_cut, &end);
    explain_add_text_take(e, &end);
}

static void put_count(const char *name, uint64_t n, struct buf *out)
{
    buf_printf(out, ",\"%s\":%llu", name, (unsigned long long)n);
}

static void put_list(const struct explain *e, enum list list, struct buf *out)
{
    static const char *const names[] = {
#define X(id, name) name,
        LISTS(X)
#undef X
    };
    buf_printf(out, ",\"%s\":[", names[list]);
    buf_append_slice(out, buf_slice(&e->lists[list]));
    buf_append_char(out, ']');
}

static void put_counts(const struct explain *e, struct buf *out)
{
    const struct explain_refused refused = explain_core_refused(e->core);
    put_count("tag_errors", e->sums.tag_errors, out);
    put_count("unknown_fields", e->sums.unknown_fields, out);
    put_count("not_finite", refused.not_finite, out);
    put_count("no_room", refused.no_room, out);
    put_count("marks", refused.marks, out);
}

static void finish_json(const struct explain *e, struct slice exposition, bool lines_cut,
                        struct buf *out)
{
    uint64_t near = explain_core_near_left_out(e->core);
    buf_printf(out, "{\"expect\":\"%s\"", explain_sums_expect(&e->sums));
    put_list(e, LIST_SAMPLES, out);
    if (e->lists[LIST_RULES].len > 0)
        put_list(e, LIST_RULES, out);
    put_list(e, LIST_EVENTS, out);
    put_list(e, LIST_CHECKS, out);
    put_count("errors", e->sums.errors, out);
    put_list(e, LIST_REASONS, out);
    put_counts(e, out);
    if (e->unread > 0)
        put_count("bytes_not_read", e->unread, out);
    if (e->left_out > 0)
        put_count("found_left_out", e->left_out, out);
    if (near > 0)
        put_count("near_misses_left_out", near, out);
    if (lines_cut)
        buf_append_str(out, ",\"exposition_cut\":true");
    buf_append_str(out, ",\"exposition\":\"");
    explain_put_inside_string(exposition, out);
    buf_append_char(out, '"');
    if (e->form == EXPLAIN_JSON_WITH_TEXT) {
        buf_append_str(out, ",\"text\":\"");
        buf_append_slice(out, buf_slice(&e->text));
        buf_append_char(out, '"');
    }
    buf_append_str(out, "}\n");
}

bool explain_finish(struct explain *e, struct buf *out)
{
    struct buf exposition = { 0 };
    while (explain_close(e))
        ;
    bool cut = !explain_core_exposition(e->core, &exposition);
    if (e->form != EXPLAIN_JSON)
        finish_text(e, buf_slice(&exposition), cut);
    if (e->form == EXPLAIN_TEXT)
        buf_append_slice(out, buf_slice(&e->text));
    else
        finish_json(e, buf_slice(&exposition), cut, out);
    buf_release(&exposition);
    return e->sums.errors == 0 && explain_core_refused(e->core).not_finite == 0;
}
