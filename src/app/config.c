#include "app/config.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/config_loader.h"
#include "app/option_value.h"
#include "base/log.h"
#include "base/mem.h"

/* The words of an ENUM option are numbered from 0 as these are. */
static_assert(LOG_DEBUG == 0 && LOG_ERROR == 3 && LOG_LOGFMT == 0 && LOG_JSON == 1, "server.log_*");
static_assert(GAUGE_SIGN_AUTO == 0 && GAUGE_SIGN_DELTA == 1 && GAUGE_SIGN_ABSOLUTE == 2, "protocol.gauge_sign");
static_assert(LISTEN_SPREAD_AUTO == 0 && LISTEN_SPREAD_SOURCE == 1 && LISTEN_SPREAD_PAYLOAD == 2, "listen.spread");
static_assert(NAME_TAGS_LIBRATO == 1 && NAME_TAGS_INFLUX == 2 && NAME_TAGS_SIGNALFX == 4 && NAME_TAGS_GRAPHITE == 8, "protocol.name_tags");

void config_loader_error(struct config_loader *l, const char *origin, const char *format, ...)
{
    va_list args;
    char text[1024];
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    option_value_escape(slice_str(origin), l->errors);
    buf_printf(l->errors, ": %s\n", text);
}

void config_loader_error_at(struct config_loader *l, enum option_id id, const char *format, ...)
{
    const struct option_row *o = &options_table[id];
    va_list args;
    char text[1024];
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    config_loader_error(l, l->origin[id] ? l->origin[id] : "default", "%s.%s: %s", o->section, o->key, text);
}

