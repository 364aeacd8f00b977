/*
 * Names and labels: who stands under which name, who is kept out, what labels read like.
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
#include "aggregate/registry_priv.h"
#include "support/pipeline.h"

static const double le[] = { 1, 10 };
static const double median[] = { 0.5 };

struct row {
    const char *lines, *want;
    unsigned left_out; /* samples */
};

static void check(const struct row *rows, size_t n, enum registry_counter left_out,
                  const struct pipeline_opts *opts)
{
    for (size_t i = 0; i < n; i++) {
        struct pipeline p;
        pipeline_init(&p, opts);
        pipeline_feed(&p, 0, rows[i].lines);
        pipeline_turn(&p);
        pipeline_close(&p);
        pipeline_expect(&p, rows[i].want);
        const uint64_t *stats = registry_stats(p.registry)->v;
        assert_int_equal(stats[left_out], rows[i].left_out);
        assert_int_equal(stats[REGISTRY_TYPE_CONFLICTS] + stats[REGISTRY_RESERVED_NAMES],
                         rows[i].left_out);
        pipeline_release(&p);
    }
}

#define CHECK(rows, ...)                                                                           \
    check(rows, ARRAY_LEN(rows), REGISTRY_TYPE_CONFLICTS, &(struct pipeline_opts){ __VA_ARGS__ })
#define CHECK_RESERVED(rows, ...)                                                                  \
    check(rows, ARRAY_LEN(rows), REGISTRY_RESERVED_NAMES, &(struct pipeline_opts){ __VA_ARGS__ })

static void the_first_type_of_a_name_keeps_the_others_out(void **unused)
{
    (void)unused;
    static const struct row rows[] = {
        { "x:1|c\nx:2|g\nx:3|g", "x 1\n", 2 },
        { "x:2|g\nx:1|c", "x 2\n", 1 },
        /* a set is a gauge as well: the gauge is what is shown */
        { "x:2|g\nx:9|ms\nx:1|c\nx:a|s", "x 2\n", 2 },
        { "x:a|s\nx:1|c", "x 1\n", 1 },
        { "x:1|c|#a:1\nx:1|g|#b:1", "x{a=\"1\"} 1\n", 1 },
        { "x:9|h\nx:1|c", "x{quantile=\"0.5\"} 9\nx_sum 9\nx_count 1\n", 1 },
        { "x:1|c\nx:9|h\nx:9|ms\nx:9|d", "x 1\n", 3 },
    };
    CHECK(rows, .quantiles = median, .n_quantiles = 1);
}

static void the_names_that_a_summary_makes_are_its_own(void **unused)
{
    (void)unused;
    static const struct row rows[] = {
        { "x:9|h\nx_sum:1|c\nx_count:1|g\nx_bucket:1|c",
          "x{quantile=\"0.5\"} 9\nx_sum 9\nx_count 1\nx_bucket 1\n", 2 },
        { "x_sum:1|c\nx:9|h", "x_sum 1\n", 1 },
        { "x_count:1|g\nx:9|h", "x_count 1\n", 1 },
        { "x_count:1|g\nx:9|c", "x_count 1\nx 9\n", 0 },
        { "x_count:9|h\nx:8|h", "x_count{quantile=\"0.5\"} 9\nx_count_sum 9\nx_count_count 1\n",
          1 },
        { "x:8|h\nx_count:9|h", "x{quantile=\"0.5\"} 8\nx_sum 8\nx_count 1\n", 1 },
        { "_sum:1|c\n_count:1|c", "_sum 1\n_count 1\n", 0 },
    };
    CHECK(rows, .quantiles = median, .n_quantiles = 1);
}

static void the_names_that_a_histogram_makes_are_its_own(void **unused)
{
    (void)unused;
    static const struct row rows[] = {
        { "x:9|h\nx_bucket:1|c\nx_sum:1|c\nx_count:1|c",
          "x_bucket{le=\"1\"} 0\nx_bucket{le=\"10\"} 1\nx_bucket{le=\"+Inf\"} 1\nx_sum 9\n"
          "x_count 1\n",
          3 },
        { "x_bucket:1|c\nx:9|h", "x_bucket 1\n", 1 },
        { "x_created:1|c\nx:9|h",
          "x_created 1\nx_bucket{le=\"1\"} 0\nx_bucket{le=\"10\"} 1\n"
          "x_bucket{le=\"+Inf\"} 1\nx_sum 9\nx_count 1\n",
          0 },
    };
    CHECK(rows, .histograms = true, .buckets = le, .n_buckets = ARRAY_LEN(le));
}

