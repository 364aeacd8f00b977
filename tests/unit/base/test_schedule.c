#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/schedule.h"
#include "base/slice.h"

static void intervals_are_aligned_to_the_wall_clock(void **unused)
{
    (void)unused;
    static const struct {
        int64_t now, interval, start;
        uint64_t wait;
    } rows[] = {
        { 0, 10000, 0, 10000 },
        { 1, 10000, 0, 9999 },
        { 9999, 10000, 0, 1 },
        { 10000, 10000, 10000, 10000 },
        { 1700000003456, 10000, 1700000000000, 6544 },
        { 1700000003456, 1000, 1700000003000, 544 },
        { 1700000003456, 100, 1700000003400, 44 },
        { 1700000003456, 1, 1700000003456, 1 },
        { 1700000003456, 60000, 1699999980000, 36544 },
        { 1700000003456, 7000, 1700000001000, 4544 },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(schedule_start_ms(rows[i].now, rows[i].interval), rows[i].start);
        assert_int_equal(schedule_wait_ms(rows[i].now, rows[i].interval), rows[i].wait);
    }
}

static void waiting_so_long_ends_in_the_next_interval(void **unused)
{
    (void)unused;
    static const int64_t intervals[] = { 1, 100, 999, 1000, 10000, 60000, 3600000 };
    for (size_t i = 0; i < ARRAY_LEN(intervals); i++) {
        for (int64_t now = 1700000000000; now < 1700000010000; now += 7) {
            uint64_t wait = schedule_wait_ms(now, intervals[i]);
            assert_in_range(wait, 1, intervals[i]);
            int64_t then = now + (int64_t)wait;
            assert_int_equal(schedule_start_ms(then, intervals[i]), then);
            assert_int_equal(schedule_start_ms(then - 1, intervals[i]),
                             schedule_start_ms(now, intervals[i]));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(intervals_are_aligned_to_the_wall_clock),
        cmocka_unit_test(waiting_so_long_ends_in_the_next_interval),
    };
    return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
