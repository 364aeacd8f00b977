/*
 * Another mapping in force: where each series goes, and what its line shows there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "aggregate/registry_priv.h"
#include "aggregate/registry_walk.h"
#include "support/pipeline.h"

enum { RULES_MAX = 3 };

/* Rules end where there is no match. */
typedef struct mapping_rule rules[RULES_MAX];

static size_t count(const struct mapping_rule *r)
{
    size_t n = 0;
    while (n < RULES_MAX && r[n].match != NULL)
        n++;
    return n;
}

/* ---- profiles ---- */

static const double few[] = { 1, 5 }, others[] = { 2, 10 }, many[] = { 1, 5, 10, 50 };

/*
 * 1: histogram; 2, 6: one with other bounds, with more; 3: scale 10; 4: a shorter window; 5: one
 * quantile
 */
static void fill(struct profile *p, uint8_t number)
{
    p->histogram = number == 1 || number == 2 || number == 6;
    p->buckets = number == 2 ? others : number == 6 ? many : few;
    p->n_buckets = number == 6 ? ARRAY_LEN(many) : 2;
    p->scale = number == 3 ? 10 : 1;
    p->summary_max_age_ms = number == 4 ? 10000 : p->summary_max_age_ms;
    if (number == 5)
        p->n_quantiles = 1;
}

static struct pipeline_opts opts_of(const struct mapping_rule *r)
{
    return (struct pipeline_opts){
        .rules = r, .n_rules = count(r), .fill = fill, .n_profiles = 6, .set_steps = 2
    };
}

static void feed_each(struct pipeline *p, const char *lines)
{
    struct slice rest = slice_str(lines), line;
    while (slice_cut(&rest, '\n', &line)) {
        pipeline_feed_bytes(p, 0, line.ptr, line.len);
        pipeline_turn(p);
    }
}

/* ---- one series, or several that meet ---- */

