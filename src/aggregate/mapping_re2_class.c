/*
 * In this file: sets of ASCII characters (\d, [:alpha:]), Unicode properties (\pN), and classes in
 * brackets.
 */
#include <string.h>

#include "aggregate/mapping_re2_reader.h"

/* --- sets of ASCII characters */

struct set {
    const char *name;
    const char *ranges; /* pairs of first and last */
};

/* clang-format off */
static const struct set perl_sets[] = {
    { "d", "09" }, { "s", "\t\n\f\r  " }, { "w", "09AZ__az" },
};

static const struct set posix_sets[] = {
    { "alnum", "09AZaz" },  { "alpha", "AZaz" },       { "ascii", "\1\x7f" },
    { "blank", "\t\t  " },  { "cntrl", "\1\x1f\x7f\x7f" }, { "digit", "09" },
    { "graph", "!~" },      { "lower", "az" },         { "print", " ~" },
    { "punct", "!/:@[`{~" }, { "space", "\t\r  " },     { "upper", "AZ" },
    { "word", "09AZ__az" }, { "xdigit", "09AFaf" },
};
/* clang-format on */

static const struct set *find_set(const struct set *sets, size_t n, struct slice name)
{
    for (size_t i = 0; i < n; i++)
        if (slice_eq(slice_str(sets[i].name), name))
            return &sets[i];
    return NULL;
}

static void put_range(struct mapping_re2_reader *r, uint32_t from, uint32_t to)
{
    mapping_re2_put(r, from);
    if (to > from) {
        buf_append_char(r->pattern, '-');
        mapping_re2_put(r, to);
    }
}

static void mark(bool in[128], const struct set *s, bool fold)
{
    for (const char *range = s->ranges; *range != '\0'; range += 2)
        for (int c = range[0]; c <= range[1]; c++)
            in[c] = true;
    in[0] = in[1]; /* the tables cannot hold NUL, and no set parts it from \1 */
    for (int c = 'a'; fold && c <= 'z'; c++)
        in[c] = in[c - 'a' + 'A'] = in[c] || in[c - 'a' + 'A'];
}

/* All that is not ASCII, but for long s and the Kelvin sign, which (?i) takes for s and k. */
static void put_beyond_ascii(struct mapping_re2_reader *r, bool long_s, bool kelvin)
{
    put_range(r, 0x80, 0x17e);
    if (long_s)
        mapping_re2_put(r, 0x17f);
    put_range(r, 0x180, 0x2129);
    if (kelvin)
        mapping_re2_put(r, 0x212a);
    put_range(r, 0x212b, 0x10ffff);
}

/*
 * The items of a class.  The complement is written out, since a class cannot be negated within
 * another: of what (?i) makes of the set, as RE2 has it.
 */
static void put_set(struct mapping_re2_reader *r, const struct set *s, bool negated)
{
    bool in[128] = { 0 };
    mark(in, s, r->fold);
    for (uint32_t from = 0, to; from < 128; from = to + 1) {
        to = from;
        if (in[from] == negated)
            continue;
        while (to + 1 < 128 && in[to + 1] != negated)
            to++;
        put_range(r, from, to);
    }
    if (negated)
        put_beyond_ascii(r, !(r->fold && in['s']), !(r->fold && in['k']));
}

/* --- Unicode properties */

static const char categories[][3] = {
    "C",  "Cc", "Cf", "Cn", "Co", "Cs", "L",  "Ll", "Lm", "Lo", "Lt", "Lu", "M",
    "Mc", "Me", "Mn", "N",  "Nd", "Nl", "No", "P",  "Pc", "Pd", "Pe", "Pf", "Pi",
    "Po", "Ps", "S",  "Sc", "Sk", "Sm", "So", "Z",  "Zl", "Zp", "Zs",
};

static bool is_category(struct slice name)
{
    for (size_t i = 0; i < ARRAY_LEN(categories); i++)
        if (slice_eq(name, slice_str(categories[i])))
            return true;
    return false;
}

static bool is_script_name(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = (char)(name.ptr[i] | 0x20);
        if (!(c >= 'a' && c <= 'z') && name.ptr[i] != '_')
            return false;
    }
    return name.len > 0;
}

static void put_property(struct mapping_re2_reader *r, struct slice name, bool negated)
{
    static const char cased[][3] = { "Lu", "Ll", "Lt" };
    const char *prefix = "sc:";
    if (slice_eq(name, SLICE_LIT("Any")) || is_category(name))
        prefix = "";
    if (slice_eq(name, SLICE_LIT("Assigned"))) {
        name = SLICE_LIT("Cn");
        prefix = "";
        negated = !negated;
    }
    for (size_t i = 0; r->fold && i < ARRAY_LEN(cased); i++)
        if (slice_eq(name, slice_str(cased[i])))
            name = SLICE_LIT("L&");
    buf_append_str(r->pattern, negated ? "\\P{" : "\\p{");
    buf_append_str(r->pattern, prefix);
    buf_append_slice(r->pattern, name);
    buf_append_char(r->pattern, '}');
}