static void value_error(struct config_loader *l, const char *origin, enum option_id id, struct slice value, const char *wrong)
{
    const struct option_row *o = &options_table[id];
    struct buf shown = { 0 }, limits = { 0 };
    if (o->kind == OPTION_SECRET)
        buf_append_str(&shown, "the value");
    else {
        buf_append_char(&shown, '\'');
        option_value_escape(value, &shown);
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

/* Looked at here, where each URL still has its line; config_check.c reads it again with the defaults of the whole config. */
static bool socket_ok(struct config_loader *l, const char *origin, struct slice url)
{
    static const struct listen_address defaults = { .rcvbuf = 0 };
    struct listen_address unused;
    struct buf why = { 0 }, shown = { 0 };
    bool ok = socket_url_parse(url, &defaults, &unused, &why) == 0;
    option_value_escape(url, &shown);
    if (!ok) {
        config_loader_error(l, origin, "listen.socket: '%.*s': %.*s", (int)shown.len, shown.ptr ? shown.ptr : "", (int)why.len, why.ptr);
        l->bad_sockets++;
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
    if (id == OPTION_listen_socket && !socket_ok(l, origin, value))
        return;
    const char *wrong = option_value_set(&l->c, id, value);
    if (wrong != NULL) {
        value_error(l, origin, id, value, wrong);
        return;
    }
    free(l->origin[id]);
    l->origin[id] = l->stage == CONFIG_DEFAULT ? NULL : mem_strdup(origin);
}

void config_loader_assign_named(struct config_loader *l, const char *origin, struct slice section, struct slice key, struct slice value)
{
    enum option_id id = options_find(section, key);
    if (id != OPTION_COUNT) {
        config_loader_assign(l, origin, id, value);
        return;
    }
    struct buf name = { 0 };
    option_value_escape(section, &name);
    buf_append_char(&name, '.');
    option_value_escape(key, &name);
    id = options_nearest(section, key);
    if (id != OPTION_COUNT)
        config_loader_error(l, origin, "%.*s: no such option; did you mean %s.%s?", (int)name.len, name.ptr, options_table[id].section,
                            options_table[id].key);
    else
        config_loader_error(l, origin, "%.*s: no such option; see `statsd describe options`", (int)name.len, name.ptr);
    buf_release(&name);
}

static void load_defaults(struct config_loader *l)
{
    l->stage = CONFIG_DEFAULT;
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        l->set_in[i] = UINT8_MAX;
        const char *wrong = option_value_set(&l->c, (enum option_id)i, slice_str(options_table[i].def));
        assert(wrong == NULL);
        (void)wrong;
    }
}

static bool ends_with(struct slice s, struct slice tail)
{
    return s.len >= tail.len && slice_eq(slice_of(s.ptr + s.len - tail.len, tail.len), tail);
}

static bool contains(struct slice s, struct slice part)
{
    return s.len >= part.len && memmem(s.ptr, s.len, part.ptr, part.len) != NULL;
}

/**
 * Kubernetes puts variables for each service into every container of a namespace: a service called `statsd` or `statsd-http` makes
 * STATSD_SERVICE_HOST, STATSD_PORT, STATSD_PORT_8125_UDP_ADDR, STATSD_HTTP_SERVICE_PORT_WEB, ...  They are not ours.
 */
static bool from_kubernetes(struct slice name)
{
    return contains(name, SLICE_LIT("_SERVICE_HOST")) || contains(name, SLICE_LIT("_SERVICE_PORT")) || ends_with(name, SLICE_LIT("_PORT")) ||
           contains(name, SLICE_LIT("_PORT_"));
}

/* A variable that is not an option: a mistake if it looks like one; STATSD_HOST and the like are for clients. */
static void env_unknown(struct config_loader *l, struct slice name)
{
    enum { NEAR = 2 };
    struct slice rest = slice_of(name.ptr + 7, name.len - 7), section = rest;
    char near[OPTION_ENV_MAX], guess[OPTION_ENV_MAX] = "";
    size_t best = NEAR + 1;
    bool ours = false;

    if (from_kubernetes(name))
        return;
    if (slice_cut(&rest, '_', &section)) {
        char lower[16];
        size_t n = section.len < sizeof lower ? section.len : 0;
        for (size_t i = 0; i < n; i++)
            lower[i] = (char)(section.ptr[i] | 0x20);
        ours = options_section_known(slice_of(lower, n));
    }
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        options_env_name((enum option_id)i, near);
        size_t d = options_distance(name, slice_str(near), NEAR);
        if (d < best) {
            best = d;
            memcpy(guess, near, sizeof guess);
        }
    }
    if (!ours && best > NEAR)
        return;
    struct buf shown = { 0 };
    option_value_escape(name, &shown);
    if (best <= NEAR)
        config_loader_error(l, "environment", "%.*s: no such option; did you mean %s?", (int)shown.len, shown.ptr, guess);
    else
        config_loader_error(l, "environment", "%.*s: no such option; see `statsd describe options`", (int)shown.len, shown.ptr);
    buf_release(&shown);
}

static void env_assign(struct config_loader *l, const char *origin, enum option_id id, struct slice value)
{
    if (options_table[id].kind != OPTION_STRINGS) {
        config_loader_assign(l, origin, id, value);
        return;
    }
    size_t start = 0;
    for (size_t i = 0; i <= value.len; i++) {
        bool cut = i == value.len || value.ptr[i] == ' ' || value.ptr[i] == ',' || value.ptr[i] == '\t' || value.ptr[i] == '\n';
        if (!cut)
            continue;
        if (i > start)
            config_loader_assign(l, origin, id, slice_of(value.ptr + start, i - start));
        start = i + 1;
    }
}

static void load_env(struct config_loader *l, char *const *env)
{
    l->stage = CONFIG_ENV;
    for (; env != NULL && *env != NULL; env++) {
        struct slice value = slice_str(*env), name;
        if (!slice_starts(value, SLICE_LIT("STATSD_")) || !slice_cut(&value, '=', &name))
            continue;
        char known[OPTION_ENV_MAX];
        unsigned i = 0;
        for (; i < OPTION_COUNT; i++) {
            options_env_name((enum option_id)i, known);
            if (slice_eq(name, slice_str(known)))
                break;
        }
        if (i < OPTION_COUNT)
            env_assign(l, known, (enum option_id)i, value);
        else
            env_unknown(l, name);
    }
}

static void load_flags(struct config_loader *l, const char *const *sets, size_t n)
{
    l->stage = CONFIG_FLAG;
    for (size_t i = 0; i < n; i++) {
        struct slice value = slice_str(sets[i]), name, section;
        if (slice_cut(&value, '=', &name) && slice_cut(&name, '.', &section))
            config_loader_assign_named(l, "--set", section, name, value);
        else   /* not shown: it may hold a password */
            config_loader_error(l, "--set", "flag number %zu is not section.key=value; such as --set server.interval=10s", i + 1);
    }
}

static int finish(struct config_loader *l, const struct config_source *src, size_t errors_before, struct config *ret)
{
    load_env(l, src->environ);
    load_flags(l, src->sets, src->n_sets);
    config_check_all(l);
    for (unsigned i = 0; i < OPTION_COUNT; i++)
        free(l->origin[i]);
    if (l->errors->len > errors_before) {
        config_release(&l->c);
        return -EINVAL;
    }
    *ret = l->c;
    return 0;
}

int config_load(const struct config_source *src, struct config *ret, struct buf *ret_errors)
{
    struct config_loader l = { .errors = ret_errors };
    size_t before = ret_errors->len;
    load_defaults(&l);
    l.stage = CONFIG_FILE;
    if (src->file != NULL) {
        l.c.file = mem_strdup(src->file);
        config_file_read(&l, src->file);
    }
    return finish(&l, src, before, ret);
}

int config_load_text(const struct config_source *src, const char *name, struct slice text, struct config *ret, struct buf *ret_errors)
{
    struct config_loader l = { .errors = ret_errors };
    size_t before = ret_errors->len;
    load_defaults(&l);
    l.stage = CONFIG_FILE;
    l.c.file = mem_strdup(name);
    config_file_parse(&l, name, text);
    return finish(&l, src, before, ret);
}

void config_release(struct config *c)
{
    for (unsigned i = 0; i < OPTION_COUNT; i++)
        option_value_clear(c, (enum option_id)i);
    free(c->sockets);
    free(c->file);
    *c = (struct config){ 0 };
}

void config_print(const struct config *c, enum option_id id, struct buf *out)
{
    option_value_print(c, id, out);
}
