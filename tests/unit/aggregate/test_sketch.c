#include <errno.h>
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aggregate/sketch.h"
#include "aggregate/sketch_build.h"
#include "aggregate/sketch_mixed.h"
#include "aggregate/sketch_window.h"
#include "aggregate/timer.h"
#include "aggregate/sketch_bounds.h"
#include "aggregate/sketch_fast.h"
#include "aggregate/sketch_window.h"
#include "base/slice.h"

/* Half of what one bucket of schema 5 spans, relatively: (g - 1) / (g + 1) with g = 2^(1/32). */
#define ERROR_SCHEMA_5 0.010831

/* As a worker adds values one by one. */
static int add_fast(struct sketch *k, double value, double weight)
{
    return sketch_add_at(k, value, weight, sketch_at_of(k, value));
}

static uint64_t state = 88172645463325252ull;

static double uniform(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return ((double)(state >> 11) + 0.5) * 0x1p-53;
}

static double normal(void)
{
    return sqrt(-2 * log(uniform())) * cos(2 * 3.14159265358979323846 * uniform());
}

/* ---- the table of bounds, in exact integers ---- */

enum { WORDS = 448 }; /* (2^52 + b)^256 has at most 53 * 256 bits: 424 words of 32 */

struct big {
    uint32_t w[WORDS];
    int n;
};

static void big_square(const struct big *a, struct big *ret)
{
    static uint32_t sum[2 * WORDS];
    memset(sum, 0, sizeof sum);
    for (int i = 0; i < a->n; i++) {
        uint64_t carry = 0;
        for (int j = 0; j < a->n; j++) {
            uint64_t x = (uint64_t)a->w[i] * a->w[j] + sum[i + j] + carry;
            sum[i + j] = (uint32_t)x;
            carry = x >> 32;
        }
        sum[i + a->n] = (uint32_t)carry;
    }
    ret->n = 2 * a->n;
    while (ret->n > 1 && sum[ret->n - 1] == 0)
        ret->n--;
    assert_true(ret->n <= WORDS);
    memcpy(ret->w, sum, (size_t)ret->n * sizeof sum[0]);
}

/* Sign of x^256 - 2^power. */
static int compare_power_256(uint64_t x, int power)
{
    struct big a = { .w = { (uint32_t)x, (uint32_t)(x >> 32) }, .n = 2 };
    for (int i = 0; i < 8; i++)
        big_square(&a, &a);
    int top = (a.n - 1) * 32 + 31 - __builtin_clz(a.w[a.n - 1]);
    if (top != power)
        return top < power ? -1 : 1;
    for (int i = 0; i < a.n; i++)
        if (a.w[i] != (i == power / 32 ? 1u << power % 32 : 0))
            return 1;
    return 0;
}

static void each_bound_is_the_last_mantissa_below_its_power_of_two(void **unused)
{
    (void)unused;
    for (int k = 0; k < 256; k++) {
        uint64_t x = (1ull << 52) + bounds[k];
        assert_true(compare_power_256(x, k + 52 * 256) <= 0);
        assert_true(compare_power_256(x + 1, k + 52 * 256) > 0);
    }
}

