#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/slice.h"
#include "search.h"

static const struct {
    double from, limit, truth, resolution;
} cases[] = {
    /* clang-format off */
    {1000,  1e9, 123456, 0.02 },
    {1000,  1e9, 999,    0.02 },    /* the start already fails */
    {1000,  1e9, 1000,   0.01 },
    {5e5,   1e9, 3,      0.05 },
    {10,    500, 1e9,    0.02 },    /* the end of the range passes */
    {1,     1e9, 7.7e8,  0.001},
    /* clang-format on */
};

static void the_highest_rate_is_found_within_the_resolution(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct search s;
        double rate, truth = fmin(cases[i].truth, cases[i].limit);
        search_init(&s, cases[i].from, cases[i].limit, cases[i].resolution);
        while (search_next(&s, &rate)) {
            assert_true(rate > 0 && rate <= cases[i].limit);
            assert_true(s.trials < 100);
            search_result(&s, rate <= cases[i].truth ? SEARCH_PASSED : SEARCH_FAILED);
        }
        assert_true(s.best <= truth);
        assert_true(s.best * (1 + cases[i].resolution) >= truth);
        assert_false(s.sender_limited);
    }
}

static void a_rate_that_fails_once_gets_a_second_chance(void **state)
{
    (void)state;
    struct search s;
    double rate, again;
    search_init(&s, 100, 1e6, 0.1);
    assert_true(search_next(&s, &rate));
    search_result(&s, SEARCH_FAILED);
    assert_true(search_next(&s, &again));
    assert_true(rate == again);
    search_result(&s, SEARCH_PASSED);
    assert_true(s.best == rate);
    assert_true(search_next(&s, &again));
    assert_true(again > rate);
}

static void a_search_that_never_passes_ends(void **state)
{
    (void)state;
    struct search s;
    double rate;
    search_init(&s, 1e6, 1e9, 0.02);
    while (search_next(&s, &rate)) {
        assert_true(s.trials < 100);
        search_result(&s, SEARCH_FAILED);
    }
    assert_true(s.best <= 0);
}

static void the_limit_of_the_sender_bounds_the_search_and_is_said(void **state)
{
    (void)state;
    struct search s;
    double rate;
    search_init(&s, 1000, 1e9, 0.02);
    while (search_next(&s, &rate)) {
        assert_true(s.trials < 100);
        search_result(&s, rate <= 50000 ? SEARCH_PASSED : SEARCH_SENDER_LIMITED);
    }
    assert_true(s.sender_limited);
    assert_true(s.best <= 50000 && s.best * 1.02 >= 50000);
}

static void a_trial_cut_short_counts_for_nothing(void **state)
{
    (void)state;
    struct search s;
    double rate;
    search_init(&s, 1000, 1e6, 0.02);
    assert_true(search_next(&s, &rate));
    search_result(&s, SEARCH_PASSED);
    assert_true(search_next(&s, &rate) && rate == 2000);
    search_result(&s, SEARCH_STOPPED);
    assert_false(search_next(&s, &rate));
    assert_true(s.best == 1000 && s.trials == 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trial_cut_short_counts_for_nothing),
        cmocka_unit_test(the_highest_rate_is_found_within_the_resolution),
        cmocka_unit_test(a_rate_that_fails_once_gets_a_second_chance),
        cmocka_unit_test(a_search_that_never_passes_ends),
        cmocka_unit_test(the_limit_of_the_sender_bounds_the_search_and_is_said),
    };
    return cmocka_run_group_tests_name("search", tests, NULL, NULL);
}
