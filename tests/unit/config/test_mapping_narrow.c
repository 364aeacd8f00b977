/* The glob that a regex is within, where it plainly is within one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "config/mapping_narrow.h"

static void a_regex_whose_parts_match_no_dot_is_within_a_glob(void **unused)
{
    static const struct {
        const char *regex, *glob;
    } rows[] = {
        { "^a$", "a" },
        { "^a\\.b-c$", "a.b-c" },
        { "^a\\.([^.]*)$", "a.*" },
        { "^a\\.[^.]+\\.c$", "a.*.c" },
        { "^a\\.(get|put)\\.(\\w+)_(\\d+)$", "a.*.*" },
        { "^(?P<who>[a-z0-9_-]+?)\\.x{1,2}\\.y$", "*.*.y" },
        { "^(?:a\\.b)\\.c$", "a.b.c" },
        { "^a(b)c$", "abc" },
        { "^ab?\\.c$", "*.c" },
        { "^a\\-b$", "a-b" },
        { "^([^:.]+)$", "*" },
        { "^(a|)$", "*" },
        { "^$", "" },
    };
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out = { 0 };
        assert_true(mapping_narrow_glob(slice_str(rows[i].regex), &out));
        assert_true(slice_eq(buf_slice(&out), slice_str(rows[i].glob)));
        buf_release(&out);
    }
}

static void of_what_may_match_a_dot_or_is_not_known_there_is_none(void **unused)
{
    static const char *const rows[] = {
        "",
        "a",
        "^a",
        "a$",
        "^",
        "^a\\.(.*)$",
        "^a.b$",
        "^[^a]$",
        "^[.]$",
        "^[+-9]$",
        "^[--9]$",
        "^a\\.+b$",
        "^(a|b\\.c)$",
        "^(a\\.b)*$",
        "^(a\\.b)?c$",
        "^((a))$",
        "^a|b$",
        "^(?i)a$",
        "^(?i:a)$",
        "^a\\Wb$",
        "^\\Qa.b\\E$",
        "^[[:punct:]]$",
        "^[\\W]$",
        "^a\\$",
        "^(a$",
        "^a)$",
        "^[a$",
        "^a\\S$",
        "^\\pL$",
        "^a^b$",
        "^[]a]$",
        "^[^]a.]$",
        "^a{\\.}$",
        "^a{x\\.b{2}$",
        "^a{b$",
    };
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out = { 0 };
        if (mapping_narrow_glob(slice_str(rows[i]), &out))
            fail_msg("%s: %.*s", rows[i], (int)out.len, out.ptr);
        buf_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_regex_whose_parts_match_no_dot_is_within_a_glob),
        cmocka_unit_test(of_what_may_match_a_dot_or_is_not_known_there_is_none),
    };
    return cmocka_run_group_tests_name("mapping_narrow", tests, NULL, NULL);
}