static double from_parts(int exponent, uint64_t mantissa)
{
    uint64_t bits = (uint64_t)(exponent + 1023) << 52 | mantissa;
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static void the_index_is_right_on_both_sides_of_every_bound(void **unused)
{
    (void)unused;
    const int exponents[] = { -128, -127, -1, 0, 1, 52, 1022, 1023 };
    for (int schema = 0; schema <= SKETCH_SCHEMA_MAX; schema++)
        for (size_t e = 0; e < ARRAY_LEN(exponents); e++)
            for (int k = 0; k < 1 << schema; k++) {
                double v = from_parts(exponents[e], bounds[k << (SKETCH_SCHEMA_MAX - schema)]);
                int32_t want = exponents[e] * (1 << schema) + k;
                assert_int_equal(sketch_index(schema, v), want);
                assert_int_equal(sketch_index(schema, nextafter(v, INFINITY)), want + 1);
                if (v > 0x1p-128)
                    assert_int_equal(sketch_index(schema, nextafter(v, 0)), want);
            }
    assert_int_equal(sketch_index(8, DBL_MAX), 1024 * 256);
}

static void a_value_lies_between_the_bounds_of_its_bucket(void **unused)
{
    (void)unused;
    for (int i = 0; i < 200000; i++) {
        double v = exp((uniform() - 0.5) * 170);
        for (int schema = SKETCH_SCHEMA_MIN; schema <= SKETCH_SCHEMA_MAX; schema++) {
            int32_t at = sketch_index(schema, v);
            assert_true(v <= sketch_upper_bound(schema, at) * (1 + 1e-15));
            assert_true(v >= sketch_upper_bound(schema, at - 1) * (1 - 1e-15));
        }
    }
}

static void a_coarser_index_is_the_finer_one_shifted_up(void **unused)
{
    (void)unused;
    for (int i = 0; i < 200000; i++) {
        double v = exp((uniform() - 0.5) * 170);
        for (int schema = SKETCH_SCHEMA_MIN; schema < SKETCH_SCHEMA_MAX; schema++) {
            int32_t fine = sketch_index(schema + 1, v);
            int32_t up = fine / 2 + (fine > 0 && fine % 2 != 0);
            assert_int_equal(sketch_index(schema, v), up);
        }
    }
}

/* ---- windows ---- */

static double count_at(const struct sketch_window *w, int32_t index)
{
    int64_t at = (int64_t)index - w->first;
    return at < 0 || at >= w->n ? 0 : sketch_window_count(w, (uint32_t)at);
}

static double total(const struct sketch_window *w)
{
    double sum = 0;
    for (uint32_t i = 0; w != NULL && i < w->n; i++)
        sum += sketch_window_count(w, i);
    return sum;
}

static void add(struct sketch *k, double v, double weight)
{
    assert_int_equal(sketch_add(k, v, weight), 0);
}

static void counts_widen_when_they_no_longer_fit(void **unused)
{
    (void)unused;
    static const struct {
        double before;
        double weight;
        uint8_t width;
    } rows[] = {
        { 0, 1, 0 },         { 254, 1, 0 },          { 255, 1, 2 },          { 65534, 1, 2 },
        { 65535, 1, 4 },     { 4294967294.0, 1, 4 }, { 4294967295.0, 1, 8 }, { 1, 1.5, 8 },
        { 0, 255, 0 },       { 0, 256, 2 },          { 0, 65536, 4 },        { 0, 4294967296.0, 8 },
        { 200, 1 / 0.3, 8 },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sketch k;
        sketch_init(&k, 5);
        add(&k, 3, 1); /* a neighbour that must survive the remake */
        if (rows[i].before > 0)
            add(&k, 10, rows[i].before);
        add(&k, 10, rows[i].weight);
        assert_int_equal(k.pos.width, rows[i].width);
        assert_true(count_at(&k.pos, sketch_index(5, 10)) == rows[i].before + rows[i].weight);
        assert_true(count_at(&k.pos, sketch_index(5, 3)) == 1);
        assert_true(k.count == rows[i].before + rows[i].weight + 1);
        sketch_release(&k);
    }
}

/* 0, n-1, 1, n-2 .. */
static unsigned up_and_down(unsigned i, unsigned n)
{
    return i % 2 ? n - 1 - i / 2 : i / 2;
}

static void few_buckets_are_a_list_and_more_an_array(void **unused)
{
    (void)unused;
    for (unsigned n = 1; n <= 2 * SKETCH_FEW_MAX; n++) {
        struct sketch k;
        sketch_init(&k, 5);
        for (unsigned times = 1; times <= 3; times++) /* cleared twice in between */
            for (unsigned i = 0; i < n; i++) {
                if (i == 0)
                    sketch_clear(&k, 5);
                add(&k, pow(3, up_and_down(i, n)), i + 1); /* far apart */
            }
        bool list = n <= SKETCH_FEW_MAX && k.pos.schema == 5;
        assert_int_equal(k.pos.width, list ? 0 : 1);
        assert_true(!list || sketch_memory(&k) <= 40);
        assert_true(total(&k.pos) == n * (n + 1) / 2.0);
        for (unsigned i = 0; i < n; i++)
            assert_true(count_at(&k.pos, sketch_index(k.pos.schema, pow(3, up_and_down(i, n)))) >=
                        i + 1);
        sketch_release(&k);
    }
}

static void lists_merge_into_a_list_while_they_are_few(void **unused)
{
    (void)unused;
    struct sketch into, from, array;
    sketch_init(&into, 5);
    sketch_init(&from, 5);
    sketch_init(&array, 5);
    for (int i = 0; i < 13; i++)
        add(&array, 1 + i, 1);
    sketch_clear(&array, 5); /* an array that holds few */
    for (int i = 0; i < 6; i++) {
        add(&into, 1 << i, 100);
        add(&from, 1000 >> i, 100);
        add(&array, 1 << i, 55);
    }
    assert_int_equal(sketch_merge(&into, &from), 0);
    assert_int_equal(sketch_merge(&into, &array), 0);
    assert_int_equal(into.pos.width, 0);
    assert_true(total(&into.pos) == 6 * 255 && count_at(&into.pos, sketch_index(5, 8)) == 155);
    add(&from, 7, 1);
    assert_int_equal(sketch_merge(&into, &from), 0);
    assert_int_equal(into.pos.width, 1);
    assert_true(total(&into.pos) == 6 * 355 + 1 && count_at(&into.pos, sketch_index(5, 7)) == 1);
    sketch_release(&into);
    sketch_release(&from);
    sketch_release(&array);
}

/* Bucket by bucket, and what is read from it. */
static void expect_same(const struct sketch *a, const struct sketch *b)
{
    const double q[] = { 0, 0.01, 0.1, 0.5, 0.9, 0.99, 1 };
    double of_a[ARRAY_LEN(q)], of_b[ARRAY_LEN(q)];
    assert_true(a->count == b->count && a->zero == b->zero && a->min == b->min && a->max == b->max);
    assert_true(total(&a->pos) == total(&b->pos) && total(a->neg) == total(b->neg));
    for (uint32_t i = 0; i < a->pos.n; i++)
        assert_true(sketch_window_count(&a->pos, i) ==
                    count_at(&b->pos, a->pos.first + (int32_t)i));
    for (uint32_t i = 0; a->neg != NULL && i < a->neg->n; i++)
        assert_true(sketch_window_count(a->neg, i) ==
                    (b->neg == NULL ? 0 : count_at(b->neg, a->neg->first + (int32_t)i)));
    sketch_quantiles(a, q, ARRAY_LEN(q), of_a);
    sketch_quantiles(b, q, ARRAY_LEN(q), of_b);
    for (size_t i = 0; i < ARRAY_LEN(q); i++)
        assert_true(of_a[i] == of_b[i] || (isnan(of_a[i]) && isnan(of_b[i])));
}

static void make_array(struct sketch_window *w)
{
    if (w != NULL && w->width == 0 && w->n > 0)
        assert_int_equal(sketch_window_coarsen(w, 0), 0);
}

static void a_list_counts_as_an_array_does(void **unused)
{
    (void)unused;
    static const double spreads[] = { 0.01, 0.3, 2, 8, 40 };
    unsigned lists = 0;
    for (unsigned round = 0; round < 200; round++) {
        struct sketch as_it_comes[2], array[2];
        double spread = spreads[round % ARRAY_LEN(spreads)];
        for (unsigned i = 0; i < 2; i++) {
            sketch_init(&as_it_comes[i], 5);
            sketch_init(&array[i], 5);
        }
        for (unsigned step = 0; step < 150; step++) {
            unsigned i = uniform() < 0.5, what = (unsigned)(uniform() * 20);
            double v = exp(spread * normal()) * (uniform() < 0.05 ? -1 : 1),
                   weight = uniform() < 0.1 ? floor(1 + uniform() * 400) : 1;
            if (what == 0) {
                sketch_clear(&as_it_comes[i], 5);
                sketch_clear(&array[i], 5);
            } else if (what <= 2) {
                assert_int_equal(sketch_merge(&as_it_comes[i], &as_it_comes[!i]), 0);
                assert_int_equal(sketch_merge(&array[i], &array[!i]), 0);
            } else {
                add_fast(&as_it_comes[i], v, weight);
                add_fast(&array[i], v, weight);
            }
            make_array(&array[i].pos);
            make_array(array[i].neg);
            lists += as_it_comes[i].pos.width == 0 && as_it_comes[i].pos.n > 0;
            expect_same(&as_it_comes[i], &array[i]);
        }
        for (unsigned i = 0; i < 2; i++) {
            sketch_release(&as_it_comes[i]);
            sketch_release(&array[i]);
        }
    }
    assert_true(lists > 1000);
}

static void assert_same(const struct sketch *a, const struct sketch *b)
{
    assert_true(a->count == b->count && a->sum == b->sum && a->zero == b->zero);
    assert_true(a->min == b->min && a->max == b->max && (a->neg == NULL) == (b->neg == NULL));
    assert_int_equal(a->pos.schema, b->pos.schema);
    assert_int_equal(a->pos.width, b->pos.width);
    assert_int_equal(a->pos.first, b->pos.first);
    assert_int_equal(a->pos.n, b->pos.n);
    for (uint32_t i = 0; i < a->pos.n; i++)
        assert_true(sketch_window_count(&a->pos, i) == sketch_window_count(&b->pos, i));
}

/* Others are added in between: the window moves, goes coarser, and its counts become wider. */
static void a_bucket_may_be_found_long_before_it_is_counted(void **unused)
{
    (void)unused;
    enum { ROUNDS = 300, STAGES = 20, N = 32, WIDTHS = 9 };
    static const double spreads[] = { 0.001, 0.1, 1, 8, 30 };
    static const double heavy[] = { 2, UINT8_MAX - 1, UINT16_MAX - 1, UINT32_MAX - 1, 1.5 };
    bool seen[WIDTHS] = { false };
    unsigned coarser = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct sketch early, plain;
        sketch_init(&early, 5);
        sketch_init(&plain, 5);
        for (unsigned stage = 0; stage < STAGES; stage++) {
            double v[N];
            struct sketch_at at[N];
            for (unsigned i = 0; i < N; i++) {
                v[i] = exp(spreads[round % ARRAY_LEN(spreads)] * normal());
                v[i] *= uniform() < 0.02 ? -1 : uniform() < 0.02 ? 0 : 1;
                at[i] = sketch_at_prefetch(&early, v[i]);
            }
            for (unsigned i = 0; i < N; i++) {
                double weight = uniform() < 0.05 ? heavy[round / 8 % ARRAY_LEN(heavy)] : 1;
                coarser += at[i].schema != SKETCH_AT_NONE && at[i].schema != early.pos.schema;
                assert_int_equal(sketch_add_at(&early, v[i], weight, at[i]), 0);
                assert_int_equal(sketch_add(&plain, v[i], weight), 0);
                seen[early.pos.width] = true;
            }
            assert_same(&early, &plain);
        }
        sketch_release(&early);
        sketch_release(&plain);
    }
    assert_true(seen[0] && seen[1] && seen[2] && seen[4] && seen[8] && coarser > 0);
}

