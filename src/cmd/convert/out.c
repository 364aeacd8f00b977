/**
 *   convert_rival        what a row of rivals.h says: one of
 *     convert_set          an option of ours, checked as `statsd check` would
 *     convert_note         nothing, a comment
 *   convert_print        the options in the order of statsd.conf.example, then what has
 *                        no counterpart, and the mapping
 */
#include "cmd/convert/out.h"

#include <assert.h>
#include <stdio.h>

#include "cmd/wrap.h"
#include "config/escape.h"
#include "config/option_value.h"
#include "config/rules.h"

enum { COLUMNS = 100 };

/* "key (file:line)", in one line and as comment. */
static void put_place(const struct convert *c, struct place at, struct buf *out)
{
    escape_short(slice_str(at.key), out);
    if (at.line > 0) {
        buf_append_str(out, " (");
        escape_short(slice_str(at.file != NULL ? at.file : c->file), out);
        buf_printf(out, ":%u)", at.line);
    }
}

/* Comment lines of at most COLUMNS, all behind "# ". */
static void put_comment(struct slice text, struct buf *out)
{
    struct buf lines = { 0 };
    struct slice rest, line;
    wrap(text, 0, 0, COLUMNS - 2, &lines);
    buf_append_char(&lines, '\n');
    rest = buf_slice(&lines);
    while (slice_cut(&rest, '\n', &line)) {
        buf_append_str(out, "# ");
        buf_append_slice(out, line);
        buf_append_char(out, '\n');
    }
    buf_release(&lines);
}

void convert_mistake(struct convert *c, struct place at, const char *format, ...)
{
    struct buf text = { 0 };
    va_list args;
    char line[4096];
    if (c->n_mistakes++ >= CONVERT_MISTAKES_MAX)
        return;
    escape_short(slice_str(at.file != NULL ? at.file : c->file), &text);
    if (at.line > 0)
        buf_printf(&text, ":%u", at.line);
    buf_append_str(&text, ": ");
    if (at.key != NULL) {
        escape_short(slice_str(at.key), &text);
        buf_append_str(&text, ": ");
    }
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    escape_text(slice_str(line), &text);
    buf_append_slice(&c->mistakes, buf_slice(&text));
    buf_append_char(&c->mistakes, '\n');
    buf_release(&text);
}

/* Would the file's reader see the value as it is?  returns  NULL; else what is in the way */
static const char *unwritable(struct slice s)
{
    bool blank = true; /* the reader takes ; and # behind a blank for a comment */
    for (size_t i = 0; i < s.len; i++) {
        unsigned char b = (unsigned char)s.ptr[i];
        if (b < ' ' || b == 0x7f)
            return "has a control character, which a config file cannot hold";
        if (blank && (b == ';' || b == '#'))
            return "has a ';' or '#' behind a blank, which begins a comment in a config file";
        blank = b == ' ';
    }
    if (s.len > 8192)
        return "is longer than 8192 bytes";
    return NULL;
}

static bool is_right(struct convert *c, struct place at, enum option_id id, struct slice value)
{
    struct config scratch = { 0 };
    struct buf why = { 0 }, shown = { 0 };
    const struct option_row *o = &options_table[id];
    const char *wrong = unwritable(value);
    if (wrong == NULL && !config_rules.value(id, value, &why))
        wrong = "";
    if (wrong == NULL)
        wrong = option_value_set(&scratch, id, value);
    if (wrong != NULL) {
        struct buf limits = { 0 };
        if (o->kind == OPTION_SECRET)
            buf_append_str(&shown, "the value");
        else
            escape_url(value, &shown);
        option_value_limits(id, &limits);
        convert_mistake(c, at, "'%.*s' %s%.*s as %s.%s%s%.*s", (int)shown.len, shown.ptr, wrong,
                        (int)why.len, why.ptr != NULL ? why.ptr : "", o->section, o->key,
                        limits.len > 0 ? ", which takes " : "", (int)limits.len,
                        limits.ptr != NULL ? limits.ptr : "");
        buf_release(&limits);
    }
    option_value_clear(&scratch, id);
    buf_release(&why);
    buf_release(&shown);
    return wrong == NULL;
}

