/*
 * A worker's side: lines in, sealed pages out; read through the registry and the exposition, as
 * nobody else can see the cells.
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

#include "base/mem.h"
#include "support/pipeline.h"

static void every_kind_goes_from_line_to_exposition(void **unused)
{
    (void)unused;
    static const struct {
        const char *lines, *want;
    } rows[] = {
        { "hits:1|c", "hits 1\n" },
        { "hits:1|c\nhits:2.5|c\n", "hits 3.5\n" },
        { "hits:5|c|@0.1", "hits 50\n" },
        { "hits:1|c|@0.3", "hits 3.3333333333333335\n" },
        { "hits:1|c|#env:prod,az:b", "hits{az=\"b\",env=\"prod\"} 1\n" },
        { "hits:-3|c\nhits:2|c", "hits 2\n" },
        { "load:1.5|g", "load 1.5\n" },
        { "load:5|g\nload:3|g", "load 3\n" },
        { "load:5|g\nload:+3|g\nload:-1|g", "load 7\n" },
        { "load:-3|g", "load -3\n" },
        { "users:a|s\nusers:b|s\nusers:a|s", "users 2\n" },
        { "t:100|ms", "t{quantile=\"0.5\"} 0.1\nt{quantile=\"0.9\"} 0.1\nt{quantile=\"0.99\"} 0.1\n"
                      "t_sum 0.1\nt_count 1\n" },
        { "t:100|h", "t{quantile=\"0.5\"} 100\nt{quantile=\"0.9\"} 100\nt{quantile=\"0.99\"} 100\n"
                     "t_sum 100\nt_count 1\n" },
        { "t:100|d|#a:1", "t{a=\"1\",quantile=\"0.5\"} 100\nt{a=\"1\",quantile=\"0.9\"} 100\n"
                          "t{a=\"1\",quantile=\"0.99\"} 100\n"
                          "t_sum{a=\"1\"} 100\nt_count{a=\"1\"} 1\n" },
        { "t:-7|h",
          "t{quantile=\"0.5\"} -7\nt{quantile=\"0.9\"} -7\nt{quantile=\"0.99\"} -7\nt_sum -7\n"
          "t_count 1\n" },
        { "t:3|ms|@0.5",
          "t{quantile=\"0.5\"} 0.003\nt{quantile=\"0.9\"} 0.003\nt{quantile=\"0.99\"} 0.003\n"
          "t_sum 0.006\nt_count 2\n" },
        { "t:2:2:2|h",
          "t{quantile=\"0.5\"} 2\nt{quantile=\"0.9\"} 2\nt{quantile=\"0.99\"} 2\nt_sum 6\n"
          "t_count 3\n" },
        { "c:1:2:3|c", "c 6\n" },
        { "g:1:2:3|g", "g 3\n" },
        { "c:1|c:2|c:4|c", "c 7\n" },
        { "a:1|c\na:1|g", "a 1\n" },
        /*
         * What a stranger may have meant otherwise: `=` is no separator in a '#' field, ':' ends
         * every name.
         */
        { "c:1|c|#country=china", "c{country_china=\"true\"} 1\n" },
        { "c:1|c|#country=china:north", "c{country_china=\"north\"} 1\n" },
        { "a_-1:8:1|c", "a__1 9\n" },
        { "a:8:1|g", "a 1\n" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pipeline p;
        pipeline_init(&p, &(struct pipeline_opts){ 0 });
        pipeline_feed(&p, 0, rows[i].lines);
        pipeline_turn(&p);
        pipeline_close(&p);
        pipeline_expect(&p, rows[i].want);
        pipeline_release(&p);
    }
}

static void spellings_of_one_identity_meet(void **unused)
{
    (void)unused;
    static const struct {
        const char *lines, *want;
    } rows[] = {
        { "x:1|c|#a:1,b:2\nx:2|c|#b:2,a:1", "x{a=\"1\",b=\"2\"} 3\n" },
        { "x:1|c|#a:1\nx:2|c|#a:0,a:1", "x{a=\"1\"} 3\n" },
        { "x:1|c|#a\nx:2|c|#a:true", "x{a=\"true\"} 3\n" },
        { "x:1|c\nx:2|c|#\nx:4|c|#,,\n", "x 7\n" },
        { "x:1|c|#a:1,b:2\nx:2|c|@0.5|#b:2,a:1\nx:4|c|#,a:1,,b:2,", "x{a=\"1\",b=\"2\"} 9\n" },
        { "x:1|c|#a:1|#b:2\nx:2|c|#a:1,b:2", "x{a=\"1\",b=\"2\"} 3\n" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pipeline p;
        pipeline_init(&p, &(struct pipeline_opts){ .workers = 2 });
        pipeline_feed(&p, 0, rows[i].lines);
        pipeline_turn(&p);
        pipeline_expect(&p, rows[i].want);
        assert_int_equal(pipeline_series(&p), 1);
        assert_int_equal(p.limit.n, 1);
        pipeline_release(&p);
    }
}

static void tag_errors_count_with_every_sample_that_has_them(void **unused)
{
    (void)unused;
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ 0 });
    pipeline_feed(&p, 0, "x:1|c|#:v,k:,ok:1");
    pipeline_turn(&p);
    assert_int_equal(pipeline_stat(&p, INGEST_TAG_ERRORS), 2);
    pipeline_feed(&p, 0, "x:1|c|#:v,k:,ok:1\nx:1|c|#:v,k:,ok:1\nx:1|c|#ok:1");
    pipeline_turn(&p);
    assert_int_equal(pipeline_stat(&p, INGEST_TAG_ERRORS), 6);
    pipeline_expect(&p, "x{ok=\"1\"} 4\n");
    pipeline_release(&p);
}

