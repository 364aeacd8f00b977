/*
 * Native histograms, from lines to the fields that protobuf-c decodes.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "aggregate/sketch.h"
#include "support/pipeline.h"
#include "support/protobuf_reader.h"

static const double le[] = { 0.1, 5 };

static struct pipeline_opts native_opts(double factor)
{
    return (struct pipeline_opts){ .histograms = true,
                                   .buckets = le,
                                   .n_buckets = ARRAY_LEN(le),
                                   .native_factor = factor,
                                   .native_zero_threshold = -1 };
}

static void feed(struct pipeline *p, const char *lines)
{
    pipeline_feed(p, 0, lines);
    pipeline_turn(p);
}

static void read_t(struct pipeline *p, struct protobuf_native *ret)
{
    protobuf_native(pipeline_protobuf(p), "t", ret);
}

static void values_are_in_the_buckets_of_what_is_shown(void **unused)
{
    (void)unused;
    static const struct {
        const char *line;
        double shown;
    } rows[] = {
        { "t:250|ms", 0.25 }, /* on a bound */
        { "t:1|ms", 0.001 },      { "t:999|ms", 0.999 },  { "t:1000|ms", 1 },
        { "t:1024|ms", 1.024 },   { "t:0.1|h", 0.1 },     { "t:1|h", 1 },
        { "t:123456|d", 123456 }, { "t:-0.25|h", -0.25 }, { "t:-7|h", -7 },
    };
    static const double factors[] = { 1.003, 1.02, 1.1, 1.5, 2, 4, 20, 65536 };
    for (size_t f = 0; f < ARRAY_LEN(factors); f++) {
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
            struct pipeline p;
            struct protobuf_native n;
            struct pipeline_opts o = native_opts(factors[f]);
            pipeline_init(&p, &o);
            feed(&p, rows[i].line);
            read_t(&p, &n);
            bool negative = rows[i].shown < 0;
            const struct profile *profile = profiles_at(p.profiles, 0);
            assert_int_equal(n.schema, profile_native_schema(profile));
            assert_int_equal(n.count, 1);
            assert_int_equal(n.n[negative], 1);
            assert_int_equal(n.n[!negative], 0);
            assert_int_equal(n.buckets[negative][0].index,
                             sketch_index(n.schema, fabs(rows[i].shown)));
            assert_int_equal(n.buckets[negative][0].count, 1);
            assert_true(n.zero_threshold == 0x1p-128 && n.zero == 0);
            assert_true(n.sum == rows[i].shown);
            pipeline_release(&p);
        }
    }
}

static void sinks_get_what_was_sent(void **unused)
{
    (void)unused;
    struct pipeline p;
    struct pipeline_opts o = native_opts(1.1);
    pipeline_init(&p, &o);
    feed(&p, "t:250|ms\nt:750|ms");
    assert_string_equal(pipeline_close(&p), "timer t 2 1000\n");
    pipeline_release(&p);
}

static void classic_buckets_stand_beside_the_native_ones(void **unused)
{
    (void)unused;
    struct pipeline p;
    struct pipeline_opts o = native_opts(1.1);
    struct buf text = { 0 };
    pipeline_init(&p, &o);
    feed(&p, "t:50|ms\nt:60|ms\nt:900|ms\nt:9|h");
    protobuf_as_text(pipeline_protobuf(&p), &text);
    buf_append_char(&text, '\0');
    assert_string_equal(text.ptr, pipeline_text(&p));
    assert_true(pipeline_has(text.ptr, "t_bucket{le=\"0.1\"} 2"));
    buf_release(&text);
    pipeline_release(&p);
}

static void without_classic_bounds_the_native_buckets_count(void **unused)
{
    (void)unused;
    struct pipeline p;
    struct protobuf_native n;
    struct pipeline_opts o = native_opts(1.1);
    o.n_buckets = 0;
    pipeline_init(&p, &o);
    feed(&p, "t:50|ms\nt:9|h");
    read_t(&p, &n);
    assert_int_equal(n.count, 2);
    pipeline_expect(&p, "t_bucket{le=\"+Inf\"} 2\nt_sum 9.05\nt_count 2\n");
    pipeline_release(&p);
}

static void a_histogram_without_a_factor_and_a_summary_are_not_native(void **unused)
{
    (void)unused;
    for (int i = 0; i < 2; i++) {
        struct pipeline p;
        struct pipeline_opts o = native_opts(i == 0 ? 0 : 1.1);
        o.histograms = i == 0;
        pipeline_init(&p, &o);
        feed(&p, "t:50|ms");
        struct buf text = { 0 };
        protobuf_as_text(pipeline_protobuf(&p), &text);
        buf_append_char(&text, '\0');
        assert_string_equal(text.ptr, pipeline_text(&p));
        buf_release(&text);
        pipeline_release(&p);
    }
}

static void both_units_meet_in_the_unit_shown(void **unused)
{
    (void)unused;
    struct pipeline p;
    struct protobuf_native n;
    struct pipeline_opts o = native_opts(1.1);
    pipeline_init(&p, &o);
    feed(&p, "t:300|ms\nt:0.3|h\nt:0.3|d");
    feed(&p, "t:300|ms");
    read_t(&p, &n);
    assert_int_equal(n.n[0], 1);
    assert_int_equal(n.buckets[0][0].count, 4);
    pipeline_release(&p);
}

