/* What the fleet's page remembers of each series. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cluster/memory.h"

static const uint64_t SECOND = 1000000000;
enum { BIRTH = 7 };

static struct cluster_memory m;
static struct sketch total;
static uint64_t now_s, idle_s;
static const struct cluster_series timer_one = { 1, BIRTH, 0 };

static int begin(void **state)
{
    (void)state;
    sketch_setup();
    sketch_init(&total, SKETCH_SCHEMA_DEFAULT);
    m = (struct cluster_memory){ .window_ns = 600 * SECOND };
    now_s = 1000;
    idle_s = 0;
    return 0;
}

static int end(void **state)
{
    (void)state;
    cluster_memory_release(&m);
    sketch_release(&total);
    return 0;
}

static void fill(uint64_t at_s)
{
    now_s = at_s;
    cluster_memory_begin(&m, now_s * SECOND, false);
}

static double counter(uint64_t at_s, uint64_t hash, uint32_t birth, double value)
{
    fill(at_s);
    double shown =
        cluster_memory_highest(&m, &(struct cluster_series){ hash, birth, idle_s }, value);
    cluster_memory_end(&m, true);
    return shown;
}

static void a_counter_shows_the_highest_that_it_was(void **state)
{
    (void)state;
    assert_true(counter(10, 1, BIRTH, 5) == 5);
    assert_true(counter(20, 1, BIRTH, 3) == 5);
    assert_true(counter(30, 1, BIRTH, 8) == 8);
}

static void totals_that_began_anew_begin_anew(void **state)
{
    (void)state;
    assert_true(counter(10, 1, BIRTH, 5) == 5);
    assert_true(counter(20, 1, BIRTH + 1, 3) == 3);
}

static void what_did_not_come_is_forgotten_but_not_by_a_filling_that_failed(void **state)
{
    (void)state;
    assert_true(counter(10, 1, BIRTH, 5) == 5);
    fill(20);
    cluster_memory_end(&m, false);
    assert_true(counter(30, 1, BIRTH, 3) == 5);
    assert_true(counter(40, 2, BIRTH, 1) == 1);
    assert_true(counter(50, 1, BIRTH, 3) == 3);
}

static void after_an_hour_without_a_filling_nothing_is_known(void **state)
{
    (void)state;
    assert_true(counter(10, 1, BIRTH, 5) == 5);
    assert_true(counter(3700, 1, BIRTH, 3) == 3);
}

static void what_was_pruned_since_the_last_filling_begins_anew(void **state)
{
    (void)state;
    m.totals_ttl_s = 1000;
    idle_s = 900;
    assert_true(counter(10, 1, BIRTH, 5) == 5);
    idle_s = 0;
    assert_true(counter(20, 1, BIRTH, 3) == 3);
    assert_true(counter(30, 1, BIRTH, 2) == 3); /* a failover: it is sent all the time */
    m.totals_ttl_s = 0;
    idle_s = 900;
    assert_true(counter(40, 2, BIRTH, 5) == 5);
    assert_true(counter(50, 2, BIRTH, 3) == 5);
}

static void many_series_are_told_apart(void **state)
{
    (void)state;
    for (int round = 0; round < 3; round++) {
        fill(10 + 10 * (uint64_t)round);
        for (uint64_t i = 0; i < 5000; i++)
            assert_true(cluster_memory_highest(&m, &(struct cluster_series){ i << 40, BIRTH, 0 },
                                               (double)i - round) == fmax((double)i, 0));
        cluster_memory_end(&m, true);
    }
}

/* n values of v come; then a filling.   returns  how many came in its window; -1: nobody knows */
static double timer(uint64_t at_s, int n, double v, bool *fell)
{
    for (int i = 0; i < n; i++)
        assert_int_equal(sketch_add(&total, v, 1), 0);
    fill(at_s);
    const struct sketch *recent = cluster_memory_recent(&m, &timer_one, &total, fell);
    double ret = recent == NULL ? -1 : recent->count;
    cluster_memory_end(&m, true);
    return ret;
}

static void a_timer_knows_what_came_in_its_window(void **state)
{
    bool fell;
    (void)state;
    assert_true(timer(0 + 1000, 50, 1, &fell) == -1);
    assert_true(timer(100 + 1000, 10, 2, &fell) == 10);
    assert_true(timer(300 + 1000, 20, 3, &fell) == 30);
    assert_true(timer(600 + 1000, 5, 4, &fell) == 35);
    assert_true(timer(601 + 1000, 1, 4, &fell) <= 36);
    /* Moments are a sixth of the window apart. */
    assert_true(timer(801 + 1000, 0, 4, &fell) <= 26);
    assert_true(timer(2000 + 1000, 0, 4, &fell) == 0);
    assert_false(fell);
}

static void a_timer_that_comes_later_is_all_new(void **state)
{
    bool fell;
    (void)state;
    assert_true(counter(990, 5, BIRTH, 1) == 1);
    assert_true(timer(1000, 50, 1, &fell) == 50);
}

static void a_timer_that_fell_is_told_until_it_is_taken_as_it_is(void **state)
{
    bool fell;
    struct sketch less;
    (void)state;
    (void)timer(1000, 50, 1, &fell);
    sketch_init(&less, SKETCH_SCHEMA_DEFAULT);
    assert_int_equal(sketch_add(&less, 1, 1), 0);
    for (int i = 0; i < 2; i++) {
        fill(1010);
        (void)cluster_memory_recent(&m, &timer_one, &less, &fell);
        assert_true(fell);
        cluster_memory_end(&m, false);
    }
    cluster_memory_begin(&m, 1020 * SECOND, true);
    assert_non_null(cluster_memory_recent(&m, &timer_one, &less, &fell));
    assert_false(fell);
    cluster_memory_end(&m, true);
    fill(1030);
    (void)cluster_memory_recent(&m, &timer_one, &less, &fell);
    assert_false(fell);
    cluster_memory_end(&m, true);
    sketch_release(&less);
}

static void a_timer_that_was_pruned_since_the_last_filling_did_not_fall(void **state)
{
    bool fell;
    struct sketch less;
    struct cluster_series of = { 1, BIRTH, 900 };
    (void)state;
    m.totals_ttl_s = 1000;
    for (int i = 0; i < 50; i++)
        assert_int_equal(sketch_add(&total, 1, 1), 0);
    fill(1000);
    (void)cluster_memory_recent(&m, &of, &total, &fell);
    cluster_memory_end(&m, true);
    sketch_init(&less, SKETCH_SCHEMA_DEFAULT);
    assert_int_equal(sketch_add(&less, 1, 1), 0);
    fill(1010);
    of.idle_s = 0;
    const struct sketch *recent = cluster_memory_recent(&m, &of, &less, &fell);
    assert_false(fell);
    assert_true(recent != NULL && recent->count == 1);
    cluster_memory_end(&m, true);
    sketch_release(&less);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
        TEST(a_counter_shows_the_highest_that_it_was),
        TEST(totals_that_began_anew_begin_anew),
        TEST(what_did_not_come_is_forgotten_but_not_by_a_filling_that_failed),
        TEST(after_an_hour_without_a_filling_nothing_is_known),
        TEST(what_was_pruned_since_the_last_filling_begins_anew),
        TEST(many_series_are_told_apart),
        TEST(a_timer_knows_what_came_in_its_window),
        TEST(a_timer_that_comes_later_is_all_new),
        TEST(a_timer_that_fell_is_told_until_it_is_taken_as_it_is),
        TEST(a_timer_that_was_pruned_since_the_last_filling_did_not_fall),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