static void our_own_names_are_taken(void **unused)
{
    (void)unused;
    static const char *const own[] = { "statsd_up", "t_count" };
    static const struct row rows[] = {
        { "statsd_up:1|c\nstatsd.up:1|g\nstatsd_up2:1|c", "statsd_up2 1\n", 2 },
        /* statsd. is the prefix of many a client */
        { "statsd.bad_lines_seen:1|c", "statsd_bad_lines_seen 1\n", 0 },
        { "t:1|h", "", 1 },
        { "t_count:1|c", "", 1 },
    };
    CHECK_RESERVED(rows, .reserved = own, .n_reserved = ARRAY_LEN(own));
}

static void no_line_has_a_name_that_prometheus_makes(void **unused)
{
    (void)unused;
    static const struct row rows[] = {
        { "up:0|g\nup:0|g|#job:a\nup:1|c\nup:a|s", "", 4 },
        { "up:0|h\nup:3|ms", "", 2 }, /* up{quantile="0.5"} 0 */
        { "up.time:1|g\nups:1|g\n.up:1|g\nUP:1|g\na.up:1|g",
          "up_time 1\nups 1\n_up 1\nUP 1\na_up 1\n", 0 },
        { "up_sum:1|c\nup_count:1|c\nup_bucket:1|c", "up_sum 1\nup_count 1\nup_bucket 1\n", 0 },
        { "scrape_duration_seconds:1|g\nscrape.samples.scraped:1|c\nscrape-timeout-seconds:1|ms",
          "", 3 },
        { "scrape_samples_post_metric_relabeling:1|g\nscrape_series_added:1|g\n"
          "scrape_sample_limit:1|g",
          "", 3 },
        { "scrape_body_size_bytes:1|h\nscrape.:1|c\nscrape\xc3\xa9x:1|c", "", 3 },
        { "scrape:1|c\nscrapes.x:1|c\nscraper_x:1|c\na.scrape_x:1|c",
          "scrape 1\nscrapes_x 1\nscraper_x 1\na_scrape_x 1\n", 0 },
        { "scrape:1|h", "", 1 }, /* scrape_sum */
        { "ALERTS:1|g\nALERTS_FOR_STATE:1|g\nALERTS.FOR-STATE:1|g", "", 3 },
        { "ALERTS_FOR:1|g\nalerts:1|g\nALERTSX:1|g", "ALERTS_FOR 1\nalerts 1\nALERTSX 1\n", 0 },
    };
    CHECK_RESERVED(rows, .quantiles = median, .n_quantiles = 1);
    static const struct row histogram_rows[] = {
        { "up:1|h\nscrape:1|ms", "", 2 },
    };
    CHECK_RESERVED(histogram_rows, .histograms = true, .buckets = le, .n_buckets = ARRAY_LEN(le));
    static const struct row suffix_rows[] = {
        { "up:1|c\nALERTS:1|c", "up_total 1\nALERTS_total 1\n", 0 },
        { "up:1000|ms", "up_seconds{quantile=\"0.5\"} 1\nup_seconds_sum 1\nup_seconds_count 1\n",
          0 },
        { "up:1|g\nscrape_x:1|c\nscrape:1|c\nscrape:1|ms", "", 4 },
    };
    CHECK_RESERVED(suffix_rows, .suffixes = true, .quantiles = median, .n_quantiles = 1);
}

static void what_has_a_reserved_name_still_reaches_the_sinks(void **unused)
{
    (void)unused;
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ 0 });
    pipeline_feed(&p, 0, "up:1|c\nscrape.x:2|h|#a:b");
    pipeline_turn(&p);
    const char *closed = pipeline_close(&p);
    assert_true(pipeline_has(closed, "counter up 1"));
    assert_true(pipeline_has(closed, "timer scrape.x|#a:b 1 2"));
    pipeline_release(&p);
}

static void a_name_is_free_again_when_its_family_has_expired(void **unused)
{
    (void)unused;
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ .ttl_s = 30 });
    pipeline_feed(&p, 0, "x:1|c\nx:5|g");
    pipeline_turn(&p);
    pipeline_expect(&p, "x 1\n");
    for (int i = 0; i < 10; i++) {
        pipeline_close(&p);
        pipeline_forward(&p, 10);
        pipeline_feed(&p, 0, "x:6|g"); /* never silent itself */
        pipeline_turn(&p);
        registry_expire(p.registry, p.now_ns);
    }
    pipeline_expect(&p, "x 6\n");
    pipeline_feed(&p, 0, "x:1|c");
    pipeline_turn(&p);
    pipeline_expect(&p, "x 6\n");
    pipeline_release(&p);
}

