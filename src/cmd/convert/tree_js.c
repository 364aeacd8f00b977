/**
 * JSON and the object literals of JavaScript into a tree.
 *
 *   tree_read_json     jansson says whether it is JSON; the lines come from the reader below
 *   tree_read_js
 *     read_value         a literal; if something else than , ] } follows, it is CODE after all
 *       read_object, read_array, read_string, read_word
 *       read_code        what is no literal, up to the , ] } that ends it
 */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "base/number.h"
#include "cmd/convert/tree.h"

struct reader {
    struct tree_doc *doc;
    struct tree_error *error;
    const char *at, *end;
    unsigned line;
    size_t depth;
};

static int refuse(struct reader *r, const char *why)
{
    if (r->error->why.len > 0)
        return -EINVAL;
    r->error->line = r->line;
    buf_append_str(&r->error->why, why);
    return -EINVAL;
}

static char peek(const struct reader *r, size_t ahead)
{
    return (size_t)(r->end - r->at) > ahead ? r->at[ahead] : '\0';
}

static void step(struct reader *r)
{
    assert(r->at < r->end);
    r->line += *r->at++ == '\n';
}

static bool at_comment(const struct reader *r)
{
    return peek(r, 0) == '/' && (peek(r, 1) == '/' || peek(r, 1) == '*');
}

static void skip_comment(struct reader *r)
{
    bool block = peek(r, 1) == '*';
    step(r);
    step(r);
    while (r->at < r->end && (block ? peek(r, 0) != '*' || peek(r, 1) != '/' : *r->at != '\n'))
        step(r);
    for (int i = 0; i < 2 && block && r->at < r->end; i++)
        step(r);
}

static void skip_blanks(struct reader *r)
{
    while (r->at < r->end) {
        if (at_comment(r))
            skip_comment(r);
        else if (isspace((unsigned char)*r->at))
            step(r);
        else
            return;
    }
}

static bool take(struct reader *r, char c)
{
    skip_blanks(r);
    if (peek(r, 0) != c || r->at == r->end)
        return false;
    step(r);
    return true;
}