static void tag_errors_of_a_gauge_are_those_of_the_spelling_that_came(void **unused)
{
    (void)unused;
    static const struct {
        const char *lines;
        unsigned errors;
    } steps[] = { { "g:1|g|#k:", 1 },
                  { "g:2|g", 0 },
                  { "g:3|g|#k:,:v", 2 },
                  { "g:4|g\ng:5|g|#k:\ng:6|g|#k:,:v\ng:7|g", 3 } };
    struct pipeline p;
    uint64_t sum = 0;
    pipeline_init(&p, &(struct pipeline_opts){ 0 });
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        pipeline_feed(&p, 0, steps[i].lines);
        pipeline_turn(&p);
        assert_int_equal(pipeline_stat(&p, INGEST_TAG_ERRORS), sum += steps[i].errors);
    }
    pipeline_expect(&p, "g 7\n");
    pipeline_release(&p);
}

static void no_sample_is_counted_twice_or_never(void **unused)
{
    (void)unused;
    static const struct {
        const char *lines;
        unsigned read, aggregated, rejected, refused, values;
    } rows[] = {
        { "", 0, 0, 0, 0, 0 },
        { "a:1|c", 1, 1, 0, 0, 1 },
        { "a:1|c\n\n\nb:1|c\n", 2, 2, 0, 0, 2 },
        { "a", 1, 0, 1, 0, 0 },
        { "a:1|zz\na:x|c\na:1|c", 3, 1, 2, 0, 1 },
        { "a:1:2:3|c", 1, 1, 0, 0, 3 },
        { "a:1|c:x|c:2|c", 3, 2, 1, 0, 2 },
        { "a:1|c|#1,2,3,4,5", 1, 0, 1, 0, 0 },
        { "a:1|c|#1,2,3,4,5\na:1|c|#1,2,3,4,5\na:1|c|#1,2,3,4", 3, 1, 2, 0, 1 },
        { "a:1|c|#averyveryverylongtag:1", 1, 0, 1, 0, 0 },
        { "a:1|c\nb:1|c\nc:1|c\nd:1|c\na:1|c", 5, 4, 0, 1, 4 },
        { "a:1|c\nb:1|c\nc:1|c\nd:1:2|c\nd:1|g\nd:x|s\nd:1|c|@3", 7, 3, 1, 3, 3 },
        { "a:1|c\na:1|g\na:1|ms\na:1|h", 4, 3, 0, 1, 3 },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pipeline p;
        struct tags_opts tags = { .max_tags = 4, .max_tag_len = 16 };
        pipeline_init(&p, &(struct pipeline_opts){ .max_series = 3, .tags = tags });
        for (uint64_t round = 1; round <= 3; round++) {
            pipeline_feed(&p, 0, rows[i].lines);
            pipeline_turn(&p);
            uint64_t rejected = 0;
            for (int r = 0; r < REASON_COUNT; r++)
                rejected += pipeline_rejected(&p, (enum reason)r);
            assert_int_equal(pipeline_stat(&p, INGEST_SAMPLES_READ), round * rows[i].read);
            assert_int_equal(pipeline_stat(&p, INGEST_SAMPLES_AGGREGATED),
                             round * rows[i].aggregated);
            assert_int_equal(rejected, round * rows[i].rejected);
            assert_int_equal(pipeline_stat(&p, INGEST_SAMPLES_REFUSED), round * rows[i].refused);
            assert_int_equal(pipeline_stat(&p, INGEST_VALUES_AGGREGATED), round * rows[i].values);
        }
        pipeline_release(&p);
    }
}

static void the_series_limit_counts_identities_of_all_workers_once(void **unused)
{
    (void)unused;
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ .workers = 2, .max_series = 3 });
    pipeline_feed(&p, 0, "a:1|c|#x:1,y:2\nb:1|c");
    pipeline_feed(&p, 1, "b:1|c\na:1|c|#y:2,x:1\nc:1|c");
    assert_int_equal(p.limit.n, 3);
    pipeline_feed(&p, 0, "c:1|c\nd:1|c");
    pipeline_feed(&p, 1, "d:1|c\ne:1|c\na:1|c|#y:2,x:1");
    pipeline_turn(&p);
    assert_int_equal(pipeline_series(&p), 3);
    assert_int_equal(pipeline_stat(&p, INGEST_SAMPLES_REFUSED), 3);
    pipeline_expect(&p, "a{x=\"1\",y=\"2\"} 3\nb 2\nc 2\n");
    pipeline_release(&p);
}

