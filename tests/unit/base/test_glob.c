#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/glob.h"

static void a_pattern_matches_the_whole_text(void **unused)
{
    static const struct {
        const char *pattern, *text;
        bool want;
    } cases[] = {
        { "", "", true },
        { "", "a", false },
        { "*", "", true },
        { "*", "web.hits", true },
        { "web.hits", "web.hits", true },
        { "web.hits", "web.hit", false },
        { "web.hit", "web.hits", false },
        { "web.*", "web.hits", true },
        { "web.*", "web.", true },
        { "web.*", "web", false },
        { "*.hits", "web.hits", true },
        { "*.hits", "web.hits.hits", true }, /* the last one is the end */
        { "*.hits", "web.hits.x", false },
        { "w*b.*s", "web.hits", true },
        { "a*b*c", "abbc", true },
        { "a*b*c", "acb", false },
        { "*b?", "abbc", true },
        { "*\\*c", "b*bc*c", true },
        { "*\\*c", "b*bc*", false },
        { "*bc*d", "abbcbcd", true },
        { "*x", "aaaa", false },
        { "*a", "aaab", false },
        { "*\xc3\xa4", "a\xc3\xa4", true },
        { "**", "x", true },
        { "?", "", false },
        { "?eb", "web", true },
        { "?eb", "weeb", false },
        { "a\\*", "a*", true },
        { "a\\*", "ab", false },
        { "a\\", "a\\", true }, /* nothing follows it */
        { "*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false },
    };
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (glob_match(slice_str(cases[i].pattern), slice_str(cases[i].text)) != cases[i].want)
            fail_msg("%s, %s", cases[i].pattern, cases[i].text);
}

static void it_takes_no_more_steps_than_it_may(void **unused)
{
    static const struct {
        const char *pattern, *text;
        uint64_t steps, left;
        enum glob_result want;
    } cases[] = {
        { "web.*", "web.hits", 100, 95, GLOB_YES },
        { "web.*", "web.hits", 5, 0, GLOB_YES },
        { "web.*", "web.hits", 4, 0, GLOB_GIVEN_UP },
        { "web.*", "db.hits", 100, 99, GLOB_NO },
        { "*", "web.hits", 0, 0, GLOB_GIVEN_UP },
        { "*x", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 100, 96,
          GLOB_NO }, /* searched, not compared */
        { "*aaaab", "aaaaaaaaaaaaaaaa", 1000, 935, GLOB_NO },
        { "*aaaab", "aaaaaaaaaaaaaaaa", 50, 0, GLOB_GIVEN_UP },
    };
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint64_t left = cases[i].steps;
        if (glob_try(slice_str(cases[i].pattern), slice_str(cases[i].text), &left) !=
                cases[i].want ||
            left != cases[i].left)
            fail_msg("%s, %s: %d left", cases[i].pattern, cases[i].text, (int)left);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pattern_matches_the_whole_text),
        cmocka_unit_test(it_takes_no_more_steps_than_it_may),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
