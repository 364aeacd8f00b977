/*
 *   mapping_syntax_glob, _name, _label_key    what is wrong, in words: wrong_component, reference
 *   mapping_syntax_references                 the largest n of $n
 *   mapping_syntax_regex, _quote, _repair     what a message proposes instead
 */
#include "config/mapping_syntax.h"

#include <string.h>

#include "base/utf8.h"

/* A byte of a name: letter, digit, _ */
static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
    return is_letter(c) || is_digit(c);
}

static const char *wrong_component(struct slice c, bool first)
{
    if (c.len == 0)
        return "has a component with nothing in it";
    if (slice_eq(c, SLICE_LIT("*")))
        return NULL;
    if (memchr(c.ptr, '*', c.len) != NULL)
        return "has a * inside a component; in a glob it stands alone between dots";
    for (size_t i = 0; i < c.len; i++) {
        if (!is_word(c.ptr[i]) && c.ptr[i] != '-')
            return "has a character that a glob cannot have; there are letters, digits, _ and -";
    }
    if (c.ptr[0] == '-')
        return "has a component that begins with -";
    return first && is_digit(c.ptr[0]) ? "begins with a digit" : NULL;
}

const char *mapping_syntax_glob(struct slice match)
{
    const char *wrong = NULL;
    struct slice rest = match, component;
    bool first = true;
    while (wrong == NULL && slice_cut(&rest, '.', &component)) {
        wrong = wrong_component(component, first);
        first = false;
    }
    return wrong != NULL ? wrong : wrong_component(rest, first);
}

/* Bytes of a reference at the front of s, as a name may have it: \$\{?[0-9]+\}?; 0: there is none.
 * ret: its number, which stops growing at 1e6 */
static size_t reference(struct slice s, unsigned *ret)
{
    size_t i = 1;
    unsigned n = 0;
    if (s.len < 2 || s.ptr[0] != '$')
        return 0;
    i += s.ptr[1] == '{';
    size_t digits = i;
    for (; i < s.len && is_digit(s.ptr[i]); i++)
        n = n < 1000000 ? n * 10 + (unsigned)(s.ptr[i] - '0') : n;
    if (i == digits)
        return 0;
    *ret = n;
    return i + (i < s.len && s.ptr[i] == '}');
}

const char *mapping_syntax_name(struct slice name)
{
    unsigned number;
    size_t step;
    for (size_t i = 0; i < name.len; i += step) {
        step = reference(slice_of(name.ptr + i, name.len - i), &number);
        if (step == 0 && name.ptr[i] == '$')
            return "has a $ that is no reference; a name takes $1 and ${1} only";
        if (step == 0 && i == 0 && is_digit(name.ptr[0]))
            return "begins with a digit";
        if (step == 0 && !is_word(name.ptr[i]))
            return "has a character that a name cannot have; there are letters, digits and _";
        step = step > 0 ? step : 1;
    }
    return name.len == 0 ? "is empty" : NULL;
}

const char *mapping_syntax_label_key(struct slice key)
{
    if (key.len == 0)
        return "is empty";
    if (slice_starts(key, SLICE_LIT("__")))
        return "begins with __, which is Prometheus' own";
    if (is_digit(key.ptr[0]))
        return "begins with a digit";
    for (size_t i = 0; i < key.len; i++) {
        if (!is_word(key.ptr[i]))
            return "has a character that a label name cannot have; there are letters, digits and _";
    }
    return NULL;
}

unsigned mapping_syntax_references(struct slice template)
{
    unsigned most = 0, n;
    size_t step;
    for (size_t i = 0; i < template.len; i += step) {
        step = reference(slice_of(template.ptr + i, template.len - i), &n);
        if (step > 0 && n > most)
            most = n;
        step = step > 0 ? step : 1;
    }
    return most;
}

bool mapping_syntax_looks_like_regex(struct slice match)
{
    for (size_t i = 0; i < match.len; i++) {
        if (strchr("^$()[]{}|\\+?", match.ptr[i]) != NULL)
            return true;
    }
    return false;
}