/* As many as nearly fill the page's first 64 KiB for births, and what is refused then. */
static void expect_refused_at_the_limit_of(unsigned series)
{
    enum { LONGEST = 500 };
    struct pipeline p;
    char line[LONGEST + 16];
    pipeline_init(&p, &(struct pipeline_opts){ .max_series = series });
    for (unsigned i = 0; i < series; i++) {
        snprintf(line, sizeof line, "known%0*u:1|c", LONGEST * 4 / 5, i);
        pipeline_feed(&p, 0, line);
    }
    for (int len = 1; len <= LONGEST; len++) {
        snprintf(line, sizeof line, "n%0*d:1|%c", len, len, "cgsh"[len % 4]);
        pipeline_feed(&p, 0, line);
    }
    pipeline_turn(&p);
    assert_int_equal(pipeline_series(&p), series);
    assert_int_equal(pipeline_stat(&p, INGEST_SAMPLES_REFUSED), LONGEST);
    pipeline_release(&p);
}

/* What a refused series took for the moment is given back, wherever the page's memory ends. */
static void series_of_any_length_are_refused_at_the_limit(void **unused)
{
    (void)unused;
    for (unsigned series = 135; series < 150; series++)
        expect_refused_at_the_limit_of(series);
}

/*
 * Dropped tags and repeated keys make endless spellings of one series: they take bounded memory,
 * and no sample is lost.
 */
static void endless_spellings_of_a_series_take_bounded_memory(void **unused)
{
    (void)unused;
    enum { SERIES = 500, SPELLINGS = 20000 };
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ .max_series = SERIES, .ttl_s = 60 });
    size_t full = 0;
    for (unsigned i = 0; i < SPELLINGS; i++) {
        char lines[400];
        snprintf(lines, sizeof lines,
                 "a:1|c|#k:%u,k:v\na:1|c|#:%u,k:v\na:1|c|@0.5|#dd.internal.%u,k:v\n"
                 "g:%u|g|#k:%u,k:v\ng:+1|g|#k:%u,k:v,\ns:%u|s|#x:%u,x:y\nt:%u|h|#x:%u,x:y",
                 i, i, i, i, i, i, i % 50, i, i % 7, i);
        pipeline_feed(&p, 0, lines);
        if (i % 1000 == 0)
            pipeline_turn(&p);
        if (i == SERIES)
            full = ingest_memory(p.in[0]);
    }
    assert_int_equal(ingest_memory(p.in[0]), full);
    pipeline_turn(&p);
    assert_int_equal(pipeline_series(&p), 4);
    assert_int_equal(pipeline_stat(&p, INGEST_SAMPLES_REFUSED), 0);
    assert_int_equal(pipeline_stat(&p, INGEST_TAG_ERRORS), SPELLINGS);
    pipeline_close(&p);
    const char *text = pipeline_lines(&p);
    assert_true(pipeline_has(text, "a{k=\"v\"} 80000") && pipeline_has(text, "g{k=\"v\"} 20000") &&
                pipeline_has(text, "s{x=\"y\"} 50") &&
                pipeline_has(text, "t_count{x=\"y\"} 20000"));

    pipeline_feed(&p, 0, "b:1|c|#k:2,l:3\nb:1|c|#l:3,k:2\nb:1|g|#l:3,k:2\nb:1|c|#k:2,l:3");
    pipeline_turn(&p);
    assert_int_equal(pipeline_series(&p), 6);
    assert_true(pipeline_has(pipeline_lines(&p), "b{k=\"2\",l=\"3\"} 3"));
    pipeline_release(&p);
}

/* ---- gauges: order ---- */

/*
 * Steps of two workers at given times, in any order of turning: what the latest absolute value and
 * what came after it make.
 */