static void identities_that_read_alike_are_one_line(void **unused)
{
    (void)unused;
    static const struct row rows[] = {
        { "a.b:1|c\na-b:2|c\na_b:4|c", "a_b 7\n", 0 },
        { "a.b:1|g\na-b:2|g", "a_b 2\n", 0 },
        { "a-b:2|g\na.b:1|g\na-b:3|g", "a_b 3\n", 0 },
        { "a.b:1|c|#k.x:1\na-b:2|c|#k-x:1\na_b:4|c|#k_x:2", "a_b{k_x=\"1\"} 3\na_b{k_x=\"2\"} 4\n",
          0 },
        { "a.b:x|s\na-b:x|s\na-b:y|s", "a_b 2\n", 0 }, /* distinct members of all of them */
        { "a:1|h\na:1|d", "a{quantile=\"0.5\"} 1\na_sum 2\na_count 2\n", 0 },
        { "a.b:500|ms\na-b:500|ms", "a_b{quantile=\"0.5\"} 0.5\na_b_sum 1\na_b_count 2\n", 0 },
        { "a.b:1:1:1|h\na-b:9|h", "a_b{quantile=\"0.5\"} 1\na_b_sum 12\na_b_count 4\n", 0 },
        { "a:x|s\na:4|g", "a 4\n", 0 },
    };
    CHECK(rows, .quantiles = median, .n_quantiles = 1);
}

/* A counter that only went down makes no line and takes no name; the sinks get its negative sum. */
static void an_ignored_decrement_makes_nothing(void **unused)
{
    (void)unused;
    static const struct row rows[] = {
        { "x:-1|c", "", 0 },
        { "x:-1|c\nx:-2:-3|c|@0.5", "", 0 },
        { "x:-1|c\nx:5|g", "x 5\n", 0 },
        { "x:-1|c|#a:b\nx:-1|c\nx:9|h", "x{quantile=\"0.5\"} 9\nx_sum 9\nx_count 1\n", 0 },
        { "x_sum:-1|c\nx:9|h", "x{quantile=\"0.5\"} 9\nx_sum 9\nx_count 1\n", 0 },
        { "x:5|g\nx:-1|c", "x 5\n", 0 },
        { "x:5|g\nx:-1|c\nx:1|c", "x 5\n", 2 },
        { "x:-1|c\nx:2|c", "x 2\n", 0 },
        { "x:-1:2|c", "x 2\n", 0 },
        { "x:2|c\nx:-1|c", "x 2\n", 0 },
        { "x:-1|c\nx:0|c", "x 0\n", 0 },
        { "x:0|c", "x 0\n", 0 },
        { "x:-0|c", "x 0\n", 0 },
        { "x:0|c\nx:5|g", "x 0\n", 1 },
        { "a.b:-1|c\na-b:2|c", "a_b 2\n", 0 },
        { "a.b:2|c\na-b:-1|c", "a_b 2\n", 0 },
        { "a.b:-1|c\na-b:-1|c\na_b:3|g", "a_b 3\n", 0 },
        { "x:-1|c|#a:1\nx:2|c|#b:1", "x{b=\"1\"} 2\n", 0 },
        { "up:-1|c", "", 0 },
    };
    CHECK(rows, .quantiles = median, .n_quantiles = 1);
}

static void a_counter_shows_from_its_first_increment(void **unused)
{
    (void)unused;
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ .ttl_s = 30 });
    pipeline_feed(&p, 0, "a.b:-1|c\na-b:2|c\nx:-4|c");
    pipeline_turn(&p);
    pipeline_expect(&p, "a_b 2\n");
    const char *closed = pipeline_close(&p);
    assert_true(pipeline_has(closed, "counter a.b -1"));
    assert_true(pipeline_has(closed, "counter x -4"));
    assert_int_equal(registry_stats(p.registry)->v[REGISTRY_DECREMENTS], 2);
    pipeline_feed(&p, 0, "a.b:5|c\nx:-1|c");
    pipeline_turn(&p);
    pipeline_expect(&p, "a_b 7\n");
    assert_true(pipeline_has(pipeline_close(&p), "counter x -1"));
    pipeline_feed(&p, 0, "x:3|c");
    pipeline_turn(&p);
    pipeline_expect(&p, "a_b 7\nx 3\n");
    pipeline_feed(&p, 0, "x:-3|c");
    pipeline_turn(&p);
    pipeline_expect(&p, "a_b 7\nx 3\n");
    assert_int_equal(registry_stats(p.registry)->v[REGISTRY_DECREMENTS], 4);
    assert_int_equal(registry_stats(p.registry)->v[REGISTRY_TYPE_CONFLICTS], 0);
    /* Expired and back: again nothing until it goes up. */
    pipeline_close(&p);
    pipeline_forward(&p, 40);
    registry_expire(p.registry, p.now_ns);
    pipeline_feed(&p, 0, "x:-3|c");
    pipeline_turn(&p);
    pipeline_expect(&p, "");
    pipeline_feed(&p, 0, "x:1|c");
    pipeline_turn(&p);
    pipeline_expect(&p, "x 1\n");
    pipeline_release(&p);
}

