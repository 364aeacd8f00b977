/*
 * Sums that would leave the finite doubles: the value is refused and counted, what was there before
 * stays, and no number on /metrics or for a sink is Inf or NaN.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/pipeline.h"

static const double le_bounds[] = { 1, 10 };

static void init(struct pipeline *p, unsigned workers, bool histograms)
{
    static const double median[] = { 0.5 };
    pipeline_init(p, &(struct pipeline_opts){ .workers = workers,
                                              .histograms = histograms,
                                              .buckets = le_bounds,
                                              .n_buckets = ARRAY_LEN(le_bounds),
                                              .quantiles = median,
                                              .n_quantiles = 1 });
}

/* ---- in a worker's cell ---- */

static void a_cell_refuses_what_its_sum_cannot_take(void **unused)
{
    (void)unused;
    static const struct {
        const char *lines, *shown, *closed;
        uint64_t bad, values;
    } rows[] = {
        { "c:1e308:1e308|c", "c 1e+308\n", "counter c 1e+308\n", 1, 1 },
        { "c:1e308|c\nc:1e308|c\nc:1|c", "c 1e+308\n", "counter c 1e+308\n", 1, 2 },
        { "c:1e308:1e308:1e308|c\nd:5|c", "c 1e+308\nd 5\n", "counter c 1e+308\ncounter d 5\n", 1,
          2 },
        { "c:1|c|@1e-308\nc:1|c|@1e-308", "c 1e+308\n", "counter c 1e+308\n", 1, 1 },
        { "c:-1e308|c\nc:-1e308|c\nc:5|c", "c 5\n", "counter c -1e+308\n", 1, 2 },
        { "c:1e308:-1e308:-1e308:-1e308|c", "c 1e+308\n", "counter c 0\n", 1, 2 },
        { "t:1e308:1e308|h", "t{quantile=\"0.5\"} 1e+308\nt_sum 1e+308\nt_count 1\n",
          "timer t 1 1e+308\n", 1, 1 },
        { "t:1e308|ms\nt:1e308|ms\nt:2000|ms", "t{quantile=\"0.5\"} 2\nt_sum 1e+305\nt_count 2\n",
          "timer t 2 1e+308\n", 1, 2 },
        { "t:-1e308|d\nt:-1e308|d\nt:7|d",
          "t{quantile=\"0.5\"} -1e+308\nt_sum -1e+308\nt_count 2\n", "timer t 2 -1e+308\n", 1, 2 },
        { "t:0|ms|@1e-308\nt:0|ms|@1e-308\nt:0|ms",
          "t{quantile=\"0.5\"} 0\nt_sum 0\nt_count 1e+308\n", "timer t 1e+308 0\n", 1, 2 },
        { "t:1|h|@1e-308\nt:1|h|@1e-308", "t{quantile=\"0.5\"} 1\nt_sum 1e+308\nt_count 1e+308\n",
          "timer t 1e+308 1e+308\n", 1, 1 },
        { "g:1e308|g\ng:+1e308|g\ng:-1|g", "g 1e+308\n", "gauge g =1e+308 +-1 @1000000\n", 1, 2 },
        { "g:-1e308|g\ng:-1e308|g\ng:-1e308|g\ng:+7e307|g", "g -3e+307\n",
          "gauge g +-3e+307 @1000000\n", 2, 2 },
        { "g:1e308|g\ng:+1e308|g\ng:3|g", "g 3\n", "gauge g =3 +0 @1000000\n", 1, 2 },
        { "g:+1e308:+1e308|g", "g 1e+308\n", "gauge g +1e+308 @1000000\n", 1, 1 },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pipeline p;
        init(&p, 1, false);
        pipeline_feed(&p, 0, rows[i].lines);
        pipeline_turn(&p); /* checks that read = aggregated + rejected + refused */
        pipeline_expect(&p, rows[i].shown);
        assert_int_equal(pipeline_rejected(&p, REASON_BAD_VALUE), rows[i].bad);
        assert_int_equal(pipeline_stat(&p, INGEST_VALUES_AGGREGATED), rows[i].values);
        assert_int_equal(registry_stats(p.registry)->v[REGISTRY_SUMS_REFUSED], 0);
        assert_string_equal(pipeline_close(&p), rows[i].closed);
        pipeline_release(&p);
    }
}

