/*
 * In this file: items, groups and flags, repetitions, and the loop over all of them.
 */
#include "aggregate/mapping_re2.h"

#include <errno.h>
#include <stdlib.h>

#include "aggregate/mapping_re2_reader.h"
#include "base/mem.h"
#include "base/utf8.h"

enum { REPEAT_MAX = 1000 }; /* of RE2 */

/* --- items */

static void did_item(struct mapping_re2_reader *r, unsigned times)
{
    struct mapping_re2_level *l = &r->levels[r->depth];
    l->times = l->times > times ? l->times : times;
    r->times = times;
    r->item = true;
    r->repeated = false;
}

/* What stands at a place and not for a character.  PCRE2 repeats it only as a group. */
static bool anchor(struct mapping_re2_reader *r, const char *pattern, size_t len)
{
    r->at += len;
    bool repeats = r->at < r->end && strchr("*+?{", *r->at) != NULL;
    buf_append_str(r->pattern, repeats ? "(?:" : "");
    buf_append_str(r->pattern, pattern);
    buf_append_str(r->pattern, repeats ? ")" : "");
    did_item(r, 1);
    return true;
}

/* \Q...\E, or up to the end of the text. */
static bool quoted(struct mapping_re2_reader *r)
{
    r->item = r->repeated = false;
    for (r->at += 2; r->at < r->end; did_item(r, 1)) {
        if (mapping_re2_sees(r, SLICE_LIT("\\E"))) {
            r->at += 2;
            break;
        }
        mapping_re2_put(r, mapping_re2_character(r));
    }
    return true;
}

static bool backslash(struct mapping_re2_reader *r)
{
    static const char *const anchors[] = { "\\A", "\\b", "\\B", "\\z" };
    uint32_t c;
    bool done;
    for (size_t i = 0; i < ARRAY_LEN(anchors); i++)
        if (mapping_re2_sees(r, slice_str(anchors[i])))
            return anchor(r, anchors[i], 2);
    if (mapping_re2_sees(r, SLICE_LIT("\\Q")))
        return quoted(r);
    if (!mapping_re2_class_escape(r, false, &done))
        return false;
    if (!done) {
        if (!mapping_re2_escape(r, &c))
            return false;
        mapping_re2_put(r, c);
    }
    did_item(r, 1);
    return true;
}

/* --- groups and flags */

static bool open_group(struct mapping_re2_reader *r, const char *from, const char *pattern,
                       bool fold)
{
    if (r->depth == MAPPING_RE2_DEPTH_MAX)
        return mapping_re2_refuse(r, from, "groups lie too deep in each other");
    buf_append_str(r->pattern, pattern);
    r->levels[++r->depth] =
        (struct mapping_re2_level){ .begin = from, .fold = r->fold, .times = 1 };
    r->fold = fold;
    r->item = r->repeated = false;
    return true;
}

/* (?P<who> or (?<who>; `(?P` are the first `skip` bytes. */
static bool open_named(struct mapping_re2_reader *r, size_t skip)
{
    struct mapping_re2 *re = r->re;
    const char *from = r->at, *p = r->at + skip;
    while (p < r->end && (mapping_re2_is_alnum((unsigned char)*p) || *p == '_'))
        p++;
    struct slice name = slice_of(from + skip, (size_t)(p - from) - skip);
    if (name.len == 0 || p == r->end || *p != '>')
        return mapping_re2_refuse_group(r);
    r->at = p + 1;
    re->named = mem_grow(re->named, &re->cap_named, re->n_named + 1, sizeof *re->named);
    re->named[re->n_named++] = (struct mapping_re2_group){ name, ++re->groups };
    return open_group(r, from, "(", r->fold);
}

/*
 * (?i) (?s-mU) (?i:...).  Flags mean the same to PCRE2, up to the end of the group as in RE2, and
 * are passed on; only (?i) changes what classes become here.
 */
static bool flags(struct mapping_re2_reader *r)
{
    const char *from = r->at, *p = from + 2;
    bool on = true, any = false, fold = r->fold;
    for (; p < r->end && *p != ':' && *p != ')'; p++) {
        if (*p == '-' && on)
            on = any = false;
        else if (strchr("imsU", *p) != NULL)
            any = true;
        else
            return mapping_re2_refuse_group(r);
        if (*p == 'i')
            fold = on;
    }
    if (p == r->end || (!on && !any))
        return mapping_re2_refuse_group(r);
    r->at = p + 1;
    struct buf text = { 0 };
    buf_append(&text, from, (size_t)(r->at - from));
    buf_append_char(&text, '\0');
    bool ok = true;
    if (*p == ':') {
        ok = open_group(r, from, text.ptr, fold);
    } else {
        buf_append_str(r->pattern, text.ptr);
        r->fold = fold;
        r->item = r->repeated = false;
    }
    buf_release(&text);
    return ok;
}

static bool open_any(struct mapping_re2_reader *r)
{
    const char *from = r->at;
    if (mapping_re2_sees(r, SLICE_LIT("(?P<")))
        return open_named(r, 4);
    if (mapping_re2_sees(r, SLICE_LIT("(?<")) && !mapping_re2_sees(r, SLICE_LIT("(?<=")) &&
        !mapping_re2_sees(r, SLICE_LIT("(?<!")))
        return open_named(r, 3);
    if (mapping_re2_sees(r, SLICE_LIT("(?")))
        return flags(r);
    r->at++;
    r->re->groups++;
    return open_group(r, from, "(", r->fold);
}