static void the_window_stays_under_its_cap_by_going_coarser(void **unused)
{
    (void)unused;
    static const struct {
        double low, high;
        int8_t schema;
    } rows[] = {
        { 1, 1, 5 },      { 1, 0x1p19, 5 },         { 1, 0x1p21, 4 },          { 1e-6, 3600, 4 },
        { 1e-9, 1e9, 3 }, { 0x1p-127, 0x1p127, 1 }, { 0x1p-127, DBL_MAX, -1 },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sketch k;
        sketch_init(&k, 5);
        add(&k, rows[i].low, 1);
        add(&k, rows[i].high, 1);
        assert_true(k.pos.n <= sketch_buckets_most(k.pos.schema) && k.pos.n % 16 == 0 &&
                    k.pos.first % 16 == 0);
        assert_int_equal(k.pos.schema, rows[i].schema);
        assert_true(total(&k.pos) == 2);
        assert_true(count_at(&k.pos, sketch_index(rows[i].schema, rows[i].low)) >= 1);
        assert_true(count_at(&k.pos, sketch_index(rows[i].schema, rows[i].high)) >= 1);
        sketch_release(&k);
    }
}

static void coarsen(struct sketch *k, int schema)
{
    if (k->pos.schema > schema)
        assert_int_equal(sketch_window_coarsen(&k->pos, k->pos.schema - schema), 0);
    if (k->neg != NULL && k->neg->schema > schema)
        assert_int_equal(sketch_window_coarsen(k->neg, k->neg->schema - schema), 0);
}