static void buckets_hold_what_the_count_holds(void **unused)
{
    (void)unused;
    static const struct {
        const char *lines, *shown;
    } rows[] = {
        { "t:1|h|@1e-308\nt:1|h|@1e-308\nt:5|h",
          "t_bucket{le=\"1\"} 1e+308\nt_bucket{le=\"10\"} 1e+308\n"
          "t_bucket{le=\"+Inf\"} 1e+308\nt_sum 1e+308\nt_count 1e+308\n" },
        { "t:1e308:1e308:0|h",
          "t_bucket{le=\"1\"} 1\nt_bucket{le=\"10\"} 1\nt_bucket{le=\"+Inf\"} 2\n"
          "t_sum 1e+308\nt_count 2\n" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pipeline p;
        init(&p, 1, true);
        pipeline_feed(&p, 0, rows[i].lines);
        pipeline_turn(&p);
        pipeline_expect(&p, rows[i].shown);
        assert_int_equal(pipeline_rejected(&p, REASON_BAD_VALUE), 1);
        pipeline_release(&p);
    }
}

/* ---- at the merge ---- */

/*
 * `first` in a page of worker 0, `second` in a page of worker 1: the ways in which two parts of a
 * sum meet.
 */
static void a_total_refuses_what_a_page_brings_too_much(void **unused)
{
    (void)unused;
    static const struct {
        const char *first, *second, *shown, *closed;
        uint64_t refused;
    } rows[] = {
        { "c:1e308|c", "c:1e308|c", "c 1e+308\n", "counter c 1e+308\n", 1 },
        { "c:1e308|c|#a:1,b:2", "c:1e308|c|#b:2,a:1", "c{a=\"1\",b=\"2\"} 1e+308\n",
          "counter c|#a:1,b:2 1e+308\n", 1 },
        { "c:-1e308|c", "c:-1e308|c\nc:2|c", "c 2\n", "counter c -1e+308\n", 1 },
        { "c:1e308|c", "c:-1e308|c", "c 1e+308\n", "counter c 0\n", 0 },
        { "c:1e308|c", "c:1e308:-1e308|c", "c 1e+308\n", "counter c 1e+308\n", 1 },
        { "t:1e308|h", "t:1e308:7:7|h", "t{quantile=\"0.5\"} 7\nt_sum 1e+308\nt_count 4\n",
          "timer t 4 1e+308\n", 1 },
        { "t:1|h|@1e-308", "t:1|h|@1e-308", "t{quantile=\"0.5\"} 1\nt_sum 1e+308\nt_count 1e+308\n",
          "timer t 1e+308 1e+308\n", 1 },
        { "g:1e308|g", "g:+1e308|g", "g 1e+308\n", "gauge g =1e+308 +0 @1000000\n", 1 },
        { "g:-1e308|g", "g:-1e308|g", "g -1e+308\n", "gauge g +-1e+308 @1000000\n", 1 },
        { "a.b:1e308|c", "a-b:1e308|c", "a_b 1e+308\n", "counter a.b 1e+308\ncounter a-b 1e+308\n",
          1 },
        { "a.b:1e308|h", "a-b:1e308|h",
          "a_b{quantile=\"0.5\"} 1e+308\na_b_sum 1e+308\na_b_count 2\n",
          "timer a.b 1 1e+308\ntimer a-b 1 1e+308\n", 1 },
        { "a.b:1e308|ms", "a-b:1e308|h",
          "a_b{quantile=\"0.5\"} 1e+305\na_b_sum 1.001e+308\na_b_count 2\n",
          "timer a.b 1 1e+308\ntimer a-b 1 1e+308\n", 0 },
        { "a.b:0|ms|@1e-308", "a-b:0|h|@1e-308",
          "a_b{quantile=\"0.5\"} 0\na_b_sum 0\na_b_count 1e+308\n",
          "timer a.b 1e+308 0\ntimer a-b 1e+308 0\n", 1 },
    };
    for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) {
        struct pipeline p;
        size_t row = i / 2;
        unsigned second = i % 2; /* another page of the same worker, or another worker */
        init(&p, 2, false);
        pipeline_feed(&p, 0, rows[row].first);
        pipeline_turn_worker(&p, 0);
        pipeline_feed_at(&p, second, rows[row].second, p.now_ns + 2);
        pipeline_turn_worker(&p, second);
        pipeline_expect(&p, rows[row].shown);
        assert_int_equal(pipeline_rejected(&p, REASON_BAD_VALUE), 0);
        assert_int_equal(registry_stats(p.registry)->v[REGISTRY_SUMS_REFUSED], rows[row].refused);
        assert_string_equal(pipeline_close(&p), rows[row].closed);
        pipeline_release(&p);
    }
}

