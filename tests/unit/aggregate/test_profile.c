/*
 * Profiles: equal ones are one, and none changes once it is made.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aggregate/profile.h"
#include "base/slice.h"

static const struct profile plain = { .sketch_schema = 5,
                                      .summary_max_age_ms = 1000,
                                      .summary_age_buckets = 5,
                                      .scale = 1,
                                      .native_zero_threshold = -1 };

static void equal_profiles_are_one(void **unused)
{
    (void)unused;
    double bounds[] = { 1, 10 };
    struct profiles *ps = profiles_new(&plain);
    struct profile p = plain;
    assert_ptr_equal(profiles_intern(ps, &p), profiles_at(ps, 0));
    p.buckets = bounds;
    p.n_buckets = 2;
    const struct profile *one = profiles_intern(ps, &p);
    assert_int_equal(one->index, 1);
    bounds[1] = 20; /* the set has its own copy */
    assert_true(one->buckets[1] == 10);
    const struct profile *two = profiles_intern(ps, &p);
    assert_int_equal(two->index, 2);
    assert_ptr_equal(profiles_intern(ps, one), one);
    assert_ptr_equal(profiles_intern(ps, two), two);
    profiles_free(ps);
}

static void every_field_tells_profiles_apart(void **unused)
{
    (void)unused;
    static const double list[] = { 0.5, 0.9 };
    struct profile rows[17];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        rows[i] = plain;
    struct profile *p = rows;
    p++->histogram = true;
    p++->sketch_schema = 4;
    p++->summary_max_age_ms = 1001;
    p++->summary_age_buckets = 4;
    p->buckets = list;
    p++->n_buckets = 2;
    p->buckets = list;
    p++->n_buckets = 1;
    p->quantiles = list;
    p++->n_quantiles = 2;
    p->quantiles = list + 1;
    p++->n_quantiles = 1;
    p->set_steps = 2;
    p++->set_step_intervals = 1;
    p->set_steps = 2;
    p++->set_step_intervals = 2;
    p++->ttl_s = 7;
    p++->scale = 0.001;
    p++->scale = 0;
    p++->native_factor = 1.1;
    p++->native_max_buckets = 160;
    p++->native_zero_threshold = 0;
    p++->native_zero_threshold = 0.5;
    assert_ptr_equal(p, rows + ARRAY_LEN(rows));
    struct profiles *ps = profiles_new(&plain);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(profiles_intern(ps, &rows[i])->index, i + 1);
    assert_int_equal(profiles_least_ttl_s(ps), 7);
    profiles_free(ps);
}

static void a_full_set_says_so_and_knows_its_profiles(void **unused)
{
    (void)unused;
    struct profiles *ps = profiles_new(&plain);
    struct profile p = plain;
    assert_int_equal(profiles_least_ttl_s(ps), 0);
    for (p.ttl_s = 1; p.ttl_s < PROFILES_MAX; p.ttl_s++)
        assert_non_null(profiles_intern(ps, &p));
    assert_null(profiles_intern(ps, &p));
    p.ttl_s = 100;
    assert_int_equal(profiles_intern(ps, &p)->index, 100);
    assert_int_equal(profiles_least_ttl_s(ps), 1);
    profiles_free(ps);
    profiles_free(NULL);
}

/* As client_golang picks it: the growth is 2^(2^-schema). */
static void a_native_schema_is_the_coarsest_that_grows_by_no_more_than_the_factor(void **unused)
{
    (void)unused;
    static const struct {
        double factor;
        int schema;
    } rows[] = {
        { 1.0000001, 8 }, { 1.0027, 8 },   { 1.0028, 8 }, { 1.0055, 7 }, { 1.1, 3 },
        { 1.2, 2 },       { 1.189207, 3 }, { 1.5, 1 },    { 2, 0 },      { 3.99, 0 },
        { 4, -1 },        { 16, -2 },      { 65536, -4 }, { 1e300, -4 },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct profile p = { .histogram = true, .native_factor = rows[i].factor };
        assert_int_equal(profile_native_schema(&p), rows[i].schema);
    }
}

static void only_histograms_with_a_factor_over_one_are_native(void **unused)
{
    (void)unused;
    assert_true(profile_native(&(struct profile){ .histogram = true, .native_factor = 1.1 }));
    assert_false(profile_native(&(struct profile){ .histogram = true, .native_factor = 1 }));
    assert_false(profile_native(&(struct profile){ .histogram = true }));
    assert_false(profile_native(&(struct profile){ .native_factor = 1.1 }));
}

static void a_fine_factor_raises_the_sketch_and_a_coarse_one_leaves_it(void **unused)
{
    (void)unused;
    struct profile p = plain;
    p.histogram = true;
    p.native_factor = 1.003;
    struct profiles *ps = profiles_new(&p);
    assert_int_equal(profiles_at(ps, 0)->sketch_schema, 8);
    assert_ptr_equal(profiles_intern(ps, &p), profiles_at(ps, 0));
    p.native_factor = 2;
    assert_int_equal(profiles_intern(ps, &p)->sketch_schema, 5);
    profiles_free(ps);
}

static void a_zero_threshold_is_at_least_that_of_the_sketch(void **unused)
{
    (void)unused;
    static const struct {
        double given, applied;
    } rows[] = { { -1, 0x1p-128 }, { 0, 0x1p-128 }, { 0x1p-200, 0x1p-128 }, { 0.001, 0.001 } };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct profile p = { .native_zero_threshold = rows[i].given };
        assert_true(profile_zero_threshold(&p) == rows[i].applied);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_profiles_are_one),
        cmocka_unit_test(every_field_tells_profiles_apart),
        cmocka_unit_test(a_native_schema_is_the_coarsest_that_grows_by_no_more_than_the_factor),
        cmocka_unit_test(only_histograms_with_a_factor_over_one_are_native),
        cmocka_unit_test(a_fine_factor_raises_the_sketch_and_a_coarse_one_leaves_it),
        cmocka_unit_test(a_zero_threshold_is_at_least_that_of_the_sketch),
        cmocka_unit_test(a_full_set_says_so_and_knows_its_profiles),
    };
    return cmocka_run_group_tests_name("profile", tests, NULL, NULL);
}
