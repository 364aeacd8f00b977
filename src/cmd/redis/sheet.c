#include "cmd/redis/sheet.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/number.h"
#include "cmd/wrap.h"
#include "config/escape.h"

/* ---- cells ---- */

void sheet_text(struct sheet *t, struct slice s)
{
    assert(t->columns > 0 && t->columns <= SHEET_COLUMNS_MAX);
    t->cells = mem_grow(t->cells, &t->cap, t->n + 1, sizeof t->cells[0]);
    struct sheet_cell *c = &t->cells[t->n++];
    c->at = t->text.len;
    c->width = escape_text(s, &t->text);
    c->len = t->text.len - c->at;
}

/* Rounded first, so that it is printed as numbers are everywhere. */
static void put_rounded(struct sheet *t, double v, int digits)
{
    char text[NUMBER_TEXT_MAX];
    int n = snprintf(text, sizeof text, "%.*g", digits, v);
    (void)number_parse(slice_of(text, (size_t)n), &v);
    sheet_text(t, slice_of(text, number_print(text, v)));
}

void sheet_number(struct sheet *t, double v)
{
    put_rounded(t, v, v == floor(v) ? 17 : 12);
}

void sheet_estimate(struct sheet *t, double v)
{
    put_rounded(t, v, 6);
}

void sheet_ago(struct sheet *t, int64_t then_s, int64_t now_ms)
{
    static const struct {
        int64_t s;
        const char *unit;
    } units[] = { { 86400, "d" }, { 3600, "h" }, { 60, "m" }, { 1, "s" } };
    struct buf text = { 0 };
    int64_t ago = now_ms / 1000 - then_s;
    size_t i = 0;
    if (ago < 0)
        ago = 0; /* clocks differ */
    while (units[i].s > 1 && ago < 2 * units[i].s)
        i++;
    buf_printf(&text, "%" PRId64 "%s ago", ago / units[i].s, units[i].unit);
    sheet_text(t, then_s < 0 ? SLICE_LIT("?") : buf_slice(&text));
    buf_release(&text);
}

/* ---- printing ---- */

static size_t width_of(const struct sheet *t, size_t column)
{
    size_t width = strlen(t->heads[column]);
    for (size_t i = column; i < t->n; i += t->columns)
        width = t->cells[i].width > width ? t->cells[i].width : width;
    return width;
}

static void put_padded(struct slice text, size_t text_width, size_t width, bool left, bool last,
                       struct buf *out)
{
    if (!left)
        wrap_blanks(width - text_width, out);
    buf_append_slice(out, text);
    if (left && !last)
        wrap_blanks(width - text_width, out);
    buf_append_str(out, last ? "\n" : "  ");
}

/* width: SIZE_MAX of a column that is left out, which is not the last */
static void print_aligned(const struct sheet *t, const size_t *width, struct buf *out)
{
    assert(t->columns > 0);
    for (size_t c = 0; c < t->columns; c++)
        if (width[c] != SIZE_MAX)
            put_padded(slice_str(t->heads[c]), strlen(t->heads[c]), width[c], c == 0,
                       c + 1 == t->columns, out);
    for (size_t i = 0; i < t->n; i++) {
        const struct sheet_cell *cell = &t->cells[i];
        size_t c = i % t->columns;
        if (width[c] != SIZE_MAX)
            put_padded(slice_of(t->text.ptr + cell->at, cell->len), cell->width, width[c], c == 0,
                       c + 1 == t->columns, out);
    }
}

/* The first cell on a line, and below it the others, each behind its head. */
static void print_entries(const struct sheet *t, unsigned columns, struct buf *out)
{
    size_t at = 0; /* columns of the line so far */
    for (size_t i = 0; i < t->n; i++) {
        const struct sheet_cell *cell = &t->cells[i];
        size_t c = i % t->columns, width = strlen(t->heads[c]) + 1 + cell->width;
        if (c == 0) {
            buf_append_str(out, i > 0 ? "\n" : "");
            buf_append(out, t->text.ptr + cell->at, cell->len);
            continue;
        }
        bool fits = c > 1 && at + 2 + width <= columns;
        size_t indent = c == 1 ? 2 : 4;
        buf_append_str(out, fits ? "  " : "\n");
        wrap_blanks(fits ? 0 : indent, out);
        at = fits ? at + 2 + width : indent + width;
        buf_printf(out, "%s ", t->heads[c]);
        buf_append(out, t->text.ptr + cell->at, cell->len);
    }
    buf_append_char(out, '\n');
}

void sheet_print(const struct sheet *t, unsigned columns, struct buf *out)
{
    size_t width[SHEET_COLUMNS_MAX], all = 0;
    assert(t->n % t->columns == 0);
    for (size_t c = 0; c < t->columns; c++) {
        width[c] = width_of(t, c);
        all += width[c] + (c > 0 ? 2 : 0);
    }
    for (size_t c = t->columns - 1; columns > 0 && all > columns && c-- > 1;) {
        if ((t->optional >> c & 1) != 0) {
            all -= width[c] + 2;
            width[c] = SIZE_MAX;
        }
    }
    if (columns > 0 && all > columns)
        print_entries(t, columns, out);
    else
        print_aligned(t, width, out);
}

void sheet_print_lines(const struct sheet *t, struct buf *out)
{
    for (size_t i = 0; i < t->n; i++) {
        size_t c = i % t->columns;
        if (c > 0)
            buf_printf(out, "  %s%s", t->heads[c], t->heads[c][0] != '\0' ? " " : "");
        buf_append(out, t->text.ptr + t->cells[i].at, t->cells[i].len);
        buf_append_str(out, c + 1 == t->columns ? "\n" : "");
    }
}

void sheet_release(struct sheet *t)
{
    free(t->cells);
    buf_release(&t->text);
    *t = (struct sheet){ 0 };
}

/* ---- JSON ---- */

void object_begin(struct buf *out)
{
    buf_append_char(out, '{');
}

void object_end(struct buf *out)
{
    buf_append_char(out, '}');
}

void object_string(struct buf *out, struct slice s)
{
    buf_append_char(out, '"');
    while (s.len > 0) {
        size_t n = escape_sequence(s);
        unsigned char c = (unsigned char)s.ptr[0];
        if (n == 0)
            buf_append_str(out, "\\ufffd");
        else if (c == '"' || c == '\\')
            buf_printf(out, "\\%c", c);
        else if (c < 0x20)
            buf_printf(out, "\\u%04x", c);
        else
            buf_append(out, s.ptr, n);
        n += n == 0;
        s = slice_of(s.ptr + n, s.len - n);
    }
    buf_append_char(out, '"');
}

void object_name(struct buf *out, const char *name)
{
    assert(out->len > 0);
    if (out->ptr[out->len - 1] != '{')
        buf_append_str(out, ",");
    buf_printf(out, "\"%s\":", name);
}

void object_text(struct buf *out, const char *name, struct slice s)
{
    object_name(out, name);
    object_string(out, s);
}

void object_number(struct buf *out, const char *name, double v)
{
    char text[NUMBER_TEXT_MAX];
    assert(isfinite(v));
    object_name(out, name);
    buf_append(out, text, number_print(text, v));
}

void object_int(struct buf *out, const char *name, int64_t v)
{
    object_name(out, name);
    buf_printf(out, "%" PRId64, v);
}
