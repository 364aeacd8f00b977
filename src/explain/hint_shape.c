/**
 * Hints for refused lines of another shape: types, separators, names, events, other protocols.  A
 * function for each hint, by reason; the table of them at the end.
 */
#include "explain/hint.h"

#include "base/number.h"

/* How many bytes at the front of s are a type; 0: none. */
static size_t type_at_front(struct slice s)
{
    if (slice_starts(s, SLICE_LIT("ms")))
        return 2;
    return hint_starts(s, "cghds") ? 1 : 0;
}

/* ---- any reason ---- */

static bool line_feed_as_text(const struct hint_line *l, struct buf *out)
{
    if (!hint_has(l->line, "\\n") || slice_starts(l->line, SLICE_LIT("_")))
        return false;
    buf_append_str(out, "\\n is two characters here, not a line feed; printf '...\\n' or $'...\\n' "
                        "of bash make one");
    return true;
}

static bool quotes_around(const struct hint_line *l, struct buf *out)
{
    char c = l->line.len >= 2 ? l->line.ptr[0] : '\0';
    if ((c != '"' && c != '\'') || l->line.ptr[l->line.len - 1] != c)
        return false;
    buf_append_str(out, "the quotes are part of the line; send it without them");
    return true;
}

/* ---- unknown_type ---- */

static bool type_missing(const struct hint_line *l, struct buf *out)
{
    if (l->bad.len > 0)
        return false;
    hint_put_line(l, l->value, "c", out);
    buf_append_str(out, " for a counter, |g for a gauge, |ms for a timing");
    return true;
}

static bool type_by_another_name(const struct hint_line *l, struct buf *out)
{
    const char *type = hint_type(l->bad);
    if (type == NULL)
        return false;
    buf_append_char(out, '|');
    hint_put(l->bad, out);
    if (slice_eq(l->bad, slice_str(type)))
        buf_printf(out, " has a blank beside it; write |%s", type);
    else
        buf_printf(out, " is written |%s", type);
    return true;
}

static bool type_of_another_unit(const struct hint_line *l, struct buf *out)
{
    static const char *const units[] = { "us",     "ns",      "sec", "secs",
                                         "second", "seconds", "min", "minutes" };
    if (!hint_is_word(l->bad, units, ARRAY_LEN(units)))
        return false;
    buf_append_str(out, "times are sent in milliseconds: |ms");
    return true;
}

static bool field_before_type(const struct hint_line *l, struct buf *out)
{
    if (!hint_starts(l->bad, "@#"))
        return false;
    buf_append_str(out, l->bad.ptr[0] == '@'
                            ? "the type comes before the sample rate: name:1|c|@0.1"
                            : "the type comes before the tags: name:1|c|#env:prod");
    return true;
}

static bool value_and_type_swapped(const struct hint_line *l, struct buf *out)
{
    const char *type = hint_type(hint_trim(l->value));
    if (type == NULL || !hint_is_number(l->bad))
        return false;
    buf_append_str(out, "the value comes before the type; ");
    hint_put_line(l, l->bad, type, out);
    return true;
}

static bool bar_missing_behind_type(const struct hint_line *l, struct buf *out)
{
    size_t n = type_at_front(l->bad);
    struct slice rest = slice_of(l->bad.ptr + n, l->bad.len - n);
    while (n > 0 && hint_starts(rest, ",; "))
        rest = slice_of(rest.ptr + 1, rest.len - 1);
    if (n == 0 || !hint_starts(rest, "#@"))
        return false;
    buf_append_str(out, "a | is missing before ");
    hint_put(rest, out);
    return true;
}

static bool line_feed_missing(const struct hint_line *l, struct buf *out)
{
    size_t n = type_at_front(l->bad);
    struct slice rest = slice_of(l->bad.ptr + n, l->bad.len - n), name = rest;
    if (n == 0 || !slice_cut(&rest, ':', &name) || name.len == 0)
        return false;
    buf_append_str(out, "a line feed is missing before ");
    hint_put(hint_trim(name), out);
    return true;
}

/* ---- no_colon, no_type, bad_name ---- */

static bool another_protocol(const struct hint_line *l, struct buf *out)
{
    static const char *const methods[] = { "GET ", "POST ", "PUT ", "HEAD ", "HTTP/" };
    struct slice s = l->line;
    bool http = false, bars = hint_has(s, "|"), blanks = hint_has(s, " ");
    for (size_t i = 0; i < ARRAY_LEN(methods); i++)
        http = http || slice_starts(s, slice_str(methods[i]));
    const char *what = http                   ? "HTTP; the HTTP server is at http.listen"
                       : hint_starts(s, "{[") ? "JSON"
                       : !bars && hint_has(s, "{") && hint_has(s, "} ") ? "how /metrics is written"
                       : !bars && blanks && hint_has(s, "=")            ? "InfluxDB's line protocol"
                                                                        : NULL;
    if (what == NULL)
        return false;
    buf_printf(out, "this is %s; a line is name:value|type|#key:value", what);
    return true;
}

/* "a.b 1 1656581400" */
static bool graphite(const struct hint_line *l, struct buf *out)
{
    struct slice rest = l->line, name, value;
    if (!slice_cut(&rest, ' ', &name) || !slice_cut(&rest, ' ', &value) || !hint_is_number(value) ||
        !hint_is_number(rest))
        return false;
    buf_append_str(out, "this is Graphite's protocol; a line is name:value|type");
    return true;
}