void mapping_syntax_regex(struct slice glob, unsigned references, struct buf *out)
{
    unsigned n_stars = 0;
    buf_append_char(out, '^');
    for (size_t i = 0; i < glob.len; i++) {
        char c = glob.ptr[i];
        if (c != '*') {
            if (!is_word(c) && c != '-' && c != ' ' && (unsigned char)c < 0x80)
                buf_append_char(out, '\\');
            buf_append_char(out, c);
            continue;
        }
        bool starts = i == 0 || glob.ptr[i - 1] == '.';
        bool any = i + 1 < glob.len && glob.ptr[i + 1] == '*';
        while (i + 1 < glob.len && glob.ptr[i + 1] == '*')
            i++;
        bool alone = starts && (i + 1 == glob.len || glob.ptr[i + 1] == '.');
        const char *takes = any ? ".*" : "[^.]*";
        bool captured = ++n_stars <= references || (references == 0 && (any || !alone));
        buf_printf(out, captured ? "(%s)" : "%s", takes);
    }
    buf_append_char(out, '$');
}

/* Of `[:alpha:]` at the front of s; 0: there is none. */
static size_t named_class(struct slice s)
{
    size_t i = s.len < 2 ? s.len : 2;
    while (i < s.len && (is_word(s.ptr[i]) || s.ptr[i] == '^'))
        i++;
    bool ends = slice_starts(slice_of(s.ptr + i, s.len - i), SLICE_LIT(":]"));
    return slice_starts(s, SLICE_LIT("[:")) && ends ? i + 2 : 0;
}

/* Where the class that begins at `at` ends: at its bracket. */
static size_t class_end(struct slice regex, size_t at)
{
    size_t first = at + 1, step;
    if (first < regex.len && regex.ptr[first] == '^')
        first++;
    for (size_t i = first; i < regex.len; i += step) {
        size_t named = named_class(slice_of(regex.ptr + i, regex.len - i));
        if (regex.ptr[i] == ']' && i > first) /* at the front it is one of its members */
            return i;
        step = named > 0 ? named : regex.ptr[i] == '\\' ? 2 : 1;
    }
    return regex.len;
}

size_t mapping_syntax_groups(struct slice regex)
{
    size_t n = 0;
    for (size_t i = 0; i < regex.len; i++) {
        struct slice rest = slice_of(regex.ptr + i, regex.len - i);
        if (slice_starts(rest, SLICE_LIT("\\Q")))
            return SIZE_MAX;
        if (rest.ptr[0] == '\\')
            i++;
        else if (rest.ptr[0] == '[')
            i = class_end(regex, i);
        else if (rest.ptr[0] == '(')
            n += !slice_starts(rest, SLICE_LIT("(?")) || slice_starts(rest, SLICE_LIT("(?P<")) ||
                 slice_starts(rest, SLICE_LIT("(?<"));
    }
    return n;
}

bool mapping_syntax_has_group(struct slice regex, struct slice name)
{
    for (size_t i = 0; i + name.len < regex.len; i++) {
        struct slice rest = slice_of(regex.ptr + i, regex.len - i);
        if (rest.ptr[0] == '<' && slice_starts(slice_of(rest.ptr + 1, rest.len - 1), name) &&
            name.len + 1 < rest.len && rest.ptr[name.len + 1] == '>')
            return true;
    }
    return false;
}

void mapping_syntax_quote(struct slice s, struct buf *out)
{
    buf_append_char(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '"' || s.ptr[i] == '\\')
            buf_append_char(out, '\\');
        if ((unsigned char)s.ptr[i] < ' ' || s.ptr[i] == 0x7f)
            buf_printf(out, "\\x%02x", (unsigned)(unsigned char)s.ptr[i]);
        else
            buf_append_char(out, s.ptr[i]);
    }
    buf_append_char(out, '"');
}

void mapping_syntax_repair(struct slice s, struct buf *out)
{
    unsigned number;
    size_t step;
    if (s.len > 0 && is_digit(s.ptr[0]))
        buf_append_char(out, '_');
    for (size_t i = 0; i < s.len; i += step) {
        struct slice rest = slice_of(s.ptr + i, s.len - i);
        step = reference(rest, &number);
        if (step > 0)
            buf_append(out, rest.ptr, step);
        else
            buf_append_char(out, is_word(rest.ptr[0]) ? rest.ptr[0] : '_');
        step = step > 0 ? step : utf8_len(rest);
    }
}