static const struct {
    const char *what;
    rules before, after;
    const char *sent, *then;   /* before and after the reload */
    const char *shown, *later; /* what the page has after the reload, and after `then` */
    size_t moved, dropped;
} rows[] = {
    { "unchanged",
      { { "a", .name = "x" } },
      { { "a", .name = "x" } },
      "a:2|c\n",
      "a:3|c\n",
      "x 2\n",
      "x 5\n",
      0,
      0 },
    { "no mapping any more",
      { { "a", .name = "x" } },
      { { 0 } },
      "a:2|c\n",
      "a:3|c\n",
      "a 0\n",
      "a 3\n",
      1,
      0 },
    { "a mapping for the first time",
      { { 0 } },
      { { "a", .name = "x" } },
      "a:2|c\nb:1|c\n",
      "a:3|c\n",
      "b 1\nx 0\n",
      "b 1\nx 3\n",
      1,
      0 },
    { "renamed timer",
      { { "a", .name = "x" } },
      { { "a", .name = "y" } },
      "a:2|h\n",
      "a:3|h\n",
      "y{quantile=\"0.5\"} NaN\ny{quantile=\"0.9\"} NaN\ny{quantile=\"0.99\"} NaN\ny_sum 0\n"
      "y_count 0\n",
      "y{quantile=\"0.5\"} 3\ny{quantile=\"0.9\"} 3\ny{quantile=\"0.99\"} 3\ny_sum 3\ny_count 1\n",
      1,
      0 },
    { "relabelled",
      { { "a", .name = "x", .labels = (struct mapping_label[]){ { "k", "1" } }, .n_labels = 1 } },
      { { "a", .name = "x", .labels = (struct mapping_label[]){ { "k", "2" } }, .n_labels = 1 } },
      "a:2|c\n",
      "a:3|c\n",
      "x{k=\"2\"} 0\n",
      "x{k=\"2\"} 3\n",
      1,
      0 },
    { "dropped",
      { { 0 } },
      { { "a", .name = "x", .drop = true } },
      "a:2|c\nb:1|c\n",
      "a:3|c\n",
      "b 1\n",
      "b 1\n",
      0,
      1 },
    { "an empty name", { { 0 } }, { { "a", .name = "${7}" } }, "a:2|c\n", "a:3|c\n", "", "", 0, 1 },
    { "no longer dropped",
      { { "a", .name = "x", .drop = true } },
      { { "a", .name = "x" } },
      "a:2|c\n",
      "a:3|c\n",
      "",
      "x 3\n",
      0,
      0 },
    { "a gauge takes its value along",
      { { 0 } },
      { { "a", .name = "x" } },
      "a:2|g\na:+3|g\n",
      "a:+1|g\n",
      "x 5\n",
      "x 6\n",
      1,
      0 },
    { "a gauge that only changed",
      { { 0 } },
      { { "a", .name = "x" } },
      "a:+3|g\n",
      "a:+1|g\n",
      "x 3\n",
      "x 4\n",
      1,
      0 },
    { "a set takes its members along",
      { { 0 } },
      { { "a", .name = "x" } },
      "a:p|s\na:q|s\n",
      "a:q|s\na:r|s\n",
      "x 2\n",
      "x 3\n",
      1,
      0 },
    { "another scale is another unit of the same line",
      { { "a", .name = "x" } },
      { { "a", .name = "x", .profile = 3 } },
      "a:2|c\n",
      "a:3|c\n",
      "x 2\n",
      "x 32\n",
      0,
      0 },
    { "a summary becomes a histogram",
      { { "a", .name = "x" } },
      { { "a", .name = "x", .profile = 1 } },
      "a:2|h\n",
      "a:3|h\n",
      "x_bucket{le=\"1\"} 0\nx_bucket{le=\"5\"} 0\nx_bucket{le=\"+Inf\"} 0\nx_sum 0\nx_count 0\n",
      "x_bucket{le=\"1\"} 0\nx_bucket{le=\"5\"} 1\nx_bucket{le=\"+Inf\"} 1\nx_sum 3\nx_count 1\n",
      1,
      0 },
    { "a histogram becomes a summary",
      { { "a", .name = "x", .profile = 1 } },
      { { "a", .name = "x", .profile = 5 } },
      "a:2|h\n",
      "a:3|h\n",
      "x{quantile=\"0.5\"} NaN\nx_sum 0\nx_count 0\n",
      "x{quantile=\"0.5\"} 3\nx_sum 3\nx_count 1\n",
      1,
      0 },
    { "a histogram with other bounds",
      { { "a", .name = "x", .profile = 1 } },
      { { "a", .name = "x", .profile = 2 } },
      "a:2|h\n",
      "a:3|h\n",
      "x_bucket{le=\"2\"} 0\nx_bucket{le=\"10\"} 0\nx_bucket{le=\"+Inf\"} 0\nx_sum 0\nx_count 0\n",
      "x_bucket{le=\"2\"} 0\nx_bucket{le=\"10\"} 1\nx_bucket{le=\"+Inf\"} 1\nx_sum 3\nx_count 1\n",
      0,
      0 },
    { "a summary with other quantiles",
      { { "a", .name = "x" } },
      { { "a", .name = "x", .profile = 5 } },
      "a:3|h\n",
      "a:3|h\n",
      "x{quantile=\"0.5\"} 3\nx_sum 3\nx_count 1\n",
      "x{quantile=\"0.5\"} 3\nx_sum 6\nx_count 2\n",
      0,
      0 },
    { "a summary with another window",
      { { "a", .name = "x", .profile = 5 } },
      { { "a", .name = "x", .profile = 4 } },
      "a:3|h\n",
      "a:3|h\n",
      "x{quantile=\"0.5\"} NaN\nx{quantile=\"0.9\"} NaN\nx{quantile=\"0.99\"} NaN\nx_sum 3\n"
      "x_count 1\n",
      "x{quantile=\"0.5\"} 3\nx{quantile=\"0.9\"} 3\nx{quantile=\"0.99\"} 3\nx_sum 6\nx_count 2\n",
      0,
      0 },
    { "two that trade their names",
      { { "a", .name = "x" }, { "b", .name = "y" } },
      { { "a", .name = "y" }, { "b", .name = "x" } },
      "a:2|g\nb:5|g\n",
      "a:+1|g\n",
      "x 5\ny 2\n",
      "x 5\ny 3\n",
      2,
      0 },
    { "counters that trade their names",
      { { "a", .name = "x" }, { "b", .name = "y" } },
      { { "a", .name = "y" }, { "b", .name = "x" } },
      "a:2|c\nb:5|c\n",
      "a:1|c\n",
      "x 0\ny 0\n",
      "x 0\ny 1\n",
      2,
      0 },
    { "a name that changes its type",
      { { "a", .name = "x" } },
      { { "a", .name = "y" }, { "b", .name = "x" } },
      "a:2|c\nb:5|g\n",
      "a:1|c\nb:6|g\n",
      "x 5\ny 0\n",
      "x 6\ny 1\n",
      2,
      0 },
    { "one of two leaves",
      { { 0 } },
      { { "a-b", .name = "y" }, { 0 } },
      "a.b:2|c\na-b:5|c\n",
      "a.b:1|c\na-b:1|c\n",
      "a_b 7\ny 0\n",
      "a_b 8\ny 1\n",
      1,
      0 },
    { "one comes to where another is",
      { { "a", .name = "x" } },
      { { "a", .name = "x" }, { "b", .name = "x" } },
      "a:2|c\nb:5|c\n",
      "a:1|c\nb:1|c\n",
      "x 2\n",
      "x 4\n",
      1,
      0 },
    { "gauges that share a line and move together",
      { { "*", .name = "x" } },
      { { "*", .name = "y" } },
      "a:2|g\nb:+3|g\n",
      "a:+1|g\nb:+1|g\n",
      "y 5\n",
      "y 7\n",
      2,
      0 },
    { "gauges that shared a line and part",
      { { "*", .name = "x" } },
      { { "a", .name = "y" }, { "b", .name = "z" } },
      "a:2|g\nb:+3|g\n",
      "a:+1|g\n",
      "y 5\nz 5\n",
      "y 6\nz 5\n",
      2,
      0 },
    { "a gauge in front of a set leaves",
      { { "*", .name = "x" } },
      { { "a", .name = "y" }, { "s", .name = "x" } },
      "a:7|g\ns:m|s\n",
      "a:+1|g\n",
      "x 1\ny 7\n",
      "x 1\ny 8\n",
      1,
      0 },
    { "a set behind a gauge leaves",
      { { "*", .name = "x" } },
      { { "a", .name = "x" }, { "s", .name = "y" } },
      "a:7|g\ns:m|s\n",
      "a:+1|g\n",
      "x 7\ny 1\n",
      "x 8\ny 1\n",
      1,
      0 },
    { "what was kept off the page is shown with all it brought",
      { { "a", .name = "x" }, { "b", .name = "x" } },
      { { "a", .name = "x" }, { "b", .name = "y" } },
      "a:2|c\nb:5|g\n",
      "b:+1|g\n",
      "x 2\n",
      "x 2\ny 6\n",
      0,
      0 },
    { "what meets another type is kept off the page",
      { { 0 } },
      { { "a", .name = "x" }, { "b", .name = "x" } },
      "a:2|c\nb:5|g\n",
      "a:1|c\nb:6|g\n",
      "x 0\n",
      "x 1\n",
      2,
      0 },
};

