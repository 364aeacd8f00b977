/* The last 900 seconds as rows. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "api/history.h"
#include "base/mem.h"

static struct history_row at(double at_s, double lines, double series)
{
    return (struct history_row){
        .of = { [HISTORY_at_s] = at_s, [HISTORY_lines] = lines, [HISTORY_series] = series }
    };
}

static void add(struct history *h, double at_s, double lines, bool fresh)
{
    const struct history_row row = at(at_s, lines, lines / 10);
    history_add(h, &row, fresh ? at_s : h->counted_s);
}

static double lines_at(const struct history *h, uint64_t number)
{
    return history_at(h, number)->of[HISTORY_lines];
}

static int open_history(void **state)
{
    *state = mem_zalloc(sizeof(struct history));
    return 0;
}

static int close_history(void **state)
{
    free(*state);
    return 0;
}

static void a_row_holds_how_much_a_counter_grew_a_second(void **state)
{
    struct history *h = *state;
    assert_true(history_first(h) == 1 && history_last(h) == 0);
    add(h, 100, 5000, true);
    add(h, 101, 5300, true);
    add(h, 103, 5400, true);
    assert_true(lines_at(h, 1) == 0);
    assert_true(lines_at(h, 2) == 300);
    assert_true(lines_at(h, 3) == 50);
    assert_true(history_at(h, 3)->of[HISTORY_series] == 540);
    assert_true(history_at(h, 3)->of[HISTORY_at_s] == 103);
}

static void what_a_turn_brings_is_spread_over_the_rows_since_the_last(void **state)
{
    struct history *h = *state;
    add(h, 100, 1000, true);
    for (int i = 1; i < 5; i++) {
        add(h, 100 + i, 1000, false);
        assert_true(lines_at(h, history_last(h)) == 0);
    }
    add(h, 105, 2000, true);
    for (uint64_t i = 2; i <= 6; i++)
        assert_true(lines_at(h, i) == 200);
    assert_true(lines_at(h, 1) == 0);
}

/* Turns 1.8 s apart: the growth is divided by that, not by the second between the rows. */
static void a_turn_counts_for_the_time_up_to_it_not_up_to_the_row(void **state)
{
    struct history *h = *state;
    const struct history_row rows[] = { at(100, 1000, 0), at(101, 1010, 0), at(102, 1190, 0) };
    history_add(h, &rows[0], 100);
    history_add(h, &rows[1], 100.1);
    history_add(h, &rows[2], 101.9);
    assert_true(fabs(lines_at(h, 2) - 100) < 0.001);
    assert_true(fabs(lines_at(h, 3) - 100) < 0.001);
}

static void a_counter_that_goes_down_grew_by_nothing(void **state)
{
    struct history *h = *state;
    add(h, 100, 1000, true);
    add(h, 101, 10, true);
    add(h, 102, 30, true);
    assert_true(lines_at(h, 2) == 0);
    assert_true(lines_at(h, 3) == 20);
}

static void the_oldest_rows_go(void **state)
{
    struct history *h = *state;
    for (int i = 1; i <= HISTORY_ROWS + 10; i++)
        add(h, i, 0, i == 1);
    assert_int_equal(history_first(h), 11);
    assert_int_equal(history_last(h), HISTORY_ROWS + 10);
    assert_true(history_at(h, 11)->of[HISTORY_at_s] == 11);
    add(h, HISTORY_ROWS + 11, HISTORY_ROWS + 10, true); /* the last fresh one is gone long since */
    assert_true(lines_at(h, 12) == 1 && lines_at(h, HISTORY_ROWS + 11) == 1);
}

static void columns_have_the_names_of_the_api(void **state)
{
    (void)state;
    assert_string_equal(history_name(HISTORY_at_s), "at_s");
    assert_string_equal(history_name(HISTORY_streams), "streams");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_history, close_history)
    const struct CMUnitTest tests[] = {
        TEST(a_row_holds_how_much_a_counter_grew_a_second),
        TEST(what_a_turn_brings_is_spread_over_the_rows_since_the_last),
        TEST(a_turn_counts_for_the_time_up_to_it_not_up_to_the_row),
        TEST(a_counter_that_goes_down_grew_by_nothing),
        TEST(the_oldest_rows_go),
        TEST(columns_have_the_names_of_the_api),
    };
#undef TEST
    return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
