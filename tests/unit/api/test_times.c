/* Points in time: what is understood, what is not, and how they are printed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "api/times.h"

#define NOW INT64_C(1790000000000)

static void a_time_is_unix_seconds_or_rfc_3339_or_how_long_ago(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {
        { "0", 0 },
        { "1790000000", NOW },
        { "1790000000.25", NOW + 250 },
        { "1790000000.123", NOW + 123 },
        { "253402300799", INT64_C(253402300799000) },
        { "1970-01-01T00:00:00Z", 0 },
        { "2026-09-21T14:13:20Z", NOW },
        { "2026-09-21t14:13:20z", NOW },
        { "2026-09-21 14:13:20Z", NOW },
        { "2026-09-21T14:13:20.5Z", NOW + 500 },
        { "2026-09-21T14:13:20.123456789Z", NOW + 123 },
        { "2026-09-21T16:13:20+02:00", NOW },
        { "2026-09-21T16:13:20 02:00", NOW }, /* a "+" that was not encoded */
        { "2026-09-21T08:43:20-05:30", NOW },
        { "2026-09-21T14:13:20-00:00", NOW },
        { "2024-02-29T00:00:00Z", INT64_C(1709164800000) },
        { "2016-12-31T23:59:60Z", INT64_C(1483228800000) }, /* a leap second */
        { "0001-01-01T00:00:00Z", INT64_C(-62135596800000) },
        { "9999-12-31T23:59:59.999Z", INT64_C(253402300799999) },
        { "-0s", NOW },
        { "-90s", NOW - 90 * 1000 },
        { "-15m", NOW - 15 * 60 * 1000 },
        { "-6h", NOW - 6 * 3600 * 1000 },
        { "-7d", NOW - INT64_C(7) * 86400 * 1000 },
        { "-2w", NOW - INT64_C(14) * 86400 * 1000 },
        { "-9223372036854775807w", 0 }, /* not before 1970 */
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t ms = -1;
        if (!api_time_parse(slice_str(rows[i].text), NOW, &ms) || ms != rows[i].ms)
            fail_msg("%s: %lld", rows[i].text, (long long)ms);
    }
}

static void what_is_no_time_is_refused(void **state)
{
    static const char *const rows[] = {
        "",
        "now",
        "-",
        "-15",
        "-m",
        "-15x",
        "-1.5h",
        "-15 m",
        "--15m",
        "-15mm",
        "+15m",
        "15m",
        "-99999999999999999999s",
        "1e400",
        "nan",
        "inf",
        "0x10",
        "1790000000000", /* milliseconds: the year 58692 */
        "253402300800",
        " 1790000000",
        "2026-09-21",
        "2026-09-21T14:13:20",
        "2026-09-21T14:13Z",
        "2026-09-21T14:13:20.Z",
        "2026-09-21T14:13:20ZZ",
        "2026-09-21T14:13:20+2:00",
        "2026-09-21T14:13:20+0200",
        "2026-09-21T14:13:20+24:00",
        "2026-09-31T14:13:20Z",
        "2025-02-29T14:13:20Z",
        "2026-00-21T14:13:20Z",
        "2026-13-21T14:13:20Z",
        "2026-09-00T14:13:20Z",
        "2026-09-21T24:13:20Z",
        "2026-09-21T14:60:20Z",
        "2026-09-21T14:13:61Z",
        "+026-09-21T14:13:20Z",
        "2026-09-21T14:13:-1Z",
        "22026-09-21T14:13:20Z",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t ms = -1;
        if (api_time_parse(slice_str(rows[i]), NOW, &ms) || ms != -1)
            fail_msg("%s: %lld", rows[i], (long long)ms);
    }
}

static void a_nul_in_a_time_ends_nothing(void **state)
{
    int64_t ms;
    (void)state;
    assert_false(api_time_parse(slice_of("-15m\0", 5), NOW, &ms));
    assert_false(api_time_parse(slice_of("2026-09-21\0T14:13:20Z", 21), NOW, &ms));
    assert_false(api_time_parse(slice_of("2026-09-21T14:13:20\0", 20), NOW, &ms));
}

static void a_printed_time_is_rfc_3339_and_reads_back(void **state)
{
    static const struct {
        uint64_t ms;
        const char *text;
    } rows[] = {
        { 0, "1970-01-01T00:00:00.000Z" },
        { (uint64_t)NOW + 7, "2026-09-21T14:13:20.007Z" },
        { 253402300799999, "9999-12-31T23:59:59.999Z" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[API_TIME_TEXT];
        int64_t ms;
        api_time_print(rows[i].ms, text);
        assert_string_equal(text, rows[i].text);
        assert_true(api_time_parse(slice_str(text), NOW, &ms));
        assert_int_equal(ms, rows[i].ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_time_is_unix_seconds_or_rfc_3339_or_how_long_ago),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(a_nul_in_a_time_ends_nothing),
        cmocka_unit_test(a_printed_time_is_rfc_3339_and_reads_back),
    };
    return cmocka_run_group_tests_name("times", tests, NULL, NULL);
}