/* "a 1", "a=1|c" */
static bool another_separator(const struct hint_line *l, struct buf *out)
{
    struct hint_line written = { .type = SLICE_LIT("c") };
    struct slice name = l->line, value = l->line;
    double v;
    if (!slice_cut(&value, '=', &name) && !slice_cut(&value, ' ', &name) &&
        !slice_cut(&value, '\t', &name))
        return false;
    value = hint_trim(value);
    size_t n = hint_number(value, &v);
    if (n == 0 || name.len == 0)
        return false;
    struct slice rest = slice_of(value.ptr + n, value.len - n);
    if (slice_starts(rest, SLICE_LIT("|")))
        written.type = slice_of(rest.ptr + 1, rest.len - 1);
    written.name = hint_trim(name);
    hint_put_line(&written, slice_of(value.ptr, n), NULL, out);
    return true;
}

static bool value_left_out(const struct hint_line *l, struct buf *out)
{
    struct slice type = l->line, name;
    if (!slice_cut(&type, '|', &name) || name.len == 0)
        return false;
    buf_append_str(out, "the value is missing; write ");
    hint_put(name, out);
    buf_append_str(out, ":1|");
    hint_put(type, out);
    return true;
}

static bool name_alone(const struct hint_line *l, struct buf *out)
{
    buf_append_str(out, "a line is name:value|type; write ");
    hint_put(l->line, out);
    buf_append_str(out, ":1|c to count it");
    return true;
}

static bool type_left_out(const struct hint_line *l, struct buf *out)
{
    hint_put_line(l, l->value.len > 0 ? l->value : SLICE_LIT("1"), "c", out);
    buf_append_str(out, " for a counter, |g for a gauge, |ms for a timing");
    return true;
}

static bool name_empty(const struct hint_line *l, struct buf *out)
{
    if (l->name.len > 0)
        return false;
    buf_append_str(out, "the client was given an empty name");
    return true;
}

static bool bar_in_name(const struct hint_line *l, struct buf *out)
{
    if (!hint_has(l->name, "|"))
        return false;
    buf_append_str(out, "a name cannot hold '|'; send another character, such as '.'");
    return true;
}

/* ---- events and checks ---- */

/* _e{5,4}:title|text with the lengths that title and text have. */
static bool event_lengths(const struct hint_line *l, struct buf *out)
{
    struct slice rest = l->line, head, title, text;
    if (!slice_cut(&rest, '}', &head) || !slice_starts(rest, SLICE_LIT(":")))
        return false;
    rest = slice_of(rest.ptr + 1, rest.len - 1);
    if (!slice_cut(&rest, '|', &title) || title.len == 0)
        return false;
    text = rest;
    slice_cut(&rest, '|', &text);
    buf_printf(out, "the braces hold the bytes of title and text: _e{%zu,%zu}:", title.len,
               text.len);
    hint_put(title, out);
    buf_append_char(out, '|');
    hint_put(text, out);
    return true;
}

static bool event_form(const struct hint_line *l, struct buf *out)
{
    (void)l;
    buf_append_str(out, "an event is _e{5,4}:title|text, with the bytes of both in the braces");
    return true;
}

static bool check_form(const struct hint_line *l, struct buf *out)
{
    (void)l;
    buf_append_str(out, "a check is _sc|name|STATUS, with 0 ok, 1 warning, 2 critical, 3 unknown");
    return true;
}

static bool not_utf8(const struct hint_line *l, struct buf *out)
{
    (void)l;
    buf_append_str(out,
                   "the client sends another encoding, such as Latin-1, or cut a character in two");
    return true;
}

/* For each reason from the most to the least particular, REASON_COUNT (any) first. */
static const struct hint_row rows[] = {
    { REASON_COUNT, line_feed_as_text },
    { REASON_COUNT, quotes_around },
    { REASON_COUNT, another_protocol },
    { REASON_UNKNOWN_TYPE, type_missing },
    { REASON_UNKNOWN_TYPE, type_by_another_name },
    { REASON_UNKNOWN_TYPE, type_of_another_unit },
    { REASON_UNKNOWN_TYPE, field_before_type },
    { REASON_UNKNOWN_TYPE, value_and_type_swapped },
    { REASON_UNKNOWN_TYPE, bar_missing_behind_type },
    { REASON_UNKNOWN_TYPE, line_feed_missing },
    { REASON_NO_COLON, graphite },
    { REASON_NO_COLON, another_separator },
    { REASON_NO_COLON, value_left_out },
    { REASON_NO_COLON, name_alone },
    { REASON_NO_TYPE, type_left_out },
    { REASON_BAD_NAME, name_empty },
    { REASON_BAD_NAME, bar_in_name },
    { REASON_BAD_EVENT, event_lengths },
    { REASON_BAD_EVENT, event_form },
    { REASON_BAD_SERVICE_CHECK, check_form },
    { REASON_BAD_UTF8, not_utf8 },
};

bool hint_shape(const struct hint_line *l, struct buf *out)
{
    return hint_first(rows, ARRAY_LEN(rows), l, out);
}
