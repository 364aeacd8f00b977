#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/guess.h"

static void distance_counts_edits(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        size_t limit, want;
    } rows[] = {
        { "", "", 2, 0 },
        { "ttl", "ttl", 2, 0 },
        { "TTL", "ttl", 2, 0 },
        { "tl", "ttl", 2, 1 },
        { "tttl", "ttl", 2, 1 },
        { "tll", "ttl", 2, 1 },
        { "wrokers", "workers", 2, 1 },
        { "abc", "xyz", 2, 3 },
        { "abc", "xyz", 3, 3 },
        { "interval", "intervall", 3, 1 },
        { "a", "abcdef", 3, 4 },
        { "socket", "scoket", 1, 1 },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(guess_distance(slice_str(rows[i].a), slice_str(rows[i].b), rows[i].limit),
                         rows[i].want);
    char longer[300];
    memset(longer, 'a', sizeof longer);
    assert_int_equal(guess_distance(slice_of(longer, 300), slice_of(longer, 299), 3), 4);
}

static void a_slip_finds_the_option_that_was_meant(void **state)
{
    (void)state;
    static const struct {
        const char *section, *key;
        enum option_id want;
    } rows[] = {
        { "server", "intervall", OPTION_server_interval },
        { "server", "ttl", OPTION_aggregate_ttl },
        { "aggregate", "quantile", OPTION_aggregate_quantiles },
        { "sever", "workers", OPTION_server_workers },
        { "listen", "socekt", OPTION_listen_socket },
        { "redis", "certificate", OPTION_COUNT },
        { "", "", OPTION_COUNT },
        { "http", "listne", OPTION_http_listen },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(guess_option(slice_str(rows[i].section), slice_str(rows[i].key)),
                         rows[i].want);
    assert_string_equal(guess_section(slice_str("Server")), "server");
    assert_string_equal(guess_section(slice_str("limit")), "limits");
    assert_null(guess_section(slice_str("kubernetes")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distance_counts_edits),
        cmocka_unit_test(a_slip_finds_the_option_that_was_meant),
    };
    return cmocka_run_group_tests_name("guess", tests, NULL, NULL);
}
