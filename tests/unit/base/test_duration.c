/* Durations as text, and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/duration.h"

static void a_duration_is_a_whole_number_and_a_unit(void **unused)
{
    (void)unused;
    static const struct {
        const char *text;
        uint64_t ms;
    } rows[] = { { "0", 0 },         { "0s", 0 },         { "1ms", 1 },
                 { "1500ms", 1500 }, { "5s", 5000 },      { "90s", 90000 },
                 { "10m", 600000 },  { "24h", 86400000 }, { "007s", 7000 } };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t ms = 1;
        assert_null(duration_parse(slice_str(rows[i].text), &ms));
        assert_int_equal(ms, rows[i].ms);
    }
}

static void what_is_none_is_told_and_changes_nothing(void **unused)
{
    (void)unused;
    static const struct {
        const char *text, *wrong;
    } rows[] = {
        { "", "is not a duration" },
        { "s", "is not a duration" },
        { "5", "has no unit" },
        { "5 s", "is not a duration" },
        { "-5s", "is not a duration" },
        { "1.5s", "is not a duration" },
        { "5d", "is not a duration" },
        { "5S", "is not a duration" },
        { "99999999999999999999s", "is not a duration" },
        { "9223372036854775807h", "is too large" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t ms = 77;
        assert_string_equal(duration_parse(slice_str(rows[i].text), &ms), rows[i].wrong);
        assert_int_equal(ms, 77);
    }
}

static void it_is_printed_in_the_longest_unit_and_read_back(void **unused)
{
    (void)unused;
    static const struct {
        uint64_t ms;
        const char *text;
    } rows[] = { { 0, "0" },        { 1, "1ms" },
                 { 1000, "1s" },    { 1001, "1001ms" },
                 { 60000, "1m" },   { 90000, "90s" },
                 { 3600000, "1h" }, { UINT64_MAX / 3600000 * 3600000, NULL } };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[DURATION_TEXT_MAX];
        uint64_t ms;
        size_t n = duration_print(text, rows[i].ms);
        assert_true(n <= sizeof text);
        assert_null(duration_parse(slice_of(text, n), &ms));
        assert_int_equal(ms, rows[i].ms);
        if (rows[i].text != NULL)
            assert_true(slice_eq(slice_of(text, n), slice_str(rows[i].text)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_duration_is_a_whole_number_and_a_unit),
        cmocka_unit_test(what_is_none_is_told_and_changes_nothing),
        cmocka_unit_test(it_is_printed_in_the_longest_unit_and_read_back),
    };
    return cmocka_run_group_tests_name("duration", tests, NULL, NULL);
}