void convert_set(struct convert *c, struct place at, enum option_id id, struct slice value)
{
    struct buf *out = &c->lines[id];
    if (!is_right(c, at, id, value))
        return;
    if (options_table[id].kind != OPTION_STRINGS)
        buf_clear(out); /* the last one counts */
    buf_append_str(out, "# ");
    put_place(c, at, out);
    buf_printf(out, "\n%s = ", options_table[id].key);
    buf_append_slice(out, value);
    buf_append_char(out, '\n');
}

void convert_remark(struct convert *c, enum option_id id, const char *text)
{
    struct buf *out = &c->lines[id], last = { 0 };
    size_t from = out->len;
    if (from == 0)
        return; /* the option was refused */
    for (from--; from > 0 && out->ptr[from - 1] != '\n'; from--)
        ;
    buf_append(&last, out->ptr + from, out->len - from);
    out->len = from;
    put_comment(slice_str(text), out);
    buf_append_slice(out, buf_slice(&last));
    buf_release(&last);
}

void convert_note(struct convert *c, struct place at, const char *reason)
{
    struct buf text = { 0 };
    put_place(c, at, &text);
    buf_append_str(&text, ": ");
    buf_append_str(&text, reason);
    put_comment(buf_slice(&text), &c->notes);
    buf_release(&text);
}

void convert_rival(struct convert *c, struct place at, const struct rival *r, const char *value)
{
    struct buf ours = { 0 };
    if (r->option == OPTION_COUNT) {
        rival_answer(r, NULL, &ours);
        buf_append_char(&ours, '\0');
        convert_note(c, at, ours.ptr);
    } else {
        rival_value(r, value, &ours);
        convert_set(c, at, r->option, buf_slice(&ours));
    }
    buf_release(&ours);
}

void convert_quoted(struct slice s, struct buf *out)
{
    buf_append_char(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        unsigned char b = (unsigned char)s.ptr[i];
        if (b < ' ' || b == 0x7f)
            buf_printf(out, "\\x%02x", b);
        else {
            if (b == '"' || b == '\\')
                buf_append_char(out, '\\');
            buf_append_char(out, (char)b);
        }
    }
    buf_append_char(out, '"');
}

void convert_print_mapping(const struct convert *c, struct buf *out)
{
    if (c->rules.len == 0)
        return;
    buf_printf(out, "# Made by `statsd convert %s`.\nmappings:\n", c->from);
    buf_append_slice(out, buf_slice(&c->rules));
}

static void print_options(const struct convert *c, struct buf *out)
{
    const char *section = NULL;
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        if (c->lines[i].len == 0)
            continue;
        if (section == NULL || strcmp(section, options_table[i].section) != 0)
            buf_printf(out, "\n[%s]\n", options_table[i].section);
        section = options_table[i].section;
        buf_append_slice(out, buf_slice(&c->lines[i]));
    }
}

static void print_mapping_as_comment(const struct convert *c, struct buf *out)
{
    struct buf mapping = { 0 };
    struct slice rest, line;
    convert_print_mapping(c, &mapping);
    buf_append_str(out, "\n# The mapping file, which `statsd convert --mapping-out FILE` writes, "
                        "and sets here:\n# [prometheus]\n# mapping = FILE\n#\n");
    rest = buf_slice(&mapping);
    while (slice_cut(&rest, '\n', &line))
        buf_printf(out, "#   %.*s\n", (int)line.len, line.ptr);
    buf_release(&mapping);
}

void convert_print(const struct convert *c, struct buf *out)
{
    buf_printf(out,
               "# Made by `statsd convert %s`.  `statsd describe options` says what each option "
               "means.\n",
               c->from);
    print_options(c, out);
    if (c->notes.len > 0) {
        buf_append_str(out, "\n# --- what has no counterpart\n\n");
        buf_append_slice(out, buf_slice(&c->notes));
    }
    if (c->rules.len > 0 && c->mapping_out == NULL)
        print_mapping_as_comment(c, out);
}

void convert_release(struct convert *c)
{
    for (unsigned i = 0; i < OPTION_COUNT; i++)
        buf_release(&c->lines[i]);
    buf_release(&c->notes);
    buf_release(&c->rules);
    buf_release(&c->mistakes);
}
