#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/slice.h"
#include "send/playback.h"

#define S UINT64_C(1000000000)

static const struct {
    const char *what;
    double speed;
    uint64_t recorded[4], due[4], squeezed;
} cases[] = {
    { "own pace", 1, { 100 * S, 101 * S, 101 * S, 103 * S }, { 0, S, S, 3 * S }, 0 },
    { "twice as fast", 2, { 100 * S, 101 * S, 102 * S, 104 * S }, { 0, S / 2, S, 2 * S }, 0 },
    { "a tenth", 0.1, { 0, S, 2 * S, 3 * S }, { 0, 10 * S, 20 * S, 30 * S }, 0 },
    { "at once", 0, { 100 * S, 101 * S, 102 * S, 104 * S }, { 0, 0, 0, 0 }, 0 },
    { "disorder takes no time, and adds none",
      1,
      { 100 * S, 101 * S, 101 * S - 5, 102 * S },
      { 0, S, S, 2 * S },
      0 },
    { "a clock that was set back", 1, { 100 * S, 101 * S, 50 * S, 51 * S }, { 0, S, S, 2 * S }, 1 },
    { "an hour is a step",
      1,
      { 0, 3600 * S, 3601 * S, 3602 * S },
      { 0, 3600 * S, 3601 * S, 3602 * S },
      0 },
    { "more is a gap", 1, { 0, 3600 * S + 1, 3601 * S + 1, 3602 * S + 1 }, { 0, 0, S, 2 * S }, 1 },
};

static void what_was_recorded_is_due_by_its_differences(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct playback p = { .speed = cases[i].speed };
        print_message("%s\n", cases[i].what);
        for (size_t k = 0; k < 4; k++)
            assert_int_equal(playback_due(&p, cases[i].recorded[k]), cases[i].due[k]);
        assert_int_equal(p.squeezed, cases[i].squeezed);
    }
}

static void another_recording_follows_at_once(void **state)
{
    (void)state;
    struct playback p = { .speed = 1 };
    assert_int_equal(playback_due(&p, 7 * S), 0);
    assert_int_equal(playback_due(&p, 9 * S), 2 * S);
    playback_again(&p);
    assert_int_equal(playback_due(&p, 7 * S), 2 * S);
    assert_int_equal(playback_due(&p, 9 * S), 4 * S);
    assert_int_equal(p.squeezed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_recorded_is_due_by_its_differences),
        cmocka_unit_test(another_recording_follows_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
