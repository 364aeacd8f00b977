/*
 *     words_..                  what lines are made of, the usual mistakes among them
 *     line_make                 make_metric, make_event, make_check
 *     line_change, line_cross   datagrams out of others, line by line
 *       change_line             one line: change_field and others
 */
#include "support/line_maker.h"

#include <string.h>

/* clang-format off */
static const char *const names[] = {
    "a", "page.views", "a.b.c", "x_y", "gunicorn.request.duration", "a-b", "n\xc3\xa4me", "_x",
    "_e", "_sc", "a,b=1", "a#b=1,c=2", "a;b=1;c", "a[b=1,c=2]d", "a]b[c", "a[]", "a,,b", "a#b",
    "a,b=", "#x", "a b", "", "a\x01", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "a/b", "a[b",
    "x,dd.internal.p=1",
};
static const char *const values[] = {
    "1", "0", "2.5", "-1", "+3", "-0", "+0.25", "1e3", "1e-05", ".5", "5.", "1e308",
    "1.7976931348623157e308", "1e309", "5e-324", "1e-999", "0.2718281828459045", "9007199254740993",
    "123456789012345678", "00017", "", "-", "+", ".", "e1", "1e", "0x10", "nan", "inf", "1_0", " 1",
    "1 ", "--1", "user-17", "320.125", "16777216",
};
static const char *const types[] = {
    "c", "g", "ms", "h", "d", "s", "c", "g", "ms", "s", "m", "C", "kv", "", "cc", "c ", "#a:b",
    "@0.5",
};
static const char *const rates[] = {
    "0.5", "1", "0.1", "1.0", "0", "1e-05", "+0.5", ".25", "-0.1", "-0", "2", "nan", "", "1e-320",
    "1e-400", "0.5x", "1e-308", "0.9999999999999999",
};
static const char *const tags[] = {
    "env:prod", "a:1", "b:2", "a:2", "bare", "k:", ":v", ":", "", "#php:1", "##x",
    "dd.internal.x:1", "host:web1", "a:b:c", "t\xc3\xa9:\xe2\x82\xac", "url:http://x",
    "container_id:mine", "aaaaaaaaaaaaaaaa:bbbbbbbbbbb", "e:f g",
};
static const char *const fields[] = {
    "c:abc123", "c:ci-abc", "c:cid-x", "c:in-4711", "c:in-1,ci-z", "c:", "c", "e:it-false,cn-x",
    "e:", "card:low", "card:", "card", "T1656581400", "T", "T0", "T9223372036854775807",
    "T9223372036854775808", "T-1", "T1.5", "T00000000000000000001", "unknown:1", "x", "", "c:ci-,x",
    "m:y", "Tx", "c:ci-a:b",
};
static const char *const attributes[] = {
    "d:1656581400", "d:0", "d:x", "h:web1", "h:", "k:key", "k:", "p:low", "p:normal", "p:x",
    "s:src", "t:error", "t:warning", "t:info", "t:success", "t:x", "#a:1,b", "#", "#x,,#y", "c:abc",
    "e:x", "card:low", "m:a\\nb", "m:", "m:a m\\: b", "x:y", "", "m\\:x", "d:99999999999999999999",
};
static const char *const texts[] = {
    "a", "title", "two\\nlines", "t\xc3\xa4xt", "x|y", "\\", "\\n", "a\\\\n", "", " ", "x ", "m:x",
    "a\tb", "\r",
};
static const char *const odd[] = {
    "|", ":", ",", "#", "@", "\n", "\t", " ", "\r", "\xff", "\xc3", "\xc3\xa9", "\x01", "\x7f",
    "\xed\xa0\x80", "\xf0\x9f\x98\x80", "\xc0\x80", "\xf4\x90\x80\x80", "||", "|#", "|@", "::", "=",
    "[", "]", ";", "T", "-", "+", "\n\n", " \r\n",
};
/* clang-format on */

#define DRAW(m, words) (words)[line_below((m), ARRAY_LEN(words))]

unsigned line_below(struct line_maker *m, unsigned n)
{
    m->state = m->state * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)((m->state >> 33) % n);
}

/* ---- a line ---- */

/* Of most words the first few: good lines should not be rare. */
static const char *mostly(struct line_maker *m, const char *const *words, unsigned n, unsigned good)
{
    return words[line_below(m, line_below(m, 8) == 0 ? n : good)];
}

static void put_number(struct line_maker *m, struct buf *out)
{
    if (line_below(m, 4) == 0)
        buf_printf(out, "%s%u.%u", line_below(m, 4) ? "" : "-", line_below(m, 100000),
                   line_below(m, 1000));
    else
        buf_append_str(out, mostly(m, values, ARRAY_LEN(values), 19));
}