static double number_after(const char *text, const char *start)
{
    const char *at = strstr(text, start);
    assert_non_null(at);
    return strtod(at + strlen(start), NULL);
}

static void timers_of_different_units_merge_in_seconds(void **unused)
{
    (void)unused;
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ .quantiles = median, .n_quantiles = 1 });
    for (int i = 0; i < 50; i++)
        pipeline_feed(&p, 0, "a:2000|ms\na:2000|ms\na:4|h\n");
    pipeline_turn(&p);
    double q = number_after(pipeline_lines(&p), "a{quantile=\"0.5\"} ");
    assert_true(q > 2 * 0.978 && q < 2 * 1.022);
    assert_true(pipeline_has(pipeline_lines(&p), "a_sum 400"));
    assert_true(pipeline_has(pipeline_lines(&p), "a_count 150"));
    /* A new sample on either side shows at once. */
    for (int i = 0; i < 200; i++)
        pipeline_feed(&p, 0, "a:8|h");
    pipeline_turn(&p);
    q = number_after(pipeline_lines(&p), "a{quantile=\"0.5\"} ");
    assert_true(q > 8 * 0.978 && q < 8 * 1.022);
    pipeline_release(&p);
}

/* Series that share a line expire one by one: what each brought stays on it. */
static void twins_go_one_by_one(void **unused)
{
    (void)unused;
    static const char *const names[] = { "a.b", "a-b", "a_b", "a b" };
    static const char *const types[] = { "1|c", "5|g", "2|h" };
    for (size_t k = 0; k < ARRAY_LEN(types); k++) {
        for (unsigned keep = 0; keep < ARRAY_LEN(names); keep++) {
            struct pipeline p;
            pipeline_init(
                &p, &(struct pipeline_opts){ .ttl_s = 30, .quantiles = median, .n_quantiles = 1 });
            int n = 0;
            for (unsigned i = 0; i < 24; i++) {
                for (unsigned j = 0; j < ARRAY_LEN(names); j++) {
                    char line[32];
                    snprintf(line, sizeof line, "%s:%s", names[j], types[k]);
                    if (i > j && j != keep)
                        continue;
                    n++;
                    pipeline_feed(&p, 0, line);
                }
                pipeline_forward(&p, 10);
                pipeline_turn(&p);
                pipeline_close(&p);
                pipeline_lines(&p);
                registry_expire(p.registry, p.now_ns);
            }
            char want[128];
            if (types[k][2] == 'h')
                snprintf(want, sizeof want, "a_b{quantile=\"0.5\"} 2\na_b_sum %d\na_b_count %d\n",
                         2 * n, n);
            else
                snprintf(want, sizeof want, "a_b %d\n", types[k][2] == 'g' ? 5 : n);
            pipeline_expect(&p, want);
            assert_int_equal(pipeline_series(&p), 1);
            pipeline_release(&p);
        }
    }
}

/*
 * The window of the line, and not the series' life, says for how long a value is in the quantiles.
 */
