/*
 * OpenMetrics: types, names and numbers as its parsers want them, under the names that the text
 * format has.  A strict parser reads whole pages in tests/e2e/test_openmetrics.py.
 */
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

#define HELP " Metric received by statsd.\n"

static const double quantiles[] = { 0, 0.5, 1 };
static const double le[] = { 0.1, 5 };
static const double le_below_0[] = { -1, 0 };

static void init(struct pipeline *p, struct pipeline_opts *o)
{
    o->format = &writer_openmetrics;
    if (o->quantiles == NULL) {
        o->quantiles = quantiles;
        o->n_quantiles = ARRAY_LEN(quantiles);
    }
    if (o->buckets == NULL) {
        o->buckets = le;
        o->n_buckets = ARRAY_LEN(le);
    }
    pipeline_init(p, o);
}

static void the_page_is_this_to_the_byte(void **unused)
{
    (void)unused;
    static const struct {
        bool suffixes, histograms;
        const char *lines, *want;
    } rows[] = {
        { false, false, "", "# EOF\n" },
        /* Without _total a counter is unknown; with it, it is a counter named without it. */
        { false, false, "c:1|c", "# TYPE c unknown\n# HELP c" HELP "c 1\n# EOF\n" },
        { true, false, "c:1|c|#b:2,a:1",
          "# TYPE c counter\n# HELP c" HELP "c_total{a=\"1\",b=\"2\"} 1\n# EOF\n" },
        { false, false, "c_total:1|c", "# TYPE c counter\n# HELP c" HELP "c_total 1\n# EOF\n" },
        { false, false, "_total:1|c",
          "# TYPE _total unknown\n# HELP _total" HELP "_total 1\n# EOF\n" },
        { false, false, "g_total:1.5|g",
          "# TYPE g_total gauge\n# HELP g_total" HELP "g_total 1.5\n# EOF\n" },
        { false, false, "t:250|ms|#k:v",
          "# TYPE t summary\n# HELP t" HELP
          "t{k=\"v\",quantile=\"0.0\"} 0.25\nt{k=\"v\",quantile=\"0.5\"} 0.25\n"
          "t{k=\"v\",quantile=\"1.0\"} 0.25\nt_sum{k=\"v\"} 0.25\nt_count{k=\"v\"} 1\n# EOF\n" },
        { true, true, "t:250|ms|#a:b,z:1",
          "# TYPE t_seconds histogram\n# HELP t_seconds" HELP
          "t_seconds_bucket{a=\"b\",le=\"0.1\",z=\"1\"} 0\n"
          "t_seconds_bucket{a=\"b\",le=\"5.0\",z=\"1\"} 1\n"
          "t_seconds_bucket{a=\"b\",le=\"+Inf\",z=\"1\"} 1\n"
          "t_seconds_sum{a=\"b\",z=\"1\"} 0.25\nt_seconds_count{a=\"b\",z=\"1\"} 1\n# EOF\n" },
        { false, false, "c:1|c|#k:a\\b\"c",
          "# TYPE c unknown\n# HELP c" HELP "c{k=\"a\\\\b\\\"c\"} 1\n# EOF\n" },
        /* Counts are whole numbers, of buckets too, and _count is that of the last one. */
        { false, true, "t:1|h|@0.4\nt:9|h|@0.4\nt:0|h|@0.4",
          "# TYPE t histogram\n# HELP t" HELP "t_bucket{le=\"0.1\"} 2\nt_bucket{le=\"5.0\"} 5\n"
          "t_bucket{le=\"+Inf\"} 8\nt_sum 25\nt_count 8\n# EOF\n" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pipeline p;
        init(&p, &(struct pipeline_opts){ .suffixes = rows[i].suffixes,
                                          .histograms = rows[i].histograms });
        pipeline_feed(&p, 0, rows[i].lines);
        pipeline_turn(&p);
        assert_string_equal(pipeline_text(&p), rows[i].want);
        pipeline_release(&p);
    }
}

/* Without HELP lines, which only lengthen what is to be compared. */
static char *page(struct pipeline *p)
{
    struct slice rest = slice_str(pipeline_text(p)), line;
    struct buf out = { 0 };
    while (slice_cut(&rest, '\n', &line)) {
        if (slice_starts(line, SLICE_LIT("# HELP ")))
            continue;
        buf_append_slice(&out, line);
        buf_append_char(&out, '\n');
    }
    buf_append_char(&out, '\0');
    return out.ptr;
}

static void expect_page(struct pipeline *p, const char *want)
{
    char *have = page(p);
    assert_string_equal(have, want);
    free(have);
}

static void a_counter_is_unknown_where_its_family_would_not_be_alone(void **unused)
{
    (void)unused;
    static const struct {
        const char *lines, *want;
    } rows[] = {
        { "a:1|g\na_total:1|c", "# TYPE a gauge\na 1\n# TYPE a_total unknown\na_total 1\n# EOF\n" },
        { "a:1|c\na_total:1|c",
          "# TYPE a unknown\na 1\n# TYPE a_total unknown\na_total 1\n# EOF\n" },
        { "a_total:1|c\na_total_total:1|c", "# TYPE a counter\na_total 1\n"
                                            "# TYPE a_total_total unknown\na_total_total 1\n"
                                            "# EOF\n" },
        { "a_created:1|g\na_total:1|c",
          "# TYPE a_created gauge\na_created 1\n# TYPE a_total unknown\na_total 1\n# EOF\n" },
        { "a_created_total:1|c\na_total:1|c",
          "# TYPE a_created_total unknown\na_created_total 1\n# TYPE a counter\na_total 1\n"
          "# EOF\n" },
        { "a:1|h\na_count_total:1|c\na_created_total:2|c\na_bucket_total:3|c",
          "# TYPE a summary\na{quantile=\"0.5\"} 1\na_sum 1\na_count 1\n"
          "# TYPE a_bucket_total unknown\na_bucket_total 3\n"
          "# TYPE a_count_total unknown\na_count_total 1\n"
          "# TYPE a_created_total unknown\na_created_total 2\n# EOF\n" },
        { "a_info:1|g\na_info_total:1|c\nb_sum_total:2|c",
          "# TYPE a_info gauge\na_info 1\n# TYPE a_info_total unknown\na_info_total 1\n"
          "# TYPE b_sum counter\nb_sum_total 2\n# EOF\n" },
    };
    static const double half[] = { 0.5 };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pipeline p;
        init(&p, &(struct pipeline_opts){ .quantiles = half, .n_quantiles = 1 });
        pipeline_feed(&p, 0, rows[i].lines);
        pipeline_turn(&p);
        expect_page(&p, rows[i].want);
        pipeline_release(&p);
    }
}

