/* Where one more label goes in, and numbers that are the same twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "expose/text_line.h"

static void a_label_goes_in_where_it_keeps_them_sorted(void **unused)
{
    static const struct {
        const char *before, *after;
    } rows[] = {
        { "", "" },
        { "a=\"1\"", "" },
        { "", "r=\"1\"" },
        { "q=\"1\",", "quantilf=\"1\"" },
        { "qb=\"quantile\",", "queue=\"a,quantile=1\"" },
        { "a=\"\",", "z=\"\"" },
        { "a=\"x\\\"y\",b=\"\\\\\",", "zone=\"\\\\\\\"\"" },
        { "a=\"\\n,zz=\",", "s=\"\"" },
        { "Zone=\"z\",_=\"q\",host=\"a\",", "region=\"eu\",service=\"b\"" },
        { "quantil=\"1\"", "" },
    };
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[128];
        strcpy(text, rows[i].before);
        strcat(text, rows[i].after);
        struct text_split s = text_split(slice_str(text), SLICE_LIT("quantile"));
        assert_true(slice_eq(s.before, slice_str(rows[i].before)));
        assert_true(slice_eq(s.after, slice_str(rows[i].after)));
    }
}

static void a_number_is_printed_anew_when_it_is_another(void **unused)
{
    static const struct {
        double value;
        const char *text;
    } rows[] = {
        { 0.1, "n 0.1" }, { 0.1, "n 0.1" }, { 0.125, "n 0.125" }, { 7, "n 7" },     { 7, "n 7" },
        { 0.0, "n 0" },   { -0.0, "n -0" }, { 0.0, "n 0" },       { 0.1, "n 0.1" },
    };
    struct text_number last = { .len = 0 };
    const struct text_sample s = { .name = SLICE_LIT("n"), .last = &last };
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out = { 0 };
        text_put_sample(&out, &s, rows[i].value);
        assert_true(slice_eq(buf_slice(&out), slice_str(rows[i].text)));
        buf_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_label_goes_in_where_it_keeps_them_sorted),
        cmocka_unit_test(a_number_is_printed_anew_when_it_is_another),
    };
    return cmocka_run_group_tests_name("text_line", tests, NULL, NULL);
}
