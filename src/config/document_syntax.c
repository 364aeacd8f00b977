#include "config/document_syntax.h"

#include <string.h>

#include "base/utf8.h"
#include "config/escape.h"

static unsigned lines_before(struct slice text, size_t offset)
{
    unsigned n = 1;
    for (size_t i = 0; i < offset && i < text.len; i++)
        n += text.ptr[i] == '\n';
    return n;
}

/* The mistakes that beginners make most, by what libyaml says to them. */
static const char *remedy(const char *problem, const char *context)
{
    static const struct {
        const char *problem, *context, *text;
    } rows[] = {
        { "unknown escape character", "",
          "in double quotes a backslash is written twice; or put the text in single quotes" },
        { "alphabetic or numeric", "alias", "put a text that begins with * in quotes" },
        { "alphabetic or numeric", "anchor", "put a text that begins with & in quotes" },
        { "found a tab", "", "indent with blanks" },
        { "cannot start any token", "",
          "indent with blanks, not tabs; put a text that begins with @, ` or % in quotes" },
        { "mapping values are not allowed", "",
          "put a text with \": \" in it in quotes; keys of one rule have the same indent" },
        { "expected ':'", "", "write key: value, with a blank behind the colon" },
        { "end of stream", "quoted", "a closing quote is missing" },
        { "expected key", "", "keys of one rule have the same indent" },
        { "expected '-'", "", "rules of one list have the same indent, each begins with \"- \"" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (strstr(problem, rows[i].problem) != NULL && strstr(context, rows[i].context) != NULL)
            return rows[i].text;
    }
    return "see yaml.org, or put the text in quotes";
}

void document_syntax_error(const yaml_parser_t *p, struct slice text, unsigned *ret_line,
                           struct buf *why)
{
    const char *problem = p->problem != NULL ? p->problem : "out of memory";
    const char *context = p->context != NULL ? p->context : "";
    if (p->error == YAML_READER_ERROR) { /* which sets no mark */
        *ret_line = lines_before(text, p->problem_offset);
        buf_printf(why, "not YAML: %s; remove the byte", problem);
        return;
    }
    *ret_line = (unsigned)p->problem_mark.line + 1;
    buf_printf(why, "not YAML: %s", problem);
    if (context[0] != '\0')
        buf_printf(why, " %s that began on line %zu", context, p->context_mark.line + 1);
    buf_printf(why, "; %s", remedy(problem, context));
}

bool document_bytes_ok(struct slice text, unsigned *ret_line, struct buf *why)
{
    const char *nul = text.len > 0 ? memchr(text.ptr, '\0', text.len) : NULL;
    if (!utf8_valid(text)) {
        size_t at = 0, n;
        while ((n = escape_sequence(slice_of(text.ptr + at, text.len - at))) > 0)
            at += n;
        *ret_line = lines_before(text, at);
        buf_append_str(why, "not UTF-8; save the file as UTF-8");
        return false;
    }
    if (nul != NULL) {
        *ret_line = lines_before(text, (size_t)(nul - text.ptr));
        buf_append_str(why, "a NUL byte; is this a text file?");
        return false;
    }
    return true;
}