static void a_timer_that_openmetrics_forbids_is_told_as_three_unknowns(void **unused)
{
    (void)unused;
    static const struct {
        bool histograms;
        const double *buckets;
        const char *lines, *want;
    } rows[] = {
        /* A value below 0, in any of its lines, */
        { false, NULL, "t:-1|h|#k:1\nt:2|h|#k:2",
          "# TYPE t unknown\nt{k=\"1\",quantile=\"0.5\"} -1\nt{k=\"2\",quantile=\"0.5\"} 2\n"
          "# TYPE t_sum unknown\nt_sum{k=\"1\"} -1\nt_sum{k=\"2\"} 2\n"
          "# TYPE t_count unknown\nt_count{k=\"1\"} 1\nt_count{k=\"2\"} 1\n# EOF\n" },
        { true, NULL, "t:-1|h",
          "# TYPE t_bucket unknown\nt_bucket{le=\"0.1\"} 1\nt_bucket{le=\"5.0\"} 1\n"
          "t_bucket{le=\"+Inf\"} 1\n# TYPE t_sum unknown\nt_sum -1\n"
          "# TYPE t_count unknown\nt_count 1\n# EOF\n" },
        /* or a bound, */
        { true, le_below_0, "t:1|h",
          "# TYPE t_bucket unknown\nt_bucket{le=\"-1.0\"} 0\nt_bucket{le=\"0.0\"} 0\n"
          "t_bucket{le=\"+Inf\"} 1\n# TYPE t_sum unknown\nt_sum 1\n"
          "# TYPE t_count unknown\nt_count 1\n# EOF\n" },
        /* or a name. */
        { false, NULL, "t:1|h\nt_created:3|c",
          "# TYPE t unknown\nt{quantile=\"0.5\"} 1\n# TYPE t_sum unknown\nt_sum 1\n"
          "# TYPE t_count unknown\nt_count 1\n# TYPE t_created unknown\nt_created 3\n# EOF\n" },
        /* 0 is no value below 0, and neither is what another timer has. */
        { false, NULL, "t:0|h\nt:-0|h\ns:-1|g",
          "# TYPE s gauge\ns -1\n# TYPE t summary\nt{quantile=\"0.5\"} 0\nt_sum 0\nt_count 2\n"
          "# EOF\n" },
    };
    static const double half[] = { 0.5 };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pipeline p;
        init(&p, &(struct pipeline_opts){ .histograms = rows[i].histograms,
                                          .buckets = rows[i].buckets,
                                          .n_buckets = rows[i].buckets != NULL ? 2 : 0,
                                          .gauge_sign = GAUGE_SIGN_ABSOLUTE,
                                          .quantiles = half,
                                          .n_quantiles = 1 });
        pipeline_feed(&p, 0, rows[i].lines);
        pipeline_turn(&p);
        expect_page(&p, rows[i].want);
        pipeline_release(&p);
    }
}

