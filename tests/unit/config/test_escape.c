#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/escape.h"

/* clang-format off */
static const struct {
    const char *text, *want;
    size_t columns;
} rows[] = {
    { "",                "",                     0 },
    { "a b",             "a b",                  3 },
    { "\x1b[31m",        "\\x1b[31m",            8 },
    { "a\tb\x7f",        "a\\x09b\\x7f",         10 },
    { "caf\xc3\xa9",     "caf\xc3\xa9",          4 },
    { "\xe2\x82\xac",    "\xe2\x82\xac",         1 },
    { "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80",     2 },
    { "\xe6\x97\xa5\xe6\x9c\xac", "\xe6\x97\xa5\xe6\x9c\xac", 4 },
    { "e\xcc\x81",      "e\xcc\x81",           1 },
    { "a\xe2\x80\xaezb", "a\\xe2\\x80\\xaezb",  15 }, /* the rest from right to left */
    { "\xe2\x81\xa6\xe2\x80\xa8", "\\xe2\\x81\\xa6\\xe2\\x80\\xa8", 24 },
    { "\xc2\x9b" "31m",  "\\xc2\\x9b31m",        11 }, /* C1: some terminals take it for ESC [ */
    { "\xc2\xa0",        "\xc2\xa0",             1 },
    { "\xe9 \xc3\xa9",   "\\xe9 \xc3\xa9",       6 },  /* one wrong byte escapes itself alone */
    { "\xc3",            "\\xc3",               4 },
};
/* clang-format on */

static void a_text_is_one_line_that_no_terminal_obeys(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out = { 0 };
        assert_int_equal(escape_text(slice_str(rows[i].text), &out), rows[i].columns);
        buf_append_char(&out, '\0');
        assert_string_equal(out.ptr, rows[i].want);
        buf_release(&out);
        escape_short(slice_str(rows[i].text), &out);
        buf_append_char(&out, '\0');
        assert_string_equal(out.ptr, rows[i].want);
        buf_release(&out);
    }
}

static void a_long_text_is_cut_between_two_characters(void **state)
{
    (void)state;
    for (size_t lead = 0; lead < 4; lead++) {
        struct buf text = { 0 }, out = { 0 };
        for (size_t i = 0; i < lead; i++)
            buf_append_char(&text, 'a');
        while (text.len < 300)
            buf_append_str(&text, "\xe2\x82\xac");
        escape_short(buf_slice(&text), &out);
        size_t kept = lead + (ESCAPE_SHORT_MAX - lead) / 3 * 3;
        assert_int_equal(out.len, kept + strlen("..."));
        assert_memory_equal(out.ptr, text.ptr, kept);
        assert_memory_equal(out.ptr + kept, "...", 3);
        buf_release(&text);
        buf_release(&out);
    }
}

static void a_password_in_a_url_is_three_stars(void **state)
{
    (void)state;
    static const struct {
        const char *url, *want;
    } urls[] = {
        { "redis://h:6379/1", "redis://h:6379/1" },
        { "redis://:hunter2@h", "redis://:***@h" },
        { "redis://u:hunter2@h:1/0", "redis://u:***@h:1/0" },
        { "redis://u:hunter2@x@h", "redis://u:***@h" },
        { "redis://u:hun/ter2@h", "redis://u:***@h" },
        { "rediss://:hunter2@h", "rediss://:***@h" },
        { "redis://u@h", "redis://u@h" },
        { "unix:///run/a:b@c", "unix:///run/a:b@c" },
        { "orders:1|c|@0.5", "orders:1|c|@0.5" },
        { "statsd.conf", "statsd.conf" },
    };
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        struct buf out = { 0 };
        escape_url(slice_str(urls[i].url), &out);
        buf_append_char(&out, '\0');
        assert_string_equal(out.ptr, urls[i].want);
        buf_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_is_one_line_that_no_terminal_obeys),
        cmocka_unit_test(a_long_text_is_cut_between_two_characters),
        cmocka_unit_test(a_password_in_a_url_is_three_stars),
    };
    return cmocka_run_group_tests_name("escape", tests, NULL, NULL);
}
