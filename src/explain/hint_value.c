/**
 * Hints for refused numbers: values, sample rates, timestamps.  A function for each hint, by
 * reason; the table of them at the end.
 */
#include "explain/hint.h"

#include <strings.h>

#include "base/number.h"

static bool value_missing(const struct hint_line *l, struct buf *out)
{
    if (hint_trim(l->value).len > 0)
        return false;
    buf_append_str(out, "the value is missing; ");
    hint_put_line(l, SLICE_LIT("1"), NULL, out);
    return true;
}

/* Of several values (1:x:3) the one that is wrong. */
static struct slice bad_part(const struct hint_line *l)
{
    struct slice rest = l->bad, part = rest;
    slice_cut(&rest, ':', &part);
    return part;
}

static bool value_with_blanks(const struct hint_line *l, struct buf *out)
{
    if (!hint_is_number(hint_trim(bad_part(l))))
        return false;
    buf_append_str(out, "a blank stands beside the value; send none between the signs");
    return true;
}

/* Foo::Bar:1|c, http://x:1|c: the last "value" is a number, one before it is not. */
static bool colon_in_name(const struct hint_line *l, struct buf *out)
{
    struct slice value = l->value;
    const char *last = value.len > 0 ? memrchr(value.ptr, ':', value.len) : NULL;
    const char *end = value.ptr + value.len;
    if (last == NULL || !hint_is_number(slice_of(last + 1, (size_t)(end - last - 1))))
        return false;
    buf_append_str(out, "the name ends at the first ':', thus is ");
    hint_put(l->name, out);
    buf_append_str(out, "; send another character inside names, such as '.'");
    return true;
}

static bool comma_in_number(const struct hint_line *l, struct buf *out)
{
    struct slice part = bad_part(l);
    char text[40];
    size_t commas = 0, digits = 0;
    if (part.len > sizeof text)
        return false;
    for (size_t i = 0; i < part.len; i++) {
        commas += part.ptr[i] == ',';
        digits += hint_starts(slice_of(part.ptr + i, 1), "+-.0123456789");
        text[i] = part.ptr[i] == ',' ? '.' : part.ptr[i];
    }
    if (commas == 1 && hint_is_number(slice_of(text, part.len))) {
        buf_append_str(out, "the decimal sign is a point; ");
        hint_put_line(l, slice_of(text, part.len), NULL, out);
        return true;
    }
    if (commas == 0 || commas + digits < part.len)
        return false;
    buf_append_str(out, "numbers have no commas between thousands");
    return true;
}

static bool unit_in_value(const struct hint_line *l, struct buf *out)
{
    /* clang-format off */
    static const struct {
        const char *unit;
        double ms; /* 0: no time */
    } units[] = {
        { "ms", 1 },            { "s", 1000 },          { "sec", 1000 },        { "us", 0.001 },
        { "\xc2\xb5s", 0.001 }, { "ns", 0.000001 },     { "m", 60000 },         { "min", 60000 },
        { "h", 3600000 },       { "%", 0 },             { "b", 0 },             { "kb", 0 },
        { "mb", 0 },            { "gb", 0 },            { "kib", 0 },           { "mib", 0 },
        { "gib", 0 },           { "k", 0 },             { "c", 0 },             { "f", 0 },
        { "bytes", 0 },
    };
    /* clang-format on */
    struct slice part = bad_part(l);
    double v, ms = 0;
    size_t n = hint_number(part, &v);
    struct slice unit = hint_trim(slice_of(part.ptr + n, part.len - n));
    bool known = false;
    for (size_t i = 0; n > 0 && i < ARRAY_LEN(units); i++) {
        if (unit.len == strlen(units[i].unit) &&
            strncasecmp(unit.ptr, units[i].unit, unit.len) == 0) {
            known = true;
            ms = units[i].ms;
        }
    }
    if (!known)
        return false;
    struct buf number = { 0 };
    bool timing = ms > 0 && slice_eq(hint_trim(l->type), SLICE_LIT("ms"));
    hint_put_number(timing ? v * ms : v, &number);
    buf_append_str(out, timing ? "the value is a bare number of milliseconds; "
                               : "the value is a bare number, without a unit; ");
    hint_put_line(l, buf_slice(&number), NULL, out);
    buf_release(&number);
    return true;
}

static bool no_number_at_all(const struct hint_line *l, struct buf *out)
{
    static const char *const none[] = { "nan",  "inf",       "infinity", "+inf",
                                        "-inf", "-infinity", "null",     "none",
                                        "nil",  "undefined", "n/a",      "-" };
    static const char *const truth[] = { "true", "false", "yes", "no", "on", "off" };
    struct slice part = hint_trim(bad_part(l));
    if (hint_is_word(part, none, ARRAY_LEN(none)))
        buf_append_str(out, "the program had no number to send: a division by zero, or a missing "
                            "value; send nothing then");
    else if (hint_is_word(part, truth, ARRAY_LEN(truth)))
        buf_append_str(out, "a truth value is sent as 1 or 0");
    else
        return false;
    return true;
}

