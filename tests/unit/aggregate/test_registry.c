/*
 * What the sinks get of an interval, what /metrics keeps for ever, how windows slide, how series
 * expire and come back.
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

#include "aggregate/ingest.h"
#include "base/mem.h"
#include "support/pipeline.h"

/* ---- intervals ---- */

static void expect_closed(struct pipeline *p, const char *want)
{
    const char *have = pipeline_close(p);
    struct slice rest = slice_str(want), line;
    size_t lines = 0;
    while (slice_cut(&rest, '\n', &line)) {
        char *one = mem_strndup(line.ptr, line.len);
        if (!pipeline_has(have, one))
            fail_msg("not closed: %s\nclosed:\n%s", one, have);
        free(one);
        lines++;
    }
    for (; *have != '\0'; have++)
        lines -= *have == '\n';
    assert_int_equal(lines, 0);
}

static void a_closed_interval_shows_what_came_in_and_nothing_else(void **unused)
{
    (void)unused;
    static const struct {
        const char *lines[4]; /* one interval each; NULL ends */
        const char *want[4];
    } rows[] = {
        { { "c:1|c\nc:2|c", "", "c:5|c" }, { "counter c 3\n", "", "counter c 5\n" } },
        { { "c:-4|c\nc:1|c", "c:1|c" }, { "counter c -3\n", "counter c 1\n" } },
        { { "c:0|c" }, { "counter c 0\n" } },
        { { "c:1|c|@0.3" }, { "counter c 3.3333333333333335\n" } },
        { { "c:1|c|#b:2,a:1\nd:1|c" }, { "counter c|#a:1,b:2 1\ncounter d 1\n" } },
        { { "t:5|ms\nt:7|ms|@0.5", "", "t:1|ms" }, { "timer t 3 19\n", "", "timer t 1 1\n" } },
        { { "t:5|h\nt:6|d\nt:7|ms" }, { "timer t 1 5\ntimer t 1 6\ntimer t 1 7\n" } },
        { { "s:a|s\ns:b|s\ns:a|s", "", "s:a|s" }, { "set s 2\n", "", "set s 1\n" } },
        /* a type conflict reaches the sinks */
        { { "c:1|c\nc:1|g" }, { "counter c 1\ngauge c =1 +0 @1000000\n" } },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pipeline p;
        pipeline_init(&p, &(struct pipeline_opts){ 0 });
        for (size_t j = 0; j < 4 && rows[i].lines[j] != NULL; j++) {
            pipeline_feed(&p, 0, rows[i].lines[j]);
            pipeline_turn(&p);
            expect_closed(&p, rows[i].want[j]);
        }
        pipeline_release(&p);
    }
}

static void several_pages_of_several_workers_make_one_interval(void **unused)
{
    (void)unused;
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ .workers = 3 });
    for (unsigned i = 0; i < 9; i++) {
        pipeline_feed(&p, i % 3, "c:1|c\nt:2|ms\ns:a|s\n");
        pipeline_turn(&p);
    }
    expect_closed(&p, "counter c 9\ntimer t 9 18\nset s 1\n");
    pipeline_turn(&p);
    expect_closed(&p, "");
    pipeline_release(&p);
}

static void a_gauges_change_tells_value_delta_and_when(void **unused)
{
    (void)unused;
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ .workers = 2, .gauge_sign = GAUGE_SIGN_DELTA });
    static const struct {
        const char *lines;
        unsigned worker, at_ms, close_ms;
        const char *want;
    } steps[] = {
        { "g:5|g", 0, 1000, 3000, "gauge g =5 +0 @%llu\n" },
        { "g:+2|g", 1, 4000, 9000, "gauge g +2 @%llu\n" },
        { "", 0, 10000, 11000, "" },
        { "g:9|g\ng:+2|g\ng:-3|g", 0, 12000, 12000, "gauge g =9 +-1 @%llu\n" },
        { "g:+2|g\ng:1|g", 0, 13000, 15000, "gauge g =1 +0 @%llu\n" },
    };
    uint64_t start = p.now_ns;
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        char want[128];
        pipeline_feed_at(&p, steps[i].worker, steps[i].lines, start + steps[i].at_ms * 1000000ull);
        p.now_ns = start + steps[i].close_ms * 1000000ull;
        pipeline_turn(&p);
        const char *format = steps[i].want;
        if (*format == '\0')
            want[0] = '\0';
        else
            snprintf(want, sizeof want, "%.*s%llu\n", (int)(strchr(format, '@') + 1 - format),
                     format, 1000000ull + steps[i].at_ms);
        expect_closed(&p, want);
    }
    pipeline_release(&p);
}

