/* The interval that is coming in: what it holds is told at any time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sinks/redis/encode.h"
#include "sinks/redis/filled.h"
#include "sinks/sink.h"
#include "support/fake_snapshot.h"

static void add(void *filled, struct redis_batch *b)
{
    redis_filled_add(filled, b);
}

static void what_came_in_is_told_before_its_end(void **state)
{
    struct redis_filled f = { 0 };
    struct sink_amount left = { 0 };
    struct fake_snapshot snap;
    const struct snapshot begun = { .start_s = 1700000000 };
    (void)state;
    redis_filled_left(&f, &left);
    assert_int_equal(left.intervals, 0);
    struct redis_encode *e = redis_encode_new(
        &(struct redis_encode_opts){ .prefix = "sd", .instance = "a", .retention_s = 600 });
    fake_snapshot_init(&snap, 1700000000);
    fake_snapshot_counter(&snap, "hits", 3);
    fake_snapshot_counter(&snap, "misses", 4);
    redis_filled_begin(&f, &begun, false, 1000);
    fake_snapshot_encode(&snap, e, 4800, add, &f);
    redis_filled_left(&f, &left);
    assert_int_equal(left.intervals, 1);
    assert_int_equal(sink_amount_series(&left), 2);
    assert_true(left.counted == 7);
    redis_filled_release(&f);
    left = (struct sink_amount){ 0 };
    redis_filled_left(&f, &left);
    assert_int_equal(left.intervals + sink_amount_series(&left), 0);
    fake_snapshot_release(&snap);
    redis_encode_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_came_in_is_told_before_its_end),
    };
    return cmocka_run_group_tests_name("filled", tests, NULL, NULL);
}
