/*
 * A mapping on the way through: which profile a spelling gets, what is dropped, and how what came
 * is shown; values are scaled on the way to /metrics and stay as sent for the sinks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/pipeline.h"

#define RULES(of) .rules = (of), .n_rules = ARRAY_LEN(of)

/* ---- what is shown, and how ---- */

static const double few[] = { 1, 5, 10 }, others[] = { 2, 10, 20 };
static const double scales[] = { 1, 10, 0.5, -2, 0, 1e300 };
static const double ends[] = { 0.01, 1 };

static void fill_scale(struct profile *p, uint8_t number)
{
    p->scale = scales[number];
}

static void fill_bounds(struct profile *p, uint8_t number)
{
    p->buckets = number == 1 ? few : others;
    p->n_buckets = 3;
}

static void fill_window(struct profile *p, uint8_t number)
{
    p->summary_max_age_ms = number == 1 ? 10000 : 60000;
    p->summary_age_buckets = number == 1 ? 2 : 5;
    p->sketch_schema = number == 1 ? 3 : 6;
}

static const struct mapping_rule by_scale[] = {
    { .match = "ten.*", .name = "$1", .profile = 1 },
    { .match = "half.*", .name = "$1", .profile = 2 },
    { .match = "minus.*", .name = "$1", .profile = 3 },
    { .match = "zero.*", .name = "$1", .profile = 4 },
    { .match = "huge.*", .name = "$1", .profile = 5 },
};