static bool close_group(struct mapping_re2_reader *r)
{
    const char *from = r->at++;
    if (r->depth == 0)
        return mapping_re2_refuse(r, from, "no ( before it");
    struct mapping_re2_level l = r->levels[r->depth--];
    buf_append_char(r->pattern, ')');
    r->fold = l.fold;
    did_item(r, l.times);
    return true;
}

/* --- repetitions */

/* Digits without a needless 0 in front; far too many are REPEAT_MAX + 1. */
static bool take_count(const char **p, const char *end, unsigned *ret)
{
    const char *from = *p;
    unsigned n = 0;
    for (; *p < end && **p >= '0' && **p <= '9'; ++*p)
        n = n > REPEAT_MAX ? n : n * 10 + (unsigned)(**p - '0');
    *ret = n;
    return *p > from && (*from != '0' || *p == from + 1);
}

struct repetition {
    size_t len; /* bytes, 0: it is none */
    bool counted;
    unsigned least, most; /* of counted ones */
};

/* At r->at.  A `{` that begins no count is a character. */
static struct repetition repetition_of(const struct mapping_re2_reader *r)
{
    struct repetition x = { 0 };
    const char *p = r->at;
    if (*p == '*' || *p == '+' || *p == '?')
        return (struct repetition){ .len = 1 };
    if (*p++ != '{' || !take_count(&p, r->end, &x.least))
        return x;
    x.most = x.least;
    if (p < r->end && *p == ',' && ++p < r->end && *p != '}') {
        if (!take_count(&p, r->end, &x.most))
            return x;
    } else if (p[-1] == ',') {
        x.most = UINT32_MAX;
    }
    x.counted = true;
    x.len = p < r->end && *p == '}' ? (size_t)(p - r->at) + 1 : 0;
    return x;
}

/* Counts in counts multiply: RE2 bounds the product, since each count is that many copies. */
static bool count_in(struct mapping_re2_reader *r, const char *from, const struct repetition *x)
{
    bool open = x->most == UINT32_MAX;
    unsigned times = open ? x->least : x->most;
    if (!open && x->most < x->least)
        return mapping_re2_refuse(r, from, "the most is less than the least");
    if (times > 0 && times * (x->most == 0 ? 1 : r->times) > REPEAT_MAX)
        return mapping_re2_refuse(r, from, "repeats more than 1000 times, the most in RE2");
    did_item(r, x->most == 0 ? 1 : (times > 0 ? times : 1) * r->times);
    return true;
}

static bool repeat(struct mapping_re2_reader *r, const struct repetition *x)
{
    const char *from = r->at;
    r->at += x->len;
    if (r->repeated)
        return mapping_re2_refuse(
            r, from, "repeats a repetition, which RE2 does not do (nor possessive ones)");
    if (!r->item)
        return mapping_re2_refuse(r, from, "nothing before it to repeat");
    if (r->at < r->end && *r->at == '?')
        r->at++;
    buf_append(r->pattern, from, (size_t)(r->at - from));
    if (x->counted && !count_in(r, from, x))
        return false;
    r->repeated = true;
    return true;
}

/* --- all of it */

static bool bar(struct mapping_re2_reader *r)
{
    r->at++;
    buf_append_char(r->pattern, '|');
    r->item = r->repeated = false;
    return true;
}

static bool step(struct mapping_re2_reader *r)
{
    struct repetition x = repetition_of(r);
    if (x.len > 0)
        return repeat(r, &x);
    switch (*r->at) {
    case '(':
        return open_any(r);
    case ')':
        return close_group(r);
    case '|':
        return bar(r);
    case '^':
        return anchor(r, "^", 1);
    case '$':
        return anchor(r, "$", 1);
    case '\\':
        return backslash(r);
    case '[':
        if (!mapping_re2_class(r))
            return false;
        break;
    case '.':
        r->at++;
        buf_append_char(r->pattern, '.');
        break;
    default:
        mapping_re2_put(r, mapping_re2_character(r));
    }
    did_item(r, 1);
    return true;
}

int mapping_re2_read(const char *text, struct mapping_re2 *ret, struct buf *why)
{
    size_t len = strlen(text);
    struct mapping_re2_reader r = { .begin = text,
                                    .at = text,
                                    .end = text + len,
                                    .re = ret,
                                    .pattern = &ret->pattern,
                                    .why = why,
                                    .times = 1 };
    *ret = (struct mapping_re2){ 0 };
    if (!utf8_valid(slice_of(text, len))) {
        buf_append_str(why, "is not UTF-8");
        return -EINVAL;
    }
    while (r.at < r.end)
        if (!step(&r))
            return -EINVAL;
    if (r.depth > 0) {
        buf_printf(why, "a ) is missing for the ( at byte %zu",
                   (size_t)(r.levels[r.depth].begin - text) + 1);
        return -EINVAL;
    }
    return 0;
}

void mapping_re2_release(struct mapping_re2 *re)
{
    buf_release(&re->pattern);
    free(re->named);
    *re = (struct mapping_re2){ 0 };
}
