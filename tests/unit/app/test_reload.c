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

/* A server that is told what changed at once. */
struct server_told {
    unsigned times;
    bool log_rejected;
};

static void apply(void *cookie, const struct config *fresh)
{
    struct server_told *told = cookie;
    told->times++;
    told->log_rejected = fresh->protocol_log_rejected;
}

/* What is logged when a server that runs with `running` finds `fresh`; each is one --set. */
static struct server_told reload_log(const char *running, const char *fresh, char *ret, size_t room)
{
    struct buf errors = { 0 };
    struct config c;
    struct server_told told = { 0 };
    int ends[2];
    assert_int_equal(
        config_load(&(struct config_source){ .sets = &running, .n_sets = 1 }, &c, &errors), 0);
    assert_int_equal(pipe(ends), 0);
    log_to_fd(ends[1]);
    reload(&c, &(struct config_source){ .sets = &fresh, .n_sets = 1 }, apply, &told);
    log_to_fd(STDOUT_FILENO);
    close(ends[1]);
    ssize_t n = read(ends[0], ret, room - 1); /* a pipe holds it all */
    assert_true(n > 0);
    ret[n] = '\0';
    close(ends[0]);
    config_release(&c);
    buf_release(&errors);
    return told;
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
        reload_log(rows[i].running, rows[i].fresh, log, sizeof log);
        assert_non_null(strstr(log, "option changes at the next start"));
        assert_non_null(strstr(log, rows[i].says));
        assert_non_null(strstr(log, "msg=reloaded options_for_next_start=1"));
        assert_null(strstr(log, "two"));
    }
}

static void what_stays_the_same_or_changes_at_once_is_not_named(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        { "redis.url=redis://:one@a", "redis.url=redis://:one@a" },
        { "server.log_level=info", "server.log_level=debug" },
        { "protocol.log_rejected=on", "protocol.log_rejected=off" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char log[4096];
        reload_log(rows[i][0], rows[i][1], log, sizeof log);
        assert_null(strstr(log, "option changes at the next start"));
        assert_non_null(strstr(log, "msg=reloaded options_for_next_start=0"));
        log_setup(LOG_INFO, LOG_LOGFMT);
    }
}

static void the_server_hears_of_what_it_changes_at_once(void **state)
{
    (void)state;
    char log[4096];
    struct server_told told =
        reload_log("protocol.log_rejected=on", "protocol.log_rejected=off", log, sizeof log);
    assert_true(told.times == 1 && !told.log_rejected);
    told = reload_log("protocol.log_rejected=off", "protocol.log_rejected=on", log, sizeof log);
    assert_true(told.times == 1 && told.log_rejected);
    told = reload_log("protocol.log_rejected=on", "protocol.log_rejected=perhaps", log, sizeof log);
    assert_int_equal(told.times, 0);
}

static void a_mistake_is_logged_and_changes_nothing(void **state)
{
    (void)state;
    char log[4096];
    reload_log("server.log_level=info", "server.log_level=loud", log, sizeof log);
    assert_non_null(strstr(log, "reload refused"));
    assert_non_null(strstr(log, "server.log_level"));
    assert_null(strstr(log, "msg=reloaded"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_option_that_waits_for_the_next_start_is_named),
        cmocka_unit_test(what_stays_the_same_or_changes_at_once_is_not_named),
        cmocka_unit_test(the_server_hears_of_what_it_changes_at_once),
        cmocka_unit_test(a_mistake_is_logged_and_changes_nothing),
    };
    return cmocka_run_group_tests_name("reload", tests, NULL, NULL);
}
