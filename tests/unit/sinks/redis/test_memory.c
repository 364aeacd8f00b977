/*
 * What a Redis will take for series: beside figures that were measured (MEMORY USAGE of Redis
 * 7.0.15, and what it leaves out: 8 bytes a field, 64 a key that expires).
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sinks/redis_memory.h"

static void the_formula_is_near_what_was_measured(void **state)
{
    enum { KEY = 60, LISTED = 185 }; /* in a list of 10,000 sets */
    static const struct {
        enum series_kind kind;
        uint32_t buckets, members;
        double total, interval;
    } rows[] = {
        { SERIES_COUNTER, 0, 0, 151, 131 },
        { SERIES_GAUGE, 0, 0, 155, 155 },
        { SERIES_TIMER, 4, 0, 178, 172 },
        { SERIES_TIMER, 12, 0, 194, 188 },
        { SERIES_SET, 0, 1, 0, 168 + 64 + LISTED },
        { SERIES_SET, 0, 5, 0, 184 + 64 + LISTED },
        { SERIES_SET, 0, 50, 0, 321 + 64 + LISTED },
        { SERIES_SET, 0, 400, 0, 1034 + 64 + LISTED },
        { SERIES_SET, 0, 3000, 0, 14472 + LISTED },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct redis_memory m;
        const struct redis_memory_shape shape = { KEY, rows[i].buckets, rows[i].members };
        redis_memory(rows[i].kind, &shape, &m);
        if (fabs(m.total - rows[i].total) > 0.15 * rows[i].total ||
            fabs(m.interval - rows[i].interval) > 0.15 * rows[i].interval)
            fail_msg("row %zu: %g and %g", i, m.total, m.interval);
    }
}

static void more_of_anything_never_takes_less(void **state)
{
    (void)state;
    for (int k = 0; k < SERIES_KIND_COUNT; k++) {
        struct redis_memory last = { 0 };
        for (uint32_t n = 0; n < 5000; n++) {
            struct redis_memory m;
            const struct redis_memory_shape shape = { n, n, n };
            redis_memory((enum series_kind)k, &shape, &m);
            assert_true(m.total >= last.total && m.interval >= last.interval && m.interval > 0);
            last = m;
        }
    }
}

static void an_interval_is_kept_for_the_retention_after_its_end(void **state)
{
    (void)state;
    assert_int_equal(redis_memory_intervals(10000, 600000), 61);
    assert_int_equal(redis_memory_intervals(10000, 10000), 2);
    assert_int_equal(redis_memory_intervals(7000, 10000), 3);
    assert_int_equal(redis_memory_intervals(100, 31536000000), 315360001);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_formula_is_near_what_was_measured),
        cmocka_unit_test(more_of_anything_never_takes_less),
        cmocka_unit_test(an_interval_is_kept_for_the_retention_after_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