static void values_are_shown_times_the_scale_of_their_rule(void **unused)
{
    (void)unused;
    static const struct {
        const char *sent, *shown;
    } rows[] = {
        { "ten.n:5|c\nhalf.n:8|c\nn:1|c", "n 55\n" },
        { "ten.n:5|c|@0.1", "n 500\n" },
        { "ten.n:5|c\nten.n:-3|c", "n 50\n" },
        { "minus.n:5|c\nminus.n:-3|c", "n 6\n" },
        { "minus.n:5|c", "" },
        { "ten.n:-5|c", "" },
        { "zero.n:5|c", "n 0\n" },
        { "zero.n:-5|c", "n 0\n" },
        { "huge.n:1e200|c\nn:1|c", "n 1\n" },
        { "ten.n:5|g", "n 50\n" },
        { "ten.n:5|g\nhalf.n:+8|g\nten.n:-1|g", "n 44\n" },
        { "ten.n:+5|g\nhalf.n:8|g", "n 4\n" },
        { "minus.n:5|g\nminus.n:+1|g", "n -12\n" },
        { "zero.n:5|g\nn:+3|g", "n 3\n" },
        { "n:4|g\nhuge.n:1e200|g\nn:+1|g", "n 5\n" },
        { "n:4|g\nhuge.n:+1e200|g", "n 4\n" },
        { "ten.n:a|s\nten.n:b|s", "n 20\n" },
        { "ten.t:100|ms\nt:2|h\nten.t:3|h\nt:1000|ms\nhalf.t:8000|ms",
          "t{quantile=\"0.01\"} 1\nt{quantile=\"1\"} 30\nt_sum 38\nt_count 5\n" },
        { "minus.t:1:2:3:4|h", "t{quantile=\"0.01\"} -8\nt{quantile=\"1\"} -2\nt_sum -20\n"
                               "t_count 4\n" },
        { "minus.t:-1|h\nt:0|h", "t{quantile=\"0.01\"} 0\nt{quantile=\"1\"} 2\nt_sum 2\n"
                                 "t_count 2\n" },
        { "zero.t:7|h", "t{quantile=\"0.01\"} 0\nt{quantile=\"1\"} 0\nt_sum 0\nt_count 1\n" },
        { "zero.t:7|h\nt:-3|h",
          "t{quantile=\"0.01\"} -3\nt{quantile=\"1\"} 0\nt_sum -3\nt_count 2\n" },
        { "huge.t:1e200|h", "t{quantile=\"0.01\"} 1.7976931348623157e+308\n"
                            "t{quantile=\"1\"} 1.7976931348623157e+308\nt_sum 0\nt_count 1\n" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pipeline p;
        pipeline_init(&p, &(struct pipeline_opts){ RULES(by_scale), .fill = fill_scale,
                                                   .n_profiles = 5, .quantiles = ends,
                                                   .n_quantiles = 2, .set_steps = 1 });
        /* A page for each line, so that an order between pages is one of arrival, too. */
        struct slice rest = slice_str(rows[i].sent), line;
        while (rest.len > 0) {
            if (!slice_cut(&rest, '\n', &line)) {
                line = rest;
                rest.len = 0;
            }
            pipeline_feed_bytes(&p, 0, line.ptr, line.len);
            pipeline_turn(&p);
        }
        pipeline_expect(&p, rows[i].shown);
        pipeline_release(&p);
    }
}

static void sinks_get_what_was_sent(void **unused)
{
    (void)unused;
    struct pipeline p;
    pipeline_init(&p,
                  &(struct pipeline_opts){ RULES(by_scale), .fill = fill_scale, .n_profiles = 5 });
    pipeline_feed(&p, 0,
                  "ten.n:5|c\nten.n:-3|c\nten.g:5|g\nten.t:7|ms\nzero.z:4|c\nhuge.h:1e200|c");
    pipeline_turn(&p);
    const char *closed = pipeline_close(&p);
    assert_true(pipeline_has(closed, "counter ten.n 2"));
    assert_non_null(strstr(closed, "gauge ten.g =5 +0 @"));
    assert_true(pipeline_has(closed, "timer ten.t 1 7"));
    assert_true(pipeline_has(closed, "counter zero.z 4"));
    assert_true(pipeline_has(closed, "counter huge.h 1e+200"));
    pipeline_release(&p);
}

static void a_product_beyond_the_doubles_is_refused_and_counted(void **unused)
{
    (void)unused;
    static const char *const sent[] = { "huge.n:1e200|c", "huge.n:1e200|g", "huge.n:+1e200|g",
                                        "huge.n:1e200|h" };
    for (size_t i = 0; i < ARRAY_LEN(sent); i++) {
        struct pipeline p;
        pipeline_init(
            &p, &(struct pipeline_opts){ RULES(by_scale), .fill = fill_scale, .n_profiles = 5 });
        pipeline_feed(&p, 0, sent[i]);
        pipeline_turn(&p);
        assert_int_equal(registry_stats(p.registry)->v[REGISTRY_SUMS_REFUSED], 1);
        pipeline_release(&p);
    }
}

/* ---- lines that two profiles share ---- */

static const struct mapping_rule two[] = {
    { .match = "a.*", .name = "t", .profile = 1 },
    { .match = "b.*", .name = "t", .profile = 2 },
};

static void bounds_are_those_of_the_first_and_counts_go_to_the_next_bound(void **unused)
{
    (void)unused;
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ RULES(two), .fill = fill_bounds, .n_profiles = 2,
                                               .histograms = true });
    pipeline_feed(&p, 0, "a.x:1|h");
    pipeline_turn(&p);
    pipeline_feed(&p, 0, "b.x:2:9:15:100|h");
    pipeline_turn(&p);
    pipeline_expect(&p, "t_bucket{le=\"1\"} 1\nt_bucket{le=\"5\"} 2\nt_bucket{le=\"10\"} 3\n"
                        "t_bucket{le=\"+Inf\"} 5\nt_sum 127\nt_count 5\n");
    pipeline_release(&p);
}

static void bounds_stay_when_the_first_series_has_gone(void **unused)
{
    (void)unused;
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ RULES(two), .fill = fill_bounds, .n_profiles = 2,
                                               .histograms = true, .ttl_s = 10 });
    pipeline_feed(&p, 0, "b.x:15|h\na.x:1|h");
    pipeline_turn(&p);
    for (int i = 0; i < 5; i++) {
        pipeline_forward(&p, 9);
        pipeline_feed(&p, 0, "a.x:1|h");
        pipeline_turn(&p);
        pipeline_close(&p);
        registry_expire(p.registry, p.now_ns);
    }
    assert_int_equal(pipeline_series(&p), 1);
    pipeline_expect(&p, "t_bucket{le=\"2\"} 6\nt_bucket{le=\"10\"} 6\nt_bucket{le=\"20\"} 7\n"
                        "t_bucket{le=\"+Inf\"} 7\nt_sum 21\nt_count 7\n");
    pipeline_release(&p);
}

