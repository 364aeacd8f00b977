/**
 *   mapping_scalar_number, mapping_scalar_count <- yaml_number <- whole_number
 *   mapping_scalar_duration <- go_duration <- duration_part
 *   mapping_scalar_text, mapping_scalar_bool, mapping_scalar_word
 */
#include "config/mapping_scalar.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/number.h"

enum { DIGITS_MAX = 400 };

static bool given(struct mapping_reader *r, const struct mapping_field *f, const char *wanted)
{
    if (f->node == NULL)
        return false;
    if (f->node->kind == DOCUMENT_TEXT)
        return true;
    mapping_reader_wrong(r, f, "is a %s; write %s", f->node->kind == DOCUMENT_LIST ? "list" : "map",
                         wanted);
    return false;
}

bool mapping_scalar_text(struct mapping_reader *r, const struct mapping_field *f, struct slice *ret)
{
    if (!given(r, f, "a text, in quotes if it has brackets or braces"))
        return false;
    *ret = document_text(&r->document, f->node);
    return true;
}

/* Octal, hexadecimal and binary whole numbers; s has no sign. */
static bool whole_number(const char *s, double *ret)
{
    char *end;
    int base = s[0] != '0' || s[1] == '\0'  ? 0
               : s[1] == 'x' || s[1] == 'X' ? 16
               : s[1] == 'o' || s[1] == 'O' ? 8
               : s[1] == 'b' || s[1] == 'B' ? 2
               : s[strspn(s, "01234567")]   ? 0
                                            : -8;
    if (base == 0)
        return false;
    const char *digits = base == -8 ? s + 1 : s + 2;
    if (digits[0] == '\0' || digits[strspn(digits, "0123456789abcdefABCDEF")] != '\0')
        return false;
    errno = 0;
    unsigned long long v = strtoull(digits, &end, base == -8 ? 8 : base);
    if (errno != 0 || *end != '\0')
        return false;
    *ret = (double)v;
    return true;
}

static bool yaml_number(struct slice s, double *ret)
{
    static const struct {
        const char *word;
        double v;
    } named[] = { { ".inf", INFINITY },   { ".Inf", INFINITY },   { ".INF", INFINITY },
                  { "+.inf", INFINITY },  { "+.Inf", INFINITY },  { "+.INF", INFINITY },
                  { "-.inf", -INFINITY }, { "-.Inf", -INFINITY }, { "-.INF", -INFINITY },
                  { ".nan", NAN },        { ".NaN", NAN },        { ".NAN", NAN } };
    char plain[DIGITS_MAX + 1];
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(named); i++) {
        if (slice_eq(s, slice_str(named[i].word))) {
            *ret = named[i].v;
            return true;
        }
    }
    if (s.len == 0 || s.ptr[0] == '_' || s.len > DIGITS_MAX)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] != '_')
            plain[n++] = s.ptr[i];
    }
    plain[n] = '\0';
    bool minus = plain[0] == '-', sign = minus || plain[0] == '+';
    if (whole_number(plain + sign, ret)) {
        *ret = minus ? -*ret : *ret;
        return true;
    }
    return number_parse(slice_of(plain, n), ret);
}

bool mapping_scalar_number(struct mapping_reader *r, const struct mapping_field *f, double *ret)
{
    double v;
    if (!given(r, f, "a number"))
        return false;
    bool is_number = yaml_number(document_text(&r->document, f->node), &v);
    if (is_number && !f->node->plain) {
        mapping_reader_wrong(r, f, "is a text because of its quotes; write it without");
        return false;
    }
    if (!is_number) {
        mapping_reader_wrong(r, f, "is not a number; such as 5, 0.25 or 1e3");
        return false;
    }
    *ret = v;
    return true;
}

bool mapping_scalar_count(struct mapping_reader *r, const struct mapping_field *f, uint32_t *ret)
{
    double v;
    if (!mapping_scalar_number(r, f, &v))
        return false;
    if (!(v >= 0 && v <= UINT32_MAX) || v != floor(v)) {
        mapping_reader_wrong(r, f, "is not a whole number from 0 to %u", UINT32_MAX);
        return false;
    }
    *ret = (uint32_t)v;
    return true;
}