static void turned_round(struct profile *p, uint8_t number)
{
    p->histogram = number == 2;
    p->scale = -2;
}

/* What counts is what is shown, not what was sent. */
static void a_scale_below_0_turns_what_openmetrics_forbids_round(void **unused)
{
    (void)unused;
    static const struct {
        const char *lines, *want;
    } rows[] = {
        { "s:4|h", "# TYPE s unknown\ns{quantile=\"0.5\"} -8\n# TYPE s_sum unknown\ns_sum -8\n"
                   "# TYPE s_count unknown\ns_count 1\n# EOF\n" },
        { "h:4|h", "# TYPE h_bucket unknown\nh_bucket{le=\"0.1\"} 1\nh_bucket{le=\"5.0\"} 1\n"
                   "h_bucket{le=\"+Inf\"} 1\n# TYPE h_sum unknown\nh_sum -8\n"
                   "# TYPE h_count unknown\nh_count 1\n# EOF\n" },
        { "s:-4|h", "# TYPE s summary\ns{quantile=\"0.5\"} 8\ns_sum 8\ns_count 1\n# EOF\n" },
    };
    static const struct mapping_rule rules[] = { { .match = "s", .name = "s", .profile = 1 },
                                                 { .match = "h", .name = "h", .profile = 2 } };
    static const double half[] = { 0.5 };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pipeline p;
        init(&p, &(struct pipeline_opts){ .quantiles = half,
                                          .n_quantiles = 1,
                                          .rules = rules,
                                          .n_rules = ARRAY_LEN(rules),
                                          .fill = turned_round,
                                          .n_profiles = 2 });
        pipeline_feed(&p, 0, rows[i].lines);
        pipeline_turn(&p);
        expect_page(&p, rows[i].want);
        pipeline_release(&p);
    }
}

/* What was off the page and comes back brings its past along. */
static void a_timer_that_had_lost_its_name_is_still_told_as_unknown(void **unused)
{
    (void)unused;
    static const double half[] = { 0.5 };
    struct pipeline p;
    init(&p, &(struct pipeline_opts){ .type_idle_s = 10, .quantiles = half, .n_quantiles = 1 });
    pipeline_feed(&p, 0, "t:1|c");
    pipeline_turn(&p);
    pipeline_feed(&p, 0, "t:-1|h"); /* not shown: t is a counter */
    pipeline_turn(&p);
    expect_page(&p, "# TYPE t unknown\nt 1\n# EOF\n");
    pipeline_forward(&p, 30);
    pipeline_feed(&p, 0, "t:3|h");
    pipeline_turn(&p);
    expect_page(&p, "# TYPE t unknown\nt{quantile=\"0.5\"} -1\n# TYPE t_sum unknown\nt_sum 2\n"
                    "# TYPE t_count unknown\nt_count 2\n# EOF\n");
    pipeline_release(&p);
}

