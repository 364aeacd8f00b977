#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
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

/* The hosts as a URL has them, each with its port. */
static void same_hosts(const struct redis_url *u, const char *want)
{
    char got[256] = "";
    for (uint8_t i = 0; i < u->n_hosts; i++)
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s%s:%u", i > 0 ? "," : "",
                 u->hosts[i].host, (unsigned)u->hosts[i].port);
    assert_string_equal(got, want);
}

static void a_url_says_where_and_who(void **state)
{
    /* clang-format off */
    static const struct {
        const char *url, *hosts, *path, *user, *password;
        uint32_t db;
    } cases[] = {
        { "redis://localhost", "localhost:6379", NULL, NULL, NULL, 0 },
        { "redis://localhost/", "localhost:6379", NULL, NULL, NULL, 0 },
        { "redis://10.0.0.7:7000/3", "10.0.0.7:7000", NULL, NULL, NULL, 3 },
        { "redis://[::1]:7000", "::1:7000", NULL, NULL, NULL, 0 },
        { "redis://[::1]", "::1:6379", NULL, NULL, NULL, 0 },
        { "redis://:secret@cache", "cache:6379", NULL, NULL, "secret", 0 },
        { "redis://me:secret@cache:1/65535", "cache:1", NULL, "me", "secret", 65535 },
        { "redis://m%65:s%3a%40%2F%25@cache", "cache:6379", NULL, "me", "s:@/%", 0 },
        { "redis://me:p@ss@cache", "cache:6379", NULL, "me", "p@ss", 0 }, /* the last @ ends it */
        /* The first : ends the name. */
        { "redis://me:a:b@cache", "cache:6379", NULL, "me", "a:b", 0 },
        { "redis://me:%C3%A9@cache", "cache:6379", NULL, "me", "\xc3\xa9", 0 },
        { "redis://me@cache", "cache:6379", NULL, "me", NULL, 0 }, /* the password is in a file */
        { "redis://a,b:7,[::1],[::2]:8", "a:6379,b:7,::1:6379,::2:8", NULL, NULL, NULL, 0 },
        { "redis://a,b/0", "a:6379,b:6379", NULL, NULL, NULL, 0 },
        { "redis://me:p,w@a,b/", "a:6379,b:6379", NULL, "me", "p,w", 0 },
        { "unix:///run/redis.sock", "", "/run/redis.sock", NULL, NULL, 0 },
        { "unix:///run/redis.sock?db=5", "", "/run/redis.sock", NULL, NULL, 5 },
        { "unix:///run/a%20b%3F", "", "/run/a b?", NULL, NULL, 0 },
        { "unix:///run/a,b", "", "/run/a,b", NULL, NULL, 0 },
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct redis_url u;
        char *url = strdup(cases[i].url);
        assert_int_equal(redis_url_parse(url, &u, NULL), 0);
        free(url);
        same_hosts(&u, cases[i].hosts);
        same(u.path, cases[i].path);
        same(u.user, cases[i].user);
        same(u.password, cases[i].password);
        assert_int_equal(u.db, cases[i].db);
        assert_false(u.tls);
        assert_null(u.master);
        redis_url_release(&u);
        assert_null(u.password);
    }
}