static void a_gauge_is_its_latest_value_and_what_was_added_since(void **unused)
{
    (void)unused;
    static const struct {
        const char *a;
        unsigned a_s;
        const char *b;
        unsigned b_s;
        const char *want;
    } rows[] = {
        { "g:1|g", 1, "g:2|g", 2, "g 2\n" },
        { "g:1|g", 2, "g:2|g", 1, "g 1\n" },
        { "g:10|g", 1, "g:+5|g", 2, "g 15\n" },
        { "g:10|g", 2, "g:+5|g", 1, "g 10\n" },
        { "g:+1|g", 1, "g:+5|g", 2, "g 6\n" },
        { "g:10|g\ng:+1|g", 1, "g:20|g\ng:+2|g", 2, "g 22\n" },
        { "g:10|g\ng:+1|g", 2, "g:20|g\ng:+2|g", 1, "g 11\n" },
        { "g:-5|g", 1, "g:3|g", 2, "g 3\n" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (unsigned order = 0; order < 4; order++) {
            struct pipeline p;
            pipeline_init(&p,
                          &(struct pipeline_opts){ .workers = 2, .gauge_sign = GAUGE_SIGN_DELTA });
            pipeline_feed_at(&p, 0, rows[i].a, p.now_ns + rows[i].a_s * PIPELINE_SECOND);
            pipeline_feed_at(&p, 1, rows[i].b, p.now_ns + rows[i].b_s * PIPELINE_SECOND);
            pipeline_forward(&p, 5);
            pipeline_turn_worker(&p, order & 1);
            if (order & 2)
                pipeline_turn_worker(&p, order & 1); /* an empty page between them */
            pipeline_turn_worker(&p, !(order & 1));
            pipeline_expect(&p, rows[i].want);
            pipeline_close(&p);
            pipeline_expect(&p, rows[i].want);
            pipeline_release(&p);
        }
    }
}

/* One worker set it, changed it after another had set it: the change stands on the later value. */
static void a_change_after_anothers_later_value_counts(void **unused)
{
    (void)unused;
    for (unsigned first = 0; first < 2; first++) {
        struct pipeline p;
        pipeline_init(&p, &(struct pipeline_opts){ .workers = 2, .gauge_sign = GAUGE_SIGN_DELTA });
        pipeline_feed_at(&p, 0, "g:10|g", p.now_ns + 1 * PIPELINE_SECOND);
        pipeline_feed_at(&p, 1, "g:20|g", p.now_ns + 2 * PIPELINE_SECOND);
        pipeline_feed_at(&p, 0, "g:+3|g", p.now_ns + 3 * PIPELINE_SECOND);
        pipeline_forward(&p, 5);
        pipeline_turn_worker(&p, first);
        pipeline_turn_worker(&p, !first);
        pipeline_expect(&p, "g 23\n");
        pipeline_release(&p);
    }
}

static void a_gauge_goes_on_over_pages_and_intervals(void **unused)
{
    (void)unused;
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ .gauge_sign = GAUGE_SIGN_DELTA });
    static const struct {
        const char *lines;
        bool close;
        const char *want;
    } steps[] = {
        { "g:+5|g", false, "g 5\n" },
        { "g:+5|g", false, "g 10\n" },
        { "", true, "g 10\n" },
        { "g:-3|g", false, "g 7\n" },
        { "g:100|g", false, "g 100\n" },
        { "g:+1|g", true, "g 101\n" },
        { "", true, "g 101\n" },
        { "g:+1|g", true, "g 102\n" },
        { "g:0|g\ng:-4|g", true, "g -4\n" },
        { "g:+4|g", false, "g 0\n" },
    };
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        pipeline_feed(&p, 0, steps[i].lines);
        pipeline_turn(&p);
        if (steps[i].close)
            pipeline_close(&p);
        pipeline_expect(&p, steps[i].want);
    }
    pipeline_release(&p);
}

/* Workers turn one after the other, so what came first may close an interval later. */
static void an_older_value_does_not_return_in_the_next_interval(void **unused)
{
    (void)unused;
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ .workers = 2 });
    uint64_t t = p.now_ns;
    pipeline_turn_worker(&p, 0);
    pipeline_feed_at(&p, 0, "g:3|g\nd:+3|g", t + 3000);
    pipeline_feed_at(&p, 1, "g:4|g\nd:4|g", t + 4000);
    pipeline_turn_worker(&p, 1);
    pipeline_close(&p);
    pipeline_turn_worker(&p, 0);
    pipeline_expect(&p, "d 4\ng 4\n");
    pipeline_close(&p);
    pipeline_feed_at(&p, 0, "g:+1|g", t + 9000);
    pipeline_feed_at(&p, 1, "g:7|g\ng:+1|g", t + 8000);
    pipeline_turn(&p);
    pipeline_expect(&p, "d 4\ng 9\n");
    pipeline_release(&p);
}

static void within_one_batch_the_order_of_spellings_is_kept(void **unused)
{
    (void)unused;
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ 0 });
    pipeline_feed(&p, 0, "g:1|g|#a:1,b:2\ng:2|g|#b:2,a:1");
    pipeline_turn(&p);
    pipeline_expect(&p, "g{a=\"1\",b=\"2\"} 2\n");
    pipeline_feed(&p, 0, "g:2|g|#b:2,a:1\ng:1|g|#a:1,b:2");
    pipeline_turn(&p);
    pipeline_expect(&p, "g{a=\"1\",b=\"2\"} 1\n");
    /* Longer than one batch, the last spelling in the next one. */
    struct buf lines = { 0 };
    for (int i = 0; i < 1000; i++)
        buf_printf(&lines, "g:%d|g|#%s\n", i,
                   i % 3 == 0   ? "a:1,b:2"
                   : i % 3 == 1 ? "b:2,a:1"
                                : "a:1,,b:2");
    pipeline_feed_bytes(&p, 0, lines.ptr, lines.len);
    pipeline_turn(&p);
    pipeline_expect(&p, "g{a=\"1\",b=\"2\"} 999\n");
    buf_release(&lines);
    pipeline_release(&p);
}

/* ---- pages ---- */

