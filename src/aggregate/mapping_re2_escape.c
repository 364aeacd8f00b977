/*
 * In this file: what RE2 does not know, told in words; characters and escapes.
 */
#include <string.h>

#include "aggregate/mapping_re2_reader.h"
#include "base/utf8.h"

/* --- refusals */

bool mapping_re2_refuse(struct mapping_re2_reader *r, const char *from, const char *text)
{
    buf_printf(r->why, "%.*s (byte %zu): %s", (int)(r->at - from), from,
               (size_t)(from - r->begin) + 1, text);
    return false;
}

struct refusal {
    const char *begin; /* of what is refused; the first that fits */
    const char *text;
};

static bool refuse_by(struct mapping_re2_reader *r, const struct refusal *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!mapping_re2_sees(r, slice_str(rows[i].begin)))
            continue;
        const char *from = r->at;
        size_t len = strlen(rows[i].begin), left = (size_t)(r->end - from);
        r->at += len > 0 ? len : left < 3 ? left : 3;
        while (r->at < r->end && ((unsigned char)*r->at & 0xc0) == 0x80)
            r->at++;
        return mapping_re2_refuse(r, from, rows[i].text);
    }
    return false;
}

#define NOT_RE2 ", which RE2 does not do"

bool mapping_re2_refuse_group(struct mapping_re2_reader *r)
{
    static const struct refusal rows[] = {
        { "(?=", "looks ahead" NOT_RE2 },
        { "(?!", "looks ahead" NOT_RE2 },
        { "(?<=", "looks behind" NOT_RE2 },
        { "(?<!", "looks behind" NOT_RE2 },
        { "(?>", "is an atomic group" NOT_RE2 },
        { "(?|", "resets the numbers of groups" NOT_RE2 },
        { "(?(", "is a condition" NOT_RE2 },
        { "(?#", "is a comment" NOT_RE2 },
        { "(?C", "is a callout" NOT_RE2 },
        { "(?R", "is a recursion" NOT_RE2 },
        { "(?&", "is a recursion" NOT_RE2 },
        { "(?P>", "is a recursion" NOT_RE2 },
        { "(?P=", "is a backreference" NOT_RE2 },
        { "(?P<", "a group's name is (?P<name>...), of letters, digits and _" },
        { "(?<", "a group's name is (?<name>...), of letters, digits and _" },
        { "(?'", "write (?P<name>...)" },
        { "", "is no group that RE2 knows; flags are i, m, s and U" },
    };
    return refuse_by(r, rows, ARRAY_LEN(rows));
}

static bool refuse_escape(struct mapping_re2_reader *r)
{
    static const struct refusal rows[] = {
        { "\\Z", "write \\z for the end of the name" },
        { "\\K", "moves the start of the match" NOT_RE2 },
        { "\\G", "is where the last match ended" NOT_RE2 },
        { "\\C", "is a single byte of a character" NOT_RE2 },
        { "\\R", "is any line end" NOT_RE2 },
        { "\\X", "is a cluster of characters" NOT_RE2 },
        { "\\N", "write [^\\n]" },
        { "\\h", "write [ \\t]" },
        { "\\E", "no \\Q before it" },
        { "\\Q", "cannot stand in a class" },
        { "\\k", "is a backreference" NOT_RE2 },
        { "\\g", "is a backreference" NOT_RE2 },
        { "\\1", "is a backreference" NOT_RE2 },
        { "\\2", "is a backreference" NOT_RE2 },
        { "\\3", "is a backreference" NOT_RE2 },
        { "\\4", "is a backreference" NOT_RE2 },
        { "\\5", "is a backreference" NOT_RE2 },
        { "\\6", "is a backreference" NOT_RE2 },
        { "\\7", "is a backreference" NOT_RE2 },
        { "\\8", "is a backreference" NOT_RE2 },
        { "\\9", "is a backreference" NOT_RE2 },
        { "\\x", "write \\x7f, or \\x{10ffff} at most" },
        { "", "is no escape that RE2 knows" },
    };
    return refuse_by(r, rows, ARRAY_LEN(rows));
}

/* --- characters and escapes */

bool mapping_re2_is_alnum(uint32_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

uint32_t mapping_re2_character(struct mapping_re2_reader *r)
{
    size_t n = utf8_len(slice_of(r->at, (size_t)(r->end - r->at)));
    uint32_t c = (unsigned char)*r->at++;
    if (n > 1)
        c &= 0xffu >> (n + 1);
    while (--n > 0)
        c = c << 6 | ((unsigned char)*r->at++ & 0x3f);
    return c;
}

void mapping_re2_put(struct mapping_re2_reader *r, uint32_t c)
{
    struct buf *out = r->pattern;
    if (mapping_re2_is_alnum(c))
        buf_append_char(out, (char)c);
    else if (c > 0x20 && c < 0x7f)
        buf_append(out, (char[]){ '\\', (char)c }, 2);
    else
        buf_printf(out, "\\x{%x}", (unsigned)c);
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* \x7f or \x{10ffff}; p is behind the x.  returns  what is behind it; NULL: it is neither */
static const char *read_hex(const char *p, const char *end, uint32_t *ret)
{
    bool brace = p < end && *p == '{';
    uint32_t c = 0;
    int digits = 0;
    for (p += brace; p < end && hex(*p) >= 0 && (brace || digits < 2); p++, digits++) {
        c = c * 16 + (uint32_t)hex(*p);
        if (c > 0x10ffff)
            return NULL;
    }
    *ret = c;
    if (brace)
        return digits > 0 && p < end && *p == '}' ? p + 1 : NULL;
    return digits == 2 ? p : NULL;
}

static bool is_octal(const char *p, const char *end)
{
    return p < end && *p >= '0' && *p <= '7';
}

bool mapping_re2_escape(struct mapping_re2_reader *r, uint32_t *ret)
{
    static const char letters[] = "afnrtv", controls[] = "\a\f\n\r\t\v";
    const char *p = r->at + 1, *from = r->at, *letter;
    if (p == r->end) {
        r->at = p;
        return mapping_re2_refuse(r, from, "a \\ at the end escapes nothing");
    }
    if (*p == 'x') {
        if ((p = read_hex(p + 1, r->end, ret)) == NULL)
            return refuse_escape(r);
    } else if (*p == '0' || (is_octal(p, r->end) && is_octal(p + 1, r->end))) {
        *ret = 0;
        for (int i = 0; i < 3 && is_octal(p, r->end); i++)
            *ret = *ret * 8 + (uint32_t)(*p++ - '0');
    } else if ((letter = strchr(letters, *p)) != NULL) {
        *ret = (uint32_t)controls[letter - letters];
        p++;
    } else if ((unsigned char)*p < 0x80 && !mapping_re2_is_alnum((unsigned char)*p)) {
        *ret = (unsigned char)*p++;
    } else {
        return refuse_escape(r);
    }
    r->at = p;
    return true;
}