static void a_set_without_a_window_shows_the_last_closed_interval(void **unused)
{
    (void)unused;
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ .workers = 2 });
    pipeline_feed(&p, 0, "s:a|s\ns:b|s");
    pipeline_feed(&p, 1, "s:b|s\ns:c|s\nother:1|c");
    pipeline_turn(&p);
    pipeline_expect(&p, "other 1\n"); /* nothing to show before the first close */
    pipeline_close(&p);
    pipeline_expect(&p, "other 1\ns 3\n");
    pipeline_feed(&p, 0, "s:x|s");
    pipeline_turn(&p);
    pipeline_expect(&p, "other 1\ns 3\n");
    pipeline_close(&p);
    pipeline_expect(&p, "other 1\ns 1\n");
    pipeline_close(&p);
    pipeline_expect(&p, "other 1\ns 0\n");
    pipeline_close(&p);
    pipeline_expect(&p, "other 1\ns 0\n");
    pipeline_release(&p);
}

static void a_set_shows_its_window_with_the_open_interval(void **unused)
{
    (void)unused;
    static const struct {
        uint32_t steps, intervals;
        const char *lines[10]; /* one interval each */
        unsigned shown[10];    /* before the interval closes */
    } rows[] = {
        { 3,
          1,
          { "s:a|s\ns:b|s", "s:c|s", "", "s:c|s", "", "", "", "" },
          { 2, 3, 3, 3, 1, 1, 1, 0 } },
        { 1, 1, { "s:a|s", "s:b|s", "s:a|s", "", "" }, { 1, 2, 2, 1, 0 } },
        { 6,
          1,
          { "s:a|s", "s:a|s", "s:a|s", "s:b|s", "", "", "", "", "", "" },
          { 1, 1, 1, 2, 2, 2, 2, 2, 2, 1 } },
        /* steps of two */
        { 2,
          2,
          { "s:a|s", "s:b|s", "s:c|s", "", "", "", "", "", "" },
          { 1, 2, 3, 3, 3, 3, 1, 1, 0 } },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pipeline p;
        pipeline_init(&p, &(struct pipeline_opts){ .set_steps = rows[i].steps,
                                                   .set_step_intervals = rows[i].intervals });
        for (size_t j = 0; j < 10 && rows[i].lines[j] != NULL; j++) {
            char want[32];
            pipeline_feed(&p, 0, rows[i].lines[j]);
            pipeline_turn(&p);
            snprintf(want, sizeof want, "s %u\n", rows[i].shown[j]);
            pipeline_expect(&p, want);
            pipeline_close(&p);
        }
        pipeline_release(&p);
    }
}

static void sinks_get_a_sets_interval_whatever_its_window(void **unused)
{
    (void)unused;
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ .workers = 2, .set_steps = 6 });
    pipeline_feed(&p, 0, "s:a|s\ns:b|s\nother:x|s");
    pipeline_feed(&p, 1, "s:b|s\ns:c|s");
    pipeline_turn(&p);
    expect_closed(&p, "set s 3\nset other 1\n");
    pipeline_feed(&p, 1, "s:d|s");
    pipeline_turn(&p);
    pipeline_expect(&p, "s 4\nother 1\n");
    expect_closed(&p, "set s 1\n");
    expect_closed(&p, "");
    pipeline_release(&p);
}

