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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pattern_matches_the_whole_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