static void going_coarser_adds_neighbours_without_losing_a_unit(void **unused)
{
    (void)unused;
    struct sketch k;
    sketch_init(&k, 8);
    for (int i = 0; i < 100000; i++)
        add(&k, exp(normal()), 1);
    for (int schema = 7; schema >= SKETCH_SCHEMA_MIN; schema--) {
        int before = k.pos.schema;
        coarsen(&k, schema);
        assert_int_equal(k.pos.schema, before < schema ? before : schema);
        assert_true(total(&k.pos) == 100000);
    }
    assert_int_equal(k.pos.schema, SKETCH_SCHEMA_MIN);
    sketch_release(&k);
}

static void a_downscaled_sketch_equals_one_made_at_that_schema(void **unused)
{
    (void)unused;
    struct sketch fine, coarse;
    sketch_init(&fine, 6);
    sketch_init(&coarse, 2);
    for (int i = 0; i < 5000; i++) {
        double v = (uniform() - 0.5) * 1000;
        add(&fine, v, 1);
        add(&coarse, v, 1);
    }
    coarsen(&fine, 2);
    for (int32_t i = -100; i < 100; i++) {
        assert_true(count_at(&fine.pos, i) == count_at(&coarse.pos, i));
        assert_true(count_at(fine.neg, i) == count_at(coarse.neg, i));
    }
    sketch_release(&fine);
    sketch_release(&coarse);
}