static void a_twin_that_expired_stays_in_the_quantiles_of_its_window(void **unused)
{
    (void)unused;
    static const double ends[] = { 0, 1 }; /* the smallest and the largest value, exactly */
    static const struct {
        const char *first, *second, *then, *want, *later;
    } rows[] = {
        { "a.b:100:100:100:100:100|h", "x:1|c", "a-b:5|h",
          "a_b{quantile=\"0\"} 5\na_b{quantile=\"1\"} 100\na_b_sum 505\na_b_count 6\n",
          "a_b{quantile=\"0\"} 7\na_b{quantile=\"1\"} 7\na_b_sum 512\na_b_count 7\n" },
        { "a.b:5:5:5:5:5|h", "x:1|c", "a-b:100|h",
          "a_b{quantile=\"0\"} 5\na_b{quantile=\"1\"} 100\na_b_sum 125\na_b_count 6\n",
          "a_b{quantile=\"0\"} 7\na_b{quantile=\"1\"} 7\na_b_sum 132\na_b_count 7\n" },
        { "a-b:5|h", "a.b:100:100:100:100:100|h", "a-b:5|h",
          "a_b{quantile=\"0\"} 5\na_b{quantile=\"1\"} 100\na_b_sum 510\na_b_count 7\n",
          "a_b{quantile=\"0\"} 7\na_b{quantile=\"1\"} 7\na_b_sum 517\na_b_count 8\n" },
        { "a-b:100|h", "a.b:5:5:5:5:5|h", "a-b:100|h",
          "a_b{quantile=\"0\"} 5\na_b{quantile=\"1\"} 100\na_b_sum 225\na_b_count 7\n",
          "a_b{quantile=\"0\"} 7\na_b{quantile=\"1\"} 7\na_b_sum 232\na_b_count 8\n" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pipeline p;
        pipeline_init(&p,
                      &(struct pipeline_opts){
                          .ttl_s = 30, .quantiles = ends, .n_quantiles = 2, .max_age_ms = 60000 });
        p.now_ns = 1200 * PIPELINE_SECOND;
        pipeline_feed(&p, 0, rows[i].first);
        pipeline_turn(&p);
        pipeline_feed(&p, 0, rows[i].second);
        pipeline_turn(&p);
        pipeline_forward(&p, 20);
        pipeline_feed(&p, 0, rows[i].then);
        pipeline_turn(&p);
        pipeline_close(&p);
        pipeline_forward(&p, 15);
        registry_expire(p.registry, p.now_ns);
        assert_int_equal(pipeline_series(&p), 1);
        pipeline_expect(&p, rows[i].want);
        for (int k = 0; k < 3; k++) { /* the series lives on past its values' window */
            pipeline_forward(&p, 25);
            pipeline_feed(&p, 0, k == 2 ? "a-b:7|h" : "a-b:-1|c");
            pipeline_turn(&p);
        }
        pipeline_expect(&p, rows[i].later);
        pipeline_release(&p);
    }
}

/* A family of many label sets that series share, leaving in a random order. */
static void many_twins_leave_in_any_order(void **unused)
{
    (void)unused;
    enum { SETS = 40 };
    static const char *const names[] = { "a.b", "a-b", "a_b" };
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ .ttl_s = 20 });
    uint64_t random = 17;
    uint64_t last[SETS], count[SETS]; /* of all series of a line: it goes with the last one */
    memset(last, 0, sizeof last);
    memset(count, 0, sizeof count);
    for (int round = 0; round < 300; round++) {
        for (int i = 0; i < 20; i++) {
            random = random * 6364136223846793005ull + 1442695040888963407ull;
            unsigned set = (unsigned)(random >> 33) % SETS, name = (unsigned)(random >> 20) % 3;
            char line[64];
            snprintf(line, sizeof line, "%s:1|c|#s:%u", names[name], set);
            pipeline_feed(&p, 0, line);
            last[set] = p.now_ns / PIPELINE_SECOND;
            count[set]++;
        }
        pipeline_turn(&p);
        pipeline_close(&p);
        pipeline_forward(&p, 3);
        registry_expire(p.registry, p.now_ns);
        const char *text = pipeline_lines(&p);
        for (unsigned set = 0; set < SETS; set++) {
            if (p.now_ns / PIPELINE_SECOND > last[set] + 20)
                count[set] = 0;
            char want[64];
            snprintf(want, sizeof want, "a_b{s=\"%u\"} %u", set, (unsigned)count[set]);
            assert_int_equal(pipeline_has(text, want), count[set] > 0);
        }
    }
    pipeline_release(&p);
}

/* feed, wait, expire */
static void send_and_wait(struct pipeline *p, const char *lines, uint64_t seconds)
{
    pipeline_feed(p, 0, lines);
    pipeline_turn(p);
    pipeline_close(p);
    pipeline_forward(p, seconds);
    registry_expire(p->registry, p->now_ns);
}

static void a_gauge_takes_the_changes_of_all_its_series_by_arrival(void **unused)
{
    (void)unused;
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ .workers = 2, .gauge_sign = GAUGE_SIGN_DELTA });
    pipeline_feed_at(&p, 0, "a.b:+1|g", p.now_ns + 100);
    pipeline_feed_at(&p, 1, "a-b:5|g", p.now_ns + 200);
    pipeline_feed_at(&p, 0, "a.b:+2|g", p.now_ns + 300);
    pipeline_turn(&p);
    pipeline_expect(&p, "a_b 7\n");
    const char *closed = pipeline_close(&p); /* for the sinks each is a gauge of its own */
    assert_non_null(strstr(closed, "gauge a.b +3 "));
    assert_non_null(strstr(closed, "gauge a-b =5 +0 "));
    pipeline_release(&p);
}