/* More than the registers' threshold, over pages of two workers and several steps. */
/* With a window and without; nothing comes in the interval that ends, so no series is given. */
static void sets_hear_of_an_intervals_end_in_slices_and_show_it_at_once(void **unused)
{
    (void)unused;
    enum { N = 40, MOST = 20 };
    for (unsigned steps = 0; steps < 2; steps++) {
        struct pipeline p;
        char line[32];
        pipeline_init(&p, &(struct pipeline_opts){ .set_steps = steps });
        for (unsigned i = 0; i < N; i++) {
            snprintf(line, sizeof line, "s%u:a|s", i);
            pipeline_feed(&p, 0, line);
        }
        pipeline_turn(&p);
        pipeline_close(&p);
        struct snapshot snap;
        p.end = (struct interval_end){ .interval_ms = 10000, .now_ns = p.now_ns };
        registry_close(p.registry, &p.end, &snap);
        assert_true(registry_give(p.registry, MOST));
        pipeline_feed(&p, 0, "s7:b|s");
        pipeline_turn(&p);
        for (unsigned i = 0; i < N; i++) {
            snprintf(line, sizeof line, "s%u %u", i, i == 7 && steps > 0);
            assert_true(pipeline_has(pipeline_lines(&p), line));
        }
        while (registry_give(p.registry, MOST)) {}
        assert_true(pipeline_has(pipeline_close(&p), "set s7 1"));
        pipeline_release(&p);
    }
}

static void a_large_set_is_estimated_over_its_window(void **unused)
{
    (void)unused;
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ .workers = 2, .set_steps = 3 });
    for (unsigned step = 0; step < 8; step++) {
        unsigned in_window = 0;
        for (unsigned i = 0; i < 3000 && step < 4; i++) {
            char line[32];
            snprintf(line, sizeof line, "s:user-%u|s", step * 3000 + i);
            pipeline_feed(&p, i % 2, line);
        }
        for (unsigned back = 0; back <= 3 && back <= step; back++)
            in_window += step - back < 4 ? 3000 : 0;
        pipeline_turn(&p);
        double have = strtod(pipeline_lines(&p) + 2, NULL);
        if (have < in_window * 0.96 || have > in_window * 1.04)
            fail_msg("step %u: %g members, not %u", step, have, in_window);
        pipeline_close(&p);
    }
    pipeline_expect(&p, "s 0\n");
    pipeline_release(&p);
}

static void sets_come_and_go_by_their_ttl_in_any_order(void **unused)
{
    (void)unused;
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ .ttl_s = 20, .set_steps = 12 });
    for (unsigned round = 0; round < 40; round++) {
        char lines[64];
        snprintf(lines, sizeof lines, "s%u:a|s\ns%u:b|s", round % 7, round * 5 % 11);
        pipeline_feed(&p, 0, lines);
        pipeline_turn(&p);
        pipeline_close(&p);
        pipeline_forward(&p, 7);
        registry_expire(p.registry, p.now_ns);
        snprintf(lines, sizeof lines, "s%u 2", round % 7);
        if (round % 7 == round * 5 % 11)
            assert_true(pipeline_has(pipeline_lines(&p), lines));
    }
    pipeline_forward(&p, 100);
    registry_expire(p.registry, p.now_ns);
    pipeline_expect(&p, "");
    pipeline_feed(&p, 0, "s1:x|s");
    pipeline_turn(&p);
    pipeline_expect(&p, "s1 1\n");
    pipeline_release(&p);
}

static void metrics_are_cumulative_whatever_the_intervals(void **unused)
{
    (void)unused;
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ .workers = 2 });
    for (int i = 1; i <= 10; i++) {
        pipeline_feed(&p, (unsigned)i % 2, "c:2|c\nc:-1|c\nt:100|ms\n");
        pipeline_turn(&p);
        if (i % 3 == 0)
            pipeline_close(&p);
        char want[64];
        snprintf(want, sizeof want, "c %d", 2 * i);
        assert_true(pipeline_has(pipeline_lines(&p), want));
        snprintf(want, sizeof want, "t_count %d", i);
        assert_true(pipeline_has(pipeline_lines(&p), want));
    }
    assert_int_equal(registry_stats(p.registry)->v[REGISTRY_DECREMENTS], 10);
    pipeline_release(&p);
}