static void values_near_zero_count_as_zero_and_negatives_have_a_mirror(void **unused)
{
    (void)unused;
    static const struct {
        double value;
        double zero, neg, pos;
    } rows[] = {
        { 0, 1, 0, 0 },         { -0.0, 1, 0, 0 },       { 0x1p-128, 1, 0, 0 },
        { -0x1p-128, 1, 0, 0 }, { 0x1.1p-128, 0, 0, 1 }, { -0x1.1p-128, 0, 1, 0 },
        { DBL_MIN, 1, 0, 0 },   { 5e-324, 1, 0, 0 },     { -5e-324, 1, 0, 0 },
        { DBL_MAX, 0, 0, 1 },   { -DBL_MAX, 0, 1, 0 },   { -1, 0, 1, 0 },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sketch k;
        sketch_init(&k, 5);
        add_fast(&k, rows[i].value, 1);
        assert_true(k.zero == rows[i].zero);
        assert_true(total(k.neg) == rows[i].neg);
        assert_true(total(&k.pos) == rows[i].pos);
        assert_true(k.min == rows[i].value && k.max == rows[i].value);
        assert_true(sketch_quantile(&k, 0.5) == rows[i].value);
        sketch_release(&k);
    }
}

/* ---- quantiles ---- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

enum { MANY = 20000 };

static double draw(char shape, int i)
{
    switch (shape) {
    case 'u':
        return uniform() * 1000;
    case 'l':
        return exp(normal());
    case 'e':
        return -50 * log(uniform());
    case 'b':
        return uniform() < 0.5 ? 2 + 0.1 * normal() : 4000 + 100 * normal();
    case 'c':
        return 42.42;
    case 's':
        return 300 * normal(); /* both signs */
    default:
        return i + 1;
    }
}

/* The smallest value such that at least q of all are at most it. */
static double nearest_rank(const double *sorted, int n, double q)
{
    int rank = (int)ceil(q * n * (1 - 1e-12));
    return sorted[rank < 1 ? 0 : rank - 1];
}

static void check_quantiles(const struct sketch *k, const double *sorted, int n)
{
    static const double q[] = { 0,    1e-9, 0.001, 0.01, 0.07,  0.1,    0.25, 0.5,
                                0.75, 0.9,  0.95,  0.99, 0.999, 0.9999, 1 };
    double have[ARRAY_LEN(q)];
    sketch_quantiles(k, q, ARRAY_LEN(q), have);
    for (size_t i = 0; i < ARRAY_LEN(q); i++) {
        double want = nearest_rank(sorted, n, q[i]);
        assert_true(fabs(have[i] - want) <= ERROR_SCHEMA_5 * fabs(want));
        assert_true(have[i] >= k->min && have[i] <= k->max);
        assert_true(have[i] == sketch_quantile(k, q[i]));
        if (q[i] * n <= 1)
            assert_true(have[i] == sorted[0]);
        if (q[i] * n > n - 1)
            assert_true(have[i] == sorted[n - 1]);
    }
}

static void quantiles_are_within_the_stated_error_of_the_nearest_rank(void **unused)
{
    (void)unused;
    static double values[MANY];
    static const int sizes[] = { 1, 2, 3, 7, 10, 99, 100, 101, 1000, MANY };
    for (const char *shape = "ulebcsi"; *shape != '\0'; shape++) {
        for (size_t j = 0; j < ARRAY_LEN(sizes); j++) {
            struct sketch k;
            sketch_init(&k, 5);
            for (int i = 0; i < sizes[j]; i++) {
                values[i] = draw(*shape, i);
                add_fast(&k, values[i], 1);
            }
            qsort(values, (size_t)sizes[j], sizeof values[0], by_value);
            assert_true(k.count == sizes[j] && k.min == values[0] && k.max == values[sizes[j] - 1]);
            check_quantiles(&k, values, sizes[j]);
            sketch_release(&k);
        }
    }
}

static void each_schema_holds_the_error_that_its_table_states(void **unused)
{
    (void)unused;
    static double values[MANY];
    static const struct {
        int schema;
        double error;
    } rows[] = { { 0, 0.33334 },  { 2, 0.086428 }, { 3, 0.043296 },
                 { 4, 0.021658 }, { 5, 0.010831 }, { 6, 0.005416 } };
    for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
        struct sketch k;
        sketch_init(&k, rows[r].schema);
        for (int i = 0; i < MANY; i++) {
            values[i] = 100 + 400 * uniform();
            add(&k, values[i], 1);
        }
        qsort(values, MANY, sizeof values[0], by_value);
        for (double q = 0.01; q < 1; q += 0.01) {
            double want = nearest_rank(values, MANY, q);
            assert_true(fabs(sketch_quantile(&k, q) - want) <= rows[r].error * want);
        }
        assert_int_equal(k.pos.schema, rows[r].schema);
        sketch_release(&k);
    }
}

static void one_value_is_every_quantile_exactly(void **unused)
{
    (void)unused;
    static const double values[] = { 1, 3.14159, 1e-30, 1e300, -7.7, 0, 5e-324, DBL_MAX, -DBL_MAX };
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        struct sketch k;
        sketch_init(&k, 5);
        bool largest = fabs(values[i]) == DBL_MAX; /* more of it would be no finite sum */
        add(&k, values[i], i % 2 || largest ? 1 : 1 / 0.3);
        for (double q = 0; q <= 1; q += 0.125)
            assert_true(sketch_quantile(&k, q) == values[i]);
        sketch_release(&k);
    }
}