static void small_values_are_in_the_zero_bucket_as_wide_as_it_is(void **unused)
{
    (void)unused;
    static const struct {
        double threshold;
        const char *lines;
        double shown_threshold;
        uint64_t zero;
    } rows[] = {
        { -1, "t:0|ms\nt:1e-36|ms\nt:0.001|h", 0x1p-128, 2 },
        { 0, "t:0|ms\nt:1e-30|ms", 0x1p-128, 1 },
        { 0.003, "t:3|ms\nt:3.0001|ms\nt:-0.003|h\nt:0.003|h\nt:0.0031|h\nt:-0.0031|h", 0.003, 3 },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pipeline p;
        struct protobuf_native n;
        struct pipeline_opts o = native_opts(1.1);
        o.native_zero_threshold = rows[i].threshold;
        pipeline_init(&p, &o);
        feed(&p, rows[i].lines);
        read_t(&p, &n);
        assert_true(n.zero_threshold == rows[i].shown_threshold);
        assert_int_equal(n.zero, rows[i].zero);
        pipeline_release(&p);
    }
}

static void more_buckets_than_allowed_lower_the_schema_for_good(void **unused)
{
    (void)unused;
    struct pipeline p;
    struct protobuf_native n;
    struct pipeline_opts o = native_opts(1.1);
    o.native_max_buckets = 10;
    pipeline_init(&p, &o);
    feed(&p, "t:100|ms\nt:200|ms");
    read_t(&p, &n);
    assert_int_equal(n.schema, 3);
    feed(&p,
         "t:1|h\nt:2|h\nt:3|h\nt:4|h\nt:5|h\nt:6|h\nt:7|h\nt:8|h\nt:9|h\nt:10|h\nt:-1|h\nt:-8|h");
    read_t(&p, &n);
    assert_true(n.schema < 3 && n.n[0] + n.n[1] <= 10);
    assert_int_equal(n.count, 14);
    int32_t schema = n.schema;
    for (int i = 0; i < 5; i++) {
        pipeline_forward(&p, 10);
        pipeline_close(&p);
        feed(&p, "t:100|ms");
        read_t(&p, &n);
        assert_int_equal(n.schema, schema);
        assert_int_equal(n.count, 15 + i);
    }
    pipeline_release(&p);
}

static void one_bucket_is_the_least_and_the_schema_its_coarsest(void **unused)
{
    (void)unused;
    struct pipeline p;
    struct protobuf_native n;
    struct pipeline_opts o = native_opts(1.1);
    o.native_max_buckets = 1;
    pipeline_init(&p, &o);
    feed(&p, "t:1e-30|h\nt:1|h\nt:1e300|h\nt:-1e300|h");
    read_t(&p, &n);
    assert_int_equal(n.schema, -4);
    assert_int_equal(n.count, 4);
    pipeline_release(&p);
}

static void weights_are_exact_where_they_are_whole_and_never_too_many(void **unused)
{
    (void)unused;
    struct pipeline p;
    struct protobuf_native n;
    struct pipeline_opts o = native_opts(1.1);
    pipeline_init(&p, &o);
    feed(&p, "t:100|ms|@0.125\nt:0|ms|@0.01");
    read_t(&p, &n);
    assert_int_equal(n.count, 108);
    assert_int_equal(n.zero, 100);
    for (int i = 1; i <= 6; i++) {
        feed(&p, "t:9000|ms|@0.3");
        read_t(&p, &n);
        assert_int_equal(n.count, 108 + (int)floor(i / 0.3 + 1e-9));
    }
    pipeline_release(&p);
}

static void absurd_weights_stop_the_count_and_break_nothing(void **unused)
{
    (void)unused;
    struct pipeline p;
    struct protobuf_native n;
    struct pipeline_opts o = native_opts(1.003);
    pipeline_init(&p, &o);
    feed(&p, "t:100|ms|@1e-60\nt:101|ms|@1e-60\nt:0|ms|@1e-60\nt:-1|h|@1e-60");
    read_t(&p, &n);
    uint64_t before = n.count;
    assert_true(before > 4ull << 43);
    feed(&p, "t:1e-38|h|@1e-60\nt:1e240|h|@1e-60"); /* far apart: coarser */
    read_t(&p, &n);
    assert_true(n.schema < 0 && n.count >= before);
    pipeline_release(&p);
}

static void a_series_that_goes_leaves_its_buckets_to_those_that_share_its_line(void **unused)
{
    (void)unused;
    struct pipeline p;
    struct protobuf_native n;
    struct pipeline_opts o = native_opts(1.1);
    o.ttl_s = 5;
    pipeline_init(&p, &o);
    feed(&p, "t.x:100|ms\nt-x:100|ms");
    for (int i = 0; i < 10; i++) {
        pipeline_forward(&p, 1);
        feed(&p, "t-x:100|ms");
        pipeline_close(&p);
        registry_expire(p.registry, p.now_ns);
    }
    protobuf_native(pipeline_protobuf(&p), "t_x", &n);
    assert_int_equal(n.count, 12);
    pipeline_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_in_the_buckets_of_what_is_shown),
        cmocka_unit_test(sinks_get_what_was_sent),
        cmocka_unit_test(classic_buckets_stand_beside_the_native_ones),
        cmocka_unit_test(without_classic_bounds_the_native_buckets_count),
        cmocka_unit_test(a_histogram_without_a_factor_and_a_summary_are_not_native),
        cmocka_unit_test(both_units_meet_in_the_unit_shown),
        cmocka_unit_test(small_values_are_in_the_zero_bucket_as_wide_as_it_is),
        cmocka_unit_test(more_buckets_than_allowed_lower_the_schema_for_good),
        cmocka_unit_test(one_bucket_is_the_least_and_the_schema_its_coarsest),
        cmocka_unit_test(weights_are_exact_where_they_are_whole_and_never_too_many),
        cmocka_unit_test(absurd_weights_stop_the_count_and_break_nothing),
        cmocka_unit_test(a_series_that_goes_leaves_its_buckets_to_those_that_share_its_line),
    };
    sketch_setup();
    return cmocka_run_group_tests_name("native", tests, NULL, NULL);
}