static void each_series_is_where_the_new_mapping_puts_it(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pipeline p;
        const struct pipeline_opts before = opts_of(rows[i].before), after = opts_of(rows[i].after);
        print_message("- %s\n", rows[i].what);
        pipeline_init(&p, &before);
        feed_each(&p, rows[i].sent);
        const struct registry_remapped r = pipeline_remap(&p, &after);
        pipeline_expect(&p, rows[i].shown);
        feed_each(&p, rows[i].then);
        pipeline_expect(&p, rows[i].later);
        assert_int_equal(r.moved, rows[i].moved);
        assert_int_equal(r.dropped, rows[i].dropped);
        pipeline_release(&p);
    }
}

/* ---- a line that series of several profiles share ---- */

static const struct mapping_rule two[] = { { .match = "a", .name = "x", .profile = 1 },
                                           { .match = "b", .name = "x", .profile = 2 },
                                           { 0 } };

#define BUCKETS(l1, n1, l2, n2, all, sum)                                                          \
    "x_bucket{le=\"" #l1 "\"} " #n1 "\nx_bucket{le=\"" #l2 "\"} " #n2                              \
    "\nx_bucket{le=\"+Inf\"} " #all "\nx_sum " #sum "\nx_count " #all "\n"

static void a_line_keeps_its_bounds_while_nothing_changes_for_one_that_shares_it(void **unused)
{
    (void)unused;
    const struct pipeline_opts o = opts_of(two);
    for (unsigned first_is_b = 0; first_is_b < 2; first_is_b++) {
        struct pipeline p;
        pipeline_init(&p, &o);
        feed_each(&p, first_is_b ? "b:1|h\na:4|h\n" : "a:4|h\nb:1|h\n");
        for (unsigned i = 0; i < 3; i++) {
            assert_int_equal(pipeline_remap(&p, &o).moved, 0);
            pipeline_expect(&p,
                            first_is_b ? BUCKETS(2, 1, 10, 2, 2, 5) : BUCKETS(1, 0, 5, 2, 2, 5));
        }
        pipeline_release(&p);
    }
}