static void a_turn_waits_for_the_other_page_and_loses_nothing(void **unused)
{
    (void)unused;
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ 0 });
    pipeline_feed(&p, 0, "x:1|c");
    assert_int_equal(ingest_page_index(p.in[0]), 0);
    assert_null(ingest_take(p.in[0]));
    assert_true(ingest_turn(p.in[0], p.now_ns));
    assert_int_equal(ingest_page_index(p.in[0]), 1);
    struct page *held = ingest_take(p.in[0]);
    assert_non_null(held);
    assert_int_equal(page_index(held), 0);
    for (int late = 0; late < 3; late++) {
        pipeline_feed(&p, 0, "x:1|c\ny:1|c");
        assert_false(ingest_turn(p.in[0], p.now_ns));
        assert_null(ingest_take(p.in[0]));
    }
    registry_merge(p.registry, held, p.now_ns);
    pipeline_expect(&p, "x 1\n");
    ingest_give(p.in[0], held);
    pipeline_turn(&p);
    pipeline_expect(&p, "x 4\ny 3\n");
    assert_int_equal(pipeline_stat(&p, INGEST_PAGE_TURNS_LATE), 3);
    assert_int_equal(pipeline_stat(&p, INGEST_PAGE_TURNS), 2);
    pipeline_release(&p);
}

static void a_page_that_nobody_took_is_freed_with_its_births(void **unused)
{
    (void)unused;
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ 0 });
    pipeline_feed(&p, 0, "x:1|c\nt:1|ms\ns:a|s");
    assert_true(ingest_turn(p.in[0], p.now_ns));
    pipeline_feed(&p, 0, "x:1|c\nz:1|ms");
    pipeline_release(&p);
}

static void many_series_keep_their_own_counts_through_growth(void **unused)
{
    (void)unused;
    enum { SERIES = 20000 };
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ .workers = 2 });
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < SERIES; i += 100) {
            struct buf lines = { 0 };
            for (int j = i; j < i + 100; j++)
                buf_printf(&lines, "c:%d|c|#i:%d\n", j, j);
            pipeline_feed_bytes(&p, (unsigned)(i / 100 % 2), lines.ptr, lines.len);
            buf_release(&lines);
        }
        pipeline_turn(&p);
    }
    assert_int_equal(pipeline_series(&p), SERIES);
    const char *text = pipeline_lines(&p);
    double sum = 0;
    int n = 0;
    for (const char *at = text; *at != '\0'; at = strchr(at, '\n') + 1, n++) {
        double value = strtod(strchr(at, '}') + 1, NULL);
        assert_true(value == 3 * strtod(at + strlen("c{i=\""), NULL));
        sum += value;
    }
    assert_int_equal(n, SERIES);
    assert_true(sum == 3.0 * SERIES * (SERIES - 1) / 2);
    pipeline_release(&p);
}

/* ---- idle ---- */

static void idle_cells_are_dropped_and_their_memory_falls(void **unused)
{
    (void)unused;
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ .ttl_s = 60 });
    size_t before = ingest_memory(p.in[0]);
    for (int i = 0; i < 20000; i += 100) {
        struct buf lines = { 0 };
        for (int j = i; j < i + 100; j++)
            buf_printf(&lines, "c:1|c|#i:%d\nt:1|ms|#i:%d\n", j, j);
        pipeline_feed_bytes(&p, 0, lines.ptr, lines.len);
        buf_release(&lines);
    }
    pipeline_turn(&p);
    assert_int_equal(pipeline_series(&p), 40000);
    size_t full = ingest_memory(p.in[0]);
    assert_true(full > before + 40000 * 64);
    for (int s = 0; s < 200; s += 5) {
        pipeline_forward(&p, 5);
        pipeline_feed(&p, 0, "alive:1|c");
        pipeline_turn(&p);
        while (registry_expire(p.registry, p.now_ns)) {}
        pipeline_close(&p);
    }
    assert_int_equal(pipeline_series(&p), 1);
    assert_int_equal(p.limit.n, 1);
    /* What is left: a small table and at most one region for each kind. */
    assert_true(ingest_memory(p.in[0]) <= before + (5u << 20));
    pipeline_expect(&p, "alive 40\n");
    pipeline_feed(&p, 0, "c:1|c|#i:7");
    pipeline_turn(&p);
    pipeline_expect(&p, "alive 40\nc{i=\"7\"} 1\n");
    pipeline_release(&p);
}