static unsigned hex(struct reader *r, int digits)
{
    unsigned v = 0;
    for (; digits > 0 && isxdigit((unsigned char)peek(r, 0)); digits--, step(r)) {
        int c = tolower((unsigned char)peek(r, 0));
        v = v * 16 + (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return v;
}

/* Behind "\u".  A character beyond U+FFFF is written as two halves, each with a \u of its own. */
static unsigned utf16(struct reader *r)
{
    unsigned high = hex(r, 4);
    if (high >> 10 != 0xd800 >> 10 || peek(r, 0) != '\\' || peek(r, 1) != 'u')
        return high;
    struct reader ahead = *r;
    step(&ahead);
    step(&ahead);
    unsigned low = hex(&ahead, 4);
    if (low >> 10 != 0xdc00 >> 10)
        return high;
    *r = ahead;
    return 0x10000 + ((high & 0x3ff) << 10) + (low & 0x3ff);
}

static void put_utf8(unsigned v, struct buf *out)
{
    if (v >= 0x10000) {
        buf_append_char(out, (char)(0xf0 | v >> 18));
        buf_append_char(out, (char)(0x80 | (v >> 12 & 0x3f)));
        buf_append_char(out, (char)(0x80 | (v >> 6 & 0x3f)));
    } else if (v >= 0x800) {
        buf_append_char(out, (char)(0xe0 | v >> 12));
        buf_append_char(out, (char)(0x80 | (v >> 6 & 0x3f)));
    } else if (v >= 0x80)
        buf_append_char(out, (char)(0xc0 | v >> 6));
    buf_append_char(out, (char)(v >= 0x80 ? 0x80 | (v & 0x3f) : v));
}

/* Behind a backslash. */
static void read_escape(struct reader *r, struct buf *out)
{
    static const char from[] = "bfnrtv", to[] = "\b\f\n\r\t\v";
    char c = peek(r, 0);
    const char *known = c != '\0' ? strchr(from, c) : NULL;
    step(r);
    if (known != NULL)
        buf_append_char(out, to[known - from]);
    else if (c == 'u' || c == 'x')
        put_utf8(c == 'u' ? utf16(r) : hex(r, 2), out);
    else if (c != '\n') /* a backslash at a line's end joins the lines */
        buf_append_char(out, c);
}

/* At a quote.  out: what the string is.  returns  -EINVAL: it has no end */
static int read_string(struct reader *r, struct buf *out)
{
    char quote = *r->at;
    unsigned line = r->line;
    step(r);
    while (r->at < r->end && *r->at != quote) {
        if (*r->at == '\n' && quote != '`')
            break;
        if (*r->at == '\\' && r->at + 1 < r->end) {
            step(r);
            read_escape(r, out);
        } else {
            buf_append_char(out, *r->at);
            step(r);
        }
    }
    if (r->at == r->end || *r->at != quote) {
        r->line = line;
        return refuse(r, "the string has no closing quote");
    }
    step(r);
    return 0;
}

/* An expression, to the , ] } ; or end behind it; brackets inside it are balanced. */
static int read_code(struct reader *r)
{
    struct buf skipped = { 0 };
    size_t open = 0;
    int rc = 0;
    while (r->at < r->end && rc == 0) {
        char c = *r->at;
        if (open == 0 && strchr(",]});", c) != NULL && c != '\0')
            break;
        if (at_comment(r))
            skip_comment(r);
        else if (strchr("'\"`", c) != NULL && c != '\0')
            rc = read_string(r, &skipped);
        else {
            open += strchr("([{", c) != NULL && c != '\0';
            open -= strchr(")]}", c) != NULL && c != '\0';
            step(r);
        }
    }
    buf_release(&skipped);
    return rc;
}

/* A name, a number, true, null. */
static struct slice read_word(struct reader *r)
{
    const char *from = r->at;
    while (r->at < r->end && (isalnum((unsigned char)*r->at) || strchr("_$.+-", *r->at) != NULL) &&
           *r->at != '\0')
        step(r);
    return slice_of(from, (size_t)(r->at - from));
}

/* Whether a word is a value by itself; a number is made decimal. */
static bool is_literal(struct buf *word)
{
    static const char *const words[] = { "true", "false", "Infinity" };
    char digits[64], *end;
    double v;
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (slice_eq(buf_slice(word), slice_str(words[i])))
            return true;
    }
    if (word->len > 0 && number_parse(buf_slice(word), &v))
        return true;
    if (word->len < 3 || word->len >= sizeof digits || word->ptr[0] != '0')
        return false;
    memcpy(digits, word->ptr, word->len);
    digits[word->len] = '\0';
    v = strtod(digits, &end); /* 0x1f */
    if (*end != '\0')
        return false;
    buf_clear(word);
    buf_reserve(word, NUMBER_TEXT_MAX);
    word->len = number_print(word->ptr, v);
    return true;
}

static int read_value(struct reader *r, struct tree *parent, const struct slice *key,
                      unsigned line);

/* Behind "{": the key of the next value, and the ":".  returns  false: no plain key stands here */
static bool read_key(struct reader *r, struct buf *out)
{
    skip_blanks(r);
    if (peek(r, 0) == '"' || peek(r, 0) == '\'') {
        if (read_string(r, out) < 0)
            return false;
    } else
        buf_append_slice(out, read_word(r));
    return out->len > 0 && memchr(out->ptr, '\0', out->len) == NULL && take(r, ':');
}

static int add_code(struct reader *r, struct tree *parent, const struct slice *key, unsigned line,
                    const char *from)
{
    int rc = read_code(r);
    size_t n = (size_t)(r->at - from);
    struct tree *t = tree_add(r->doc, parent, key, TREE_CODE, line);
    if (t == NULL)
        return refuse(r, "too many values");
    tree_set_text(t, slice_trim(slice_of(from, n), SLICE_LIT(" \t\r\n")));
    return rc;
}

static int read_member(struct reader *r, struct tree *map)
{
    struct buf key = { 0 };
    skip_blanks(r);
    unsigned line = r->line;
    const char *from = r->at;
    int rc;
    if (read_key(r, &key)) {
        struct slice s = buf_slice(&key);
        for (const struct tree *t = map->first; t != NULL && r->error->why.len == 0; t = t->next) {
            if (slice_eq(slice_str(t->key), s))
                refuse(r, "the key is given twice; keep one of them");
        }
        rc = r->error->why.len > 0 ? -EINVAL : read_value(r, map, &s, line);
    } else { /* a method, a spread, a computed key */
        struct slice none = SLICE_LIT("");
        rc = r->error->why.len > 0 ? -EINVAL : add_code(r, map, &none, line, from);
    }
    buf_release(&key);
    return rc;
}

/* Behind "{" or "[". */
static int read_items(struct reader *r, struct tree *t, char close)
{
    int rc = 0;
    if (++r->depth > TREE_DEPTH_MAX)
        return refuse(r, "too many levels");
    while (rc == 0 && !take(r, close)) {
        if (r->at == r->end)
            return refuse(r,
                          close == '}' ? "the closing } is missing" : "the closing ] is missing");
        const char *from = r->at;
        if (close == '}')
            rc = read_member(r, t);
        else
            rc = read_value(r, t, NULL, r->line);
        if (rc == 0 && r->at == from)
            rc = refuse(r, "a value is missing");
        if (rc == 0 && !take(r, ',') && peek(r, 0) != close)
            rc = refuse(r, "a comma is missing, or a bracket does not match");
    }
    r->depth--;
    return rc;
}

/* A value of one word or string, or CODE if more than that stands there. */
static int read_scalar(struct reader *r, struct tree *parent, const struct slice *key,
                       unsigned line)
{
    const char *from = r->at;
    struct buf text = { 0 };
    bool quoted = strchr("'\"`", peek(r, 0)) != NULL && peek(r, 0) != '\0';
    int rc = quoted ? read_string(r, &text) : 0;
    if (!quoted)
        buf_append_slice(&text, read_word(r));
    bool literal =
        quoted ? *from != '`' || text.len == 0 || memmem(text.ptr, text.len, "${", 2) == NULL
               : is_literal(&text);
    bool null = !quoted && (slice_eq(buf_slice(&text), SLICE_LIT("null")) ||
                            slice_eq(buf_slice(&text), SLICE_LIT("undefined")));
    skip_blanks(r);
    bool ends = r->at == r->end || (peek(r, 0) != '\0' && strchr(",]});", peek(r, 0)) != NULL);
    if (rc == 0 && literal &&
        (isalnum((unsigned char)peek(r, 0)) || peek(r, 0) == '"' || peek(r, 0) == '\'' ||
         peek(r, 0) == '_'))
        rc = refuse(r, "a comma is missing, or a bracket does not match");
    if (rc == 0 && text.len > 0 && memchr(text.ptr, '\0', text.len) != NULL)
        rc = refuse(r, "a NUL in a value");
    if (rc == 0 && ends && (literal || null)) {
        struct tree *t = tree_add(r->doc, parent, key, null ? TREE_NULL : TREE_TEXT, line);
        if (t == NULL)
            rc = refuse(r, "too many values");
        else if (!null)
            tree_set_text(t, buf_slice(&text));
    } else if (rc == 0)
        rc = add_code(r, parent, key, line, from);
    buf_release(&text);
    return rc;
}

static int read_value(struct reader *r, struct tree *parent, const struct slice *key, unsigned line)
{
    skip_blanks(r);
    char c = peek(r, 0);
    if (c != '{' && c != '[')
        return read_scalar(r, parent, key, line);
    struct tree *t = tree_add(r->doc, parent, key, c == '{' ? TREE_MAP : TREE_LIST, line);
    if (t == NULL)
        return refuse(r, "too many values");
    step(r);
    return read_items(r, t, c == '{' ? '}' : ']');
}

/* "module.exports = {", "var config = (" and the like. */
static void skip_preamble(struct reader *r)
{
    skip_blanks(r);
    while (isalpha((unsigned char)peek(r, 0))) {
        read_word(r);
        skip_blanks(r);
    }
    take(r, '=');
    take(r, '(');
    skip_blanks(r);
}

int tree_read_js(struct slice text, struct tree_doc *ret, struct tree_error *ret_error)
{
    static const struct slice bom = { "\xEF\xBB\xBF", 3 };
    size_t skip = slice_starts(text, bom) ? bom.len : 0;
    struct reader r = { .doc = ret, .error = ret_error, .line = 1 };
    *ret = (struct tree_doc){ 0 };
    if (text.len > 0) {
        r.at = text.ptr + skip;
        r.end = text.ptr + text.len;
        skip_preamble(&r);
    }
    if (peek(&r, 0) != '{')
        return refuse(&r, "an object literal { ... } is expected here");
    return read_value(&r, NULL, NULL, r.line);
}

int tree_read_json(struct slice text, struct tree_doc *ret, struct tree_error *ret_error)
{
    json_error_t error;
    *ret = (struct tree_doc){ 0 };
    json_t *j = json_loadb(text.len ? text.ptr : "", text.len, JSON_REJECT_DUPLICATES, &error);
    if (j == NULL) {
        ret_error->line = error.line > 0 ? (unsigned)error.line : 1;
        buf_append_str(&ret_error->why, error.text);
        return -EINVAL;
    }
    json_decref(j);
    return tree_read_js(text, ret, ret_error);
}