/* \pN \P{Greek} \p{^L}; r->at is at the backslash. */
static bool property(struct mapping_re2_reader *r)
{
    const char *from = r->at;
    bool negated = r->at[1] == 'P';
    struct slice name;
    r->at += 2;
    if (r->at == r->end)
        return mapping_re2_refuse(r, from, "the name of a property is missing");
    if (*r->at == '{') {
        struct slice rest = slice_of(r->at + 1, (size_t)(r->end - r->at - 1));
        if (!slice_cut(&rest, '}', &name))
            return mapping_re2_refuse(r, from, "the } is missing");
        r->at = rest.ptr;
    } else {
        name = slice_of(r->at++, 1);
        if (!is_category(name))
            return mapping_re2_refuse(r, from, "there is no such property");
    }
    if (slice_starts(name, SLICE_LIT("^"))) {
        name = slice_of(name.ptr + 1, name.len - 1);
        negated = !negated;
    }
    if (!is_script_name(name))
        return mapping_re2_refuse(r, from, "there is no such property");
    put_property(r, name, negated);
    return true;
}

bool mapping_re2_class_escape(struct mapping_re2_reader *r, bool in_class, bool *ret)
{
    char letter = r->at + 1 < r->end ? r->at[1] : '\0', lower = (char)(letter | 0x20);
    const struct set *s = find_set(perl_sets, ARRAY_LEN(perl_sets), slice_of(&lower, 1));
    *ret = letter == 'p' || letter == 'P' || s != NULL;
    if (s == NULL)
        return !*ret || property(r);
    r->at += 2;
    if (!in_class)
        buf_append_char(r->pattern, '[');
    put_set(r, s, letter != lower);
    if (!in_class)
        buf_append_char(r->pattern, ']');
    return true;
}

/* --- classes in brackets */

/* [:alpha:] or [:^alpha:]; without a `:]` the bracket is a character. */
static bool posix_set(struct mapping_re2_reader *r, bool *ret)
{
    const char *from = r->at, *end;
    *ret = false;
    if (!mapping_re2_sees(r, SLICE_LIT("[:")))
        return true;
    end = memmem(r->at + 2, (size_t)(r->end - r->at - 2), ":]", 2);
    if (end == NULL)
        return true;
    bool negated = r->at[2] == '^';
    const char *name = r->at + 2 + negated;
    size_t len = name < end ? (size_t)(end - name) : 0;
    const struct set *s = find_set(posix_sets, ARRAY_LEN(posix_sets), slice_of(name, len));
    r->at = end + 2;
    *ret = true;
    if (s == NULL)
        return mapping_re2_refuse(r, from, "there is no such class");
    put_set(r, s, negated);
    return true;
}

static bool class_character(struct mapping_re2_reader *r, const char *bracket, uint32_t *ret)
{
    if (r->at == r->end)
        return mapping_re2_refuse(r, bracket, "the ] is missing");
    if (*r->at == '\\')
        return mapping_re2_escape(r, ret);
    *ret = mapping_re2_character(r);
    return true;
}

static bool class_range(struct mapping_re2_reader *r, const char *bracket)
{
    const char *begin = r->at;
    uint32_t from, to;
    if (!class_character(r, bracket, &from))
        return false;
    to = from;
    if (r->end - r->at >= 2 && r->at[0] == '-' && r->at[1] != ']') {
        r->at++;
        if (!class_character(r, bracket, &to))
            return false;
        if (to < from)
            return mapping_re2_refuse(r, begin, "the range ends before it begins");
    }
    put_range(r, from, to);
    return true;
}

static bool class_item(struct mapping_re2_reader *r, const char *bracket)
{
    bool done;
    if (!posix_set(r, &done))
        return false;
    if (done)
        return true;
    if (r->at < r->end && *r->at == '\\' && !mapping_re2_class_escape(r, true, &done))
        return false;
    return done || class_range(r, bracket);
}

bool mapping_re2_class(struct mapping_re2_reader *r)
{
    const char *bracket = r->at++;
    bool first = true;
    buf_append_char(r->pattern, '[');
    if (r->at < r->end && *r->at == '^') {
        r->at++;
        buf_append_char(r->pattern, '^');
    }
    for (; r->at == r->end || *r->at != ']' || first; first = false)
        if (!class_item(r, bracket))
            return false;
    r->at++;
    buf_append_char(r->pattern, ']');
    return true;
}
