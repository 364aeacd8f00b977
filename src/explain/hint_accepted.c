/**
 * Hints for lines that are right, and yet may mean something else than was meant: a function for
 * each hint, the table of them at the end.
 */
#include "explain/hint.h"

#include "base/number.h"
#include "protocol/parse.h"

/**
 * next_tag(fields, tags, ret):
 * Walk the tags of all |# fields.
 *   fields, tags   what is left of the fields, and of the tags of the field under way
 *   returns        false: there is no further tag
 */
static bool next_tag(struct slice *fields, struct slice *tags, struct slice *ret)
{
    while (tags->len == 0) {
        struct slice field;
        if (!hint_next_field(fields, &field))
            return false;
        if (hint_starts(field, "#"))
            *tags = slice_of(field.ptr + 1, field.len - 1);
    }
    *ret = *tags;
    if (!slice_cut(tags, ',', ret))
        *tags = slice_of(ret->ptr + ret->len, 0);
    return true;
}

static bool equals_in_tag(const struct hint_line *l, struct buf *out)
{
    struct slice fields = l->fields, tags = { NULL, 0 }, tag, key;
    while (next_tag(&fields, &tags, &tag)) {
        struct slice value = tag;
        if (hint_has(tag, ":") || !slice_cut(&value, '=', &key) || key.len == 0)
            continue;
        buf_append_str(out, "the tag ");
        hint_put(tag, out);
        buf_append_str(out, " has no value: it is kept as a bare tag with the value true; write ");
        hint_put(key, out);
        buf_append_char(out, ':');
        hint_put(value, out);
        return true;
    }
    return false;
}

/* One tag where two were meant: #a:b;c:d and #a:b c:d. */
static bool tags_not_cut(const struct hint_line *l, struct buf *out)
{
    struct slice fields = l->fields, tags = { NULL, 0 }, tag, key;
    while (next_tag(&fields, &tags, &tag)) {
        struct slice value = tag;
        if (!slice_cut(&value, ':', &key))
            continue;
        size_t at = 0;
        while (at < value.len && strchr("; &", value.ptr[at]) == NULL)
            at++;
        if (at == value.len || !hint_has(slice_of(value.ptr + at, value.len - at), ":"))
            continue;
        hint_put(tag, out);
        buf_append_str(out, " is one tag; tags are separated by commas");
        return true;
    }
    return false;
}

static bool rate_in_tag(const struct hint_line *l, struct buf *out)
{
    struct slice fields = l->fields, tags = { NULL, 0 }, tag;
    while (next_tag(&fields, &tags, &tag)) {
        const char *at = tag.len > 0 ? memrchr(tag.ptr, '@', tag.len) : NULL;
        size_t left = at != NULL ? (size_t)(tag.ptr + tag.len - at - 1) : 0;
        if (at == NULL || !hint_is_number(slice_of(at + 1, left)))
            continue;
        hint_put(slice_of(at, left + 1), out);
        buf_append_str(out, " is part of the tag; a sample rate stands behind a | of its own");
        return true;
    }
    return false;
}

/* "env:prod" is a tag; "x:1" may be a field of a later version of the protocol. */
static bool looks_like_tag(struct slice field)
{
    struct slice key = field;
    return slice_cut(&field, ':', &key) && key.len > 1;
}

static bool field_without_its_sign(const struct hint_line *l, struct buf *out)
{
    struct slice rest = l->fields, field;
    while (hint_next_field(&rest, &field)) {
        field = hint_trim(field);
        bool number = hint_is_number(field);
        bool known = hint_starts(field, "@#T") || slice_starts(field, SLICE_LIT("c:")) ||
                     slice_starts(field, SLICE_LIT("e:")) ||
                     slice_starts(field, SLICE_LIT("card:"));
        if (field.len == 0 || known || (!number && !looks_like_tag(field)))
            continue;
        buf_append_str(out, number ? "a sample rate begins with @: |@" : "tags begin with #: |#");
        hint_put(field, out);
        return true;
    }
    return false;
}

static const struct style {
    enum name_tags bit;
    const char *word, *sign;
} styles[] = {
    { NAME_TAGS_SIGNALFX, "signalfx", "[" },
    { NAME_TAGS_LIBRATO, "librato", "#" },
    { NAME_TAGS_INFLUX, "influx", "," },
    { NAME_TAGS_GRAPHITE, "graphite", ";" },
};

static bool tags_in_name(const struct hint_line *l, struct buf *out)
{
    for (size_t i = 0; i < ARRAY_LEN(styles); i++) {
        struct slice rest = l->name, name;
        if (!slice_cut(&rest, styles[i].sign[0], &name) || !hint_has(rest, "=") ||
            (l->config->protocol_name_tags & styles[i].bit))
            continue;
        buf_append_str(out, "the tags are part of the name; protocol.name_tags = ");
        buf_append_str(out, styles[i].word);
        buf_append_str(out, " reads them (--set protocol.name_tags=");
        buf_append_str(out, styles[i].word);
        buf_append_char(out, ')');
        return true;
    }
    if (!hint_has(l->name, "{") || !hint_has(l->name, "="))
        return false;
    buf_append_str(out, "labels in the name are not read; write name:1|c|#key:value");
    return true;
}

static bool name_with_blank_or_quote(const struct hint_line *l, struct buf *out)
{
    if (hint_trim(l->name).len < l->name.len)
        buf_append_str(out, "the name ends in a blank, which is part of it");
    else if (hint_starts(l->name, "\"'`"))
        buf_append_str(out, "the quote is part of the name");
    else
        return false;
    return true;
}

