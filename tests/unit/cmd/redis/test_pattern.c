/* Which series a pattern means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cmd/redis/pattern.h"

static void a_pattern_means_names_and_tags_in_any_order(void **state)
{
    static const struct {
        const char *pattern, *series;
        bool matches;
    } cases[] = {
        { "hits", "hits", true },
        { "hits", "hits|#a:b", true },
        { "hits", "hits.all", false },
        { "hits", "hit", false },
        { "h*", "hits.all|#a:b", true },
        { "*", "x", true },
        { "*.all", "hits.all", true },
        { "*.all", "hits.all.too", false },
        { "a*b*c", "aXbXXbYc", true },
        { "a*b*c", "aXbXXbY", false },
        { "h?ts", "hits", true },
        { "h?ts", "hts", false },
        { "**", "x", true },
        { "h[i]ts", "hits", false },
        { "h[i]ts", "h[i]ts", true },
        { "hits|#b:2,a:1", "hits|#a:1,b:2", true },
        { "hits|#a:1", "hits|#a:1,b:2", true },
        { "hits|#a:1,c:3", "hits|#a:1,b:2", false },
        { "hits|#a:*", "hits|#a:1,b:2", true },
        { "hits|#a", "hits|#a:1", false },
        { "hits|#a", "hits|#a,b:2", true },
        { "hits|#", "hits", true },
        { "hits|#", "hits|#a:1", false },
        { "hits|#a:1", "hits", false },
        { "hits|#a:1|2", "hits|#a:1|2", true },
        { "a*a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
          false },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct pattern p;
        assert_true(pattern_parse(cases[i].pattern, &p));
        if (pattern_matches(&p, slice_str(cases[i].series)) != cases[i].matches)
            fail_msg("%s and %s", cases[i].pattern, cases[i].series);
    }
}

static void a_pattern_has_a_name(void **state)
{
    struct pattern p;
    (void)state;
    assert_false(pattern_parse("", &p));
    assert_false(pattern_parse("|#a:b", &p));
}

static void only_without_wildcards_it_is_exact(void **state)
{
    static const struct {
        const char *pattern;
        bool exact;
    } cases[] = { { "hits", true }, { "hits|#a:*", true }, { "h*", false }, { "h?", false } };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct pattern p;
        assert_true(pattern_parse(cases[i].pattern, &p));
        assert_int_equal(pattern_is_exact(&p), cases[i].exact);
    }
}

static void redis_gets_a_pattern_that_lets_at_least_as_much_through(void **state)
{
    static const char *const cases[][2] = {
        { "hits|#a:b", "*|hits*" },
        { "h*?s", "*|h*?s*" },
        { "h[i]\\^ts", "*|h\\[i\\]\\\\\\^ts*" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct pattern p;
        struct buf out = { 0 };
        assert_true(pattern_parse(cases[i][0], &p));
        pattern_for_redis(&p, &out);
        assert_string_equal(out.ptr, cases[i][1]);
        buf_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pattern_means_names_and_tags_in_any_order),
        cmocka_unit_test(a_pattern_has_a_name),
        cmocka_unit_test(only_without_wildcards_it_is_exact),
        cmocka_unit_test(redis_gets_a_pattern_that_lets_at_least_as_much_through),
    };
    return cmocka_run_group_tests_name("redis_pattern", tests, NULL, NULL);
}
