/**
 *   config_loader_assign_named   name -> id, or a mistake with a guess (guess.h)
 *     config_loader_assign       rules of the rooms above (rules.h), then form and range
 *       refuse                   the mistake: what is wrong, and what would be right
 *   config_mistake               the same for the checks of all values together
 *   config_loader_take_mistakes  sorts and prints what the above have added
 */
#include "config/config_loader.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "config/escape.h"
#include "config/guess.h"
#include "config/option_value.h"
#include "config/rules.h"

enum { MESSAGE_MAX = 1024 };

void config_loader_check(const struct config_loader *l)
{
    assert(l->stage <= CONFIG_FLAG);
    assert(l->line == 0 || l->stage == CONFIG_FILE);
    assert(l->n_mistakes <= l->cap_mistakes);
    assert(l->cap_mistakes == 0 || l->mistakes != NULL);
}

void config_loader_begin(struct config_loader *l, enum config_stage stage)
{
    config_loader_check(l);
    assert(stage >= l->stage && "a later stage replaces what an earlier one gave");
    l->stage = stage;
    l->line = 0;
}

/* "ORIGIN: SUBJECTtext\n" */
static void __attribute__((format(printf, 4, 0)))
put_line(struct buf *out, const char *origin, const char *subject, const char *format, va_list args)
{
    char text[MESSAGE_MAX];
    vsnprintf(text, sizeof text, format, args);
    if (strstr(origin, "://") != NULL) /* -c redis://... by a slip */
        escape_url(slice_str(origin), out);
    else
        escape_text(slice_str(origin), out); /* whole: the line is at its end */
    buf_printf(out, ": %s%s\n", subject, text);
}

static void add_mistake(struct config_loader *l, enum config_stage stage, unsigned line,
                        struct slice text)
{
    assert(text.len > 0 && text.ptr[text.len - 1] == '\n');
    l->mistakes = mem_grow(l->mistakes, &l->cap_mistakes, l->n_mistakes + 1, sizeof *l->mistakes);
    l->mistakes[l->n_mistakes++] = (struct config_mistake){
        .stage = stage, .line = line, .text = mem_strndup(text.ptr, text.len)
    };
}

void config_loader_error(struct config_loader *l, const char *origin, const char *format, ...)
{
    struct buf line = { 0 };
    va_list args;
    va_start(args, format);
    put_line(&line, origin, "", format, args);
    va_end(args);
    add_mistake(l, l->stage, l->line, buf_slice(&line));
    buf_release(&line);
}

void config_mistake(struct config_loader *l, enum option_id id, const char *format, ...)
{
    const struct option_row *o = &options_table[id];
    const char *origin = l->c.origin[id] != NULL ? l->c.origin[id] : "default";
    char subject[OPTION_NAME_MAX + 2];
    struct buf line = { 0 };
    va_list args;
    snprintf(subject, sizeof subject, "%s.%s: ", o->section, o->key);
    va_start(args, format);
    put_line(&line, origin, subject, format, args);
    va_end(args);
    add_mistake(l, (enum config_stage)l->set_in[id], l->set_line[id], buf_slice(&line));
    buf_release(&line);
}

void config_loader_warn(struct config_loader *l, const char *origin, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    put_line(&l->c.warnings, origin, "", format, args);
    va_end(args);
}

bool config_refused(const struct config_loader *l, enum option_id id)
{
    return l->refused[id];
}

/* wrong: what the value is not.  The message goes on with what it could be. */
static void refuse(struct config_loader *l, const char *origin, enum option_id id,
                   struct slice value, const char *wrong)
{
    const struct option_row *o = &options_table[id];
    struct buf shown = { 0 }, remedy = { 0 };
    if (o->kind == OPTION_SECRET)
        buf_append_str(&shown, "the value");
    else {
        buf_append_char(&shown, '\'');
        escape_short(value, &shown);
        buf_append_char(&shown, '\'');
    }
    buf_append_str(&remedy, option_value_hint(o->kind));
    if (o->kind != OPTION_BOOL) { /* the hint says on and off already */
        size_t hint = remedy.len;
        buf_append_char(&remedy, ' ');
        option_value_limits(id, &remedy);
        if (remedy.len == hint + 1) /* there are none */
            remedy.len = hint;
    }
    config_loader_error(l, origin, "%s.%s: %.*s %s; %.*s", o->section, o->key, (int)shown.len,
                        shown.ptr, wrong, (int)remedy.len, remedy.ptr);
    l->refused[id] = true;
    buf_release(&shown);
    buf_release(&remedy);
}

