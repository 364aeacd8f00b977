/*
 * A gauge's values and changes by themselves: what is superseded, what would leave the finite
 * doubles, what a list forgets. tests/prop/test_gauge_order.c has the law; here are its edges.
 */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "aggregate/gauge_value.h"
#include "base/slice.h"

struct gauge {
    struct gauge_part part;
    struct gauge_recent *recent;
};

static double now_of(const struct gauge *g)
{
    return g->part.value + gauge_value_delta(&g->part, g->recent);
}

static void what_arrived_before_the_latest_value_changes_nothing(void **unused)
{
    (void)unused;
    struct gauge g = { 0 };
    assert_int_equal(gauge_value_set(&g.part, g.recent, 10, 100), 0);
    assert_int_equal(gauge_value_add(&g.part, &g.recent, 1, 99), GAUGE_SUPERSEDED);
    assert_int_equal(gauge_value_set(&g.part, g.recent, 7, 99), 0);
    assert_true(now_of(&g) == 10);
    assert_int_equal(gauge_value_add(&g.part, &g.recent, 1, 100),
                     GAUGE_ADDED); /* equal stamps: the call decides */
    assert_int_equal(gauge_value_add(&g.part, &g.recent, 2, 101), GAUGE_ADDED);
    assert_true(now_of(&g) == 13);
    assert_int_equal(gauge_value_set(&g.part, g.recent, 20, 100), 0); /* between the two changes */
    assert_true(now_of(&g) == 22);
    free(g.recent);
}

static void a_change_that_would_leave_the_finite_doubles_is_refused(void **unused)
{
    (void)unused;
    static const struct {
        double value, deltas[4], want;
        unsigned refused;
    } rows[] = {
        { 0, { DBL_MAX, DBL_MAX, 1 }, DBL_MAX, 1 },
        { 0, { -DBL_MAX, -DBL_MAX }, -DBL_MAX, 1 },
        /* the sum of changes has to fit as well */
        { DBL_MAX, { DBL_MAX, -DBL_MAX, -DBL_MAX, 5 }, 0, 2 },
        { 1, { 1e308, 1e308, -1e308, 2 }, 3, 1 },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (int listed = 0; listed < 2; listed++) {
            struct gauge g = { 0 };
            unsigned refused = 0;
            (void)gauge_value_set(&g.part, NULL, rows[i].value, 1);
            for (size_t k = 0; k < ARRAY_LEN(rows[i].deltas); k++)
                refused += gauge_value_add(&g.part, listed ? &g.recent : NULL, rows[i].deltas[k],
                                           2 + k) == GAUGE_NOT_FINITE;
            assert_int_equal(refused, rows[i].refused);
            assert_true(now_of(&g) == rows[i].want);
            free(g.recent);
        }
    }
}

/*
 * The parts of a finite sum need not be finite: no order of steps and no bound of the list makes an
 * infinity of them.
 */
static void huge_changes_stay_finite_in_every_order(void **unused)
{
    (void)unused;
    static const double size[] = { 1.7e308, -1.7e308, 9e307, -9e307, 1, -1, 1e292, -1e292 };
    for (unsigned seed = 1; seed <= 5000; seed++) {
        struct gauge g = { 0 };
        uint32_t state = seed;
        for (unsigned i = 0; i < 300; i++) {
            state = state * 1664525u + 1013904223u;
            double v = size[state >> 29];
            uint64_t ns = 1000 + i * 10 - (state >> 10) % 200;
            if ((state >> 20) % 16 == 0)
                (void)gauge_value_set(&g.part, g.recent, v, ns);
            else if ((state >> 20) % 16 == 1)
                gauge_value_settle(&g.part, &g.recent, ns);
            else
                (void)gauge_value_add(&g.part, &g.recent, v, ns);
            assert_true(isfinite(now_of(&g)));
        }
        free(g.recent);
    }
}

static void what_is_settled_still_counts_and_frees_its_list(void **unused)
{
    (void)unused;
    struct gauge g = { 0 };
    for (unsigned i = 1; i <= 20; i++)
        assert_int_equal(gauge_value_add(&g.part, &g.recent, i, i), GAUGE_ADDED);
    gauge_value_settle(&g.part, &g.recent, 15);
    assert_true(now_of(&g) == 210);
    (void)gauge_value_set(&g.part, g.recent, 0, 18);
    assert_true(now_of(&g) == 39);
    gauge_value_settle(&g.part, &g.recent, 20);
    assert_null(g.recent);
    assert_true(now_of(&g) == 39);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_arrived_before_the_latest_value_changes_nothing),
        cmocka_unit_test(a_change_that_would_leave_the_finite_doubles_is_refused),
        cmocka_unit_test(huge_changes_stay_finite_in_every_order),
        cmocka_unit_test(what_is_settled_still_counts_and_frees_its_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