static void put_tags(struct line_maker *m, struct buf *out)
{
    buf_append_char(out, '#');
    for (unsigned n = line_below(m, 16) ? line_below(m, 5) : line_below(m, 200); n > 0; n--) {
        if (line_below(m, 4) == 0)
            buf_printf(out, "k%u:v%u", line_below(m, 300), line_below(m, 10));
        else
            buf_append_str(out, DRAW(m, tags));
        if (n > 1)
            buf_append_char(out, ',');
    }
}

/* With the '|' before it. */
static void put_field(struct line_maker *m, struct buf *out)
{
    buf_append_char(out, '|');
    switch (line_below(m, 5)) {
    case 0:
    case 1:
        put_tags(m, out);
        break;
    case 2:
        buf_printf(out, "@%s", mostly(m, rates, ARRAY_LEN(rates), 8));
        break;
    default:
        buf_append_str(out, DRAW(m, fields));
    }
}

/* `value|type`, perhaps with several values and a rate. */
static void put_sample(struct line_maker *m, struct buf *out)
{
    put_number(m, out);
    for (unsigned n = line_below(m, 4) ? 0 : line_below(m, 6); n > 0; n--) {
        buf_append_char(out, ':');
        put_number(m, out);
    }
    buf_printf(out, "|%s", mostly(m, types, ARRAY_LEN(types), 10));
    if (line_below(m, 4) == 0)
        buf_printf(out, "|@%s", mostly(m, rates, ARRAY_LEN(rates), 8));
}

static void make_metric(struct line_maker *m, struct buf *out)
{
    if (line_below(m, 4) == 0)
        buf_printf(out, "n%u", line_below(m, 40));
    buf_append_str(out, mostly(m, names, ARRAY_LEN(names), 10));
    unsigned samples = line_below(m, 6) ? 1 : 1 + line_below(m, 4);
    for (unsigned i = 0; i < samples; i++) {
        buf_append_char(out, ':');
        put_sample(m, out);
    }
    for (unsigned n = samples == 1 ? line_below(m, 4) : line_below(m, 8) == 0; n > 0; n--)
        put_field(m, out);
}

static void put_attributes(struct line_maker *m, struct buf *out)
{
    for (unsigned n = line_below(m, 5); n > 0; n--)
        buf_printf(out, "|%s", DRAW(m, attributes));
}

static void make_event(struct line_maker *m, struct buf *out)
{
    const char *title = DRAW(m, texts), *text = DRAW(m, texts);
    unsigned off = line_below(m, 12) == 0;
    buf_printf(out, "_e{%zu,%zu}:%s|%s", strlen(title) + off, strlen(text) + line_below(m, 1 + off),
               title, text);
    put_attributes(m, out);
}

static void make_check(struct line_maker *m, struct buf *out)
{
    static const char *const statuses[] = { "0", "1", "2", "3", "4", "", "00", "x" };
    buf_printf(out, "_sc|%s|%s", mostly(m, names, ARRAY_LEN(names), 9),
               mostly(m, statuses, ARRAY_LEN(statuses), 4));
    put_attributes(m, out);
}

void line_make(struct line_maker *m, struct buf *out)
{
    if (line_below(m, 16) == 0)
        buf_append_str(out, DRAW(m, odd));
    switch (line_below(m, 8)) {
    case 0:
        make_event(m, out);
        break;
    case 1:
        make_check(m, out);
        break;
    default:
        make_metric(m, out);
    }
    if (line_below(m, 16) == 0)
        buf_append_str(out, DRAW(m, odd));
}

/* ---- a change ---- */

/* One field is left out, doubled, or another one; or one comes behind it. */
static void change_field(struct line_maker *m, struct slice line, struct buf *out)
{
    unsigned n = 1;
    for (size_t i = 0; i < line.len; i++)
        n += line.ptr[i] == '|';
    unsigned chosen = line_below(m, n), how = line_below(m, 4);
    for (unsigned i = 0; i < n; i++) {
        struct slice f = line;
        if (!slice_cut(&line, '|', &f))
            line.len = 0;
        if (i == chosen && how == 0)
            continue;
        if (i == chosen && how == 1) {
            put_field(m, out);
            continue;
        }
        if (i > 0)
            buf_append_char(out, '|');
        buf_append_slice(out, f);
        if (i == chosen && how == 2)
            put_field(m, out);
        if (i == chosen && how == 3) {
            buf_append_char(out, '|');
            buf_append_slice(out, f);
        }
    }
}

