#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/config.h"
#include "config/option_value.h"
#include "config/options.h"

/* Run from the root of the tree. */
static struct buf example(void)
{
    struct buf b = { 0 };
    FILE *f = fopen("statsd.conf.example", "r");
    assert_non_null(f);
    b.len = fread(buf_reserve(&b, 1 << 20), 1, 1 << 20, f);
    buf_append_char(&b, '\0');
    fclose(f);
    return b;
}

static void every_row_is_whole_and_its_name_is_its_own(void **state)
{
    (void)state;
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        const struct option_row *o = &options_table[i];
        char env[OPTION_ENV_MAX], other[OPTION_ENV_MAX];
        assert_true(options_section_known(slice_str(o->section)));
        assert_int_equal(options_find(slice_str(o->section), slice_str(o->key)), i);
        assert_true(strlen(o->help) > 10);
        assert_int_equal(o->help[strlen(o->help) - 1], '.');
        options_env_name((enum option_id)i, env);
        assert_true(strlen(env) < OPTION_ENV_MAX - 1);
        for (unsigned k = 0; k < i; k++) {
            options_env_name((enum option_id)k, other);
            assert_string_not_equal(env, other);
        }
    }
}

static void the_environment_name_is_section_and_key_in_capitals(void **state)
{
    (void)state;
    char env[OPTION_ENV_MAX];
    options_env_name(OPTION_redis_spool_max_bytes, env);
    assert_string_equal(env, "STATSD_REDIS_SPOOL_MAX_BYTES");
}

static void the_example_names_every_option_with_its_default_and_limits(void **state)
{
    (void)state;
    struct buf text = example();
    const char *at = text.ptr;
    const char *section = "";
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        const struct option_row *o = &options_table[i];
        char line[300];
        if (strcmp(section, o->section) != 0) {
            section = o->section;
            snprintf(line, sizeof line, "\n[%s]\n", section);
            at = strstr(at, line);
            if (at == NULL)
                fail_msg("statsd.conf.example has no [%s] in the order of the table", section);
        }
        snprintf(line, sizeof line, "\n%s =%s%s\n", o->key, o->def[0] ? " " : "", o->def);
        const char *found = strstr(at, line);
        if (found == NULL)
            fail_msg("statsd.conf.example: [%s] lacks \"%s =%s%s\" in the order of the table",
                     o->section, o->key, o->def[0] ? " " : "", o->def);
        struct buf limits = { 0 };
        option_value_limits((enum option_id)i, &limits);
        bool said =
            limits.len == 0 || memmem(at, (size_t)(found - at), limits.ptr, limits.len) != NULL;
        if (!said)
            fail_msg("statsd.conf.example: %s.%s does not say \"%.*s\"", o->section, o->key,
                     (int)limits.len, limits.ptr);
        buf_release(&limits);
        at = found;
    }
    buf_release(&text);
}

static void the_example_as_shipped_is_the_default_config(void **state)
{
    (void)state;
    struct buf text = example(), errors = { 0 };
    struct config def, shipped;
    const struct config_source none = { 0 };
    int rc = config_load_text(&none, "statsd.conf.example", slice_of(text.ptr, text.len - 1),
                              &shipped, &errors);
    if (rc != 0)
        fail_msg("%.*s", (int)errors.len, errors.ptr);
    assert_int_equal(config_load(&none, &def, &errors), 0);
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        struct buf a = { 0 }, b = { 0 };
        config_print(&def, (enum option_id)i, &a);
        config_print(&shipped, (enum option_id)i, &b);
        assert_true(slice_eq(buf_slice(&a), buf_slice(&b)));
        buf_release(&a);
        buf_release(&b);
    }
    config_release(&def);
    config_release(&shipped);
    buf_release(&text);
    buf_release(&errors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_whole_and_its_name_is_its_own),
        cmocka_unit_test(the_environment_name_is_section_and_key_in_capitals),
        cmocka_unit_test(the_example_names_every_option_with_its_default_and_limits),
        cmocka_unit_test(the_example_as_shipped_is_the_default_config),
    };
    return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