static bool two_signs(const struct hint_line *l, struct buf *out)
{
    struct slice part = bad_part(l);
    if (part.len < 3 || !hint_starts(part, "+-") ||
        !hint_is_number(slice_of(part.ptr + 1, part.len - 1)))
        return false;
    buf_append_str(out, "two signs: the client was given a negative number to subtract");
    return true;
}

static bool quoted_number(const struct hint_line *l, struct buf *out)
{
    struct slice part = bad_part(l);
    if (part.len < 3 || !hint_starts(part, "\"'") ||
        !hint_is_number(slice_of(part.ptr + 1, part.len - 2)))
        return false;
    buf_append_str(out, "the value stands without quotes");
    return true;
}

static bool another_notation(const struct hint_line *l, struct buf *out)
{
    struct slice part = bad_part(l);
    if (!slice_starts(part, SLICE_LIT("0x")) && !slice_starts(part, SLICE_LIT("0X")) &&
        !hint_has(part, "_"))
        return false;
    buf_append_str(out, "numbers are decimal: 16, 1000, 1.5, 1e3");
    return true;
}

static bool text_as_value(const struct hint_line *l, struct buf *out)
{
    double v;
    struct slice part = bad_part(l);
    if (part.len == 0 || hint_number(part, &v) > 0)
        return false;
    buf_append_str(out, "a text is no value; |s counts how many different ones there are, a tag "
                        "(|#key:value) tells them apart");
    return true;
}

/* ---- bad_sample_rate, negative_timing, bad_timestamp ---- */

static bool rate_in_percent(const struct hint_line *l, struct buf *out)
{
    double v;
    size_t n = hint_number(l->bad, &v);
    if (n == 0 || n + 1 != l->bad.len || l->bad.ptr[n] != '%')
        return false;
    buf_append_str(out, "the rate is a share of 1: @");
    hint_put_number(v / 100, out);
    return true;
}

static bool rate_as_fraction(const struct hint_line *l, struct buf *out)
{
    double a, b;
    size_t n = hint_number(l->bad, &a);
    if (n == 0 || n + 1 >= l->bad.len || l->bad.ptr[n] != '/' ||
        !number_parse(slice_of(l->bad.ptr + n + 1, l->bad.len - n - 1), &b) || b <= 0)
        return false;
    buf_append_str(out, "the rate is one number: @");
    hint_put_number(a / b, out);
    return true;
}

static bool rate_above_one(const struct hint_line *l, struct buf *out)
{
    double v;
    if (!number_parse(l->bad, &v) || v <= 1)
        return false;
    buf_append_str(out, "the rate is the share of samples that are sent, at most 1: one in ");
    hint_put(l->bad, out);
    buf_append_str(out, " is @");
    hint_put_number(1 / v, out);
    return true;
}

static bool rate_with_comma(const struct hint_line *l, struct buf *out)
{
    if (!hint_has(l->bad, ","))
        return false;
    buf_append_str(out, "the decimal sign is a point: @0.5; tags stand behind |#");
    return true;
}

static bool rate_otherwise(const struct hint_line *l, struct buf *out)
{
    (void)l;
    buf_append_str(out, "@0.1 says that one of ten samples was sent");
    return true;
}

static bool clock_went_back(const struct hint_line *l, struct buf *out)
{
    (void)l;
    buf_append_str(out, "the client's clock went back, or end and start are swapped; |h and |d "
                        "take numbers below zero");
    return true;
}

static bool timestamp_form(const struct hint_line *l, struct buf *out)
{
    (void)l;
    buf_append_str(out, "T stands before whole seconds since 1970: T1656581400");
    return true;
}

/* For each reason from the most to the least particular. */
static const struct hint_row rows[] = {
    { REASON_BAD_VALUE, value_missing },
    { REASON_BAD_VALUE, value_with_blanks },
    { REASON_BAD_VALUE, colon_in_name },
    { REASON_BAD_VALUE, comma_in_number },
    { REASON_BAD_VALUE, unit_in_value },
    { REASON_BAD_VALUE, no_number_at_all },
    { REASON_BAD_VALUE, two_signs },
    { REASON_BAD_VALUE, quoted_number },
    { REASON_BAD_VALUE, another_notation },
    { REASON_BAD_VALUE, text_as_value },
    { REASON_BAD_SAMPLE_RATE, rate_in_percent },
    { REASON_BAD_SAMPLE_RATE, rate_as_fraction },
    { REASON_BAD_SAMPLE_RATE, rate_above_one },
    { REASON_BAD_SAMPLE_RATE, rate_with_comma },
    { REASON_BAD_SAMPLE_RATE, rate_otherwise },
    { REASON_NEGATIVE_TIMING, clock_went_back },
    { REASON_BAD_TIMESTAMP, timestamp_form },
};

bool hint_value(const struct hint_line *l, struct buf *out)
{
    return hint_first(rows, ARRAY_LEN(rows), l, out);
}
