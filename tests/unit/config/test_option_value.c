#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/option_value.h"

static void limits_read_as_they_are_written(void **state)
{
    (void)state;
    static const struct {
        enum option_id id;
        const char *want;
    } rows[] = {
        { OPTION_server_interval, "100ms to 1h" },
        { OPTION_listen_rcvbuf, "4KiB to 1GiB" },
        { OPTION_limits_max_line, "64 to 65535" },
        { OPTION_listen_spread, "auto|source|payload" },
        { OPTION_aggregate_quantiles, "each 0 to 1" },
        { OPTION_prometheus_native_histogram_factor, "0 to 65536" },
        { OPTION_http_lifecycle, "on|off" },
        { OPTION_redis_url, "" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf b = { 0 };
        option_value_limits(rows[i].id, &b);
        buf_append_char(&b, '\0');
        assert_string_equal(b.ptr, rows[i].want);
        buf_release(&b);
    }
}

/* A value prints as it was written, or in the largest unit that divides it. */
static void a_value_survives_being_printed_and_read(void **state)
{
    (void)state;
    static const struct {
        enum option_id id;
        const char *text, *want;
    } rows[] = {
        { OPTION_server_interval, "10s", "10s" },
        { OPTION_server_interval, "60000ms", "1m" },
        { OPTION_server_interval, "1500ms", "1500ms" },
        { OPTION_aggregate_ttl, "0", "0" },
        { OPTION_aggregate_ttl, "0h", "0" },
        { OPTION_listen_rcvbuf, "65536", "64KiB" },
        { OPTION_limits_max_line, " 8192\t", "8192" },
        { OPTION_server_log_level, "warn", "warn" },
        { OPTION_protocol_origin_tags, "yes", "on" },
        { OPTION_protocol_name_tags, "graphite, influx,", "influx,graphite" },
        { OPTION_protocol_name_tags, "", "" },
        { OPTION_prometheus_buckets, "-1, .5 ,1e3", "-1,0.5,1000" },
        { OPTION_prometheus_native_histogram_factor, " 1.10", "1.1" },
        { OPTION_server_instance, "web 1", "web 1" },
        { OPTION_redis_url, "redis://:hunter2@h", "(set)" },
        { OPTION_redis_url, "", "" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct config c = { 0 };
        struct buf out = { 0 };
        assert_null(option_value_set(&c, rows[i].id, slice_str(rows[i].text)));
        option_value_check(&c, rows[i].id);
        option_value_print(&c, rows[i].id, &out);
        if (!slice_eq(buf_slice(&out), slice_str(rows[i].want)))
            fail_msg("%s: %.*s", rows[i].text, (int)out.len, out.ptr);
        option_value_clear(&c, rows[i].id);
        buf_release(&out);
    }
}

static void a_refused_value_changes_nothing(void **state)
{
    (void)state;
    static const struct {
        enum option_id id;
        const char *good, *bad;
    } rows[] = {
        { OPTION_server_interval, "3s", "3" },
        { OPTION_prometheus_native_histogram_factor, "1.5", "1.5x" },
        { OPTION_prometheus_native_histogram_factor, "1.5", "-1" },
        { OPTION_prometheus_native_histogram_factor, "1.5", "" },
        { OPTION_server_interval, "3s",
          "3s "
          "x" },
        { OPTION_server_workers, "3", "65" },
        { OPTION_protocol_name_tags, "influx", "influx,x" },
        { OPTION_aggregate_quantiles, "0.5", "0.1,0.2,x" },
        { OPTION_redis_prefix, "sd", "s\x01" },
        { OPTION_listen_socket, "a", "\xff" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct config c = { 0 };
        struct buf out = { 0 };
        assert_null(option_value_set(&c, rows[i].id, slice_str(rows[i].good)));
        assert_non_null(option_value_set(&c, rows[i].id, slice_str(rows[i].bad)));
        option_value_print(&c, rows[i].id, &out);
        assert_true(slice_eq(buf_slice(&out), slice_str(rows[i].good)));
        option_value_clear(&c, rows[i].id);
        buf_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_read_as_they_are_written),
        cmocka_unit_test(a_value_survives_being_printed_and_read),
        cmocka_unit_test(a_refused_value_changes_nothing),
    };
    return cmocka_run_group_tests_name("option_value", tests, NULL, NULL);
}