/* ---- the window of a summary ---- */

static double quantile_at(struct pipeline *p, const char *line_start)
{
    const char *at = strstr(pipeline_lines(p), line_start);
    assert_non_null(at);
    return strtod(at + strlen(line_start), NULL);
}

static void a_summarys_window_slides_by_ages(void **unused)
{
    (void)unused;
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ .max_age_ms = 50000, .age_buckets = 5 });
    p.now_ns = 1000 * PIPELINE_SECOND; /* at the start of an age */
    pipeline_feed(&p, 0, "t:1000|h");
    pipeline_turn(&p);
    for (int s = 0; s < 50; s += 10) {
        assert_true(quantile_at(&p, "t{quantile=\"0.99\"} ") == 1000);
        pipeline_feed(&p, 0, "t:1|h");
        pipeline_turn(&p);
        pipeline_close(&p);
        pipeline_forward(&p, 10);
    }
    /* The age of the 1000 is over: what is left are the ones of the four ages since. */
    assert_true(quantile_at(&p, "t{quantile=\"0.99\"} ") == 1);
    pipeline_forward(&p, 50);
    assert_true(isnan(quantile_at(&p, "t{quantile=\"0.5\"} ")));
    assert_true(quantile_at(&p, "t_count ") == 6 && quantile_at(&p, "t_sum ") == 1005);
    pipeline_feed(&p, 0, "t:7|h");
    pipeline_turn(&p);
    assert_true(quantile_at(&p, "t{quantile=\"0.5\"} ") == 7);
    pipeline_release(&p);
}

static void a_long_silence_leaves_no_old_age_in_the_window(void **unused)
{
    (void)unused;
    for (uint64_t silence = 10; silence <= 200; silence += 10) {
        struct pipeline p;
        pipeline_init(&p, &(struct pipeline_opts){ .max_age_ms = 50000, .age_buckets = 5 });
        pipeline_feed(&p, 0, "t:1000|h");
        pipeline_turn(&p);
        pipeline_forward(&p, silence);
        pipeline_feed(&p, 0, "t:1|h");
        pipeline_turn(&p);
        assert_true(quantile_at(&p, "t{quantile=\"0.99\"} ") == (silence < 50 ? 1000 : 1));
        pipeline_release(&p);
    }
}

/* ---- expiry ---- */

static void idle(struct pipeline *p, uint64_t seconds)
{
    for (uint64_t s = 0; s < seconds; s++) {
        pipeline_forward(p, 1);
        pipeline_turn(p);
        registry_expire(p->registry, p->now_ns);
        if (s % 10 == 9)
            pipeline_close(p);
    }
}

