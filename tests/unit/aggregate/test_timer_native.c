/*
 * Native histograms of one exposed whose series are of several profiles: nothing is left out, and
 * what has to be guessed is a bucket off at most.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "aggregate/timer_native.h"
#include "base/slice.h"

static const struct profile native = { .histogram = true,
                                       .native_factor = 1.1,
                                       .native_zero_threshold = -1 };

static double count_of(const struct sketch *k)
{
    double count = k->zero;
    for (int negative = 0; negative < 2; negative++) {
        struct sketch_buckets b;
        sketch_buckets_begin(k, negative, &b);
        while (sketch_buckets_next(&b))
            count += b.count;
    }
    return count;
}

static void a_cell_is_apart_where_what_is_shown_is_not_what_was_sent(void **unused)
{
    (void)unused;
    struct profile p = native;
    assert_false(timer_native_apart(&p, 1));
    assert_true(timer_native_apart(&p, 0.001));
    p.native_zero_threshold = 0.001;
    assert_true(timer_native_apart(&p, 1));
    p.native_factor = 0;
    assert_false(timer_native_apart(&p, 1));
    assert_false(timer_native_apart(&p, 0.001));
}

static void values_as_sent_land_in_their_bucket_or_the_one_beside(void **unused)
{
    (void)unused;
    struct profile wide = native;
    wide.native_zero_threshold = 1e-30; /* so that factor 1 is no exception */
    static const double factors[] = { 1.0 / 1000, 1, 0.3, 1e6 };
    for (size_t f = 0; f < ARRAY_LEN(factors); f++) {
        for (double v = 1e-3; v < 1e6; v *= 1.037) {
            struct sketch sent, *shown = NULL;
            struct sketch_buckets b;
            sketch_init(&sent, 5);
            assert_int_equal(sketch_add(&sent, v, 3), 0);
            assert_int_equal(sketch_add(&sent, -v, 2), 0);
            assert_int_equal(sketch_add(&sent, 0, 1), 0);
            timer_native_take(&shown, &wide, NULL, &sent, factors[f]);
            assert_true(shown->zero == 1 && count_of(shown) == 6);
            for (int negative = 0; negative < 2; negative++) {
                sketch_buckets_begin(shown, negative, &b);
                assert_true(sketch_buckets_next(&b));
                assert_true(b.count == (negative ? 2 : 3));
                assert_true(abs(b.index - sketch_index(3, v * factors[f])) <= 1);
                assert_false(sketch_buckets_next(&b));
            }
            timer_native_free(shown);
            sketch_release(&sent);
        }
    }
}

static void signs_and_profiles_meet_at_the_coarser_schema(void **unused)
{
    (void)unused;
    struct sketch fine, coarse, *k = NULL;
    sketch_init(&fine, 8);
    sketch_init(&coarse, -2);
    for (double v = 1; v < 100; v *= 1.1)
        assert_int_equal(sketch_add(&fine, v, 1), 0);
    assert_int_equal(sketch_add(&coarse, -5, 1), 0);
    timer_native_merge(&k, &native, &fine);
    assert_int_equal(timer_native_view(&k, &native)->pos.schema, 3);
    timer_native_merge(&k, &native, &coarse);
    assert_int_equal(timer_native_view(&k, &native)->pos.schema, -2);
    assert_int_equal(k->neg->schema, -2);
    assert_true(count_of(k) == fine.count + 1);
    timer_native_free(k);
    sketch_release(&fine);
    sketch_release(&coarse);
}

static void what_would_be_shown_past_the_finite_is_left_out(void **unused)
{
    (void)unused;
    struct sketch sent, *k = NULL;
    sketch_init(&sent, 5);
    assert_int_equal(sketch_add(&sent, 1e300, 1), 0);
    timer_native_take(&k, &native, NULL, &sent, 1e100);
    assert_true(count_of(k) == 0);
    timer_native_free(k);
    sketch_release(&sent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cell_is_apart_where_what_is_shown_is_not_what_was_sent),
        cmocka_unit_test(values_as_sent_land_in_their_bucket_or_the_one_beside),
        cmocka_unit_test(signs_and_profiles_meet_at_the_coarser_schema),
        cmocka_unit_test(what_would_be_shown_past_the_finite_is_left_out),
    };
    sketch_setup();
    return cmocka_run_group_tests_name("timer_native", tests, NULL, NULL);
}
