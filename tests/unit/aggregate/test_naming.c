#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aggregate/naming.h"
#include "base/mem.h"

struct row {
    const char *raw, *want;
};

static void check(const struct row *rows, size_t n,
                  bool (*escape)(struct slice raw, struct buf *out))
{
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(rows[i].raw);
        char *exact = mem_alloc(len);
        memcpy(exact, rows[i].raw, len);
        struct buf out = { 0 };
        buf_append_str(&out, "x");
        bool same = escape(slice_of(exact, len), &out);
        buf_append_char(&out, '\0');
        assert_string_equal(out.ptr + 1, rows[i].want);
        assert_int_equal(same, strcmp(rows[i].raw, rows[i].want) == 0);
        buf_release(&out);
        free(exact);
    }
}

static void a_name_keeps_letters_digits_and_underscores_only(void **unused)
{
    (void)unused;
    static const struct row rows[] = {
        { "", "" },
        { "plain_Name9", "plain_Name9" },
        { "a.b", "a_b" },
        { "left..right", "left__right" },
        { "left-right", "left_right" },
        { "left--right", "left_right" },
        { "left---right", "left_right" },
        { "left-.-right", "left___right" },
        { "--", "_" },
        { "-", "_" },
        { "9lives", "_9lives" },
        { "9", "_9" },
        { ".9", "_9" },
        { "a9", "a9" },
        { "-9", "_9" },
        { "_9", "_9" },
        { "\xc3\xa9t\xc3\xa9", "_t_" },
        { "\xf0\x9f\x98\x80", "_" },
        { "a\xe2\x82\xac-\xe2\x82\xac-", "a____" },
        { "-\xe2\x82\xac-", "___" },
        { "a b/c@d", "a_b_c_d" },
    };
    check(rows, ARRAY_LEN(rows), naming_escape);
}

static void a_label_value_escapes_backslash_quote_and_line_feed(void **unused)
{
    (void)unused;
    static const struct row rows[] = {
        { "", "" },
        { "plain text, even {this}", "plain text, even {this}" },
        { "say \"hi\"", "say \\\"hi\\\"" },
        { "c:\\dir", "c:\\\\dir" },
        { "two\nlines", "two\\nlines" },
        { "\\\"\n", "\\\\\\\"\\n" },
        { "\\n", "\\\\n" },
        { "tab\there", "tab\there" },
        { "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80" },
    };
    check(rows, ARRAY_LEN(rows), naming_escape_value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_keeps_letters_digits_and_underscores_only),
        cmocka_unit_test(a_label_value_escapes_backslash_quote_and_line_feed),
    };
    return cmocka_run_group_tests_name("naming", tests, NULL, NULL);
}