static void a_scheme_says_whether_by_tls_and_whom_to_ask_for_the_master(void **state)
{
    /* clang-format off */
    static const struct {
        const char *url, *hosts, *master, *user;
        bool tls;
        uint32_t db;
    } cases[] = {
        { "rediss://cache", "cache:6379", NULL, NULL, true, 0 },
        { "rediss://me:pw@a:1,b:2", "a:1,b:2", NULL, "me", true, 0 },
        { "rediss://[::1]/4", "::1:6379", NULL, NULL, true, 4 },
        { "redis+sentinel://s/mymaster", "s:26379", "mymaster", NULL, false, 0 },
        { "redis+sentinel://s/mymaster/", "s:26379", "mymaster", NULL, false, 0 },
        { "redis+sentinel://s:1,[::1]/m/3", "s:1,::1:26379", "m", NULL, false, 3 },
        { "redis+sentinel://me:pw@a,b,c/m%2fy", "a:26379,b:26379,c:26379", "m/y", "me", false, 0 },
        { "rediss+sentinel://a/m", "a:26379", "m", NULL, true, 0 },
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct redis_url u;
        assert_int_equal(redis_url_parse(cases[i].url, &u, NULL), 0);
        same_hosts(&u, cases[i].hosts);
        same(u.master, cases[i].master);
        same(u.user, cases[i].user);
        assert_int_equal(u.tls, cases[i].tls);
        assert_int_equal(u.db, cases[i].db);
        redis_url_release(&u);
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
        { "rediss:/localhost", "rediss://" },
        { "redis+tls://localhost", "rediss://" },
        { "sentinel://localhost", "redis+sentinel://" },
        { "rediss://", "host" },
        { "redis://a,", "host" },
        { "redis://,a", "host" },
        { "redis://a,,b", "host" },
        { "redis://a, b", "blank" },
        { "redis://a:1,b:x", "port" },
        { "redis://a,b/1", "database 0" },
        { "redis://h\xc3\xb6st/1", "ASCII" },
        { "redis://a,h\xc3\xb6st", "ASCII" },
        { "rediss+sentinel://h\xc3\xb6st/m", "ASCII" },
        { "redis://[\xff]", "ASCII" },
        { "redis://[?]", "host" },
        { "redis://a12345678901234567890123456789012345678901234567890123456789012345678901234567"
          "8901234567890123456789012345678901234567890123456789012345678901234567890123456789"
          "0123456789012345678901234567890123456789012345678901234567890123456789012345678901"
          "234567890123456789", "host" },
        { "redis://::1,::2", "brackets" },
        { "redis://1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17", "16 hosts" },
        { "redis://@host", "no user" },
        { "redis+sentinel://host", "master" },
        { "redis+sentinel://host/", "master" },
        { "redis+sentinel://host//1", "master" },
        { "redis+sentinel:///m", "host" },
        { "redis+sentinel://host/a b", "blank" },
        { "redis+sentinel://host/%zz", "hexadecimal" },
        { "redis+sentinel://host/m/x", "database" },
        { "redis+sentinel://host/m/0/0", "database" },
        { "redis+sentinel://host/m?db=1", "?options" },
        { "redis+sentinel://me:@host/m", "password" },
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
        struct redis_url u = { .db = 77 };
        const char *error = NULL;
        char *url = strdup(cases[i].url);
        assert_int_equal(redis_url_parse(url, &u, &error), -EINVAL);
        assert_int_equal(u.db, 77);
        assert_non_null(error);
        if (strstr(error, cases[i].word) == NULL)
            fail_msg("%s: the reason \"%s\" does not speak of \"%s\"", url, error, cases[i].word);
        error = NULL;
        assert_int_equal(redis_url_check(url, NULL, &error), -EINVAL);
        assert_non_null(error);
        free(url);
    }
    assert_int_equal(redis_url_check("redis://localhost", NULL, NULL), 0);
    assert_int_equal(redis_url_check("redis://me@localhost", NULL, NULL), -EINVAL);
}

static void the_hosts_tell_how_many_connections_there_may_be(void **state)
{
    static const struct {
        const char *url;
        uint32_t want;
    } cases[] = {
        { "", 0 },
        { "http://a", 0 },
        { "unix:///run/redis.sock", 1 },
        { "redis://a/1", 1 },
        { "redis://a", 3 },
        { "rediss://a/0", 3 },
        { "redis://a,b", 6 },
        { "rediss://a,b,c,d,e,f,g,h", 16 },
        { "redis+sentinel://a,b,c,d,e/m/1", 3 },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(redis_url_nodes(cases[i].url), cases[i].want);
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
        { "rediss://me:secret@a,[::1]:7", "rediss://me:***@a:6379,[::1]:7/0" },
        { "redis://me@h", "redis://me@h:6379/0" },
        { "redis+sentinel://:pw@a,b:1/m/2", "redis+sentinel://:***@a:26379,b:1/m/2" },
        { "rediss+sentinel://a/m", "rediss+sentinel://a:26379/m/0" },
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
        cmocka_unit_test(a_scheme_says_whether_by_tls_and_whom_to_ask_for_the_master),
        cmocka_unit_test(the_hosts_tell_how_many_connections_there_may_be),
        cmocka_unit_test(a_bad_url_is_refused_with_a_reason),
    };
    return cmocka_run_group_tests_name("redis_url", tests, NULL, NULL);
}