bool mapping_scalar_bool(struct mapping_reader *r, const struct mapping_field *f, bool *ret)
{
    static const struct {
        const char *word;
        bool v;
    } words[] = { { "true", true },   { "True", true },   { "TRUE", true }, { "yes", true },
                  { "Yes", true },    { "YES", true },    { "on", true },   { "On", true },
                  { "ON", true },     { "y", true },      { "Y", true },    { "false", false },
                  { "False", false }, { "FALSE", false }, { "no", false },  { "No", false },
                  { "NO", false },    { "off", false },   { "Off", false }, { "OFF", false },
                  { "n", false },     { "N", false } };
    if (!given(r, f, "true or false"))
        return false;
    struct slice s = document_text(&r->document, f->node);
    for (size_t i = 0; i < ARRAY_LEN(words) && f->node->plain; i++) {
        if (slice_eq(s, slice_str(words[i].word))) {
            *ret = words[i].v;
            return true;
        }
    }
    mapping_reader_wrong(r, f, "is not true or false; write one of these, without quotes");
    return false;
}

/* Cut a number and its unit off the front.  returns  NULL; else what is wrong with it */
static const char *duration_part(struct slice *s, double *ret_ms)
{
    static const struct {
        const char *name;
        double ms;
    } units[] = { { "ns", 1e-6 },        { "us", 1e-3 }, { "\xC2\xB5s", 1e-3 }, /* U+00B5 */
                  { "\xCE\xBCs", 1e-3 },                                        /* U+03BC */
                  { "ms", 1 },           { "s", 1e3 },   { "m", 60e3 },         { "h", 3600e3 } };
    size_t digits = 0, unit;
    double v;
    while (digits < s->len &&
           (s->ptr[digits] == '.' || (s->ptr[digits] >= '0' && s->ptr[digits] <= '9')))
        digits++;
    for (unit = digits;
         unit < s->len && s->ptr[unit] != '.' && (s->ptr[unit] < '0' || s->ptr[unit] > '9');)
        unit++;
    if (!number_parse(slice_of(s->ptr, digits), &v))
        return "is not a duration; such as 30s, 1m20s or 24h";
    struct slice name = slice_of(s->ptr + digits, unit - digits);
    if (name.len == 0)
        return "has no unit; such as 30s, 1m20s or 24h";
    *s = slice_of(s->ptr + unit, s->len - unit);
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (slice_eq(name, slice_str(units[i].name))) {
            *ret_ms += v * units[i].ms;
            return NULL;
        }
    }
    return "has a unit that is none; there are ns, us, ms, s, m and h";
}

static const char *go_duration(struct slice s, uint64_t *ret_ms)
{
    const double most_ms = 9223372036854.0; /* of Go: 2^63 ns, 292 years */
    double ms = 0;
    bool minus = s.len > 0 && s.ptr[0] == '-';
    if (minus || (s.len > 0 && s.ptr[0] == '+'))
        s = slice_of(s.ptr + 1, s.len - 1);
    if (slice_eq(s, SLICE_LIT("0"))) {
        *ret_ms = 0;
        return NULL;
    }
    if (yaml_number(s, &ms))
        return "has no unit; such as 30s, 1m20s or 24h";
    do {
        const char *wrong = duration_part(&s, &ms);
        if (wrong != NULL)
            return wrong;
    } while (s.len > 0);
    if (minus && ms > 0)
        return "is negative; write a duration such as 30s, or 0";
    if (ms > most_ms)
        return "is too long; at most 292 years";
    /* What is left of a sum such as 0.1s + 0.2s is no part of a millisecond. */
    *ret_ms = (uint64_t)ceil(ms - 1e-7);
    return NULL;
}

bool mapping_scalar_duration(struct mapping_reader *r, const struct mapping_field *f,
                             uint64_t *ret_ms)
{
    if (!given(r, f, "a duration such as 1m20s"))
        return false;
    const char *wrong = go_duration(document_text(&r->document, f->node), ret_ms);
    if (wrong != NULL)
        mapping_reader_wrong(r, f, "%s", wrong);
    return wrong == NULL;
}

bool mapping_scalar_word(struct mapping_reader *r, const struct mapping_field *f, const char *words,
                         int *ret)
{
    struct slice s, word, rest = slice_str(words);
    int i = 0, at = -1;
    bool empty_is_first = words[0] != '|';
    rest = empty_is_first ? rest : slice_str(words + 1);
    if (!given(r, f, "one word"))
        return false;
    s = document_text(&r->document, f->node);
    for (bool more = true; more; i++) {
        more = slice_cut(&rest, '|', &word);
        if (slice_eq(s, more ? word : rest))
            at = i;
    }
    if (s.len == 0 && empty_is_first)
        at = 0;
    if (at < 0) {
        mapping_reader_wrong(r, f, "is not one of the words %s", words + !empty_is_first);
        return false;
    }
    *ret = at;
    return true;
}
