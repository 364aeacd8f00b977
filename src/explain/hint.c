/*
 * hint_line_cut       a line into name, value, type and fields, as far as it has them
 * hint_put ...        what several hints write, or ask of a part of the line
 * hint_first          the first row of a table that has something to say; the rows are in
 *                     hint_shape.c, hint_value.c (refused lines) and hint_accepted.c
 */
#include "explain/hint.h"

#include <assert.h>
#include <strings.h>

#include "base/number.h"
#include "config/escape.h"

struct slice hint_trim(struct slice s)
{
    return slice_trim(s, SLICE_LIT(" \t\r"));
}

bool hint_next_field(struct slice *fields, struct slice *ret)
{
    if (fields->len == 0)
        return false;
    if (!slice_cut(fields, '|', ret)) {
        *ret = *fields;
        *fields = slice_of(ret->ptr + ret->len, 0);
    }
    return true;
}

static bool lies_in(struct slice part, struct slice whole)
{
    return part.len == 0 || (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len);
}

static void hint_line_check(const struct hint_line *l)
{
    assert(l->config != NULL);
    assert(lies_in(l->name, l->line) && lies_in(l->value, l->line));
    assert(lies_in(l->type, l->line) && lies_in(l->fields, l->line));
    assert(l->bad.len == 0 || l->reason != REASON_NONE);
}

void hint_line_cut(const struct config *c, struct slice line, enum reason reason, size_t at,
                   struct hint_line *ret)
{
    const struct slice none = SLICE_LIT("");
    struct hint_line l = { .config = c,
                           .line = hint_trim(line),
                           .name = none,
                           .value = none,
                           .type = none,
                           .fields = none,
                           .bad = none,
                           .reason = reason };
    struct slice rest = l.line;
    if (at < line.len) {
        struct slice behind = slice_of(line.ptr + at, line.len - at);
        hint_next_field(&behind, &l.bad);
        l.bad = hint_trim(l.bad);
    }
    if (slice_cut(&rest, ':', &l.name)) {
        if (slice_cut(&rest, '|', &l.value)) {
            l.type = rest;
            if (slice_cut(&rest, '|', &l.type))
                l.fields = rest;
        } else
            l.value = rest;
    }
    hint_line_check(&l);
    *ret = l;
}

void hint_put(struct slice s, struct buf *out)
{
    escape_short(s, out);
}

void hint_put_number(double v, struct buf *out)
{
    char *at = buf_reserve(out, NUMBER_TEXT_MAX);
    out->len += number_print(at, v);
}

bool hint_has(struct slice s, const char *part)
{
    return s.len > 0 && memmem(s.ptr, s.len, part, strlen(part)) != NULL;
}

bool hint_starts(struct slice s, const char *chars)
{
    return s.len > 0 && s.ptr[0] != '\0' && strchr(chars, s.ptr[0]) != NULL;
}

bool hint_is_number(struct slice s)
{
    double v;
    return number_parse(s, &v);
}

bool hint_is_word(struct slice s, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (s.len == strlen(words[i]) && strncasecmp(s.ptr, words[i], s.len) == 0)
            return true;
    }
    return false;
}

void hint_put_line(const struct hint_line *l, struct slice value, const char *type, struct buf *out)
{
    buf_append_str(out, "write ");
    hint_put(l->name, out);
    buf_append_char(out, ':');
    hint_put(value, out);
    buf_append_char(out, '|');
    hint_put(type != NULL ? slice_str(type) : l->type, out);
}

bool hint_first(const struct hint_row *rows, size_t n, const struct hint_line *l, struct buf *out)
{
    for (size_t i = 0; i < n; i++) {
        size_t before = out->len;
        if (rows[i].reason != REASON_COUNT && rows[i].reason != l->reason)
            continue;
        if (rows[i].say(l, out)) {
            assert(out->len > before && "a hint says something");
            return true;
        }
        assert(out->len == before && "a row that does not apply says nothing");
    }
    return false;
}

bool hint_error(const struct hint_line *l, struct buf *out)
{
    return hint_shape(l, out) || hint_value(l, out);
}

size_t hint_number(struct slice s, double *ret)
{
    size_t most = 0;
    while (most < s.len && most < 40 && strchr("+-.0123456789eE", s.ptr[most]) != NULL)
        most++;
    for (; most > 0; most--) {
        if (number_parse(slice_of(s.ptr, most), ret))
            return most;
    }
    return 0;
}

const char *hint_type(struct slice word)
{
    enum { WORDS = 12 };
    /* clang-format off */
    static const struct {
        const char *type;
        const char *words[WORDS];
    } rows[] = {
        { "c",  { "c", "count", "counts", "counter", "counters", "incr", "increment", "decr",
                  "m", "meter", "rate" } },
        { "g",  { "g", "gauge", "gauges", "kv" } },
        { "ms", { "ms", "t", "time", "timer", "timers", "timing", "timings", "millis",
                  "milliseconds", "duration" } },
        { "h",  { "h", "hist", "histogram", "histograms", "summary" } },
        { "d",  { "d", "dist", "distribution" } },
        { "s",  { "s", "set", "sets", "unique", "uniques" } },
    };
    /* clang-format on */
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t n = 0;
        while (n < WORDS && rows[i].words[n] != NULL)
            n++;
        if (hint_is_word(word, rows[i].words, n))
            return rows[i].type;
    }
    return NULL;
}
