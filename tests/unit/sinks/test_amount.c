/* What a sink says it holds: by kind, and the sums. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sinks/sink.h"
#include "support/fake_snapshot.h"

static void add(void *amount, const struct closed_series *s)
{
    sink_amount_add_series(amount, s);
}

static void an_amount_counts_series_by_kind_and_sums_counters_and_timed_values(void **state)
{
    (void)state;
    struct fake_snapshot f;
    struct sink_amount a = { 0 }, both = { 0 };
    fake_snapshot_init(&f, 1700000000);
    fake_snapshot_counter(&f, "up", 5.5);
    fake_snapshot_counter(&f, "down", -2);
    fake_snapshot_gauge(&f, "temp", (struct gauge_change){ .absolute = true, .value = 7 });
    fake_snapshot_set(&f, "users");
    struct sketch *k = fake_snapshot_timer(&f, "lat", 5);
    sketch_add(k, 100, 2);
    sketch_add(k, -100, 4);
    fake_snapshot_each(&f, add, &a);
    assert_int_equal(a.series[SERIES_COUNTER], 2);
    assert_int_equal(a.series[SERIES_GAUGE], 1);
    assert_int_equal(a.series[SERIES_SET], 1);
    assert_int_equal(a.series[SERIES_TIMER], 1);
    assert_true(a.counted == 3.5 && a.timed == 6);
    a.intervals = 1;
    a.unsure = 3;
    a.entries = 4;
    sink_amount_add(&both, &a);
    sink_amount_add(&both, &a);
    assert_int_equal(sink_amount_series(&both), 10);
    assert_true(both.counted == 7 && both.timed == 12);
    assert_int_equal(both.intervals, 2);
    assert_int_equal(both.unsure, 6);
    assert_int_equal(both.entries, 8);
    fake_snapshot_release(&f);
}

static void an_amount_is_nothing_without_series_and_entries(void **state)
{
    (void)state;
    const struct {
        struct sink_amount a;
        bool nothing;
    } cases[] = {
        { { 0 }, true },
        { { .intervals = 3 }, true },
        { { .entries = 1 }, false },
        { { .intervals = 1, .series[SERIES_SET] = 1 }, false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(sink_amount_is_nothing(&cases[i].a), cases[i].nothing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_amount_counts_series_by_kind_and_sums_counters_and_timed_values),
        cmocka_unit_test(an_amount_is_nothing_without_series_and_entries),
    };
    return cmocka_run_group_tests_name("amount", tests, NULL, NULL);
}
