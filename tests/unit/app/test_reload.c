#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/reload.h"
#include "base/log.h"

static void reloaded_release(struct reloaded *r)
{
    core_mapping_release(&r->mapping);
    core_mapping_release(&r->cluster_mapping);
}

/*
 * What is logged when a server that runs with `running` finds `fresh`; each is one --set.
 * returns  as reload_read.  ret_fresh: to be released then; NULL: it is released here
 */
static int reload_log(const char *running, const char *fresh, char *ret, size_t room,
                      struct reloaded *ret_fresh)
{
    struct buf errors = { 0 };
    struct config c;
    struct reloaded read_again = { 0 };
    int ends[2];
    assert_int_equal(
        config_load(&(struct config_source){ .sets = &running, .n_sets = 1 }, &c, &errors), 0);
    assert_int_equal(pipe(ends), 0);
    log_to_fd(ends[1]);
    int rc = reload_read(&c, &(struct config_source){ .sets = &fresh, .n_sets = 1 }, &read_again);
    LOG(LOG_ERROR, "end", F_I64("status", rc)); /* so that there is something to read */
    log_to_fd(STDOUT_FILENO);
    close(ends[1]);
    ssize_t n = read(ends[0], ret, room - 1); /* a pipe holds it all */
    assert_true(n > 0);
    ret[n] = '\0';
    close(ends[0]);
    config_release(&c);
    buf_release(&errors);
    if (ret_fresh != NULL)
        *ret_fresh = read_again;
    else
        reloaded_release(&read_again);
    return rc;
}

static void an_option_that_waits_for_the_next_start_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *running, *fresh, *says;
    } rows[] = {
        { "server.workers=1", "server.workers=2", "section=server key=workers value=2" },
        { "redis.url=redis://:one@a", "redis.url=redis://:two@a",
          "section=redis key=url value=(set)" }, /* a new password */
        { "redis.url=redis://a", "redis.url=", "section=redis key=url" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char log[4096];
        struct reloaded fresh;
        assert_int_equal(reload_log(rows[i].running, rows[i].fresh, log, sizeof log, &fresh), 0);
        assert_non_null(strstr(log, "option changes at the next start"));
        assert_non_null(strstr(log, rows[i].says));
        assert_int_equal(fresh.for_next_start, 1);
        assert_null(strstr(log, "two"));
        reloaded_release(&fresh);
    }
}

static void what_stays_the_same_or_changes_at_once_is_not_named(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        { "redis.url=redis://:one@a", "redis.url=redis://:one@a" },
        { "server.log_level=info", "server.log_level=debug" },
        { "protocol.log_rejected=on", "protocol.log_rejected=off" },
        { "prometheus.observer_type=summary", "prometheus.observer_type=histogram" },
        { "aggregate.ttl=1h", "aggregate.ttl=2h" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char log[4096];
        struct reloaded fresh;
        assert_int_equal(reload_log(rows[i][0], rows[i][1], log, sizeof log, &fresh), 0);
        assert_null(strstr(log, "option changes at the next start"));
        assert_int_equal(fresh.for_next_start, 0);
        reloaded_release(&fresh);
        log_setup(LOG_INFO, LOG_LOGFMT);
    }
}

static void what_changes_at_once_is_handed_over(void **state)
{
    (void)state;
    char log[4096];
    struct reloaded fresh;
    reload_log("protocol.log_rejected=on", "protocol.log_rejected=off", log, sizeof log, &fresh);
    assert_false(fresh.log_rejected);
    reloaded_release(&fresh);
    reload_log("prometheus.observer_type=summary", "prometheus.observer_type=histogram", log,
               sizeof log, &fresh);
    assert_true(fresh.log_rejected);
    assert_true(profiles_at(fresh.mapping.profiles, 0)->histogram);
    reloaded_release(&fresh);
}

/* Steps of sets are counted in intervals, and the interval stays as it is. */
static void profiles_are_made_for_the_interval_that_is_in_force(void **state)
{
    (void)state;
    char log[4096];
    struct reloaded fresh;
    reload_log("server.interval=10s", "server.interval=1s", log, sizeof log, &fresh);
    assert_int_equal(fresh.for_next_start, 1);
    assert_int_equal(profiles_at(fresh.mapping.profiles, 0)->set_steps, 6); /* of 10 s: 1 m */
    reloaded_release(&fresh);
}

static void a_mistake_is_logged_and_changes_nothing(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        { "server.log_level=loud", "server.log_level" },
        { "protocol.log_rejected=perhaps", "protocol.log_rejected" },
        { "prometheus.mapping=/nowhere/mapping.yml", "/nowhere/mapping.yml" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char log[4096];
        assert_true(reload_log("server.log_level=info", rows[i][0], log, sizeof log, NULL) < 0);
        assert_non_null(strstr(log, "reload refused"));
        assert_non_null(strstr(log, rows[i][1]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_option_that_waits_for_the_next_start_is_named),
        cmocka_unit_test(what_stays_the_same_or_changes_at_once_is_not_named),
        cmocka_unit_test(what_changes_at_once_is_handed_over),
        cmocka_unit_test(profiles_are_made_for_the_interval_that_is_in_force),
        cmocka_unit_test(a_mistake_is_logged_and_changes_nothing),
    };
    return cmocka_run_group_tests_name("reload", tests, NULL, NULL);
}
