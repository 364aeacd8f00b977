/*
 * No line makes a number on /metrics or for a sink Inf or NaN, but the quantile of an empty window;
 * and what is counted adds up.
 */
#include <errno.h>
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
#include "aggregate/sketch_window.h"
#include "base/mem.h"
#include "support/pipeline.h"

static uint64_t state;

static unsigned below(unsigned n)
{
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)((state >> 24) % n);
}

static void random_line(struct buf *out)
{
    static const char *const names[] = { "a.b", "a-b", "a_b", "x", "y" };
    static const char *const types[] = { "c", "g", "ms", "h", "d" };
    static const char *const values[] = { "1e308", "-1e308", "1.7976931348623157e308",
                                          "9e307", "+1e308", "+9e307",
                                          "5",     "1e-320", "0" };
    static const char *const rates[] = { "",         "",      "|@1e-308", "|@6e-309",
                                         "|@1e-300", "|@0.3", "|@0.9" };
    static const char *const tags[] = { "", "|#a:1,b:2", "|#b:2,a:1" };
    buf_printf(out, "%s", names[below(5)]);
    for (unsigned i = 0; i <= below(4); i++)
        buf_printf(out, ":%s", values[below(9)]);
    buf_printf(out, "|%s%s%s\n", types[below(5)], rates[below(7)], tags[below(3)]);
}

static void expect_finite_page(struct pipeline *p)
{
    const char *text = pipeline_lines(p);
    struct slice rest = slice_str(text), line;
    while (slice_cut(&rest, '\n', &line)) {
        const char *space = memrchr(line.ptr, ' ', line.len);
        double v = strtod(space, NULL);
        bool quantile = memmem(line.ptr, line.len, "quantile=", 9) != NULL;
        if (!isfinite(v) && !(quantile && isnan(v)))
            fail_msg("seed: %.*s", (int)line.len, line.ptr);
    }
}

static void expect_finite_interval(struct pipeline *p)
{
    const char *text = pipeline_close(p);
    if (strstr(text, "Inf") != NULL || strstr(text, "NaN") != NULL)
        fail_msg("%s", text);
}

static void no_traffic_makes_an_infinity(void **unused)
{
    (void)unused;
    static const double bounds[] = { 1, 1e300 };
    for (unsigned seed = 1; seed <= 600; seed++) {
        state = seed;
        struct pipeline p;
        pipeline_init(&p, &(struct pipeline_opts){ .workers = 2,
                                                   .ttl_s = 30,
                                                   .histograms = seed % 3 == 0,
                                                   .buckets = bounds,
                                                   .n_buckets = ARRAY_LEN(bounds) });
        for (unsigned i = 0; i < 40; i++) {
            struct buf lines = { 0 };
            for (unsigned n = below(8); n > 0; n--)
                random_line(&lines);
            if (lines.len > 0)
                pipeline_feed_bytes(&p, below(2), lines.ptr, lines.len);
            buf_release(&lines);
            pipeline_turn_worker(&p, below(2)); /* checks the conservation */
            if (below(3) == 0) {
                pipeline_turn(&p);
                expect_finite_page(&p);
            }
            if (below(5) == 0)
                expect_finite_interval(&p);
            if (below(8) == 0) {
                pipeline_forward(&p, 20);
                registry_expire(p.registry, p.now_ns);
            }
        }
        pipeline_turn(&p);
        expect_finite_page(&p);
        expect_finite_interval(&p);
        pipeline_release(&p);
    }
}

static double random_value(void)
{
    static const double odd[] = {
        1.7976931348623157e308, 1e308, 9e307, 5e-324, 0, 0x1p-128, 0x1p1023, 1
    };
    return odd[below(8)] * (below(3) == 0 ? -1 : 1);
}

static void a_sketch_of_any_values_and_weights_stays_finite(void **unused)
{
    (void)unused;
    static const double weights[] = { 1, 1, 1e308, 9e307, 1.7976931348623157e308, 3.5 };
    for (unsigned seed = 1; seed <= 2000; seed++) {
        state = seed;
        struct sketch k[2];
        sketch_init(&k[0], (int)below(9));
        sketch_init(&k[1], (int)below(9));
        for (unsigned i = 0; i < 60; i++) {
            struct sketch *to = &k[below(2)], before = *to;
            int rc = below(6) == 0 ? sketch_merge(to, to == k ? k + 1 : k)
                                   : sketch_add(to, random_value(), weights[below(6)]);
            assert_true(rc == 0 || rc == -ERANGE);
            assert_true(isfinite(to->count) && isfinite(to->sum) && to->zero <= to->count &&
                        to->count >= before.count);
            for (uint32_t b = 0; b < to->pos.n; b++)
                assert_true(isfinite(sketch_window_count(&to->pos, b)));
            for (double q = 0; q <= 1 && to->count > 0; q += 0.25)
                assert_true(isfinite(sketch_quantile(to, q)));
        }
        sketch_release(&k[0]);
        sketch_release(&k[1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_traffic_makes_an_infinity),
        cmocka_unit_test(a_sketch_of_any_values_and_weights_stays_finite),
    };
    sketch_setup();
    return cmocka_run_group_tests_name("finite", tests, NULL, NULL);
}