static void what_makes_a_sum_or_a_count_infinite_is_refused_and_changes_nothing(void **unused)
{
    (void)unused;
    static const struct {
        double value, weight;
        int rc;
    } rows[] = {
        { DBL_MAX, 1, 0 }, { DBL_MAX, 1, -ERANGE }, { 1e300, 1, -ERANGE },    { 1, 1, 0 },
        { -1e308, 1, 0 },  { 0, DBL_MAX, 0 },       { 0, DBL_MAX, -ERANGE },  { 0, 1, 0 },
        { 1e308, 1, 0 },   { 1e308, 1, -ERANGE },   { -DBL_MAX, 2, -ERANGE }, { -DBL_MAX, 1, 0 },
        { -1e308, 1, 0 },  { -1e308, 1, -ERANGE },
    };
    struct sketch k;
    sketch_init(&k, 5);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sketch before = k;
        double buckets = total(&k.pos) + total(k.neg) + k.zero;
        assert_int_equal(add_fast(&k, rows[i].value, rows[i].weight), rows[i].rc);
        assert_true(isfinite(k.sum) && isfinite(k.count));
        if (rows[i].rc == 0)
            continue;
        assert_true(k.sum == before.sum && k.count == before.count && k.min == before.min &&
                    k.max == before.max);
        assert_true(buckets == total(&k.pos) + total(k.neg) + k.zero);
    }
    sketch_release(&k);
}

static void a_merge_that_overflows_leaves_out_the_sum_or_all(void **unused)
{
    (void)unused;
    static const struct {
        double a, a_weight, b, b_weight;
        int rc;
        double count, sum;
    } rows[] = {
        { 1e308, 1, 5, 1, 0, 2, 1e308 },
        { 1e308, 1, 1e308, 1, -ERANGE, 2, 1e308 },
        { -1e308, 1, -1e308, 1, -ERANGE, 2, -1e308 },
        { 0, 1e308, 7, 1, 0, 1e308, 7 },
        { 0, 1e308, 0, 1e308, -ERANGE, 1e308, 0 },
        { 1, 1e308, 1, 1e308, -ERANGE, 1e308, 1e308 },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sketch a, b;
        sketch_init(&a, 5);
        sketch_init(&b, 5);
        add(&a, rows[i].a, rows[i].a_weight);
        add(&b, rows[i].b, rows[i].b_weight);
        assert_int_equal(sketch_merge(&a, &b), rows[i].rc);
        assert_true(a.count == rows[i].count && a.sum == rows[i].sum);
        assert_true(total(&a.pos) + total(a.neg) + a.zero == rows[i].count);
        sketch_release(&a);
        sketch_release(&b);
    }
}

static void the_smallest_and_the_largest_sample_come_back_exactly(void **unused)
{
    (void)unused;
    static const struct {
        int n; /* values 1.01 * i for i = 1..n */
        double q;
        int exact; /* which one exactly */
    } rows[] = {
        { 2, 0.5, 1 },    { 2, 0.51, 2 },      { 10, 0.1, 1 },         { 10, 0.91, 10 },
        { 10, 0.95, 10 }, { 10, 0.99, 10 },    { 50, 0.99, 50 },       { 99, 0.99, 99 },
        { 100, 0.01, 1 }, { 100, 0.991, 100 }, { 1000, 0.9995, 1000 },
    };
    for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
        struct sketch k;
        sketch_init(&k, 5);
        for (int i = 1; i <= rows[r].n; i++)
            add(&k, 1.01 * i, 1);
        assert_true(sketch_quantile(&k, rows[r].q) == 1.01 * rows[r].exact);
        sketch_release(&k);
    }
}

static void a_rank_one_below_the_largest_is_not_the_largest(void **unused)
{
    (void)unused;
    struct sketch k;
    sketch_init(&k, 5);
    for (int i = 0; i < 99; i++)
        add(&k, 10, 1);
    add(&k, 1000, 1);
    assert_true(fabs(sketch_quantile(&k, 0.99) - 10) <= 10 * ERROR_SCHEMA_5);
    assert_true(sketch_quantile(&k, 0.9901) == 1000);
    sketch_release(&k);
}

static void a_weight_stands_for_so_many_equal_values(void **unused)
{
    (void)unused;
    struct sketch k;
    sketch_init(&k, 5);
    add(&k, 10, 1 / 0.1);
    add(&k, 100, 1 / 0.3);
    assert_true(fabs(k.count - 13.333333333333334) < 1e-12);
    assert_true(fabs(k.sum - 433.33333333333337) < 1e-9);
    assert_true(fabs(sketch_quantile(&k, 0.74) - 10) <= 10 * ERROR_SCHEMA_5);
    assert_true(fabs(sketch_quantile(&k, 0.76) - 100) <= 100 * ERROR_SCHEMA_5);
    sketch_release(&k);
}

