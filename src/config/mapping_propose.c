#include "config/mapping_propose.h"

#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "config/mapping_syntax.h"

/* Whether a text means the same without quotes wherever it stands. */
static bool stays_plain(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool word = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!word && c != '.' && c != '_' && c != '+' && (c != '-' || s.len == 1))
            return false;
    }
    return s.len > 0;
}

/* Quotes would make a text of it, where a number, a duration or a bool is wanted. */
static bool needs_no_quotes(struct slice s)
{
    static const char *const bools[] = { "true", "false", "yes", "no", "on", "off", "y", "n" };
    if (memchr("0123456789.+-", s.ptr[0], 13) != NULL)
        return true;
    for (size_t i = 0; i < ARRAY_LEN(bools); i++)
        if (s.len == strlen(bools[i]) && strncasecmp(s.ptr, bools[i], s.len) == 0)
            return true;
    return false;
}

static void put_text(const struct document *d, const struct document_node *node, bool key,
                     struct buf *out)
{
    struct slice text = document_text(d, node);
    if (document_null(d, node))
        buf_append_char(out, '~');
    else if (node->plain && stays_plain(text) && (key || needs_no_quotes(text)))
        buf_append_slice(out, text);
    else
        mapping_syntax_quote(text, out);
}

/* DOCUMENT_DEPTH_MAX bounds the depth; what aliases write out ends where it is too long. */
static void put_node(const struct document *d, const struct document_node *node, bool is_key,
                     struct buf *out)
{
    bool map = node->kind == DOCUMENT_MAP, key = map;
    if (node->kind == DOCUMENT_TEXT) {
        put_text(d, node, is_key, out);
        return;
    }
    buf_append_char(out, map ? '{' : '[');
    for (const struct document_node *at = document_first(d, node); at != NULL;
         at = document_next(d, at), key = map && !key) {
        if (out->len > MAPPING_PROPOSE_MAX)
            break;
        if (at != document_first(d, node))
            buf_append_str(out, map && !key ? ": " : ", ");
        put_node(d, document_value(d, at), key, out);
    }
    buf_append_char(out, map ? '}' : ']');
}

static bool is_asked(const struct mapping_field *f)
{
    struct slice name = slice_str(f->name);
    return f->node != NULL && !slice_eq(name, SLICE_LIT("match")) &&
           !slice_eq(name, SLICE_LIT("match_type"));
}

void mapping_propose(const struct document *d, const struct mapping_field *fields, size_t n,
                     struct slice regex, struct buf *out)
{
    struct buf rest = { 0 };
    for (size_t i = 0; i < n; i++) {
        if (!is_asked(&fields[i]))
            continue;
        buf_printf(&rest, ", %s: ", fields[i].name);
        put_node(d, fields[i].node, false, &rest);
    }
    buf_append_str(out, "- {match: ");
    mapping_syntax_quote(regex, out);
    buf_append_str(out, ", match_type: regex");
    if (rest.len <= MAPPING_PROPOSE_MAX)
        buf_append_slice(out, buf_slice(&rest));
    else
        buf_append_str(out, ", the rest: as it is");
    buf_append_char(out, '}');
    buf_release(&rest);
}