/* Sets count distinct texts; a number with a fraction or a unit was measured, and hardly meant
 * as one. */
static bool measure_in_set(const struct hint_line *l, struct buf *out)
{
    double v;
    size_t n = hint_number(l->value, &v);
    struct slice rest = slice_of(l->value.ptr + n, l->value.len - n);
    bool unit = slice_eq(rest, SLICE_LIT("ms")) || slice_eq(rest, SLICE_LIT("s"));
    if (!slice_eq(l->type, SLICE_LIT("s")) || n == 0 ||
        (!unit && (rest.len > 0 || !hint_has(l->value, "."))))
        return false;
    buf_append_str(out, "|s is a set: it counts how many different texts were sent, and ");
    hint_put(l->value, out);
    buf_append_str(out, " is one of them; did you mean |ms (milliseconds)?");
    return true;
}

static bool packed_values(const struct hint_line *l, struct buf *out)
{
    struct slice rest = l->value, part;
    size_t n = 0;
    if (slice_eq(l->type, SLICE_LIT("s")) || l->type.len == 0 || !hint_has(l->value, ":"))
        return false;
    for (bool more = true; more;) {
        part = rest;
        more = slice_cut(&rest, ':', &part);
        n += part.len > 0;
    }
    if (n < 2)
        return false;
    buf_printf(out,
               "%zu values, for the name ends at the first ':'; if that was not meant, send "
               "another character inside names",
               n);
    return true;
}

/* Whether a field begins with one of fronts. */
static bool has_field(struct slice fields, const char *const *fronts, size_t n)
{
    struct slice field;
    while (hint_next_field(&fields, &field)) {
        for (size_t i = 0; i < n; i++) {
            if (slice_starts(field, slice_str(fronts[i])))
                return true;
        }
    }
    return false;
}

/* Which signs set the gauge because of other fields of the line (protocol.gauge_sign = auto):
 * with a timestamp both, with a field that only DogStatsD has '-'. */
static void signs_that_set(const struct hint_line *l, bool *plus, bool *minus)
{
    static const char *const time[] = { "T" }, *const dog[] = { "c:", "e:", "card:" };
    bool by_fields = l->config->protocol_gauge_sign == GAUGE_SIGN_AUTO;
    *plus = by_fields && has_field(l->fields, time, ARRAY_LEN(time));
    *minus = *plus || (by_fields && has_field(l->fields, dog, ARRAY_LEN(dog)));
}

static bool signed_gauge(const struct hint_line *l, struct buf *out)
{
    struct slice v = l->value;
    if (!slice_eq(l->type, SLICE_LIT("g")))
        return false;
    bool plus_sets, minus_sets;
    signs_that_set(l, &plus_sets, &minus_sets);
    bool plus = (hint_starts(v, "+") || hint_has(v, ":+")) && !plus_sets;
    bool minus = (hint_starts(v, "-") || hint_has(v, ":-")) && !minus_sets;
    if (!plus && !minus)
        return false;
    if (l->config->protocol_gauge_sign == GAUGE_SIGN_ABSOLUTE)
        buf_append_str(out,
                       "the sign is the value's: protocol.gauge_sign = absolute sets the gauge");
    else
        buf_printf(out,
                   "%s changes a gauge%s; protocol.gauge_sign = absolute sets it (Datadog's "
                   "clients mean that)",
                   plus && minus ? "a leading + or -"
                   : plus        ? "a leading +"
                                 : "a leading -",
                   minus ? ": for a value below zero send 0 first" : "");
    return true;
}

static bool rate_without_effect(const struct hint_line *l, struct buf *out)
{
    bool zero = hint_has(l->fields, "@0|") || slice_eq(l->fields, SLICE_LIT("@0"));
    bool gauge = slice_eq(l->type, SLICE_LIT("g")), set = slice_eq(l->type, SLICE_LIT("s"));
    bool rate = slice_starts(l->fields, SLICE_LIT("@")) || hint_has(l->fields, "|@");
    if (!rate || (!zero && !gauge && !set))
        return false;
    buf_append_str(out, gauge ? "a sample rate does nothing to a gauge"
                        : set ? "a sample rate does nothing to a set"
                              : "a sample rate of 0 counts as 1");
    return true;
}

static bool timestamp_in_milliseconds(const struct hint_line *l, struct buf *out)
{
    struct slice rest = l->fields, field;
    while (hint_next_field(&rest, &field)) {
        if (field.len < 13 || field.ptr[0] != 'T')
            continue;
        buf_append_str(out, "T stands before seconds since 1970; this looks like milliseconds");
        return true;
    }
    return false;
}

static const struct hint_row rows[] = {
    { REASON_NONE, equals_in_tag },
    { REASON_NONE, tags_not_cut },
    { REASON_NONE, rate_in_tag },
    { REASON_NONE, field_without_its_sign },
    { REASON_NONE, tags_in_name },
    { REASON_NONE, name_with_blank_or_quote },
    { REASON_NONE, measure_in_set },
    { REASON_NONE, packed_values },
    { REASON_NONE, signed_gauge },
    { REASON_NONE, rate_without_effect },
    { REASON_NONE, timestamp_in_milliseconds },
};

void hint_accepted(const struct hint_line *l, struct buf *out)
{
    struct buf said = { 0 };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (!rows[i].say(l, &said))
            continue;
        buf_append_str(out, "  hint: ");
        buf_append_slice(out, buf_slice(&said));
        buf_append_char(out, '\n');
        buf_clear(&said);
    }
    buf_release(&said);
}