/* Both were kept off the page by a counter of that name, each with what it had collected. */
static void what_two_collected_off_the_page_comes_together_on_it(void **unused)
{
    (void)unused;
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ RULES(two), .fill = fill_bounds, .n_profiles = 2,
                                               .histograms = true, .type_idle_s = 100 });
    pipeline_feed(&p, 0, "t:1|c");
    pipeline_turn(&p);
    pipeline_feed(&p, 0, "a.x:4|h\nb.x:15|h");
    pipeline_turn(&p);
    pipeline_expect(&p, "t 1\n");
    pipeline_forward(&p, 200);
    pipeline_feed(&p, 0, "a.x:4|h");
    pipeline_turn(&p);
    pipeline_feed(&p, 0, "b.x:2|h");
    pipeline_turn(&p);
    pipeline_expect(&p, "t_bucket{le=\"1\"} 0\nt_bucket{le=\"5\"} 3\nt_bucket{le=\"10\"} 3\n"
                        "t_bucket{le=\"+Inf\"} 4\nt_sum 25\nt_count 4\n");
    pipeline_release(&p);
}

static void windows_of_other_shapes_come_together(void **unused)
{
    (void)unused;
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ RULES(two), .fill = fill_window, .n_profiles = 2,
                                               .type_idle_s = 30, .quantiles = ends,
                                               .n_quantiles = 2 });
    pipeline_feed(&p, 0, "t:1|c");
    pipeline_turn(&p);
    pipeline_feed(&p, 0, "b.x:15|h");
    pipeline_turn(&p);
    pipeline_forward(&p, 35);
    pipeline_feed(&p, 0, "b.x:7|h\na.x:4|h");
    pipeline_turn(&p);
    /* b.x came first and has the name; its window of a minute takes in what a.x's had. */
    pipeline_expect(&p, "t{quantile=\"0.01\"} 4\nt{quantile=\"1\"} 15\nt_sum 26\nt_count 3\n");
    pipeline_forward(&p, 70);
    pipeline_expect(&p, "t{quantile=\"0.01\"} NaN\nt{quantile=\"1\"} NaN\nt_sum 26\nt_count 3\n");
    pipeline_release(&p);
}

/* ---- names and labels ---- */

static const struct mapping_label one_label[] = { { "k_s", "rule" } };
static const struct mapping_label empty_label[] = { { "x", "$1" }, { "y", "b" } };
static const struct mapping_label only_y[] = { { "y", "b" } };
static const struct mapping_label only_empty[] = { { "x", "" } };
static const struct mapping_label unsorted[] = { { "z", "$2" }, { "a", "$1" }, { "m", "\"\\\n" } };

static const struct mapping_rule named[] = {
    { .match = "rule", .name = "n", .labels = one_label, .n_labels = 1 },
    { .match = "honor", .name = "n", .labels = one_label, .n_labels = 1, .honor_labels = true },
    { .match = "e.*", .name = "n", .labels = empty_label, .n_labels = 2 },
    { .match = "y", .name = "n", .labels = only_y, .n_labels = 1 },
    { .match = "nothing", .name = "n", .labels = only_empty, .n_labels = 1 },
    { .match = "u.*.*", .name = "n", .labels = unsorted, .n_labels = 3 },
    { .match = "name.*", .name = "$1" },
    { .match = "counters", .name = "only_counters", .classes = 1 << MAPPING_COUNTER },
    { .match = "gauges", .name = "only_gauges", .classes = 1 << MAPPING_GAUGE },
    { .match = "times", .name = "only_times", .classes = 1 << MAPPING_OBSERVER },
    { .match = "up_to", .name = "up" },
};

