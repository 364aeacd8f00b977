/*
 * What sketch.h promises by the range of the values: the schema that is kept, wherever the range
 * lies and however the values are split, and the error of every quantile.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aggregate/sketch.h"
#include "support/pipeline.h"

enum { MANY = 400, PARTS = 5 };

static uint64_t state;

static uint64_t next(void)
{
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return state >> 24;
}

static unsigned below(unsigned n)
{
    return (unsigned)(next() % n);
}

static double uniform(void)
{
    return (double)(next() & 0xffffffffff) / 0x1p40;
}

/* The schema that a range of so many octaves keeps for sure. */
static int schema_kept(int asked, double octaves)
{
    int schema = asked;
    while (schema > 5 ? octaves > 20 : octaves > 640 / exp2(schema))
        schema--;
    return schema;
}

static double error_of(int schema)
{
    double g = exp2(exp2(-schema));
    return (g - 1) / (g + 1) * (1 + 1e-9);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The value of nearest rank, of sorted ones. */
static double exact(const double *sorted, int n, double q)
{
    int rank = (int)ceil(q * n * (1 - 1e-12));
    return sorted[rank < 1 ? 0 : rank - 1];
}

/* In two steps: 2^1100 is no double. */
static double up(double low, double octaves)
{
    return low * exp2(octaves / 2) * exp2(octaves / 2);
}

/* Both ends and what lies between them, evenly on the logarithm. */
static void draw(double *v, int n, double low, double octaves)
{
    for (int i = 0; i < n; i++)
        v[i] = up(low, octaves * uniform());
    v[0] = low;
    v[1] = up(low, octaves);
}

static void add_all(struct sketch *ret, int schema, const double *v, int n)
{
    struct sketch part[PARTS];
    for (int i = 0; i < PARTS; i++)
        sketch_init(&part[i], schema);
    for (int i = 0; i < n; i++)
        assert_int_equal(sketch_add(&part[below(PARTS)], v[i], 1), 0);
    for (int left = PARTS; left > 1; left--) {
        unsigned from = below((unsigned)left - 1);
        assert_int_equal(sketch_merge(&part[left - 1], &part[from]), 0);
        sketch_release(&part[from]);
        part[from] = part[left - 1];
    }
    *ret = part[0];
}

static void expect_quantiles(const struct sketch *k, double *v, int n, double error)
{
    qsort(v, (size_t)n, sizeof *v, by_value);
    for (double q = 0; q <= 1; q += 1 / 64.0) {
        double want = exact(v, n, q), have = sketch_quantile(k, q);
        if (fabs(have - want) > error * fabs(want))
            fail_msg("q %g: %.17g, not %.17g, schema %d", q, have, want, k->pos.schema);
    }
}

/* 2^0.5 below 20 octaves, 20 exactly, and so on up to what doubles hold. */
static const double ranges[] = { 0.1, 3,  10, 19.5, 20,  20.001, 30,  39.99, 40,  40.01,
                                 79,  80, 81, 160,  161, 320,    321, 640,   641, 1100 };

static void a_range_keeps_its_schema_and_every_quantile_its_error(void **unused)
{
    (void)unused;
    for (unsigned seed = 1; seed <= 60; seed++) {
        state = seed;
        for (int asked = 0; asked <= SKETCH_SCHEMA_MAX; asked++) {
            double octaves = ranges[(seed + (unsigned)asked) % ARRAY_LEN(ranges)], v[MANY];
            double low = exp2(-127 + uniform() * (1120 - octaves));
            int kept = schema_kept(asked, octaves);
            struct sketch k;
            draw(v, MANY, low, octaves);
            add_all(&k, asked, v, MANY);
            if (k.pos.schema < kept)
                fail_msg("%g octaves from %g at schema %d: %d, not %d", octaves, low, asked,
                         k.pos.schema, kept);
            expect_quantiles(&k, v, MANY, error_of(kept));
            sketch_release(&k);
        }
    }
}

static void twenty_octaves_fit_wherever_they_begin(void **unused)
{
    (void)unused;
    for (int schema = 5; schema <= SKETCH_SCHEMA_MAX; schema++)
        for (int i = 0; i < 64; i++) {
            double low = exp2(i / 64.0 * 16 / exp2(schema)); /* over one step of a window */
            struct sketch k;
            sketch_init(&k, schema);
            assert_int_equal(sketch_add(&k, low * 0x1p20, 1), 0);
            assert_int_equal(sketch_add(&k, low, 1), 0);
            assert_int_equal(k.pos.schema, schema);
            /* past the slack of each of them */
            assert_int_equal(sketch_add(&k, low * 0x1p20 * exp2(17 / 32.0), 1), 0);
            assert_int_equal(k.pos.schema, 4);
            assert_true(k.pos.n <= sketch_buckets_most(k.pos.schema));
            sketch_release(&k);
        }
}

static void negative_values_have_a_range_of_their_own(void **unused)
{
    (void)unused;
    for (unsigned seed = 1; seed <= 20; seed++) {
        state = seed;
        struct sketch k;
        double v[2 * MANY];
        draw(v, MANY, 1e-9, 20);
        draw(v + MANY, MANY, 1e6, 20);
        for (int i = 0; i < MANY; i++)
            v[i] = -v[i];
        add_all(&k, 5, v, 2 * MANY);
        assert_true(k.pos.schema == 5 && k.neg->schema == 5);
        expect_quantiles(&k, v, 2 * MANY, error_of(5));
        sketch_release(&k);
    }
}

/* ---- on /metrics ---- */

static double shown(struct pipeline *p, const char *name, double q)
{
    char start[64];
    snprintf(start, sizeof start, "%s{quantile=\"%g\"} ", name, q);
    const char *at = strstr(pipeline_lines(p), start);
    assert_non_null(at);
    return strtod(at + strlen(start), NULL);
}

static void expect_page(struct pipeline *p, double *v, int n, double error)
{
    static const double q[] = { 0.5, 0.9, 0.99 };
    qsort(v, (size_t)n, sizeof *v, by_value);
    for (size_t i = 0; i < ARRAY_LEN(q); i++) {
        double want = exact(v, n, q[i]), have = shown(p, "a_b", q[i]);
        if (fabs(have - want) > error * fabs(want))
            fail_msg("q %g: %.17g, not %.17g", q[i], have, want);
    }
}

/*
 * Each spelling and unit has its own range of up to 20 octaves, anywhere; together they may span
 * far more.
 */
static void twins_of_two_units_stay_within_the_error_of_each(void **unused)
{
    (void)unused;
    static const char *const spelled[] = { "a.b:%.17g|ms", "a-b:%.17g|h", "a_b:%.17g|ms",
                                           "a/b:%.17g|d" };
    for (unsigned seed = 1; seed <= 40; seed++) {
        state = seed;
        struct pipeline p;
        double v[2 * MANY], low[2] = { exp2(uniform() * 40 - 20), exp2(uniform() * 40 - 20) };
        pipeline_init(&p, &(struct pipeline_opts){ .workers = 2 });
        draw(v, MANY, low[0], seed % 4 == 0 ? 20 : 20 * uniform());
        draw(v + MANY, MANY, low[1], seed % 3 == 0 ? 20 : 20 * uniform());
        for (unsigned i = 0; i < 2 * MANY; i++) {
            unsigned plain = i >= MANY;
            char line[64];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
            snprintf(line, sizeof line, spelled[plain + 2 * below(2)], v[i]);
#pragma GCC diagnostic pop
            pipeline_feed(&p, below(2), line);
            v[i] /= plain ? 1 : 1000;
            if (below(50) == 0)
                pipeline_turn_worker(&p, below(2));
            if (below(100) == 0)
                pipeline_forward(&p, below(60));
        }
        pipeline_turn(&p);
        expect_page(&p, v, 2 * MANY, error_of(5));
        pipeline_release(&p);
    }
}

static void negative_values_and_zeros_of_two_units_are_in_order(void **unused)
{
    (void)unused;
    struct pipeline p;
    double v[9] = { -5, -0.004, 0, 0, 0.002, 3, 0.5, 7, -90 };
    pipeline_init(&p, &(struct pipeline_opts){ 0 });
    pipeline_feed(&p, 0, "a.b:-5:-0.004:0:3:7:-90|h\na-b:0:2:500|ms");
    pipeline_turn(&p);
    expect_page(&p, v, 9, error_of(5));
    pipeline_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_range_keeps_its_schema_and_every_quantile_its_error),
        cmocka_unit_test(twenty_octaves_fit_wherever_they_begin),
        cmocka_unit_test(negative_values_have_a_range_of_their_own),
        cmocka_unit_test(twins_of_two_units_stay_within_the_error_of_each),
        cmocka_unit_test(negative_values_and_zeros_of_two_units_are_in_order),
    };
    sketch_setup();
    return cmocka_run_group_tests_name("sketch range", tests, NULL, NULL);
}
