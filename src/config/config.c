#include "config/config.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "config/config_loader.h"
#include "config/escape.h"
#include "config/option_value.h"
#include "config/rules.h"

/* The words of an ENUM option are numbered from 0 as these are. */
static_assert(LOG_DEBUG == 0 && LOG_ERROR == 3 && LOG_LOGFMT == 0 && LOG_JSON == 1, "server.log_*");

enum { MESSAGE_MAX = 1024 };

static void put_line(struct buf *out, const char *origin, const char *text)
{
    escape_url(slice_str(origin), out);   /* -c redis://... by a slip */
    buf_printf(out, ": %s\n", text);
}

static void add_mistake(struct config_loader *l, enum config_stage stage, unsigned line, struct slice text)
{
    l->mistakes = mem_grow(l->mistakes, &l->cap_mistakes, l->n_mistakes + 1, sizeof *l->mistakes);
    l->mistakes[l->n_mistakes++] = (struct config_mistake){ stage, line, mem_strndup(text.ptr, text.len) };
}

void config_loader_error(struct config_loader *l, const char *origin, const char *format, ...)
{
    va_list args;
    char text[MESSAGE_MAX];
    struct buf line = { 0 };
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    put_line(&line, origin, text);
    add_mistake(l, l->stage, l->line, buf_slice(&line));
    buf_release(&line);
}

void config_mistake(struct config_loader *l, enum option_id id, const char *format, ...)
{
    const struct option_row *o = &options_table[id];
    const char *origin = l->c.origin[id];
    va_list args;
    char text[MESSAGE_MAX];
    struct buf line = { 0 };
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    escape_short(slice_str(origin != NULL ? origin : "default"), &line);
    buf_printf(&line, ": %s.%s: %s\n", o->section, o->key, text);
    add_mistake(l, (enum config_stage)l->set_in[id], l->set_line[id], buf_slice(&line));
    buf_release(&line);
}

bool config_refused(const struct config_loader *l, enum option_id id)
{
    return l->refused[id];
}

void config_loader_warn(struct config_loader *l, const char *origin, const char *format, ...)
{
    va_list args;
    char text[MESSAGE_MAX];
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    put_line(&l->c.warnings, origin, text);
}

static void value_error(struct config_loader *l, const char *origin, enum option_id id, struct slice value, const char *wrong)
{
    const struct option_row *o = &options_table[id];
    struct buf shown = { 0 }, limits = { 0 };
    if (o->kind == OPTION_SECRET)
        buf_append_str(&shown, "the value");
    else {
        buf_append_char(&shown, '\'');
        escape_short(value, &shown);
        buf_append_char(&shown, '\'');
    }
    options_limits(id, &limits);
    bool say_limits = limits.len > 0 && o->kind != OPTION_BOOL;
    config_loader_error(l, origin, "%s.%s: %.*s %s; %s%s%.*s", o->section, o->key, (int)shown.len, shown.ptr, wrong,
                        option_value_hint(o->kind), say_limits ? " " : "", say_limits ? (int)limits.len : 0,
                        say_limits ? limits.ptr : "");
    buf_release(&shown);
    buf_release(&limits);
}

/* What the rooms above say of it, told where the value stands. */
static bool obeys_rules(struct config_loader *l, const char *origin, enum option_id id,
                        struct slice value)
{
    const struct option_row *o = &options_table[id];
    struct buf why = { 0 }, shown = { 0 };
    bool ok = config_rules.value(id, value, &why);
    if (!ok) {
        escape_short(value, &shown);
        config_loader_error(l, origin, "%s.%s: '%.*s': %.*s", o->section, o->key, (int)shown.len,
                            shown.ptr ? shown.ptr : "", (int)why.len, why.ptr);
        l->refused[id] = true;
    }
    buf_release(&why);
    buf_release(&shown);
    return ok;
}

void config_loader_assign(struct config_loader *l, const char *origin, enum option_id id, struct slice value)
{
    bool again = l->set_in[id] == (uint8_t)l->stage;
    if (options_table[id].kind == OPTION_STRINGS && !again)
        option_value_clear(&l->c, id);
    l->set_in[id] = (uint8_t)l->stage;
    l->set_line[id] = l->line;
    if (!obeys_rules(l, origin, id, value))
        return;
    const char *wrong = option_value_set(&l->c, id, value);
    if (wrong != NULL) {
        value_error(l, origin, id, value, wrong);
        l->refused[id] = true;
        return;
    }
    free(l->c.origin[id]);
    l->c.origin[id] = mem_strdup(origin);
}

/* Nothing but what names are made of: so that a URL with a password that stands where a name should is not shown. */
static bool looks_like_name(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!isalnum((unsigned char)s.ptr[i]) && strchr("_-. ", s.ptr[i]) == NULL)
            return false;
    }
    return s.len > 0;
}