static void an_idle_series_goes_and_comes_back_at_zero(void **unused)
{
    (void)unused;
    static const struct {
        const char *first, *again, *want;
    } rows[] = {
        { "c:5|c", "c:1|c", "c 1\n" },
        { "g:5|g", "g:+1|g", "g 1\n" },
        { "g:5|g|#a:1", "g:7|g|#a:1", "g{a=\"1\"} 7\n" },
        { "t:5|h\nt:6|h", "t:1|h",
          "t{quantile=\"0.5\"} 1\nt{quantile=\"0.9\"} 1\nt{quantile=\"0.99\"} 1\nt_sum 1\n"
          "t_count 1\n" },
        { "s:a|s\ns:b|s", "s:c|s", "" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pipeline p;
        pipeline_init(&p, &(struct pipeline_opts){
                              .workers = 2, .ttl_s = 30, .gauge_sign = GAUGE_SIGN_DELTA });
        pipeline_feed(&p, 0, rows[i].first);
        pipeline_feed(&p, 1, rows[i].first);
        pipeline_turn(&p);
        idle(&p, 20);
        assert_int_equal(pipeline_series(&p), 1);
        idle(&p, 80);
        assert_int_equal(pipeline_series(&p), 0);
        assert_int_equal(p.limit.n, 0);
        assert_int_equal(registry_stats(p.registry)->v[REGISTRY_SERIES_EXPIRED], 1);
        pipeline_expect(&p, "");
        pipeline_feed(&p, 1, rows[i].again);
        pipeline_turn(&p);
        pipeline_expect(&p, rows[i].want);
        assert_int_equal(pipeline_series(&p), 1);
        assert_int_equal(p.limit.n, 1);
        assert_int_equal(registry_stats(p.registry)->v[REGISTRY_SERIES_CREATED], 2);
        pipeline_release(&p);
    }
}

/*
 * The registry forgets the values although a worker still has the cell; its next sample must not go
 * to a dead series.
 */
static void a_series_revives_through_a_cell_that_outlived_it(void **unused)
{
    (void)unused;
    static const struct {
        const char *line, *want;
    } rows[] = {
        { "c:5|c", "c 5\n" },
        { "g:+5|g", "g 5\n" },
        { "t:5|h", "t{quantile=\"0.5\"} 5\nt{quantile=\"0.9\"} 5\nt{quantile=\"0.99\"} 5\nt_sum 5\n"
                   "t_count 1\n" },
        { "s:a|s", "" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pipeline p;
        pipeline_init(&p, &(struct pipeline_opts){
                              .workers = 2, .ttl_s = 30, .gauge_sign = GAUGE_SIGN_DELTA });
        for (int round = 0; round < 3; round++) {
            pipeline_feed(&p, 0, rows[i].line);
            pipeline_turn(&p);
            pipeline_close(&p);
            assert_int_equal(pipeline_series(&p), 1);
            pipeline_forward(&p, 40);
            registry_expire(p.registry, p.now_ns); /* no turn: the worker drops nothing */
            assert_int_equal(pipeline_series(&p), 0);
            assert_int_equal(p.limit.n, 1); /* the cell still holds the place */
            pipeline_expect(&p, "");
        }
        /* and another worker's new cell finds it too */
        pipeline_feed(&p, 1, rows[i].line);
        pipeline_turn(&p);
        pipeline_expect(&p, rows[i].want);
        pipeline_release(&p);
    }
}

static void a_series_born_while_it_is_forgotten_keeps_its_place(void **unused)
{
    (void)unused;
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ .ttl_s = 10, .max_series = 1 });
    pipeline_feed(&p, 0, "c:1|c");
    pipeline_turn(&p);
    pipeline_close(&p);
    pipeline_forward(&p, 20);
    pipeline_turn(&p);
    pipeline_turn(&p);
    pipeline_feed(&p, 0, "c:2|c");         /* claims the place that it still has */
    registry_expire(p.registry, p.now_ns); /* which is then given up */
    pipeline_turn(&p);
    pipeline_expect(&p, "c 2\n");
    assert_int_equal(p.limit.n, 1);
    pipeline_feed(&p, 0, "d:1|c");
    pipeline_turn(&p);
    assert_int_equal(pipeline_stat(&p, INGEST_SAMPLES_REFUSED), 1);
    pipeline_release(&p);
}

static void what_came_in_during_the_interval_is_not_expired_before_it_closes(void **unused)
{
    (void)unused;
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ .ttl_s = 2 });
    pipeline_feed(&p, 0, "c:1|c\ns:a|s");
    pipeline_turn(&p);
    pipeline_forward(&p, 5);
    registry_expire(p.registry, p.now_ns);
    assert_int_equal(pipeline_series(&p), 2);
    expect_closed(&p, "counter c 1\nset s 1\n");
    pipeline_forward(&p, 5);
    registry_expire(p.registry, p.now_ns);
    assert_int_equal(pipeline_series(&p), 0);
    expect_closed(&p, "");
    expect_closed(&p, "");
    pipeline_release(&p);
}