/* A gauge and a set of one name: the gauge has the line, and whoever is left takes it. */
static void a_set_stands_behind_a_gauge_until_that_goes(void **unused)
{
    (void)unused;
    static const struct {
        const char *first, *second, *then; /* 20 s after another; a series lives for 30 */
        const char *want[3];
    } rows[] = {
        { "a:x|s\na:4|g", "a:y|s", "a:z|s", { "a 4\n", "a 2\n", "a 3\n" } },
        { "a:4|g\na.:1|g\na:x|s", "a:5|g", "a:6|g", { "a_ 1\na 4\n", "a 5\n", "a 6\n" } },
        { "a.b:x|s\na.b:4|g", "a-b:y|s", "a-b:x|s", { "a_b 4\n", "a_b 2\n", "a_b 2\n" } },
        { "a.b:4|g|#k.x:1\na-b:x|s|#k-x:1",
          "a_b:y|s|#k_x:1",
          "c:1|c",
          { "a_b{k_x=\"1\"} 4\n", "a_b{k_x=\"1\"} 2\n", "c 1\n" } },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pipeline p;
        pipeline_init(&p, &(struct pipeline_opts){ .ttl_s = 30, .set_steps = 12 });
        send_and_wait(&p, rows[i].first, 0);
        pipeline_expect(&p, rows[i].want[0]);
        pipeline_forward(&p, 20);
        send_and_wait(&p, rows[i].second, 20);
        pipeline_expect(&p, rows[i].want[1]);
        send_and_wait(&p, rows[i].then, 20);
        pipeline_expect(&p, rows[i].want[2]);
        send_and_wait(&p, "", 40);
        pipeline_expect(&p, "");
        pipeline_release(&p);
    }
}

/* The line's labels were made from the series that came first; it goes, they stay. */
static void labels_outlive_the_series_that_they_came_from(void **unused)
{
    (void)unused;
    static const char *const first[] = { "x:1|c|#k_a:v\\,z:1", "x:1|c|#k_a:v,z:1",
                                         "x:1|c|#k.a:v,z:1" };
    static const char *const second[] = { "x:1|c|#k.a:v\\,z:1", "x:1|c|#k.a:v,z:1",
                                          "x:1|c|#k_a:v,z:1" };
    static const char *const want[] = { "x{k_a=\"v\\\\\",z=\"1\"} 2\n", "x{k_a=\"v\",z=\"1\"} 2\n",
                                        "x{k_a=\"v\",z=\"1\"} 2\n" };
    for (size_t i = 0; i < ARRAY_LEN(first); i++) {
        struct pipeline p;
        pipeline_init(&p, &(struct pipeline_opts){ .ttl_s = 30 });
        send_and_wait(&p, first[i], 20);
        send_and_wait(&p, second[i], 20);
        pipeline_turn(&p);
        pipeline_turn(&p);
        pipeline_forward(&p, 4);
        registry_expire(p.registry, p.now_ns);
        assert_int_equal(p.limit.n, 1); /* the first is gone for good */
        pipeline_expect(&p, want[i]);
        pipeline_release(&p);
    }
}

/*
 * Who shared a line when it lost its name comes back with all of it; who comes new joins, and
 * nothing counts twice.
 */
static void a_shared_line_that_lost_its_name_comes_back_whole(void **unused)
{
    (void)unused;
    static const struct {
        const char *old, *other, *back[3], *want[3];
    } rows[] = {
        { "a.b:1|c\na-b:2|c",
          "a_b:9|g",
          { "a_b:10|c", "a.b:100|c", "a-b:1000|c" },
          { "a_b 10\n", "a_b 113\n", "a_b 1113\n" } },
        { "a.b:1|c\na-b:2|c",
          "a_b:9|g",
          { "a.b:100|c", "a-b:1000|c", "a_b:10|c" },
          { "a_b 103\n", "a_b 1103\n", "a_b 1113\n" } },
        { "a.b:1|h\na-b:2|ms",
          "a_b:9|g",
          { "a_b:10|h", "a.b:100|h", "a-b:1000|ms" },
          { "a_b_sum 10\na_b_count 1\n", "a_b_sum 111.002\na_b_count 4\n",
            "a_b_sum 112.002\na_b_count 5\n" } },
        { "a.b:x|s\na-b:y|s",
          "a_b:9|c",
          { "a_b:x|s", "a.b:z|s", "a-b:y|s" },
          { "a_b 1\n", "a_b 3\n", "a_b 3\n" } },
        { "a.b:1|g\na-b:2|g",
          "a_b:9|c",
          { "a_b:7|g", "a.b:8|g", "a-b:6|g" },
          { "a_b 7\n", "a_b 8\n", "a_b 6\n" } },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pipeline p;
        pipeline_init(&p, &(struct pipeline_opts){
                              .type_idle_s = 20, .set_steps = 12, .max_age_ms = 1000000 });
        send_and_wait(&p, rows[i].old, 21);
        send_and_wait(&p, rows[i].other, 21);
        for (int k = 0; k < 3; k++) {
            struct slice line, rest = slice_str(rows[i].want[k]);
            send_and_wait(&p, rows[i].back[k], 0);
            const char *text = pipeline_lines(&p);
            while (slice_cut(&rest, '\n', &line)) {
                char *want = mem_strndup(line.ptr, line.len);
                if (!pipeline_has(text, want))
                    fail_msg("row %zu, step %d: not shown: %s\nshown:\n%s", i, k, want, text);
                free(want);
            }
        }
        pipeline_release(&p);
    }
}