/* What the rooms above say of the value. */
static bool obeys_rules(struct config_loader *l, const char *origin, enum option_id id,
                        struct slice value)
{
    const struct option_row *o = &options_table[id];
    struct buf why = { 0 }, shown = { 0 };
    bool ok = config_rules.value(id, value, &why);
    if (!ok) {
        assert(why.len > 0 && o->kind != OPTION_SECRET);
        escape_short(value, &shown);
        config_loader_error(l, origin, "%s.%s: '%.*s': %.*s", o->section, o->key, (int)shown.len,
                            shown.len > 0 ? shown.ptr : "", (int)why.len, why.ptr);
        l->refused[id] = true;
    }
    buf_release(&why);
    buf_release(&shown);
    return ok;
}

void config_loader_assign(struct config_loader *l, const char *origin, enum option_id id,
                          struct slice value)
{
    assert(id < OPTION_COUNT && l->set_in[id] <= l->stage);
    bool first_of_stage = l->set_in[id] < (uint8_t)l->stage;
    if (options_table[id].kind == OPTION_STRINGS && first_of_stage)
        option_value_clear(&l->c, id);
    l->set_in[id] = (uint8_t)l->stage;
    l->set_line[id] = l->line;
    if (!obeys_rules(l, origin, id, value))
        return;
    const char *wrong = option_value_set(&l->c, id, value);
    if (wrong != NULL) {
        refuse(l, origin, id, value, wrong);
        return;
    }
    free(l->c.origin[id]);
    l->c.origin[id] = mem_strdup(origin);
}

void config_loader_no_option(struct config_loader *l, const char *origin, struct slice name,
                             enum option_id meant)
{
    struct buf shown = { 0 };
    escape_short(name, &shown);
    if (meant != OPTION_COUNT)
        config_loader_error(l, origin, "%.*s: no such option; did you mean %s.%s?", (int)shown.len,
                            shown.ptr, options_table[meant].section, options_table[meant].key);
    else
        config_loader_error(l, origin, "%.*s: no such option; see `statsd describe options`",
                            (int)shown.len, shown.ptr);
    buf_release(&shown);
}

void config_loader_assign_named(struct config_loader *l, const char *origin, struct slice section,
                                struct slice key, struct slice value)
{
    enum option_id id = options_find(section, key);
    if (id != OPTION_COUNT) {
        config_loader_assign(l, origin, id, value);
        return;
    }
    struct buf name = { 0 };
    buf_append_slice(&name, section);
    buf_append_char(&name, '.');
    buf_append_slice(&name, key);
    id = guess_option(section, key);
    if (id == OPTION_COUNT)
        id = guess_name(buf_slice(&name));
    if (id == OPTION_COUNT)
        id = guess_name(key);
    config_loader_no_option(l, origin, buf_slice(&name), id);
    buf_release(&name);
}

static bool comes_after(const struct config_mistake *a, const struct config_mistake *b)
{
    return a->stage != b->stage ? a->stage > b->stage : a->line > b->line;
}

/* By insertion: they are few, nearly in order, and those of one line must keep theirs. */
static void sort_mistakes(struct config_mistake *at, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct config_mistake m = at[i];
        size_t to = i;
        for (; to > 0 && comes_after(&at[to - 1], &m); to--)
            at[to] = at[to - 1];
        at[to] = m;
    }
}

size_t config_loader_take_mistakes(struct config_loader *l, struct buf *out)
{
    size_t n = l->n_mistakes;
    config_loader_check(l);
    sort_mistakes(l->mistakes, n);
    for (size_t i = 0; i < n; i++) {
        buf_append_str(out, l->mistakes[i].text);
        free(l->mistakes[i].text);
    }
    free(l->mistakes);
    l->mistakes = NULL;
    l->n_mistakes = l->cap_mistakes = 0;
    return n;
}