static void a_line_keeps_bounds_that_came_from_a_series_gone_since(void **unused)
{
    (void)unused;
    static const struct mapping_rule only_b[] = { { .match = "a", .name = "y", .profile = 1 },
                                                  { .match = "b", .name = "x", .profile = 2 },
                                                  { 0 } };
    const struct pipeline_opts before = opts_of(two), after = opts_of(only_b);
    struct pipeline p;
    pipeline_init(&p, &before);
    feed_each(&p, "a:4|h\nb:1|h\n");
    assert_int_equal(pipeline_remap(&p, &after).moved, 1);
    assert_true(pipeline_has(pipeline_lines(&p), "x_bucket{le=\"5\"} 2"));
    assert_int_equal(pipeline_remap(&p, &after).moved, 0);
    assert_true(pipeline_has(pipeline_lines(&p), "x_bucket{le=\"5\"} 2"));
    pipeline_release(&p);
}

/* ---- what else changes ---- */

static void help_is_that_of_the_new_rules(void **unused)
{
    (void)unused;
    static const struct {
        const char *before, *after, *shown;
    } helps[] = {
        { "one", "two", "# HELP x two" },
        { NULL, "two", "# HELP x two" },
        { "one", NULL, "# HELP x Metric received by statsd." },
    };
    for (size_t i = 0; i < ARRAY_LEN(helps); i++) {
        const rules before = { { .match = "a", .name = "x", .help = helps[i].before } };
        const rules after = { { .match = "a", .name = "x", .help = helps[i].after } };
        const struct pipeline_opts b = opts_of(before), a = opts_of(after);
        struct pipeline p;
        pipeline_init(&p, &b);
        feed_each(&p, "a:1|c\n");
        pipeline_remap(&p, &a);
        assert_true(pipeline_has(pipeline_text(&p), helps[i].shown));
        assert_true(pipeline_has(pipeline_lines(&p), "x 1"));
        pipeline_release(&p);
    }
}

