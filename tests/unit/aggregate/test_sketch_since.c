/* What came into a sketch since an earlier moment. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "aggregate/sketch_since.h"
#include "base/slice.h"

enum { VALUES = 500 };

struct three {
    struct sketch now, before, since;
};

static int begin(void **state)
{
    static struct three t;
    sketch_setup();
    sketch_init(&t.now, SKETCH_SCHEMA_DEFAULT);
    sketch_init(&t.before, SKETCH_SCHEMA_DEFAULT);
    sketch_init(&t.since, SKETCH_SCHEMA_DEFAULT);
    *state = &t;
    return 0;
}

static int end(void **state)
{
    struct three *t = *state;
    sketch_release(&t->now);
    sketch_release(&t->before);
    sketch_release(&t->since);
    return 0;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double value(int shape)
{
    switch (shape) {
    case 0:
        return 1 + 100 * drand48();
    case 1:
        return 100 * drand48() - 50; /* both signs */
    case 2:
        return drand48() < 0.3 ? 0 : exp(10 * drand48());
    default:
        return 7;
    }
}

/* Also where the later values make the buckets coarser. */
static void its_quantiles_are_those_of_the_values_that_came_since(void **state)
{
    struct three *t = *state;
    static const double q[] = { 0.01, 0.25, 0.5, 0.9, 0.99 };
    double later[VALUES];
    srand48(5);
    for (int shape = 0; shape < 4; shape++) {
        for (int wide = 0; wide < 2; wide++) {
            sketch_clear(&t->now, SKETCH_SCHEMA_DEFAULT);
            for (int i = 0; i < VALUES; i++)
                assert_int_equal(sketch_add(&t->now, 3 * value(shape), 1), 0);
            assert_true(sketch_copy(&t->now, &t->before));
            for (int i = 0; i < VALUES; i++) {
                later[i] = value(shape) * (wide ? pow(2, 30 * drand48()) : 1);
                assert_int_equal(sketch_add(&t->now, later[i], 1), 0);
            }
            assert_true(sketch_since(&t->now, &t->before, &t->since));
            assert_true(t->since.count == VALUES);
            qsort(later, VALUES, sizeof later[0], by_value);
            const double g = exp2(exp2(-t->now.pos.schema)), error = (g - 1) / (g + 1) * 1.001;
            for (size_t i = 0; i < ARRAY_LEN(q); i++) {
                const double exact = later[(int)ceil(q[i] * VALUES) - 1];
                const double got = sketch_quantile(&t->since, q[i]);
                assert_true(fabs(got - exact) <= error * fabs(exact) + 1e-30);
            }
        }
    }
}

static void nothing_came_is_an_empty_one(void **state)
{
    struct three *t = *state;
    assert_true(sketch_since(&t->now, &t->before, &t->since));
    assert_int_equal(sketch_add(&t->now, 4, 2.5), 0);
    assert_true(sketch_copy(&t->now, &t->before));
    assert_true(sketch_since(&t->now, &t->before, &t->since));
    assert_true(t->since.count == 0 && isnan(sketch_quantile(&t->since, 0.5)));
}

static void one_that_began_anew_is_told(void **state)
{
    struct three *t = *state;
    for (int i = 0; i < 10; i++)
        assert_int_equal(sketch_add(&t->before, 5, 1), 0);
    static const double values[] = { 5, 6, -5, 0 };
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        sketch_clear(&t->now, SKETCH_SCHEMA_DEFAULT);
        for (int n = 0; n < (values[i] == 5 ? 9 : 20); n++)
            assert_int_equal(sketch_add(&t->now, values[i], 1), 0);
        assert_false(sketch_since(&t->now, &t->before, &t->since));
        assert_true(t->since.count == 0);
    }
}

static void weights_that_are_fractions_leave_no_crumbs(void **state)
{
    struct three *t = *state;
    for (int i = 0; i < 1000; i++)
        assert_int_equal(sketch_add(&t->now, 1 + i % 7, 1 / 0.3), 0);
    assert_true(sketch_copy(&t->now, &t->before));
    assert_int_equal(sketch_add(&t->now, 100, 1 / 0.3), 0);
    assert_true(sketch_since(&t->now, &t->before, &t->since));
    const double got = sketch_quantile(&t->since, 0);
    assert_true(got > 98 && got < 102);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
        TEST(its_quantiles_are_those_of_the_values_that_came_since),
        TEST(nothing_came_is_an_empty_one),
        TEST(one_that_began_anew_is_told),
        TEST(weights_that_are_fractions_leave_no_crumbs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
