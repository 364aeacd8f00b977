/* How fast what has piled up goes out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sinks/redis/pace.h"

enum { INTERVAL_MS = 10000, PIECE = 10 };

/* Sends all it may for so long.   returns  the weight of it */
static double send_for(struct redis_pace *p, uint64_t *now_ms, uint64_t for_ms)
{
    double sent = 0;
    for (uint64_t end_ms = *now_ms + for_ms; *now_ms < end_ms;) {
        uint64_t wait_ms = redis_pace_wait(p, *now_ms);
        if (wait_ms > 0) {
            *now_ms += wait_ms;
            continue;
        }
        redis_pace_spend(p, PIECE);
        sent += PIECE;
    }
    return sent;
}

static double send_now(struct redis_pace *p, uint64_t now_ms)
{
    double sent = 0;
    for (; redis_pace_wait(p, now_ms) == 0 && sent < 1e6; sent += PIECE)
        redis_pace_spend(p, PIECE);
    return sent;
}

static void an_interval_goes_at_once_and_so_does_one_that_is_larger(void **state)
{
    struct redis_pace p = { .interval_ms = INTERVAL_MS };
    uint64_t now_ms = 5000000;
    static const double weights[] = { 100, 100, 100, 5000, 5000, 300, 5000, 20, 100 };
    (void)state;
    for (size_t i = 0; i < sizeof weights / sizeof weights[0]; i++) {
        redis_pace_interval(&p, weights[i]);
        for (double sent = 0; sent < weights[i]; sent += PIECE) {
            assert_int_equal(redis_pace_wait(&p, now_ms), 0);
            redis_pace_spend(&p, PIECE);
        }
        now_ms += INTERVAL_MS;
    }
}

static void what_piled_up_goes_at_four_times_the_rate(void **state)
{
    struct redis_pace p = { .interval_ms = INTERVAL_MS };
    uint64_t now_ms = 5000000;
    (void)state;
    for (int i = 0; i < 60; i++)
        redis_pace_interval(&p, 1000);
    assert_float_equal(send_now(&p, now_ms), 1000, PIECE); /* one interval at once */
    assert_float_equal(send_for(&p, &now_ms, 10 * INTERVAL_MS), 40 * 1000, 1000);
}

static void it_waits_no_longer_than_it_has_to(void **state)
{
    struct redis_pace p = { .interval_ms = INTERVAL_MS };
    (void)state;
    redis_pace_interval(&p, 1000);
    (void)redis_pace_wait(&p, 1000000);
    redis_pace_spend(&p, 1400); /* 400 too much, at 0.4 a ms */
    assert_int_equal(redis_pace_wait(&p, 1000000), 1001);
    assert_int_equal(redis_pace_wait(&p, 1001001), 0);
}

static void without_an_interval_everything_goes(void **state)
{
    struct redis_pace none = { 0 }, first = { .interval_ms = INTERVAL_MS };
    (void)state;
    redis_pace_interval(&none, 10);
    assert_float_equal(send_now(&none, 1000), 1e6, 0);
    assert_float_equal(send_now(&first, 1000), 1e6, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_interval_goes_at_once_and_so_does_one_that_is_larger),
        cmocka_unit_test(what_piled_up_goes_at_four_times_the_rate),
        cmocka_unit_test(it_waits_no_longer_than_it_has_to),
        cmocka_unit_test(without_an_interval_everything_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