static void an_interval_that_is_open_reaches_the_sinks_whole(void **unused)
{
    (void)unused;
    const rules none = { { 0 } };
    const rules after = { { .match = "a", .name = "x", .drop = true },
                          { .match = "m", .name = "y", .profile = 3 } };
    const struct pipeline_opts b = opts_of(none), a = opts_of(after);
    struct pipeline p;
    pipeline_init(&p, &b);
    feed_each(&p, "a:2|c\nm:1|c\nt:3|ms\ns:p|s\n");
    pipeline_remap(&p, &a);
    feed_each(&p, "a:5|c\nm:5|c\nt:4|ms\ns:q|s\n");
    assert_int_equal(pipeline_series(&p), 4);
    const char *closed = pipeline_close(&p);
    assert_true(pipeline_has(closed, "counter a 2"));
    assert_true(pipeline_has(closed, "counter m 6"));
    assert_true(pipeline_has(closed, "timer t 2 7"));
    assert_true(pipeline_has(closed, "set s 2"));
    registry_expire(p.registry, p.now_ns);
    assert_int_equal(pipeline_series(&p), 3);
    assert_int_equal(pipeline_dropped(&p, INGEST_DROP_RULE), 1);
    pipeline_release(&p);
}

static void a_series_that_is_dropped_and_comes_back_starts_at_0(void **unused)
{
    (void)unused;
    const rules none = { { 0 } }, drop = { { .match = "a", .name = "x", .drop = true } };
    const struct pipeline_opts b = opts_of(none), a = opts_of(drop);
    for (unsigned closed = 0; closed < 2; closed++) {
        struct pipeline p;
        pipeline_init(&p, &b);
        feed_each(&p, "a:2|c\n");
        pipeline_remap(&p, &a);
        if (closed) {
            pipeline_close(&p);
            registry_expire(p.registry, p.now_ns);
        }
        pipeline_remap(&p, &b);
        pipeline_expect(&p, "");
        feed_each(&p, "a:3|c\n");
        pipeline_expect(&p, "a 3\n");
        assert_int_equal(pipeline_series(&p), 1);
        assert_true(pipeline_has(pipeline_close(&p), closed ? "counter a 3" : "counter a 5"));
        pipeline_release(&p);
    }
}

static void a_shorter_ttl_holds_from_now_on(void **unused)
{
    (void)unused;
    const rules none = { { 0 } };
    struct pipeline_opts o = opts_of(none);
    struct pipeline p;
    pipeline_init(&p, &o);
    feed_each(&p, "a:2|c\n");
    pipeline_close(&p);
    o.ttl_s = 10;
    pipeline_remap(&p, &o);
    pipeline_expect(&p, "a 2\n");
    pipeline_forward(&p, 20);
    pipeline_turn(&p);
    registry_expire(p.registry, p.now_ns);
    pipeline_expect(&p, "");
    pipeline_release(&p);
}

static void expire_all(struct pipeline *p, uint64_t seconds)
{
    pipeline_forward(p, seconds);
    pipeline_turn(p);
    pipeline_close(p);
    while (registry_expire(p->registry, p->now_ns)) {}
}

static void a_series_of_more_spellings_than_can_be_counted_stays_until_a_reload(void **unused)
{
    (void)unused;
    const rules none = { { 0 } };
    struct pipeline_opts o = opts_of(none);
    struct pipeline p;
    o.ttl_s = 10;
    pipeline_init(&p, &o);
    feed_each(&p, "a:1|c|#k:v,l:w\n");
    struct series *s = p.registry->all[0];
    s->cells = SERIES_CELLS_MAX - 1; /* as if they were there */
    feed_each(&p, "a:2|c|#l:w,k:v\na:3|c|#k:1,k:v,l:w\n");
    pipeline_expect(&p, "a{k=\"v\",l=\"w\"} 6\n");
    for (int i = 0; i < 3; i++)
        expire_all(&p, 20);
    pipeline_expect(&p, "");
    assert_int_equal(p.registry->n_all, 1);
    feed_each(&p, "a:4|c|#k:v,l:w\n");
    pipeline_expect(&p, "a{k=\"v\",l=\"w\"} 4\n");
    pipeline_remap(&p, &o);
    for (int i = 0; i < 3; i++)
        expire_all(&p, 20);
    assert_int_equal(p.registry->n_all, 0);
    pipeline_release(&p);
}

