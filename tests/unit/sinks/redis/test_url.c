#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/slice.h"
#include "sinks/redis/url.h"

static void same(const char *got, const char *want)
{
    if (want == NULL)
        assert_null(got);
    else
        assert_string_equal(got, want);
}

static void a_url_says_where_and_who(void **state)
{
    /* clang-format off */
    static const struct {
        const char *url, *host, *path, *user, *password;
        uint16_t port;
        uint32_t db;
    } cases[] = {
        { "redis://localhost", "localhost", NULL, NULL, NULL, 6379, 0 },
        { "redis://localhost/", "localhost", NULL, NULL, NULL, 6379, 0 },
        { "redis://10.0.0.7:7000/3", "10.0.0.7", NULL, NULL, NULL, 7000, 3 },
        { "redis://[::1]:7000", "::1", NULL, NULL, NULL, 7000, 0 },
        { "redis://[::1]", "::1", NULL, NULL, NULL, 6379, 0 },
        { "redis://:secret@cache", "cache", NULL, NULL, "secret", 6379, 0 },
        { "redis://me:secret@cache:1/65535", "cache", NULL, "me", "secret", 1, 65535 },
        { "redis://m%65:s%3a%40%2F%25@cache", "cache", NULL, "me", "s:@/%", 6379, 0 },
        { "redis://me:p@ss@cache", "cache", NULL, "me", "p@ss", 6379, 0 }, /* the last @ ends it */
        /* The first : ends the name. */
        { "redis://me:a:b@cache", "cache", NULL, "me", "a:b", 6379, 0 },
        { "redis://me:%C3%A9@cache", "cache", NULL, "me", "\xc3\xa9", 6379, 0 },
        { "unix:///run/redis.sock", NULL, "/run/redis.sock", NULL, NULL, 0, 0 },
        { "unix:///run/redis.sock?db=5", NULL, "/run/redis.sock", NULL, NULL, 0, 5 },
        { "unix:///run/a%20b%3F", NULL, "/run/a b?", NULL, NULL, 0, 0 },
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct redis_url u;
        char *url = strdup(cases[i].url);
        assert_int_equal(redis_url_parse(url, &u, NULL), 0);
        free(url);
        same(u.host, cases[i].host);
        same(u.path, cases[i].path);
        same(u.user, cases[i].user);
        same(u.password, cases[i].password);
        assert_int_equal(u.port, cases[i].port);
        assert_int_equal(u.db, cases[i].db);
        redis_url_release(&u);
        assert_null(u.password);
    }
}

static void a_bad_url_is_refused_with_a_reason(void **state)
{
    /* clang-format off */
    static const struct {
        const char *url, *word;    /* word: what the reason speaks of */
    } cases[] = {
        { "", "redis://" },
        { "localhost:6379", "redis://" },
        { "http://localhost", "redis://" },
        { "REDIS://localhost", "redis://" },
        { "rediss://localhost", "TLS" },
        { "redis://", "host" },
        { "redis://:6379", "host" },
        { "redis://me:pw@", "host" },
        { "redis://a b", "blank" },
        { "redis://host:", "port" },
        { "redis://host:0", "port" },
        { "redis://host:65536", "port" },
        { "redis://host:6379x", "port" },
        { "redis://host:-1", "port" },
        { "redis://::1:6379", "brackets" },
        { "redis://[::1", "brackets" },
        { "redis://[::1]6379", ":port" },
        { "redis://[::1]:", "port" },
        { "redis://host/x", "database" },
        { "redis://host/-1", "database" },
        { "redis://host/65536", "database" },
        { "redis://host/0?db=1", "?options" },
        { "redis://me@host", "password" },
        { "redis://me:@host", "password" },
        { "redis://me:%4@host", "hexadecimal" },
        { "redis://me:%zz@host", "hexadecimal" },
        { "redis://me:%00@host", "hexadecimal" },
        { "redis://%:pw@host", "user" },
        { "unix://run/redis.sock", "three slashes" },
        { "unix://", "three slashes" },
        { "unix:///run/redis.sock?database=1", "option" },
        { "unix:///run/redis.sock?db=", "database" },
        { "unix:///%", "path" },
        { "unix:///123456789012345678901234567890123456789012345678901234567890"
          "123456789012345678901234567890123456789012345678", "107" },
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct redis_url u = { .port = 77 };
        const char *error = NULL;
        char *url = strdup(cases[i].url);
        assert_int_equal(redis_url_parse(url, &u, &error), -EINVAL);
        assert_int_equal(u.port, 77);
        assert_non_null(error);
        if (strstr(error, cases[i].word) == NULL)
            fail_msg("%s: the reason \"%s\" does not speak of \"%s\"", url, error, cases[i].word);
        error = NULL;
        assert_int_equal(redis_url_check(url, &error), -EINVAL);
        assert_non_null(error);
        free(url);
    }
    assert_int_equal(redis_url_check("redis://localhost", NULL), 0);
}

static void a_url_is_printed_without_its_password(void **state)
{
    /* clang-format off */
    static const struct {
        const char *url, *want;
    } cases[] = {
        { "redis://h", "redis://h:6379/0" },
        { "redis://:secret@h:1/3", "redis://:***@h:1/3" },
        { "redis://me:secret@[::1]", "redis://me:***@[::1]:6379/0" },
        { "unix:///run/redis.sock", "unix:///run/redis.sock?db=0" },
        { "unix:///run/redis.sock?db=2", "unix:///run/redis.sock?db=2" },
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct redis_url u;
        char text[64];
        assert_int_equal(redis_url_parse(cases[i].url, &u, NULL), 0);
        assert_int_equal(redis_url_print(&u, text, sizeof text), strlen(cases[i].want));
        assert_string_equal(text, cases[i].want);
        redis_url_release(&u);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_url_is_printed_without_its_password),
        cmocka_unit_test(a_url_says_where_and_who),
        cmocka_unit_test(a_bad_url_is_refused_with_a_reason),
    };
    return cmocka_run_group_tests_name("redis_url", tests, NULL, NULL);
}