/* What `words` or a number, in place of what lies between two separators. */
static void change_word(struct line_maker *m, struct slice line, struct buf *out)
{
    size_t from = line.len ? line_below(m, (unsigned)line.len) : 0, to;
    while (from > 0 && strchr(":|,#@{}", line.ptr[from - 1]) == NULL)
        from--;
    for (to = from; to < line.len && strchr(":|,{}", line.ptr[to]) == NULL;)
        to++;
    buf_append(out, line.ptr, from);
    char before = from > 0 ? line.ptr[from - 1] : '\n';
    if (before == '\n')
        buf_append_str(out, DRAW(m, names));
    else if (before == '@')
        buf_append_str(out, DRAW(m, rates));
    else if (before == '|')
        buf_append_str(out, line_below(m, 2) ? DRAW(m, types) : DRAW(m, fields));
    else if (before == ',' || before == '#')
        buf_append_str(out, DRAW(m, tags));
    else
        put_number(m, out);
    buf_append(out, line.ptr + to, line.len - to);
}

/* Something comes in between two bytes, or is there many times. */
static void change_place(struct line_maker *m, struct slice line, struct buf *out)
{
    size_t at = line_below(m, (unsigned)line.len + 1), n = line.len - at;
    buf_append(out, line.ptr, at);
    switch (line_below(m, 4)) {
    case 0:
        buf_append_char(out, '\0');
        break;
    case 1:
        n = n < 20 ? n : 20;
        for (unsigned times = line_below(m, 100); times > 0; times--)
            buf_append(out, line.ptr + at, n);
        break;
    default:
        buf_append_str(out, DRAW(m, odd));
    }
    buf_append(out, line.ptr + at, line.len - at);
}

/* The lengths that an event states become those of what is there. */
static void mend_event(struct slice line, struct buf *out)
{
    const char *colon = line.len ? memchr(line.ptr, ':', line.len) : NULL;
    struct slice rest =
        colon ? slice_of(colon + 1, line.len - (size_t)(colon + 1 - line.ptr)) : slice_of("", 0);
    struct slice whole = rest, title = rest, text;
    if (!slice_cut(&rest, '|', &title))
        rest.len = 0;
    text = rest;
    (void)slice_cut(&rest, '|', &text);
    buf_printf(out, "_e{%zu,%zu}:", title.len, text.len);
    buf_append_slice(out, whole);
}

static void change_line(struct line_maker *m, struct slice line, struct buf *out)
{
    if (slice_starts(line, SLICE_LIT("_e{")) && line_below(m, 3) == 0) {
        mend_event(line, out);
        return;
    }
    switch (line_below(m, 8)) {
    case 0:
        break; /* it goes */
    case 1:
        buf_append_slice(out, line);
        buf_append_char(out, '\n');
        line_make(m, out);
        break;
    case 2:
        buf_append_slice(out, line);
        buf_append_char(out, ':');
        put_sample(m, out);
        break;
    case 3:
        change_place(m, line, out);
        break;
    case 4:
    case 5:
        change_word(m, line, out);
        break;
    default:
        change_field(m, line, out);
    }
}

static unsigned lines_of(struct slice text)
{
    unsigned n = 1;
    for (size_t i = 0; i < text.len; i++)
        n += text.ptr[i] == '\n';
    return n;
}

/* returns  the next line; *ret_lf: an LF follows it */
static struct slice next_line(struct slice *rest, bool *ret_lf)
{
    struct slice line = *rest;
    *ret_lf = slice_cut(rest, '\n', &line);
    if (!*ret_lf)
        rest->len = 0;
    return line;
}

void line_change(struct line_maker *m, struct slice text, struct buf *out)
{
    unsigned chosen = line_below(m, lines_of(text));
    bool lf = true;
    for (unsigned i = 0; lf; i++) {
        struct slice line = next_line(&text, &lf);
        if (i == chosen)
            change_line(m, line, out);
        else
            buf_append_slice(out, line);
        if (lf)
            buf_append_char(out, '\n');
    }
}

void line_cross(struct line_maker *m, struct slice a, struct slice b, struct buf *out)
{
    while (a.len > 0 || b.len > 0) {
        struct slice *from = a.len == 0 ? &b : b.len == 0 || line_below(m, 2) ? &a : &b;
        bool lf;
        struct slice line = next_line(from, &lf);
        if (line_below(m, 4) == 0)
            continue;
        buf_append_slice(out, line);
        buf_append_char(out, '\n');
    }
}
