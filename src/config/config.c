/**
 * The stages of a load, in order; config_loader.h has what they share.
 *
 *   config_load, config_load_text
 *     load_defaults -> config_file -> config_env -> load_flags -> config_cross
 *     finish         the config, or every mistake of all of them
 */
#include "config/config.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "config/config_cross.h"
#include "config/config_env.h"
#include "config/config_file.h"
#include "config/config_loader.h"
#include "config/guess.h"
#include "config/option_value.h"
#include "config/rules.h"

/* The words of an ENUM option are numbered from 0 as these are. */
static_assert(LOG_DEBUG == 0 && LOG_ERROR == 3 && LOG_LOGFMT == 0 && LOG_JSON == 1, "server.log_*");

static void load_defaults(struct config_loader *l)
{
    config_loader_begin(l, CONFIG_DEFAULT);
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        options_check((enum option_id)i);
        const char *wrong =
            option_value_set(&l->c, (enum option_id)i, slice_str(options_table[i].def));
        assert(wrong == NULL && "a default is a value that the option takes");
        (void)wrong;
    }
}

/* Whether s has nothing in it but what names are made of.  A URL with a password, where a name
 * should be, is not shown. */
static bool looks_like_name(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!isalnum((unsigned char)s.ptr[i]) && strchr("_-. ", s.ptr[i]) == NULL)
            return false;
    }
    return s.len > 0;
}

/* number: of the --set, from 1 */
static void load_flag(struct config_loader *l, size_t number, struct slice flag)
{
    struct slice value = flag, name, section, key;
    bool has_value = slice_cut(&value, '=', &name);
    key = name = has_value ? name : flag;
    enum option_id meant = looks_like_name(name) ? guess_name(name) : OPTION_COUNT;
    if (!looks_like_name(name) || (!has_value && meant == OPTION_COUNT))
        config_loader_error(
            l, "--set",
            "flag number %zu is not section.key=value; such as --set server.interval=10s", number);
    else if (!has_value)
        config_loader_error(l, "--set", "%.*s: the value is missing; write --set %s.%s=VALUE",
                            (int)name.len, name.ptr, options_table[meant].section,
                            options_table[meant].key);
    else if (slice_cut(&key, '.', &section))
        config_loader_assign_named(l, "--set", section, key, value);
    else
        config_loader_no_option(l, "--set", name, meant);
}

static void load_flags(struct config_loader *l, const char *const *sets, size_t n)
{
    config_loader_begin(l, CONFIG_FLAG);
    for (size_t i = 0; i < n; i++)
        load_flag(l, i + 1, slice_str(sets[i]));
}

/* What holds of every config that was loaded. */
static void loaded_check(const struct config *c)
{
    for (unsigned i = 0; i < OPTION_COUNT; i++)
        option_value_check(c, (enum option_id)i);
    assert(c->server_instance[0] != '\0' && c->redis_prefix[0] != '\0');
    assert(c->n_sockets > 0 && c->sockets != NULL);
}

/* systemd names the folders of StateDirectory=, separated by colons: the first is ours. */
static void default_state_dir(struct config_loader *l, char *const *env)
{
    static const char name[] = "STATE_DIRECTORY=";
    for (; l->c.server_state_dir[0] == '\0' && env != NULL && *env != NULL; env++) {
        if (strncmp(*env, name, sizeof name - 1) != 0)
            continue;
        const char *dirs = *env + sizeof name - 1;
        config_loader_assign(l, "STATE_DIRECTORY", OPTION_server_state_dir,
                             slice_of(dirs, strcspn(dirs, ":")));
        return;
    }
}

static int finish(struct config_loader *l, const struct config_source *src, struct config *ret,
                  struct buf *ret_errors)
{
    config_loader_begin(l, CONFIG_ENV);
    config_env_read(l, src->environ);
    load_flags(l, src->sets, src->n_sets);
    default_state_dir(l, src->environ);
    config_cross_check(l);
    if (config_loader_take_mistakes(l, ret_errors) > 0) {
        config_release(&l->c);
        return -EINVAL;
    }
    loaded_check(&l->c);
    *ret = l->c;
    return 0;
}

int config_load(const struct config_source *src, struct config *ret, struct buf *ret_errors)
{
    struct config_loader l = { 0 };
    load_defaults(&l);
    config_loader_begin(&l, CONFIG_FILE);
    if (src->file != NULL) {
        l.c.file = mem_strdup(src->file);
        config_file_read(&l, src->file);
    }
    return finish(&l, src, ret, ret_errors);
}

int config_load_text(const struct config_source *src, const char *name, struct slice text,
                     struct config *ret, struct buf *ret_errors)
{
    struct config_loader l = { 0 };
    load_defaults(&l);
    config_loader_begin(&l, CONFIG_FILE);
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