/* However much the table shrinks on the way; the bounds are those of ingest.h and registry.h. */
static void all_that_is_idle_is_gone_in_time(void **unused)
{
    (void)unused;
    enum { TTL = 400, SPELLINGS = 60000 };
    for (int later = 0; later <= TTL / 4; later += TTL / 8) {
        struct pipeline p;
        pipeline_init(&p, &(struct pipeline_opts){ .ttl_s = TTL });
        const size_t before = ingest_memory(p.in[0]);
        pipeline_forward(&p, 1 + (unsigned)later); /* the sweep is elsewhere */
        pipeline_turn(&p);
        for (int i = 0; i < SPELLINGS; i += 50) {
            struct buf lines = { 0 };
            for (int j = i; j < i + 50; j++)
                buf_printf(&lines, "c:1|c|#i:%d\n", j);
            pipeline_feed_bytes(&p, 0, lines.ptr, lines.len);
            buf_release(&lines);
        }
        for (unsigned s = 0; s < TTL + TTL / 2 + TTL / 5; s++) {
            pipeline_turn(&p);
            while (registry_expire(p.registry, p.now_ns)) {}
            pipeline_close(&p);
            if (s <= TTL)
                assert_int_equal(pipeline_series(&p), SPELLINGS);
            if (s >= TTL + TTL / 10 + 2) /* off the page */
                assert_int_equal(pipeline_series(&p), 0);
            if (s >= TTL + TTL / 2) /* no cell is left */
                assert_true(ingest_memory(p.in[0]) <= before + (3u << 20));
            pipeline_forward(&p, 1);
        }
        assert_int_equal(p.limit.n, 0);
        pipeline_release(&p);
    }
}

static void spellings_of_a_gauge_go_one_by_one_and_its_cell_with_the_last(void **unused)
{
    (void)unused;
    enum { GAUGES = 3000 };
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ .ttl_s = 60, .gauge_sign = GAUGE_SIGN_DELTA });
    size_t before = ingest_memory(p.in[0]);
    for (int i = 0; i < GAUGES; i++) {
        char lines[128];
        snprintf(lines, sizeof lines, "g:1|g|#a:%d,b:2\ng:+1|g|#b:2,a:%d\ng:+1|g|#b:2,,a:%d", i, i,
                 i);
        pipeline_feed(&p, 0, lines);
    }
    pipeline_turn(&p);
    for (int s = 0; s < 300; s += 5) {
        pipeline_forward(&p, 5);
        pipeline_feed(&p, 0, "g:+1|g|#b:2,a:7"); /* the second spelling alone keeps it */
        pipeline_turn(&p);
        registry_expire(p.registry, p.now_ns);
        pipeline_close(&p);
    }
    pipeline_expect(&p, "g{a=\"7\",b=\"2\"} 63\n");
    assert_int_equal(p.limit.n, 1);
    assert_true(ingest_memory(p.in[0]) <= before + (5u << 20));
    pipeline_feed(&p, 0, "g:+1|g|#a:7,b:2\ng:+1|g|#a:8,b:2");
    pipeline_turn(&p);
    pipeline_expect(&p, "g{a=\"7\",b=\"2\"} 64\ng{a=\"8\",b=\"2\"} 1\n");
    for (int s = 0; s < 300; s += 5) {
        pipeline_forward(&p, 5);
        pipeline_turn(&p);
        registry_expire(p.registry, p.now_ns);
        pipeline_close(&p);
    }
    pipeline_expect(&p, "");
    assert_int_equal(p.limit.n, 0);
    pipeline_release(&p);
}

static void a_cell_that_is_touched_in_time_stays(void **unused)
{
    (void)unused;
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ .ttl_s = 10 });
    for (int i = 0; i < 20; i++) {
        pipeline_feed(&p, 0, "x:1|c|#:bad");
        pipeline_turn(&p);
        pipeline_forward(&p, 9);
        pipeline_turn(&p);
        registry_expire(p.registry, p.now_ns);
    }
    pipeline_expect(&p, "x 20\n");
    assert_int_equal(registry_stats(p.registry)->v[REGISTRY_SERIES_CREATED], 1);
    pipeline_release(&p);
}

/* ---- histograms ---- */

static void a_value_at_a_bound_is_in_its_bucket(void **unused)
{
    (void)unused;
    static const double bounds[] = { -1, 0, 0.005, 0.1, 1, 2.5 };
    static const struct {
        const char *line;
        double counts[7]; /* not cumulative */
    } rows[] = {
        { "t:5|ms", { 0, 0, 1, 0, 0, 0, 0 } },
        { "t:5.0001|ms", { 0, 0, 0, 1, 0, 0, 0 } },
        { "t:100|ms", { 0, 0, 0, 1, 0, 0, 0 } },
        { "t:0|ms", { 0, 1, 0, 0, 0, 0, 0 } },
        { "t:2500|ms", { 0, 0, 0, 0, 0, 1, 0 } },
        { "t:2501|ms", { 0, 0, 0, 0, 0, 0, 1 } },
        { "t:0.1|h", { 0, 0, 0, 1, 0, 0, 0 } },
        { "t:1|d", { 0, 0, 0, 0, 1, 0, 0 } },
        { "t:1e300|d", { 0, 0, 0, 0, 0, 0, 1 } },
        { "t:-1|h", { 1, 0, 0, 0, 0, 0, 0 } },
        { "t:-0.5|h", { 0, 1, 0, 0, 0, 0, 0 } },
        { "t:1|h|@0.25", { 0, 0, 0, 0, 4, 0, 0 } },
        { "t:-5:0.05:0.1:3:3|h", { 1, 0, 0, 2, 0, 0, 2 } },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pipeline p;
        pipeline_init(&p, &(struct pipeline_opts){ .histograms = true,
                                                   .buckets = bounds,
                                                   .n_buckets = ARRAY_LEN(bounds) });
        for (int round = 1; round <= 3; round++) {
            pipeline_feed(&p, 0, rows[i].line);
            pipeline_turn(&p);
            const char *text = pipeline_lines(&p);
            double below = 0;
            for (size_t b = 0; b <= ARRAY_LEN(bounds); b++) {
                char want[64], bound[16] = "+Inf";
                below += rows[i].counts[b] * round;
                if (b < ARRAY_LEN(bounds))
                    snprintf(bound, sizeof bound, "%g", bounds[b]);
                snprintf(want, sizeof want, "t_bucket{le=\"%s\"} %g", bound, below);
                assert_true(pipeline_has(text, want));
            }
            char want[64];
            snprintf(want, sizeof want, "t_count %g", below);
            assert_true(pipeline_has(text, want));
        }
        pipeline_release(&p);
    }
}