static void labels_are_escaped_sorted_and_renamed(void **unused)
{
    (void)unused;
    static const struct row rows[] = {
        { "x:1|c|#q:say \"hi\"", "x{q=\"say \\\"hi\\\"\"} 1\n", 0 },
        { "x:1|c|#q:c:\\dir", "x{q=\"c:\\\\dir\"} 1\n", 0 },
        { "x:1|c|#k.b:1,k-a:2", "x{k_a=\"2\",k_b=\"1\"} 1\n", 0 },
        { "x:1|c|#a_z:1,a.b:2", "x{a_b=\"2\",a_z=\"1\"} 1\n", 0 },
        { "x:1|c|#9:1", "x{_9=\"1\"} 1\n", 0 },
        { "x:1|c|#__name__:evil", "x{exported___name__=\"evil\"} 1\n", 0 },
        { "x:1|c|#--x:1", "x{_x=\"1\"} 1\n", 0 },
        { "x:1|c|#..x:1", "x{exported___x=\"1\"} 1\n", 0 },
        { "x:1|c|#le:1,quantile:2", "x{le=\"1\",quantile=\"2\"} 1\n", 0 },
        { "x:1|g|#le:1,quantile:2", "x{le=\"1\",quantile=\"2\"} 1\n", 0 },
        { "x:1|h|#z:a\"\\,a:b=c",
          "x{a=\"b=c\",quantile=\"0.5\",z=\"a\\\"\\\\\"} 1\n"
          "x_sum{a=\"b=c\",z=\"a\\\"\\\\\"} 1\nx_count{a=\"b=c\",z=\"a\\\"\\\\\"} 1\n",
          0 },
        { "x:1|h|#le:1,quantile:2",
          "x{exported_quantile=\"2\",le=\"1\",quantile=\"0.5\"} 1\n"
          "x_sum{exported_quantile=\"2\",le=\"1\"} 1\n"
          "x_count{exported_quantile=\"2\",le=\"1\"} 1\n",
          0 },
        { "x:1|c|#k.a:1,k-a:2", "x{k_a=\"2\"} 1\n", 0 },
        { "x:1|c|#k-a:2,k.a:1", "x{k_a=\"1\"} 1\n", 0 },
        { "x:1|c|#k.a:1,k_a:3,k-a:2", "x{k_a=\"2\"} 1\n", 0 },
        { "x:1|c|#\xc3\xa9:\xc3\xa9", "x{_=\"\xc3\xa9\"} 1\n", 0 },
        { "x:1|c|#a:{b},c:d=e", "x{a=\"{b}\",c=\"d=e\"} 1\n", 0 },
    };
    CHECK(rows, .quantiles = median, .n_quantiles = 1);
    static const struct row histogram_rows[] = {
        { "x:5|h|#le:1,exported_le:2,quantile:3",
          "x_bucket{exported_le=\"2\",le=\"1\",quantile=\"3\"} 0\n"
          "x_bucket{exported_le=\"2\",le=\"10\",quantile=\"3\"} 1\n"
          "x_bucket{exported_le=\"2\",le=\"+Inf\",quantile=\"3\"} 1\n"
          "x_sum{exported_le=\"2\",quantile=\"3\"} 5\n"
          "x_count{exported_le=\"2\",quantile=\"3\"} 1\n",
          0 },
    };
    CHECK(histogram_rows, .histograms = true, .buckets = le, .n_buckets = ARRAY_LEN(le));
}

static void suffixes_tell_counters_and_seconds(void **unused)
{
    (void)unused;
    static const struct row rows[] = {
        { "x:1|c", "x_total 1\n", 0 },
        { "x.total:1|c", "x_total 1\n", 0 },
        { "_total:1|c", "_total 1\n", 0 },
        { "total:1|c", "total_total 1\n", 0 },
        { "x:1|c\nx_total:2|c", "x_total 3\n", 0 },
        { "x:1|g", "x 1\n", 0 },
        { "x:1|c\nx:2|g\nx:3|h", "x_total 1\nx 2\n", 1 },
        { "x:1000|ms", "x_seconds{quantile=\"0.5\"} 1\nx_seconds_sum 1\nx_seconds_count 1\n", 0 },
        { "x.seconds:1000|ms",
          "x_seconds{quantile=\"0.5\"} 1\nx_seconds_sum 1\nx_seconds_count 1\n", 0 },
        { "x:1|h", "x{quantile=\"0.5\"} 1\nx_sum 1\nx_count 1\n", 0 },
        { "x_total:5|g\nx:1|c", "x_total 5\n", 1 },
    };
    CHECK(rows, .suffixes = true, .quantiles = median, .n_quantiles = 1);
}