static void counts_beyond_all_precision_still_give_min_and_max(void **unused)
{
    (void)unused;
    struct sketch k;
    sketch_init(&k, 5);
    add(&k, 1, 1e18);
    add(&k, 2, 1e18);
    assert_true(sketch_quantile(&k, 0) == 1);
    assert_true(sketch_quantile(&k, 1) == 2);
    assert_true(sketch_quantile(&k, 0.25) <= 1 + ERROR_SCHEMA_5);
    assert_true(sketch_quantile(&k, 0.75) >= 2 * (1 - ERROR_SCHEMA_5));
    sketch_release(&k);
}

static void an_empty_sketch_has_no_quantile(void **unused)
{
    (void)unused;
    struct sketch k;
    sketch_init(&k, 5);
    assert_true(isnan(sketch_quantile(&k, 0.5)));
    assert_true(isnan(sketch_quantile(&k, 0)));
    assert_true(isnan(sketch_quantile(&k, 1)));
    sketch_release(&k);
}

/* ---- merging, clearing, memory ---- */

static void merging_ends_at_the_coarser_schema_and_adds_every_bucket(void **unused)
{
    (void)unused;
    for (int a = 0; a <= 8; a += 2) {
        for (int b = 0; b <= 8; b += 2) {
            struct sketch x, y;
            sketch_init(&x, a);
            sketch_init(&y, b);
            for (int i = 0; i < 300; i++) {
                add(&x, 3 + uniform(), 1);
                add(&y, -3 - uniform(), 1);
                add(&y, 5 + uniform(), 1);
            }
            add(&x, 0, 2);
            assert_int_equal(sketch_merge(&x, &y), 0);
            assert_int_equal(x.pos.schema, a < b ? a : b);
            assert_true(x.count == 902 && x.zero == 2 && total(&x.pos) == 600 &&
                        total(x.neg) == 300);
            assert_true(x.min == y.min && x.max == y.max);
            sketch_release(&x);
            sketch_release(&y);
        }
    }
}

static void merging_with_an_empty_sketch_changes_nothing(void **unused)
{
    (void)unused;
    struct sketch x, empty;
    sketch_init(&x, 5);
    sketch_init(&empty, 5);
    add(&x, 7, 1);
    assert_int_equal(sketch_merge(&x, &empty), 0);
    assert_true(x.count == 1 && x.min == 7 && x.max == 7 && total(&x.pos) == 1);
    assert_int_equal(sketch_merge(&empty, &x), 0);
    assert_true(sketch_quantile(&empty, 0.5) == 7);
    sketch_release(&x);
    sketch_release(&empty);
}

static void a_cleared_sketch_is_as_new_whatever_it_held(void **unused)
{
    (void)unused;
    static const double odd[][2] = { { 5, 6 }, { 1e-9, 1e9 }, { -4, 3 }, { 0, 0 } };
    for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
        struct sketch k;
        sketch_init(&k, 5);
        add(&k, odd[i][0], 1 / 0.3);
        add(&k, odd[i][1], 300);
        sketch_clear(&k, 5);
        assert_true(k.count == 0 && k.sum == 0 && k.zero == 0 && k.pos.schema == 5 &&
                    k.neg == NULL && total(&k.pos) == 0);
        add(&k, 8, 1);
        assert_true(sketch_quantile(&k, 0.5) == 8 && total(&k.pos) == 1);
        sketch_release(&k);
    }
}

/* What the iterator gives, set against the windows themselves, list or array, of both signs. */
static void buckets_come_in_order_and_none_is_left_out(void **unused)
{
    (void)unused;
    for (unsigned n = 0; n < 40; n++) {
        for (int negative = 0; negative < 2; negative++) {
            struct sketch k;
            struct sketch_buckets b;
            sketch_init(&k, 5);
            for (unsigned i = 0; i < n; i++)
                add(&k, (negative ? -1 : 1) * pow(2, (i * 7 % 11) * 0.5), 1 + i % 3);
            const struct sketch_window *w = negative ? k.neg : &k.pos;
            uint32_t used = 0, met = 0;
            for (uint32_t i = 0; w != NULL && i < w->n; i++)
                used += sketch_window_count(w, i) > 0;
            sketch_buckets_begin(&k, negative, &b);
            assert_int_equal(b.first <= b.last, used > 0);
            for (int32_t before = b.first - 1; sketch_buckets_next(&b); before = b.index, met++) {
                assert_true(b.index > before && b.index <= b.last);
                assert_true(b.count == sketch_window_count(w, (uint32_t)(b.index - w->first)));
                assert_true(met > 0 || b.index == b.first);
            }
            assert_int_equal(met, used);
            assert_true(used == 0 || b.index == b.last);
            sketch_buckets_begin(&k, !negative, &b);
            assert_false(sketch_buckets_next(&b));
            sketch_release(&k);
        }
    }
}

