#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/slice.h"
#include "zipf.h"

static const struct {
    uint32_t n;
    double skew;
} cases[] = { { 1, 0 }, { 2, 1 }, { 10, 0 }, { 100, 1 }, { 1000, 1.5 }, { 5000, 0.7 } };

static void ranks_come_as_often_as_their_weight_says(void **state)
{
    (void)state;
    enum { DRAWS = 1000000 };
    for (size_t c = 0; c < ARRAY_LEN(cases); c++) {
        struct zipf z;
        struct rng r;
        double sum = 0;
        uint32_t n = cases[c].n;
        uint32_t *seen = mem_zalloc(n * sizeof *seen);
        zipf_init(&z, n, cases[c].skew);
        rng_init(&r, 7);
        for (int i = 0; i < DRAWS; i++) {
            uint32_t k = zipf_draw(&z, &r);
            assert_true(k < n);
            seen[k]++;
        }
        for (uint32_t i = 0; i < n; i++)
            sum += pow(i + 1, -cases[c].skew);
        for (uint32_t i = 0; i < n; i++) {
            double expected = DRAWS * pow(i + 1, -cases[c].skew) / sum;
            assert_true(fabs(seen[i] - expected) <= 6 * sqrt(expected) + 1); /* six deviations */
        }
        zipf_release(&z);
        free(seen);
    }
}

static void the_same_seed_draws_the_same(void **state)
{
    (void)state;
    struct rng a, b, c;
    rng_init(&a, 42);
    rng_init(&b, 42);
    rng_init(&c, 43);
    int differ = 0;
    for (int i = 0; i < 1000; i++) {
        uint64_t x = rng_next(&a);
        assert_true(x == rng_next(&b));
        differ += x != rng_next(&c);
    }
    assert_true(differ > 990);
}

static void normal_values_have_mean_0_and_deviation_1(void **state)
{
    (void)state;
    struct rng r;
    double sum = 0, squares = 0;
    enum { N = 200000 };
    rng_init(&r, 5);
    for (int i = 0; i < N; i++) {
        double x = rng_normal(&r);
        sum += x;
        squares += x * x;
    }
    assert_true(fabs(sum / N) < 0.01);
    assert_true(fabs(squares / N - 1) < 0.02);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranks_come_as_often_as_their_weight_says),
        cmocka_unit_test(the_same_seed_draws_the_same),
        cmocka_unit_test(normal_values_have_mean_0_and_deviation_1),
    };
    return cmocka_run_group_tests_name("zipf", tests, NULL, NULL);
}