static void families_come_sorted_whatever_comes_and_goes(void **unused)
{
    (void)unused;
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ .ttl_s = 30 });
    uint64_t random = 99;
    for (int round = 0; round < 40; round++) {
        for (int i = 0; i < 30; i++) {
            char line[32];
            random = random * 6364136223846793005ull + 1442695040888963407ull;
            snprintf(line, sizeof line, "m%u:1|c", (unsigned)(random >> 33) % 300);
            pipeline_feed(&p, 0, line);
        }
        pipeline_forward(&p, 7);
        pipeline_turn(&p);
        pipeline_close(&p);
        registry_expire(p.registry, p.now_ns);
        if (round % 3 == 0)
            continue; /* several rounds of births and drops between two looks */
        size_t n;
        struct family *const *f = registry_families(p.registry, &n);
        assert_int_equal(n, pipeline_series(&p));
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(f[i]->at, i);
            assert_int_equal(f[i]->n, 1);
            assert_int_equal(strlen(f[i]->name), f[i]->name_len);
            if (i > 0)
                assert_true(strcmp(f[i - 1]->name, f[i]->name) < 0);
        }
    }
    pipeline_release(&p);
}

static void a_storm_of_names_leaves_nothing_behind_though_nobody_looks(void **unused)
{
    (void)unused;
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ .ttl_s = 1 });
    for (unsigned name = 0; name < 20000; name++) {
        char line[32];
        snprintf(line, sizeof line, "m%u:1|c", name);
        pipeline_feed(&p, 0, line);
        if (name % 100 != 99)
            continue;
        pipeline_forward(&p, 5);
        pipeline_turn(&p);
        pipeline_close(&p);
        registry_expire(p.registry, p.now_ns);
    }
    assert_true(p.registry->output.families.cap < 2000);
    pipeline_release(&p);
}

/* Of two keys that are spelled alike on /metrics the later one counts, however many came before. */
static void the_later_of_two_keys_counts_beyond_256_tags(void **unused)
{
    (void)unused;
    static const struct {
        unsigned first, second;
    } rows[] = { { 100, 270 }, { 254, 255 }, { 255, 256 }, { 256, 299 }, { 0, 256 } };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pipeline p;
        struct buf line = { 0 };
        pipeline_init(&p,
                      &(struct pipeline_opts){ .tags = { .max_tags = 1024, .max_tag_len = 100 } });
        buf_append_str(&line, "x:1|c|#");
        for (unsigned tag = 0; tag < 300; tag++)
            if (tag == rows[i].first || tag == rows[i].second)
                buf_append_str(&line, tag == rows[i].first ? "k.a:one," : "k-a:two,");
            else
                buf_printf(&line, "t%u:v,", tag);
        buf_append_char(&line, '\0');
        pipeline_feed(&p, 0, line.ptr);
        pipeline_turn(&p);
        assert_non_null(strstr(pipeline_lines(&p), "k_a=\"two\""));
        buf_release(&line);
        pipeline_release(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_type_of_a_name_keeps_the_others_out),
        cmocka_unit_test(the_names_that_a_summary_makes_are_its_own),
        cmocka_unit_test(the_names_that_a_histogram_makes_are_its_own),
        cmocka_unit_test(our_own_names_are_taken),
        cmocka_unit_test(no_line_has_a_name_that_prometheus_makes),
        cmocka_unit_test(what_has_a_reserved_name_still_reaches_the_sinks),
        cmocka_unit_test(a_name_is_free_again_when_its_family_has_expired),
        cmocka_unit_test(identities_that_read_alike_are_one_line),
        cmocka_unit_test(an_ignored_decrement_makes_nothing),
        cmocka_unit_test(a_counter_shows_from_its_first_increment),
        cmocka_unit_test(timers_of_different_units_merge_in_seconds),
        cmocka_unit_test(twins_go_one_by_one),
        cmocka_unit_test(a_twin_that_expired_stays_in_the_quantiles_of_its_window),
        cmocka_unit_test(many_twins_leave_in_any_order),
        cmocka_unit_test(a_gauge_takes_the_changes_of_all_its_series_by_arrival),
        cmocka_unit_test(a_set_stands_behind_a_gauge_until_that_goes),
        cmocka_unit_test(labels_outlive_the_series_that_they_came_from),
        cmocka_unit_test(a_shared_line_that_lost_its_name_comes_back_whole),
        cmocka_unit_test(labels_are_escaped_sorted_and_renamed),
        cmocka_unit_test(suffixes_tell_counters_and_seconds),
        cmocka_unit_test(families_come_sorted_whatever_comes_and_goes),
        cmocka_unit_test(a_storm_of_names_leaves_nothing_behind_though_nobody_looks),
        cmocka_unit_test(the_later_of_two_keys_counts_beyond_256_tags),
    };
    return cmocka_run_group_tests_name("family", tests, NULL, NULL);
}