static void a_line_that_starts_again_is_born_again(void **unused)
{
    (void)unused;
    const rules before = { { .match = "*", .name = "${1}", .profile = 1 } };
    const rules after = { { .match = "m", .name = "y", .profile = 1 },
                          { .match = "r", .name = "r", .profile = 2 },
                          { .match = "*", .name = "${1}", .profile = 1 } };
    struct pipeline_opts b = opts_of(before), a = opts_of(after);
    b.births = true;
    struct pipeline p;
    pipeline_init(&p, &b);
    feed_each(&p, "k:1|h\nm:1|h\nr:1|h\n");
    const uint64_t before_ns = p.now_ns;
    pipeline_forward(&p, 60);
    pipeline_remap(&p, &a);
    struct registry_walk w;
    const struct family *f;
    registry_walk_begin(p.registry, &w);
    for (unsigned i = 0; (f = registry_walk_family(&w)) != NULL; i++) {
        struct exposed_view v;
        registry_view(p.registry, registry_walk_exposed(&w), p.now_ns, &v);
        assert_string_equal(f->name, i == 0 ? "k" : i == 1 ? "r" : "y");
        assert_true(i == 0 ? v.born_ns <= before_ns : v.born_ns > before_ns);
    }
    registry_walk_end(&w);
    pipeline_release(&p);
}

static void exemplars_are_of_the_buckets_that_a_line_has_now(void **unused)
{
    (void)unused;
    const rules before = { { .match = "t", .name = "t", .profile = 1 } };
    const rules after = { { .match = "t", .name = "t", .profile = 6 } };
    struct pipeline_opts b = opts_of(before), a = opts_of(after);
    b.format = a.format = &writer_openmetrics;
    b.exemplar_tag = a.exemplar_tag = "id";
    struct pipeline p;
    pipeline_init(&p, &b);
    feed_each(&p, "t:3|h|#id:old\n");
    assert_true(strstr(pipeline_text(&p), "id=\"old\"") != NULL);
    pipeline_remap(&p, &a);
    assert_true(strstr(pipeline_text(&p), "id=\"old\"") == NULL);
    feed_each(&p, "t:40|h|#id:new\n");
    assert_true(strstr(pipeline_text(&p), "le=\"50.0\"} 1 # {id=\"new\"} 40") != NULL);
    pipeline_release(&p);
}

static void what_has_exemplars_is_asked_of_the_mapping_in_force(void **unused)
{
    (void)unused;
    const rules before = { { .match = "t", .name = "t" } };
    const rules after = { { .match = "t", .name = "t", .profile = 1 } };
    struct pipeline_opts b = opts_of(before), a = opts_of(after);
    b.n_profiles = 0; /* and the number is one that there was not */
    b.format = a.format = &writer_openmetrics;
    b.exemplar_tag = a.exemplar_tag = "id";
    struct pipeline p;
    pipeline_init(&p, &b);
    feed_each(&p, "t:3|h|#id:none\n");
    assert_true(strstr(pipeline_text(&p), "id=\"none\"") == NULL);
    pipeline_remap(&p, &a);
    feed_each(&p, "t:4|h|#id:some\n");
    assert_true(strstr(pipeline_text(&p), "le=\"5.0\"} 1 # {id=\"some\"} 4") != NULL);
    pipeline_remap(&p, &b);
    feed_each(&p, "t:4|h|#id:gone\n");
    assert_true(strstr(pipeline_text(&p), "# {id") == NULL);
    pipeline_release(&p);
}

