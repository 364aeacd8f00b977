#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api/reject_board.h"
#include "protocol/reason.h"

static void add(struct reject_board *b, const char *reason, int64_t at_ms)
{
    struct reject_example e = { .at_ms = at_ms, .listener = "udp://[::1]:1", .len = 3, .at = -1 };
    memcpy(e.text, "a:x", 3);
    reject_board_add(b, reason, &e);
}

static void the_latest_examples_of_each_reason_are_kept(void **unused)
{
    struct reject_board b = { .shown = true };
    (void)unused;
    for (int i = 1; i <= 12; i++)
        add(&b, i % 3 == 0 ? "other" : "bad_value", i);
    const struct reject_row *row = reject_board_row(&b, "bad_value");
    assert_int_equal(b.n, 2);
    assert_int_equal(row->n, REJECT_EXAMPLES);
    const int64_t want[REJECT_EXAMPLES] = { 11, 10, 8, 7, 5 }; /* newest first */
    for (unsigned i = 0; i < row->n; i++)
        assert_int_equal(reject_row_at(row, i)->at_ms, want[i]);
    row = reject_board_row(&b, "other");
    assert_int_equal(row->n, 4);
    assert_int_equal(reject_row_at(row, 0)->at_ms, 12);
}

static void nothing_is_kept_where_lines_are_not_shown(void **unused)
{
    struct reject_board b = { .shown = false };
    (void)unused;
    add(&b, "bad_value", 1);
    assert_int_equal(b.n, 0);
    reject_board_count(&b, "bad_value", 3, 1000);
    assert_int_equal(b.rows[0].count, 3);
    assert_int_equal(b.rows[0].n, 0);
}

static void a_rate_follows_the_counts_and_falls_when_they_stop(void **unused)
{
    struct reject_board b = { .shown = true };
    uint64_t count = 0;
    int64_t now_ms = 1000;
    (void)unused;
    reject_board_ticked(&b, now_ms);
    for (int s = 0; s < 60; s++) {
        reject_board_count(&b, "bad_value", count += 50, now_ms += 1000);
        reject_board_ticked(&b, now_ms);
    }
    assert_float_equal(b.rows[0].per_second, 50, 0.5);
    reject_board_count(&b, "bad_value", count, now_ms); /* no time has passed */
    assert_float_equal(b.rows[0].per_second, 50, 0.5);
    reject_board_count(&b, "bad_value", count, now_ms - 5000); /* the clock was set back */
    assert_float_equal(b.rows[0].per_second, 50, 0.5);
    for (int s = 0; s < 60; s++) {
        reject_board_count(&b, "bad_value", count, now_ms += 1000);
        reject_board_ticked(&b, now_ms);
    }
    assert_float_equal(b.rows[0].per_second, 0, 0.5);
}

static void every_reason_has_a_row_and_more_are_left_out(void **unused)
{
    struct reject_board b = { .shown = true };
    char names[REJECT_REASONS + 1][8];
    (void)unused;
    assert_true((int)REASON_COUNT <= REJECT_REASONS);
    for (int i = 0; i <= REJECT_REASONS; i++) {
        snprintf(names[i], sizeof names[i], "r%d", i);
        add(&b, names[i], 1);
    }
    assert_int_equal(b.n, REJECT_REASONS);
    assert_null(reject_board_row(&b, names[REJECT_REASONS]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_latest_examples_of_each_reason_are_kept),
        cmocka_unit_test(nothing_is_kept_where_lines_are_not_shown),
        cmocka_unit_test(a_rate_follows_the_counts_and_falls_when_they_stop),
        cmocka_unit_test(every_reason_has_a_row_and_more_are_left_out),
    };
    return cmocka_run_group_tests_name("reject_board", tests, NULL, NULL);
}