static void what_fits_in_the_interval_reaches_the_sinks_though_the_total_is_full(void **unused)
{
    (void)unused;
    struct pipeline p;
    init(&p, 1, false);
    for (unsigned i = 0; i < 3; i++) {
        pipeline_feed(&p, 0, "c:1e308|c\nt:1e308|h");
        pipeline_turn(&p);
        assert_string_equal(pipeline_close(&p), "counter c 1e+308\ntimer t 1 1e+308\n");
    }
    assert_true(pipeline_has(pipeline_lines(&p), "c 1e+308") &&
                pipeline_has(pipeline_lines(&p), "t_sum 1e+308"));
    assert_true(pipeline_has(pipeline_lines(&p), "t_count 3"));
    assert_int_equal(registry_stats(p.registry)->v[REGISTRY_SUMS_REFUSED], 4);
    pipeline_release(&p);
}

/*
 * A series that a type conflict hides is not on the line when its sum grows: it joins the line with
 * all of it.
 */
static void a_twin_that_comes_out_of_hiding_makes_no_infinity(void **unused)
{
    (void)unused;
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ .ttl_s = 100 });
    pipeline_feed(&p, 0, "a_b:1|g");
    pipeline_turn(&p);
    pipeline_feed(&p, 0, "a.b:1e308|c\na-b:1e308|c");
    pipeline_turn(&p);
    pipeline_close(&p);
    pipeline_expect(&p, "a_b 1\n");
    pipeline_forward(&p, 90);
    pipeline_feed(&p, 0, "a.b:0|c\na-b:0|c");
    pipeline_turn(&p);
    pipeline_close(&p);
    pipeline_forward(&p, 60);
    registry_expire(p.registry, p.now_ns);
    pipeline_feed(&p, 0, "a.b:0|c\na-b:0|c");
    pipeline_turn(&p);
    pipeline_expect(&p, "a_b 1.7976931348623157e+308\n");
    pipeline_release(&p);
}

/* Without a sink there are no intervals, and what is refused is counted all the same. */
static void what_is_refused_is_counted_without_a_sink_too(void **unused)
{
    (void)unused;
    static const struct {
        const char *first, *second, *shown;
        uint64_t refused;
    } rows[] = {
        { "t:1|h", "t:2|h", "t{quantile=\"0.5\"} 1\nt_sum 3\nt_count 2\n", 0 },
        { "t:1e308|h", "t:1e308|h", "t{quantile=\"0.5\"} 1e+308\nt_sum 1e+308\nt_count 2\n", 1 },
        { "c:1|c", "c:2|c", "c 3\n", 0 },
        { "c:1e308|c", "c:1e308|c", "c 1e+308\n", 1 },
        { "g:1|g", "g:+2|g", "g 3\n", 0 },
        { "s:a|s", "s:b|s", "s 2\n", 0 },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        static const double median[] = { 0.5 };
        struct pipeline p;
        pipeline_init(&p, &(struct pipeline_opts){ .workers = 2,
                                                   .no_sink = true,
                                                   .set_steps = 2,
                                                   .quantiles = median,
                                                   .n_quantiles = 1 });
        pipeline_feed(&p, 0, rows[i].first);
        pipeline_feed(&p, 1, rows[i].second);
        pipeline_turn(&p);
        (void)pipeline_close(&p);
        pipeline_expect(&p, rows[i].shown);
        assert_int_equal(registry_stats(p.registry)->v[REGISTRY_SUMS_REFUSED], rows[i].refused);
        pipeline_release(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cell_refuses_what_its_sum_cannot_take),
        cmocka_unit_test(buckets_hold_what_the_count_holds),
        cmocka_unit_test(a_total_refuses_what_a_page_brings_too_much),
        cmocka_unit_test(what_fits_in_the_interval_reaches_the_sinks_though_the_total_is_full),
        cmocka_unit_test(a_twin_that_comes_out_of_hiding_makes_no_infinity),
        cmocka_unit_test(what_is_refused_is_counted_without_a_sink_too),
    };
    sketch_setup();
    return cmocka_run_group_tests_name("finite", tests, NULL, NULL);
}