/* The caller may meet a page each time that it looks by itself, once a second. */
static void a_sweep_that_meets_a_page_asks_to_be_called_again(void **unused)
{
    (void)unused;
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ .ttl_s = 2 });
    pipeline_feed(&p, 0, "idle:1|c");
    pipeline_turn(&p);
    pipeline_close(&p);
    pipeline_forward(&p, 5);
    pipeline_feed(&p, 0, "busy:1|c\nbusier:1|c");
    assert_true(ingest_turn(p.in[0], p.now_ns));
    struct page *page = ingest_take(p.in[0]);
    assert_true(registry_merge_some(p.registry, page, p.now_ns, 1));
    assert_true(registry_expire(p.registry, p.now_ns));
    assert_int_equal(pipeline_series(&p), 2);
    while (registry_merge_some(p.registry, page, p.now_ns, 1)) {}
    ingest_give(p.in[0], page);
    assert_int_equal(pipeline_series(&p), 3);
    assert_false(registry_expire(p.registry, p.now_ns));
    assert_int_equal(pipeline_series(&p), 2);
    pipeline_release(&p);
}

/* A large set takes a hundred times as long as a counter, and a slice has to end. */
static void a_timer_or_a_set_takes_more_of_a_slice_than_a_counter(void **unused)
{
    (void)unused;
    static const struct {
        const char *lines;
        unsigned slices; /* of 16 */
    } rows[] = {
        { "a:1|c\nb:1|c\nc:1|c\nd:1|c", 1 },
        { "a:1|g\nb:1|g\nc:1|g\nd:1|g", 1 },
        { "a:1|ms\nb:1|h\nc:1|d\nd:1|ms\ne:1|ms", 2 },
        { "a:1|s\nb:1|s\nc:1|s\nd:1|s", 4 },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pipeline p;
        pipeline_init(&p, &(struct pipeline_opts){ 0 });
        pipeline_feed(&p, 0, rows[i].lines);
        pipeline_turn(&p);
        pipeline_feed(&p, 0, rows[i].lines);
        assert_true(ingest_turn(p.in[0], p.now_ns));
        struct page *page = ingest_take(p.in[0]);
        for (unsigned n = 1; n < rows[i].slices; n++)
            assert_true(registry_merge_some(p.registry, page, p.now_ns, 16));
        assert_false(registry_merge_some(p.registry, page, p.now_ns, 16));
        ingest_give(p.in[0], page);
        pipeline_release(&p);
    }
}

static void feed_with_exemplars(struct pipeline *p, unsigned n, const char *id)
{
    for (unsigned i = 0; i < n; i++) {
        char line[32];
        snprintf(line, sizeof line, "c%u:1|c|#id:%s%u", i, id, i);
        pipeline_feed(p, 0, line);
    }
}

static void exemplars_of_a_page_come_in_slices_as_its_cells(void **unused)
{
    (void)unused;
    enum { N = 40, MOST = 20, SLICES = 2 * N / MOST };
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){
                          .suffixes = true, .exemplar_tag = "id", .format = &writer_openmetrics });
    feed_with_exemplars(&p, N, "old");
    pipeline_turn(&p);
    feed_with_exemplars(&p, N, "new");
    assert_true(ingest_turn(p.in[0], p.now_ns));
    struct page *page = ingest_take(p.in[0]);
    for (unsigned n = 1; n < SLICES; n++)
        assert_true(registry_merge_some(p.registry, page, p.now_ns, MOST));
    assert_false(registry_merge_some(p.registry, page, p.now_ns, MOST));
    ingest_give(p.in[0], page);
    for (unsigned i = 0; i < N; i++) {
        char want[32];
        snprintf(want, sizeof want, "{id=\"new%u\"} 1", i);
        assert_non_null(strstr(pipeline_text(&p), want));
    }
    pipeline_release(&p);
}

static void series_without_ttl_stay(void **unused)
{
    (void)unused;
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ 0 });
    pipeline_feed(&p, 0, "c:1|c");
    pipeline_turn(&p);
    pipeline_forward(&p, 100ull * 365 * 86400);
    pipeline_turn(&p);
    registry_expire(p.registry, p.now_ns);
    pipeline_expect(&p, "c 1\n");
    pipeline_release(&p);
}