static void names_and_labels_are_the_rules_and_the_tags(void **unused)
{
    (void)unused;
    static const struct {
        const char *sent, *shown;
    } rows[] = {
        { "rule:1|c", "n{k_s=\"rule\"} 1\n" },
        { "rule:1|c|#k.s:tag,k-s:tag2,b:c", "n{b=\"c\",k_s=\"rule\"} 1\n" },
        { "honor:1|c", "n{k_s=\"rule\"} 1\n" },
        { "honor:1|c|#k.s:tag,k-s:tag2", "n{k_s=\"tag2\"} 1\n" },
        { "rule:1|c\nhonor:2|c\nn:4|c|#k_s:rule\nn:8|c|#k.s:rule", "n{k_s=\"rule\"} 15\n" },
        { "e.:1|c\ny:2|c\nn:4|c|#y:b", "n{x=\"\",y=\"b\"} 7\n" },
        { "y:2|c\ne.:1|c\nn:4|c|#y:b", "n{y=\"b\"} 7\n" },
        { "n:4|c|#y:b\ne.:1|c", "n{y=\"b\"} 5\n" },
        { "nothing:1|c\nn:2|c", "n{x=\"\"} 3\n" },
        { "u.one.two:1|c", "n{a=\"one\",m=\"\\\"\\\\\\n\",z=\"two\"} 1\n" },
        { "u..:1|c\nn:1|c|#m:x", "n{a=\"\",m=\"\\\"\\\\\\n\",z=\"\"} 1\nn{m=\"x\"} 1\n" },
        { "name.a b-c:1|c", "a_b_c 1\n" },
        { "name.9:1|c", "_9 1\n" },
        { "counters:1|c\ncounters:2|g", "only_counters 1\ncounters 2\n" },
        { "gauges:1|c\ngauges:2|g", "gauges 1\nonly_gauges 2\n" },
        { "gauges:a|s", "only_gauges 1\n" },
        { "times:1|c\ntimes:2|g", "times 1\n" },
        { "up_to:1|g", "" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pipeline p;
        pipeline_init(&p, &(struct pipeline_opts){ RULES(named), .set_steps = 1 });
        pipeline_feed(&p, 0, rows[i].sent);
        pipeline_turn(&p);
        pipeline_expect(&p, rows[i].shown);
        pipeline_release(&p);
    }
}

static void the_first_help_of_a_name_is_shown(void **unused)
{
    (void)unused;
    static const struct mapping_rule rules[] = {
        { .match = "none", .name = "n" },
        { .match = "one", .name = "n", .help = "One." },
        { .match = "other", .name = "n", .help = "Other." },
    };
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ RULES(rules) });
    pipeline_feed(&p, 0, "none:1|c");
    pipeline_turn(&p);
    assert_true(pipeline_has(pipeline_text(&p), "# HELP n Metric received by statsd."));
    pipeline_feed(&p, 0, "one:1|c\nother:1|c");
    pipeline_turn(&p);
    assert_true(pipeline_has(pipeline_text(&p), "# HELP n One."));
    assert_null(strstr(pipeline_text(&p), "Other."));
    pipeline_release(&p);
}

/* ---- drops ---- */

static const struct mapping_rule dropping[] = {
    { .match = "drop.*", .name = "d", .drop = true },
    { .match = "empty.*", .name = "$1" },
};

/* pipeline_turn checks each time that no sample got lost. */
static void what_a_rule_drops_is_counted_with_every_sample(void **unused)
{
    (void)unused;
    static const char lines[] = "drop.a:1|c\ndrop.a:1|g\ndrop.a:1|ms\ndrop.a:x|s\nkeep:1|c\n"
                                "empty.:1|c\nempty.:+1|g\nempty.n:1|c\ndrop.b:1:2:3|h|@0.5|#t:u";
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ RULES(dropping), .workers = 2 });
    for (unsigned i = 0; i < 10; i++) {
        pipeline_feed(&p, i % 2, lines);
        pipeline_feed(&p, i % 2, lines);
        pipeline_turn(&p);
    }
    assert_int_equal(pipeline_dropped(&p, INGEST_DROP_RULE), 20 * 5);
    assert_int_equal(pipeline_dropped(&p, INGEST_DROP_EMPTY_NAME), 20 * 2);
    assert_int_equal(pipeline_stat(&p, INGEST_SAMPLES_AGGREGATED), 20 * 2);
    assert_int_equal(pipeline_series(&p), 2);
    pipeline_expect(&p, "keep 20\nn 20\n");
    pipeline_release(&p);
}