static void a_decade_of_values_takes_little_memory(void **unused)
{
    (void)unused;
    struct sketch k;
    sketch_init(&k, 5);
    for (int i = 0; i < 2000; i++)
        add_fast(&k, 10 + 90 * uniform(), 1);
    assert_true(sketch_memory(&k) <= 144);
    /* One worker, its two pages filled, one age of the summary and the interval for the sinks. */
    size_t bytes = sizeof(struct timer_cell) + sizeof(struct timer_series) +
                   sizeof(struct timer_exposed) + 5 * sizeof(struct timer_age *) +
                   sizeof(struct timer_age) + sizeof(struct sketch) + 4 * sketch_memory(&k);
    assert_true(bytes <= 1536);
    sketch_release(&k);
}

/* As after running out of memory, or as a stranger writes one. */
static void a_quantile_stays_in_the_range_when_buckets_are_missing(void **unused)
{
    const struct sketch_sums sums = { .count = 8, .sum = 20, .min = 1, .max = 4 };
    struct sketch k;
    double q;
    (void)unused;
    sketch_init(&k, 5);
    assert_true(sketch_build_sums(&k, &sums));
    for (int buckets = 0; buckets < 2; buckets++) {
        const struct sketch_in_unit of = { .sketch = &k, .per = 1, .scale = 1 };
        for (double at = 0; at <= 1; at += 0.125) {
            q = sketch_quantile(&k, at);
            assert_true(q >= 1 && q <= 4);
            sketch_mixed_quantiles(&of, 1, &at, 1, &q);
            assert_true(q >= 1 && q <= 4);
        }
        assert_true(sketch_build_bucket(&k, false, 5, 32, 1)); /* the value 2 */
    }
    sketch_release(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_bound_is_the_last_mantissa_below_its_power_of_two),
        cmocka_unit_test(the_index_is_right_on_both_sides_of_every_bound),
        cmocka_unit_test(a_value_lies_between_the_bounds_of_its_bucket),
        cmocka_unit_test(a_coarser_index_is_the_finer_one_shifted_up),
        cmocka_unit_test(counts_widen_when_they_no_longer_fit),
        cmocka_unit_test(few_buckets_are_a_list_and_more_an_array),
        cmocka_unit_test(lists_merge_into_a_list_while_they_are_few),
        cmocka_unit_test(a_list_counts_as_an_array_does),
        cmocka_unit_test(a_bucket_may_be_found_long_before_it_is_counted),
        cmocka_unit_test(the_window_stays_under_its_cap_by_going_coarser),
        cmocka_unit_test(going_coarser_adds_neighbours_without_losing_a_unit),
        cmocka_unit_test(a_downscaled_sketch_equals_one_made_at_that_schema),
        cmocka_unit_test(values_near_zero_count_as_zero_and_negatives_have_a_mirror),
        cmocka_unit_test(quantiles_are_within_the_stated_error_of_the_nearest_rank),
        cmocka_unit_test(each_schema_holds_the_error_that_its_table_states),
        cmocka_unit_test(one_value_is_every_quantile_exactly),
        cmocka_unit_test(what_makes_a_sum_or_a_count_infinite_is_refused_and_changes_nothing),
        cmocka_unit_test(a_merge_that_overflows_leaves_out_the_sum_or_all),
        cmocka_unit_test(the_smallest_and_the_largest_sample_come_back_exactly),
        cmocka_unit_test(a_rank_one_below_the_largest_is_not_the_largest),
        cmocka_unit_test(a_weight_stands_for_so_many_equal_values),
        cmocka_unit_test(counts_beyond_all_precision_still_give_min_and_max),
        cmocka_unit_test(an_empty_sketch_has_no_quantile),
        cmocka_unit_test(a_quantile_stays_in_the_range_when_buckets_are_missing),
        cmocka_unit_test(merging_ends_at_the_coarser_schema_and_adds_every_bucket),
        cmocka_unit_test(merging_with_an_empty_sketch_changes_nothing),
        cmocka_unit_test(a_cleared_sketch_is_as_new_whatever_it_held),
        cmocka_unit_test(buckets_come_in_order_and_none_is_left_out),
        cmocka_unit_test(a_decade_of_values_takes_little_memory),
    };
    sketch_setup();
    return cmocka_run_group_tests_name("sketch", tests, NULL, NULL);
}