static void name_error(struct config_loader *l, const char *origin, struct slice name, enum option_id meant)
{
    struct buf shown = { 0 };
    escape_short(name, &shown);
    if (meant != OPTION_COUNT)
        config_loader_error(l, origin, "%.*s: no such option; did you mean %s.%s?", (int)shown.len, shown.ptr, options_table[meant].section,
                            options_table[meant].key);
    else
        config_loader_error(l, origin, "%.*s: no such option; see `statsd describe options`", (int)shown.len, shown.ptr);
    buf_release(&shown);
}

void config_loader_assign_named(struct config_loader *l, const char *origin, struct slice section, struct slice key, struct slice value)
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
    id = options_nearest(section, key);
    if (id == OPTION_COUNT)
        id = options_meant(buf_slice(&name));
    if (id == OPTION_COUNT)
        id = options_meant(key);
    name_error(l, origin, buf_slice(&name), id);
    buf_release(&name);
}

static void load_defaults(struct config_loader *l)
{
    l->stage = CONFIG_DEFAULT;
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        const char *wrong = option_value_set(&l->c, (enum option_id)i, slice_str(options_table[i].def));
        assert(wrong == NULL);
        (void)wrong;
    }
}

static void load_flag(struct config_loader *l, size_t number, struct slice flag)
{
    struct slice value = flag, name, section, key;
    bool has_value = slice_cut(&value, '=', &name);
    key = name = has_value ? name : flag;
    if (!looks_like_name(name) || (!has_value && options_meant(name) == OPTION_COUNT))   /* not shown: it may hold a password */
        config_loader_error(l, "--set", "flag number %zu is not section.key=value; such as --set server.interval=10s", number);
    else if (!has_value)
        config_loader_error(l, "--set", "%.*s: the value is missing; write --set %s.%s=VALUE", (int)name.len, name.ptr,
                            options_table[options_meant(name)].section, options_table[options_meant(name)].key);
    else if (slice_cut(&key, '.', &section))
        config_loader_assign_named(l, "--set", section, key, value);
    else
        name_error(l, "--set", name, options_meant(name));
}

static void load_flags(struct config_loader *l, const char *const *sets, size_t n)
{
    l->stage = CONFIG_FLAG;
    for (size_t i = 0; i < n; i++)
        load_flag(l, i + 1, slice_str(sets[i]));
}

/* Stages in their order, lines of the file in theirs, and what is of one line as it was found. */
static bool comes_after(const struct config_mistake *a, const struct config_mistake *b)
{
    return a->stage != b->stage ? a->stage > b->stage : a->line > b->line;
}

static void sort_mistakes(struct config_loader *l)
{
    for (size_t i = 1; i < l->n_mistakes; i++) {
        struct config_mistake m = l->mistakes[i];
        size_t at = i;
        for (; at > 0 && comes_after(&l->mistakes[at - 1], &m); at--)
            l->mistakes[at] = l->mistakes[at - 1];
        l->mistakes[at] = m;
    }
}

static int finish(struct config_loader *l, const struct config_source *src, struct config *ret, struct buf *ret_errors)
{
    config_env_read(l, src->environ);
    load_flags(l, src->sets, src->n_sets);
    config_check_all(l);
    sort_mistakes(l);
    size_t n = l->n_mistakes;
    for (size_t i = 0; i < n; i++) {
        buf_append_str(ret_errors, l->mistakes[i].text);
        free(l->mistakes[i].text);
    }
    free(l->mistakes);
    if (n > 0) {
        config_release(&l->c);
        return -EINVAL;
    }
    *ret = l->c;
    return 0;
}

int config_load(const struct config_source *src, struct config *ret, struct buf *ret_errors)
{
    struct config_loader l = { 0 };
    load_defaults(&l);
    l.stage = CONFIG_FILE;
    if (src->file != NULL) {
        l.c.file = mem_strdup(src->file);
        config_file_read(&l, src->file);
    }
    return finish(&l, src, ret, ret_errors);
}

int config_load_text(const struct config_source *src, const char *name, struct slice text, struct config *ret, struct buf *ret_errors)
{
    struct config_loader l = { 0 };
    load_defaults(&l);
    l.stage = CONFIG_FILE;
    l.c.file = mem_strdup(name);
    config_file_parse(&l, name, text);
    return finish(&l, src, ret, ret_errors);
}

void config_release(struct config *c)
{
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        option_value_clear(c, (enum option_id)i);
        free(c->origin[i]);
    }
    buf_release(&c->warnings);
    config_rules.release(c);
    free(c->file);
    *c = (struct config){ 0 };
}

void config_print(const struct config *c, enum option_id id, struct buf *out)
{
    option_value_print(c, id, out);
}