static void expiry_of_half_leaves_the_other_half_alone(void **unused)
{
    (void)unused;
    enum { N = 3000 };
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ .ttl_s = 30 });
    for (int round = 0; round < 4; round++) {
        struct buf lines = { 0 };
        for (int i = 0; i < N; i++)
            if (round == 0 || i % 2 == 0)
                buf_printf(&lines, "c%d:1|c|#i:%d\nsame:1|c|#i:%d\nset:%d|s|#i:%d\n", i % 50, i, i,
                           round, i);
        for (size_t at = 0; at < lines.len;) { /* datagrams of whole lines */
            size_t n = lines.len - at < 8000 ? lines.len - at : 8000;
            while (lines.ptr[at + n - 1] != '\n')
                n--;
            pipeline_feed_bytes(&p, 0, lines.ptr + at, n);
            at += n;
        }
        buf_release(&lines);
        idle(&p, 20);
    }
    assert_int_equal(pipeline_series(&p), 3 * N / 2);
    assert_int_equal(p.limit.n, 3 * N / 2);
    const char *text = pipeline_lines(&p);
    for (int i = 0; i < N; i++) {
        char want[64];
        snprintf(want, sizeof want, "same{i=\"%d\"} 4", i);
        assert_int_equal(pipeline_has(text, want), i % 2 == 0);
    }
    idle(&p, 100);
    assert_int_equal(pipeline_series(&p), 0);
    pipeline_expect(&p, "");
    size_t n;
    assert_null(registry_largest(p.registry, &n));
    pipeline_release(&p);
}

static void the_largest_family_is_named(void **unused)
{
    (void)unused;
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ 0 });
    size_t n = 99;
    assert_null(registry_largest(p.registry, &n));
    assert_int_equal(n, 0);
    pipeline_feed(&p, 0, "a:1|c\nb:1|c|#x:1\nb:1|c|#x:2\nb:1|c|#x:3\nd:1|g|#x:1\nd:1|g|#x:2");
    pipeline_turn(&p);
    const struct family *f = registry_largest(p.registry, &n);
    assert_string_equal(f->name, "b");
    assert_int_equal(n, 3);
    assert_int_equal(registry_count(p.registry, SERIES_COUNTER), 4);
    assert_int_equal(registry_count(p.registry, SERIES_GAUGE), 2);
    pipeline_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_closed_interval_shows_what_came_in_and_nothing_else),
        cmocka_unit_test(several_pages_of_several_workers_make_one_interval),
        cmocka_unit_test(a_gauges_change_tells_value_delta_and_when),
        cmocka_unit_test(a_set_without_a_window_shows_the_last_closed_interval),
        cmocka_unit_test(a_set_shows_its_window_with_the_open_interval),
        cmocka_unit_test(sinks_get_a_sets_interval_whatever_its_window),
        cmocka_unit_test(sets_hear_of_an_intervals_end_in_slices_and_show_it_at_once),
        cmocka_unit_test(a_large_set_is_estimated_over_its_window),
        cmocka_unit_test(sets_come_and_go_by_their_ttl_in_any_order),
        cmocka_unit_test(metrics_are_cumulative_whatever_the_intervals),
        cmocka_unit_test(a_summarys_window_slides_by_ages),
        cmocka_unit_test(a_long_silence_leaves_no_old_age_in_the_window),
        cmocka_unit_test(an_idle_series_goes_and_comes_back_at_zero),
        cmocka_unit_test(a_series_revives_through_a_cell_that_outlived_it),
        cmocka_unit_test(a_series_born_while_it_is_forgotten_keeps_its_place),
        cmocka_unit_test(what_came_in_during_the_interval_is_not_expired_before_it_closes),
        cmocka_unit_test(a_sweep_that_meets_a_page_asks_to_be_called_again),
        cmocka_unit_test(a_timer_or_a_set_takes_more_of_a_slice_than_a_counter),
        cmocka_unit_test(exemplars_of_a_page_come_in_slices_as_its_cells),
        cmocka_unit_test(series_without_ttl_stay),
        cmocka_unit_test(expiry_of_half_leaves_the_other_half_alone),
        cmocka_unit_test(the_largest_family_is_named),
    };
    return cmocka_run_group_tests_name("registry", tests, NULL, NULL);
}