static void a_sample_with_too_many_tags_is_rejected_and_not_dropped(void **unused)
{
    (void)unused;
    struct pipeline p;
    struct tags_opts tags = TAGS_OPTS_DEFAULT;
    tags.max_tags = 1;
    pipeline_init(&p, &(struct pipeline_opts){ RULES(dropping), .tags = tags });
    pipeline_feed(&p, 0, "drop.a:1|c|#a:b,c:d");
    pipeline_turn(&p);
    assert_int_equal(pipeline_dropped(&p, INGEST_DROP_RULE), 0);
    pipeline_release(&p);
}

static void a_dropped_flood_is_remembered_within_a_bound_and_takes_no_place(void **unused)
{
    (void)unused;
    enum { MAX = 50, FLOOD = 3000 };
    struct pipeline p;
    char line[64];
    size_t bytes = 0;
    pipeline_init(&p, &(struct pipeline_opts){ RULES(dropping), .max_series = MAX });
    for (int i = 0; i < FLOOD; i++) {
        snprintf(line, sizeof line, "drop.%d:1|c\n", i);
        pipeline_feed(&p, 0, line);
        bytes = i == MAX ? ingest_memory(p.in[0]) : bytes;
    }
    assert_int_equal(ingest_memory(p.in[0]), bytes);
    for (int i = 0; i < MAX; i++) {
        snprintf(line, sizeof line, "keep.%d:1|c\n", i);
        pipeline_feed(&p, 0, line);
    }
    pipeline_turn(&p);
    assert_int_equal(pipeline_dropped(&p, INGEST_DROP_RULE), FLOOD);
    assert_int_equal(pipeline_stat(&p, INGEST_SAMPLES_REFUSED), 0);
    assert_int_equal(pipeline_series(&p), MAX);
    pipeline_release(&p);
}

static void fill_ttl(struct profile *p, uint8_t number)
{
    p->ttl_s = number * 20u;
}

/* Its entry makes room for another: the rule's ttl counts, from its last sample. */
static void what_is_dropped_is_forgotten_after_its_rules_ttl(void **unused)
{
    (void)unused;
    static const struct mapping_rule rules[] = {
        { .match = "drop.*", .name = "d", .drop = true, .profile = 1 },
    };
    struct pipeline p;
    pipeline_init(&p, &(struct pipeline_opts){ RULES(rules), .fill = fill_ttl, .n_profiles = 1 });
    size_t empty = ingest_memory(p.in[0]);
    pipeline_feed(&p, 0, "drop.a:1|c");
    size_t one = ingest_memory(p.in[0]);
    assert_true(one > empty);
    for (int i = 0; i < 4; i++) { /* it is in use */
        pipeline_forward(&p, 15);
        pipeline_feed(&p, 0, "drop.a:1|c");
        pipeline_turn(&p);
    }
    for (int i = 0; i < 30; i++) {
        pipeline_forward(&p, 5);
        pipeline_turn(&p);
    }
    for (int i = 0; i < 1000; i++) { /* places are used again */
        pipeline_forward(&p, 30);
        pipeline_feed(&p, 0, "drop.a:1|c");
        pipeline_turn(&p);
    }
    assert_int_equal(ingest_memory(p.in[0]), one);
    assert_int_equal(pipeline_dropped(&p, INGEST_DROP_RULE), 5 + 1000);
    pipeline_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_shown_times_the_scale_of_their_rule),
        cmocka_unit_test(sinks_get_what_was_sent),
        cmocka_unit_test(a_product_beyond_the_doubles_is_refused_and_counted),
        cmocka_unit_test(bounds_are_those_of_the_first_and_counts_go_to_the_next_bound),
        cmocka_unit_test(bounds_stay_when_the_first_series_has_gone),
        cmocka_unit_test(what_two_collected_off_the_page_comes_together_on_it),
        cmocka_unit_test(windows_of_other_shapes_come_together),
        cmocka_unit_test(names_and_labels_are_the_rules_and_the_tags),
        cmocka_unit_test(the_first_help_of_a_name_is_shown),
        cmocka_unit_test(what_a_rule_drops_is_counted_with_every_sample),
        cmocka_unit_test(a_sample_with_too_many_tags_is_rejected_and_not_dropped),
        cmocka_unit_test(a_dropped_flood_is_remembered_within_a_bound_and_takes_no_place),
        cmocka_unit_test(what_is_dropped_is_forgotten_after_its_rules_ttl),
    };
    return cmocka_run_group_tests_name("mapped", tests, NULL, NULL);
}