/* ---- hostile numbers ---- */

static void numbers_below_the_normal_ones_are_as_good_as_any(void **unused)
{
    (void)unused;
    static const struct {
        const char *lines, *want, *closed;
    } rows[] = {
        { "g:1e-320|g", "g 1e-320\n", "gauge g =1e-320 " },
        { "g:-1e-320|g", "g -1e-320\n", "gauge g +-1e-320 " },
        { "g:5e-324|g\ng:+5e-324|g", "g 1e-323\n", "gauge g =5e-324 +5e-324 " },
        { "g:1e-320|g\ng:-1e-320|g", "g 0\n", "gauge g =1e-320 +-1e-320 " },
        { "c:1e-320:2e-320|c", "c 3e-320\n", "counter c 3e-320\n" },
        { "c:1e-320|c|@0.5", "c 2e-320\n", "counter c 2e-320\n" },
        { "t:1e-320|h",
          "t{quantile=\"0.5\"} 1e-320\nt{quantile=\"0.9\"} 1e-320\n"
          "t{quantile=\"0.99\"} 1e-320\nt_sum 1e-320\nt_count 1\n",
          "timer t 1 1e-320\n" },
        /* Seconds of a thousandth of it: rounded to what there is. */
        { "t:1e-320|ms",
          "t{quantile=\"0.5\"} 1e-323\nt{quantile=\"0.9\"} 1e-323\n"
          "t{quantile=\"0.99\"} 1e-323\nt_sum 1e-323\nt_count 1\n",
          "timer t 1 1e-320\n" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pipeline p;
        pipeline_init(&p, &(struct pipeline_opts){ 0 });
        pipeline_feed(&p, 0, rows[i].lines);
        pipeline_turn(&p);
        pipeline_expect(&p, rows[i].want);
        const char *closed = pipeline_close(&p);
        if (strncmp(closed, rows[i].closed, strlen(rows[i].closed)) != 0)
            fail_msg("%s closed as %s", rows[i].lines, closed);
        pipeline_release(&p);
    }
}

static struct sample sample_of(const char *name, uint64_t lo, uint64_t hi)
{
    return (struct sample){ .hash = { .lo = lo, .hi = hi },
                            .value = 1,
                            .rate = 1,
                            .name = name,
                            .name_len = (uint32_t)strlen(name),
                            .type = SAMPLE_COUNTER };
}

/* In one batch and over several; 0 is what a free slot of the table has. */
static void half_a_hash_does_not_make_two_series_one(void **unused)
{
    (void)unused;
    static const uint64_t halves[] = { 0, 1, 3, 1023, UINT64_MAX };
    for (size_t i = 0; i < ARRAY_LEN(halves); i++) {
        struct sample s[] = { sample_of("a", halves[i], 1), sample_of("b", halves[i], 2),
                              sample_of("b", halves[i], 2), sample_of("c", halves[i], 3),
                              sample_of("c", halves[i], 3), sample_of("c", halves[i], 3) };
        struct pipeline p;
        pipeline_init(&p, &(struct pipeline_opts){ 0 });
        for (unsigned round = 1; round <= 3; round++) {
            struct batch b = { .samples = s,
                               .n = ARRAY_LEN(s),
                               .counts = { .samples = ARRAY_LEN(s) } };
            char want[64];
            ingest_batch(p.in[0], &b, p.now_ns);
            pipeline_turn(&p);
            snprintf(want, sizeof want, "a %u\nb %u\nc %u\n", round, 2 * round, 3 * round);
            pipeline_expect(&p, want);
        }
        pipeline_release(&p);
    }
}

/* Behind samples of another kind, in the second stage of a batch, and in the next batch. */
static void a_change_of_a_gauge_has_the_arrival_of_its_datagram(void **unused)
{
    (void)unused;
    enum { N = INGEST_BATCH_MAX + 50, SECOND_AT = N - 20, GAUGE_AT = N - 10 };
    const uint64_t start = 500 * PIPELINE_SECOND, arrival = start + 1000 + GAUGE_AT - SECOND_AT;
    static const struct {
        int64_t after; /* the change by the other worker */
        bool next;     /* in the next batch, 5000 later */
        const char *want;
    } rows[] = {
        { -1, false, "g 1" },
        { 1, false, "g 2" },
        { 4999, true, "g 3" },
        { 5001, true, "g 2" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        static struct sample s[N];
        struct sample gauge = sample_of("g", 7, 7), other;
        struct pipeline p;
        gauge.type = SAMPLE_GAUGE;
        for (unsigned k = 0; k < N; k++)
            s[k] = sample_of("c", 5, 5);
        s[GAUGE_AT] = gauge;
        struct batch b = { .samples = s,
                           .n = N,
                           .counts = { .samples = N },
                           .n_arrivals = 2,
                           .arrivals = { { 0, start }, { SECOND_AT, start + 1000 } } };
        pipeline_init(&p, &(struct pipeline_opts){ .workers = 2 });
        ingest_batch(p.in[0], &b, start + PIPELINE_SECOND);
        b.samples = &gauge;
        b.n = b.n_arrivals = 1;
        b.counts.samples = rows[i].next;
        b.arrivals[0].ns = arrival + 5000;
        gauge.value = 3;
        if (rows[i].next)
            ingest_batch(p.in[0], &b, start + PIPELINE_SECOND);
        other = gauge;
        other.value = 2;
        b.samples = &other;
        b.counts.samples = 1;
        b.arrivals[0].ns = arrival + (uint64_t)rows[i].after;
        ingest_batch(p.in[1], &b, start + PIPELINE_SECOND);
        pipeline_turn(&p);
        assert_true(pipeline_has(pipeline_lines(&p), rows[i].want));
        pipeline_release(&p);
    }
}

static void no_number_breaks_the_exposition(void **unused)
{
    (void)unused;
    static const char *const lines =
        "c:1.7976931348623157e308|c\nc:1.7976931348623157e308|c\n"
        "c:-1.7976931348623157e308|c\nc:-1.7976931348623157e308|c|@0.001\n"
        "g:1.7976931348623157e308|g\ng:+1.7976931348623157e308|g\nn:5e-324|g\nz:-0|g\nz0:0|c\n"
        "t:1.7976931348623157e308|ms\nt:1.7976931348623157e308|h\nt:5e-324|ms\n"
        "t:-1.7976931348623157e308|h\nt:0|ms\nt:1|ms|@1e-300\n"
        "r:1|c|@1e-308\nr:1|c|@5e-324\n";
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ .workers = 2 });
    for (int round = 0; round < 3; round++) {
        pipeline_feed(&p, 0, lines);
        pipeline_feed(&p, 1, lines);
        pipeline_turn(&p);
        pipeline_close(&p);
        const char *text = pipeline_lines(&p);
        for (const char *at = text; *at != '\0'; at = strchr(at, '\n') + 1) {
            const char *value = at + strcspn(at, " \n") + 1;
            char *end;
            strtod(value, &end);
            assert_true(end > value && *end == '\n');
        }
    }
    pipeline_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_goes_from_line_to_exposition),
        cmocka_unit_test(spellings_of_one_identity_meet),
        cmocka_unit_test(tag_errors_count_with_every_sample_that_has_them),
        cmocka_unit_test(tag_errors_of_a_gauge_are_those_of_the_spelling_that_came),
        cmocka_unit_test(no_sample_is_counted_twice_or_never),
        cmocka_unit_test(the_series_limit_counts_identities_of_all_workers_once),
        cmocka_unit_test(series_of_any_length_are_refused_at_the_limit),
        cmocka_unit_test(endless_spellings_of_a_series_take_bounded_memory),
        cmocka_unit_test(a_gauge_is_its_latest_value_and_what_was_added_since),
        cmocka_unit_test(a_change_after_anothers_later_value_counts),
        cmocka_unit_test(a_gauge_goes_on_over_pages_and_intervals),
        cmocka_unit_test(an_older_value_does_not_return_in_the_next_interval),
        cmocka_unit_test(within_one_batch_the_order_of_spellings_is_kept),
        cmocka_unit_test(a_turn_waits_for_the_other_page_and_loses_nothing),
        cmocka_unit_test(a_page_that_nobody_took_is_freed_with_its_births),
        cmocka_unit_test(many_series_keep_their_own_counts_through_growth),
        cmocka_unit_test(idle_cells_are_dropped_and_their_memory_falls),
        cmocka_unit_test(all_that_is_idle_is_gone_in_time),
        cmocka_unit_test(spellings_of_a_gauge_go_one_by_one_and_its_cell_with_the_last),
        cmocka_unit_test(a_cell_that_is_touched_in_time_stays),
        cmocka_unit_test(a_value_at_a_bound_is_in_its_bucket),
        cmocka_unit_test(half_a_hash_does_not_make_two_series_one),
        cmocka_unit_test(a_change_of_a_gauge_has_the_arrival_of_its_datagram),
        cmocka_unit_test(numbers_below_the_normal_ones_are_as_good_as_any),
        cmocka_unit_test(no_number_breaks_the_exposition),
    };
    return cmocka_run_group_tests_name("ingest", tests, NULL, NULL);
}
