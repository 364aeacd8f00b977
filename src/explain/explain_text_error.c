/* Where a line is wrong, and why: a caret below it or below a part of it. */
#include "config/escape.h"
#include "explain/explain_text.h"
#include "explain/hint.h"

/* How many bytes at the front of s are valid UTF-8.  The parser gives no place for this error. */
static size_t utf8_length(struct slice s)
{
    size_t i = 0, n;
    while (i < s.len && (n = escape_sequence(slice_of(s.ptr + i, s.len - i))) > 0)
        i += n;
    return i;
}

static void put_caret(struct slice before, size_t indent, struct buf *out)
{
    struct buf shown = { 0 };
    size_t column = escape_text(before, &shown);
    buf_release(&shown);
    buf_printf(out, "%*s^\n", (int)(indent + column), "");
}

static bool is_inside_character(struct slice line, size_t at)
{
    return at < line.len && ((unsigned char)line.ptr[at] & 0xc0) == 0x80;
}

/* The part of the line around `at`, and a caret below it. */
static void put_window(struct slice line, size_t at, struct buf *out)
{
    enum { BEFORE = 100, BEHIND = 100 };
    size_t from = at < BEFORE ? 0 : at - BEFORE,
           to = line.len - at < BEHIND ? line.len : at + BEHIND;
    while (from < at && is_inside_character(line, from))
        from++;
    while (to > at && is_inside_character(line, to))
        to--;
    size_t start = out->len;
    buf_printf(out, "  byte %zu: ", at);
    size_t indent = out->len - start;
    escape_text(slice_of(line.ptr + from, to - from), out);
    buf_append_char(out, '\n');
    put_caret(slice_of(line.ptr + from, at - from), indent, out);
}

static void put_error(const struct explain_core *x, const struct explain_error *e, struct buf *out)
{
    enum { CARET_MAX = 1024 }; /* further on, people see neither where the caret is */
    struct slice line = slice_of(e->line, e->len);
    if (e->line != NULL && e->at <= e->len) {
        size_t at = e->reason == REASON_BAD_UTF8 ? utf8_length(line) : e->at;
        if (x->bounded && at > CARET_MAX)
            put_window(line, at, out);
        else
            put_caret(slice_of(e->line, at), 0, out);
    }
    buf_printf(out, "  error %s: %s\n", reason_name(e->reason), reason_help(e->reason));
}

static void put_error_hint(const struct config *c, const struct explain_error *e, struct buf *out)
{
    struct hint_line l;
    struct buf hint = { 0 };
    if (e->line == NULL)
        return;
    hint_line_cut(c, slice_of(e->line, e->len), e->reason, e->at, &l);
    if (hint_error(&l, &hint)) {
        buf_append_str(out, "  hint: ");
        buf_append_slice(out, buf_slice(&hint));
        buf_append_char(out, '\n');
    }
    buf_release(&hint);
}

void explain_text_more(uint64_t n, const char *what, struct buf *out)
{
    if (n > 0)
        buf_printf(out, "  and %llu more %s%s: counted alone, or the answer would be too long\n",
                   (unsigned long long)n, what, n == 1 ? "" : "s");
}

void explain_text_errors(const struct explain_core *x, struct buf *out)
{
    for (size_t i = 0; i < x->n_errors; i++)
        put_error(x, &x->errors[i], out);
    for (size_t i = 0; i < x->n_errors; i++)
        put_error_hint(x->config, &x->errors[i], out);
    explain_text_more(x->left_out.errors, "error", out);
}

void explain_text_error(const struct explain_core *x, const struct explain_error *e,
                        struct buf *out)
{
    put_error(x, e, out);
    put_error_hint(x->config, e, out);
}