/* Its head was written as a summary's: until the next page the line is left out, never wrong. */
static void a_first_value_below_0_between_two_pieces_does_no_harm(void **unused)
{
    (void)unused;
    static const double half[] = { 0.5 };
    struct pipeline p;
    struct buf out = { 0 };
    struct render r;
    init(&p, &(struct pipeline_opts){ .quantiles = half, .n_quantiles = 1 });
    pipeline_feed(&p, 0, "t:1|h|#k:1\nt:1|h|#k:2");
    pipeline_turn(&p);
    render_begin(&r, p.writer, p.registry);
    assert_true(render_some(&r, p.now_ns, 1, &out));
    pipeline_feed(&p, 0, "t:-3|h|#k:2");
    pipeline_turn(&p);
    assert_false(render_some(&r, p.now_ns, SIZE_MAX, &out));
    render_end(&r);
    buf_append_char(&out, '\0');
    assert_string_equal(out.ptr, "# TYPE t summary\n# HELP t" HELP
                                 "t{k=\"1\",quantile=\"0.5\"} 1\nt_sum{k=\"1\"} 1\n"
                                 "t_count{k=\"1\"} 1\n# EOF\n");
    buf_release(&out);
    pipeline_release(&p);
}

static void births_are_told_where_they_are_kept(void **unused)
{
    (void)unused;
    static const double half[] = { 0.5 };
    static const struct {
        bool births, histograms;
        const char *want;
    } rows[] = {
        { false, false,
          "# TYPE a unknown\na 2\n# TYPE b counter\nb_total 1\n# TYPE g gauge\ng 1\n"
          "# TYPE n unknown\nn{quantile=\"0.5\"} -1\n# TYPE n_sum unknown\nn_sum -1\n"
          "# TYPE n_count unknown\nn_count 1\n"
          "# TYPE t summary\nt{quantile=\"0.5\"} 1\nt_sum 1\nt_count 1\n# EOF\n" },
        { true, false,
          "# TYPE a unknown\na 2\n# TYPE b counter\nb_total 1\nb_created 1700001000.5\n"
          "# TYPE g gauge\ng 1\n"
          "# TYPE n unknown\nn{quantile=\"0.5\"} -1\n# TYPE n_sum unknown\nn_sum -1\n"
          "# TYPE n_count unknown\nn_count 1\n"
          "# TYPE t summary\nt{quantile=\"0.5\"} 1\nt_sum 1\nt_count 1\n"
          "t_created 1700001000.5\n# EOF\n" },
        { true, true,
          "# TYPE a unknown\na 2\n# TYPE b counter\nb_total 1\nb_created 1700001000.5\n"
          "# TYPE g gauge\ng 1\n"
          "# TYPE n_bucket unknown\nn_bucket{le=\"0.1\"} 1\nn_bucket{le=\"5.0\"} 1\n"
          "n_bucket{le=\"+Inf\"} 1\n# TYPE n_sum unknown\nn_sum -1\n"
          "# TYPE n_count unknown\nn_count 1\n"
          "# TYPE t histogram\nt_bucket{le=\"0.1\"} 0\nt_bucket{le=\"5.0\"} 1\n"
          "t_bucket{le=\"+Inf\"} 1\nt_sum 1\nt_count 1\nt_created 1700001000.5\n# EOF\n" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pipeline p;
        init(&p, &(struct pipeline_opts){ .births = rows[i].births,
                                          .histograms = rows[i].histograms,
                                          .quantiles = half,
                                          .n_quantiles = 1 });
        p.now_ns += PIPELINE_SECOND / 2;
        pipeline_feed(&p, 0, "a:1|c\nb_total:1|c\ng:1|g\nt:1|h\nn:-1|h");
        pipeline_turn(&p);
        pipeline_forward(&p, 100);
        pipeline_feed(&p, 0, "a:1|c");
        pipeline_turn(&p);
        expect_page(&p, rows[i].want);
        pipeline_release(&p);
    }
}

/* Two spellings of one name: the line counts since the older of them came. */
static void who_joins_a_line_with_an_older_past_makes_it_older(void **unused)
{
    (void)unused;
    struct pipeline p;
    init(&p, &(struct pipeline_opts){ .births = true, .type_idle_s = 10 });
    pipeline_feed(&p, 0, "x_total:1|g");
    pipeline_turn(&p);
    pipeline_feed(&p, 0, "x.total:2|c"); /* off the page: x_total is a gauge */
    pipeline_turn(&p);
    pipeline_forward(&p, 30);
    pipeline_feed(&p, 0, "x_total:3|c"); /* takes the name over */
    pipeline_turn(&p);
    expect_page(&p, "# TYPE x counter\nx_total 3\nx_created 1700001030\n# EOF\n");
    pipeline_feed(&p, 0, "x.total:4|c");
    pipeline_turn(&p);
    expect_page(&p, "# TYPE x counter\nx_total 9\nx_created 1700001000\n# EOF\n");
    pipeline_release(&p);
}

static void numbers_of_labels_are_canonical(void **unused)
{
    (void)unused;
    static const struct {
        double le;
        const char *want;
    } rows[] = {
        { 0.005, "0.005" },
        { 1, "1.0" },
        { 0, "0.0" },
        { 100000, "100000.0" },
        { 999999.5, "999999.5" },
        { 999999, "999999.0" },
        { 1e6, "1e+06" },
        { 1234567, "1.234567e+06" },
        { 1234567.5, "1.2345675e+06" },
        { 2500000, "2.5e+06" },
        { 1e10, "1e+10" },
        { 1.5e20, "1.5e+20" },
        { 1e21, "1e+21" },
        { 1.25e300, "1.25e+300" },
        { 0.0001, "0.0001" },
        { 0.00001, "1e-05" },
        { 1.5e-7, "1.5e-07" },
        { -1, "-1.0" },
        { -2500000, "-2.5e+06" },
        { -0.25, "-0.25" },
        { 12345678901234567890.0, "1.2345678901234567e+19" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pipeline p;
        char line[128];
        init(&p,
             &(struct pipeline_opts){ .histograms = true, .buckets = &rows[i].le, .n_buckets = 1 });
        pipeline_feed(&p, 0, "t:1e300|h");
        pipeline_turn(&p);
        snprintf(line, sizeof line, "t_bucket{le=\"%s\"} ", rows[i].want);
        if (strstr(pipeline_text(&p), line) == NULL)
            fail_msg("%s is not in:\n%s", line, pipeline_text(&p));
        pipeline_release(&p);
    }
}

static void help_is_escaped(void **unused)
{
    (void)unused;
    struct buf out = { 0 };
    struct writer *w = writer_openmetrics.open(&(struct writer_opts){ 0 });
    const struct writer_family f = {
        .name = SLICE_LIT("n"), .help = "one\\two\n\"three\"", .type = FAMILY_GAUGE, .parts = 1
    };
    w->ops->head(w, &f, &out);
    w->ops->close(w);
    assert_true(slice_eq(buf_slice(&out),
                         SLICE_LIT("# TYPE n gauge\n# HELP n one\\\\two\\n\\\"three\\\"\n")));
    buf_release(&out);
}

/* Parts are gone through again, whatever the size of the pieces. */
static void pieces_of_any_size_make_the_same_page(void **unused)
{
    (void)unused;
    struct pipeline p;
    init(&p, &(struct pipeline_opts){ 0 });
    pipeline_feed(&p, 0,
                  "s:1|s\nt:-1|h|#a:1\nt:2|h|#a:2\nt:2|h|#a:3\nz:1|c|#k:v\nz:2|c\na:1|g\nb:1|h");
    pipeline_turn(&p);
    char *want = mem_strdup(pipeline_text(&p));
    for (size_t enough = 0; enough < strlen(want) + 10; enough++) {
        struct buf whole = { 0 }, piece = { 0 };
        struct render r;
        bool more = true;
        render_begin(&r, p.writer, p.registry);
        while (more) {
            buf_clear(&piece);
            more = render_some(&r, p.now_ns, enough, &piece);
            buf_append_slice(&whole, buf_slice(&piece));
        }
        render_end(&r);
        buf_append_char(&whole, '\0');
        assert_string_equal(whole.ptr, want);
        buf_release(&whole);
        buf_release(&piece);
    }
    free(want);
    pipeline_release(&p);
}

/* A family in parts may go while it is told. */
static void a_family_may_go_between_its_parts(void **unused)
{
    (void)unused;
    struct pipeline p;
    struct buf out = { 0 };
    struct render r;
    bool more = true;
    init(&p, &(struct pipeline_opts){ .ttl_s = 10, .quantiles = quantiles, .n_quantiles = 1 });
    pipeline_feed(&p, 0, "t:-1|h");
    pipeline_turn(&p);
    render_begin(&r, p.writer, p.registry);
    assert_true(render_some(&r, p.now_ns, 1, &out));
    for (int i = 0; i < 100; i++) {
        pipeline_forward(&p, 1);
        pipeline_turn(&p);
        pipeline_close(&p);
        registry_expire(p.registry, p.now_ns);
    }
    assert_int_equal(pipeline_series(&p), 0);
    while (more)
        more = render_some(&r, p.now_ns, 1, &out);
    render_end(&r);
    buf_append_char(&out, '\0');
    assert_string_equal(out.ptr,
                        "# TYPE t unknown\n# HELP t" HELP "t{quantile=\"0.0\"} -1\n# EOF\n");
    buf_release(&out);
    pipeline_release(&p);
}

/* Each datagram comes in an interval of its own; all are of second 1000 of the monotonic clock. */
static void exemplars_stand_beside_the_bucket_that_their_value_fell_into(void **unused)
{
    (void)unused;
#define AT " 1700001000\n"
    static const struct {
        bool suffixes, histograms;
        const char *datagrams[4], *want;
    } rows[] = {
        { false,
          true,
          { "t:50|ms|#id:a", "t:2000|ms|#id:b", "t:9000|ms|#id:c" },
          "t_bucket{le=\"0.1\"} 1 # {id=\"a\"} 0.05" AT "t_bucket{le=\"5.0\"} 2 # {id=\"b\"} 2" AT
          "t_bucket{le=\"+Inf\"} 3 # {id=\"c\"} 9" AT "t_sum 11.05\nt_count 3\n# EOF\n" },
        /* The latest of a bucket, and of a cell and interval. */
        { false,
          true,
          { "t:1|h|#id:a", "t:2|h|#id:b", "t:3|h|#id:c\nt:4|h|#id:d\nt:5|h" },
          "t_bucket{le=\"0.1\"} 0\nt_bucket{le=\"5.0\"} 5 # {id=\"d\"} 4" AT
          "t_bucket{le=\"+Inf\"} 5\nt_sum 15\nt_count 5\n# EOF\n" },
        { false,
          true,
          { "t:1|h|#id:a", "t:2|h" },
          "t_bucket{le=\"0.1\"} 0\nt_bucket{le=\"5.0\"} 2 # {id=\"a\"} 1" AT
          "t_bucket{le=\"+Inf\"} 2\nt_sum 3\nt_count 2\n# EOF\n" },
        /* Of several values the last; a bound belongs to its bucket; a rate changes no value. */
        { false,
          true,
          { "t:1:0.1|h|@0.5|#id:a" },
          "t_bucket{le=\"0.1\"} 2 # {id=\"a\"} 0.1" AT
          "t_bucket{le=\"5.0\"} 4\nt_bucket{le=\"+Inf\"} 4\nt_sum 2.2\nt_count 4\n# EOF\n" },
        { true,
          false,
          { "c:3|c|#k:v,id:x\\\"y" },
          "c_total{k=\"v\"} 3 # {id=\"x\\\\\\\"y\"} 3" AT "# EOF\n" },
        { true, false, { "c:3|c|#id:a\nc:-1|c|#id:b" }, "c_total 3 # {id=\"a\"} 3" AT "# EOF\n" },
        /* Spellings of one line share it. */
        { true,
          false,
          { "c.d:3|c|#id:a", "c-d:4|c|#id:b" },
          "c_d_total 7 # {id=\"b\"} 4" AT "# EOF\n" },
        /* No place for one: unknown counters, gauges, sets, summaries, histograms below 0. */
        { false, false, { "c:3|c|#id:a\ng:1|g|#id:b\ns:x|s|#id:c" }, "c 3\ng 1\n# EOF\n" },
        { false,
          false,
          { "t:1|h|#id:a" },
          "t{quantile=\"0.0\"} 1\nt{quantile=\"0.5\"} 1\nt{quantile=\"1.0\"} 1\n"
          "t_sum 1\nt_count 1\n# EOF\n" },
        { false,
          true,
          { "t:-1|h|#id:a" },
          "t_bucket{le=\"0.1\"} 1\nt_bucket{le=\"5.0\"} 1\nt_bucket{le=\"+Inf\"} 1\n"
          "t_sum -1\nt_count 1\n# EOF\n" },
    };
#undef AT
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pipeline p;
        init(&p, &(struct pipeline_opts){ .suffixes = rows[i].suffixes,
                                          .histograms = rows[i].histograms,
                                          .exemplar_tag = "id" });
        for (size_t k = 0; k < ARRAY_LEN(rows[i].datagrams) && rows[i].datagrams[k] != NULL; k++) {
            pipeline_feed(&p, 0, rows[i].datagrams[k]);
            pipeline_turn(&p);
        }
        struct slice rest = slice_str(pipeline_text(&p)), line;
        struct buf lines = { 0 };
        while (slice_cut(&rest, '\n', &line)) {
            if (slice_starts(line, SLICE_LIT("# TYPE")) || slice_starts(line, SLICE_LIT("# HELP")))
                continue;
            buf_append_slice(&lines, line);
            buf_append_char(&lines, '\n');
        }
        buf_append_char(&lines, '\0');
        assert_string_equal(lines.ptr, rows[i].want);
        buf_release(&lines);
        pipeline_release(&p);
    }
}

static void an_exemplar_goes_with_the_last_series_of_its_line(void **unused)
{
    (void)unused;
    struct pipeline p;
    init(&p, &(struct pipeline_opts){ .suffixes = true, .ttl_s = 10, .exemplar_tag = "trace.id" });
    pipeline_feed(&p, 0, "c:1|c|#trace.id:a");
    pipeline_turn(&p);
    assert_true(pipeline_has(pipeline_text(&p), "c_total 1 # {trace_id=\"a\"} 1 1700001000"));
    for (int i = 0; i < 100; i++) {
        pipeline_forward(&p, 1);
        pipeline_turn(&p);
        pipeline_close(&p);
        registry_expire(p.registry, p.now_ns);
    }
    assert_int_equal(pipeline_series(&p), 0);
    pipeline_feed(&p, 0, "c:2|c");
    pipeline_turn(&p);
    assert_true(pipeline_has(pipeline_text(&p), "c_total 2"));
    pipeline_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_is_this_to_the_byte),
        cmocka_unit_test(a_counter_is_unknown_where_its_family_would_not_be_alone),
        cmocka_unit_test(a_timer_that_openmetrics_forbids_is_told_as_three_unknowns),
        cmocka_unit_test(a_scale_below_0_turns_what_openmetrics_forbids_round),
        cmocka_unit_test(a_timer_that_had_lost_its_name_is_still_told_as_unknown),
        cmocka_unit_test(a_first_value_below_0_between_two_pieces_does_no_harm),
        cmocka_unit_test(births_are_told_where_they_are_kept),
        cmocka_unit_test(who_joins_a_line_with_an_older_past_makes_it_older),
        cmocka_unit_test(numbers_of_labels_are_canonical),
        cmocka_unit_test(help_is_escaped),
        cmocka_unit_test(pieces_of_any_size_make_the_same_page),
        cmocka_unit_test(exemplars_stand_beside_the_bucket_that_their_value_fell_into),
        cmocka_unit_test(an_exemplar_goes_with_the_last_series_of_its_line),
        cmocka_unit_test(a_family_may_go_between_its_parts),
    };
    return cmocka_run_group_tests_name("openmetrics", tests, NULL, NULL);
}