/* ---- a page that is being written ---- */

static void a_page_under_way_goes_on_with_what_is_there(void **unused)
{
    (void)unused;
    const rules before = { { .match = "*.*",
                             .name = "${1}",
                             .labels = (struct mapping_label[]){ { "k", "$2" } },
                             .n_labels = 1,
                             .profile = 1 } };
    const rules after = { { .match = "t1.*", .name = "gone", .drop = true },
                          { .match = "t2.*", .name = "t2", .profile = 2 },
                          { .match = "*.*",
                            .name = "${1}",
                            .labels = (struct mapping_label[]){ { "k", "$2" } },
                            .n_labels = 1,
                            .profile = 1 } };
    const struct pipeline_opts b = opts_of(before), a = opts_of(after);
    for (unsigned pieces = 0; pieces < 30; pieces++) {
        struct pipeline p;
        struct render r;
        struct buf text = { 0 };
        pipeline_init(&p, &b);
        for (unsigned t = 0; t < 4; t++)
            for (unsigned k = 0; k < 5; k++) {
                char line[32];
                snprintf(line, sizeof line, "t%u.%u:3|h", t, k);
                pipeline_feed(&p, 0, line);
            }
        pipeline_turn(&p);
        render_begin(&r, p.writer, p.registry);
        bool more = true;
        for (unsigned i = 0; more && i < pieces; i++)
            more = render_some(&r, p.now_ns, text.len + 1, &text);
        pipeline_remap(&p, &a);
        while (more)
            more = render_some(&r, p.now_ns, text.len + 1, &text);
        render_end(&r);
        buf_append_char(&text, '\0');
        assert_true(pipeline_has(text.ptr, "t0_count{k=\"4\"} 1"));
        assert_true(pipeline_has(text.ptr, "t3_bucket{k=\"0\",le=\"5\"} 1"));
        buf_release(&text);
        pipeline_release(&p);
    }
}

/* Without steps a set shows the interval before: of a window that is gone there is none. */
static void a_set_that_loses_its_window_is_shown_again_when_members_come(void **unused)
{
    (void)unused;
    const rules none = { { 0 } };
    struct pipeline_opts o = opts_of(none);
    struct pipeline p;
    pipeline_init(&p, &o);
    feed_each(&p, "s:a|s\ns:b|s\n");
    pipeline_close(&p);
    pipeline_expect(&p, "s 2\n");
    o.set_steps = 0;
    pipeline_remap(&p, &o);
    pipeline_expect(&p, "");
    feed_each(&p, "s:a|s\n");
    pipeline_close(&p);
    pipeline_expect(&p, "s 1\n");
    pipeline_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_series_is_where_the_new_mapping_puts_it),
        cmocka_unit_test(a_line_keeps_its_bounds_while_nothing_changes_for_one_that_shares_it),
        cmocka_unit_test(a_line_keeps_bounds_that_came_from_a_series_gone_since),
        cmocka_unit_test(help_is_that_of_the_new_rules),
        cmocka_unit_test(an_interval_that_is_open_reaches_the_sinks_whole),
        cmocka_unit_test(a_series_that_is_dropped_and_comes_back_starts_at_0),
        cmocka_unit_test(a_shorter_ttl_holds_from_now_on),
        cmocka_unit_test(a_series_of_more_spellings_than_can_be_counted_stays_until_a_reload),
        cmocka_unit_test(a_line_that_starts_again_is_born_again),
        cmocka_unit_test(exemplars_are_of_the_buckets_that_a_line_has_now),
        cmocka_unit_test(what_has_exemplars_is_asked_of_the_mapping_in_force),
        cmocka_unit_test(a_page_under_way_goes_on_with_what_is_there),
        cmocka_unit_test(a_set_that_loses_its_window_is_shown_again_when_members_come),
    };
    return cmocka_run_group_tests_name("remap", tests, NULL, NULL);
}
