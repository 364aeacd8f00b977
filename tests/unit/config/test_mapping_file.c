#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "config/mapping_file.h"

static double config_buckets[] = { 1, 2, 3 }, config_quantiles[] = { 0.5, 0.9 };

static const struct mapping_options config = { .buckets = { config_buckets, 3 },
                                               .quantiles = { config_quantiles, 2 },
                                               .max_age_ms = 600000,
                                               .age_buckets = 5,
                                               .native_zero_threshold = -1,
                                               .ttl_ms = 86400000,
                                               .scale = 1 };

static int load(struct slice text, struct mapping_file *f, struct buf *errors)
{
    char *exact = malloc(text.len ? text.len : 1);
    memcpy(exact, text.ptr, text.len);
    int rc = mapping_file_load_text("m.yml", slice_of(exact, text.len), &config, NULL, f, errors);
    free(exact);
    buf_append_char(errors, '\0');
    return rc;
}

static struct mapping_file must_load(const char *text)
{
    struct mapping_file f;
    struct buf errors = { 0 };
    if (load(slice_str(text), &f, &errors) != 0)
        fail_msg("%s\n%s", text, errors.ptr);
    assert_int_equal(errors.len, 1);
    buf_release(&errors);
    return f;
}

/* The text must be refused with exactly these messages. */
static void must_fail(struct slice text, const char *want)
{
    struct mapping_file f, before;
    struct buf errors = { 0 };
    memset(&f, 0xa5, sizeof f);
    before = f;
    assert_int_equal(load(text, &f, &errors), -EINVAL);
    assert_string_equal(errors.ptr, want);
    assert_memory_equal(&f, &before, sizeof f);
    buf_release(&errors);
}

#define RULE "mappings:\n- match: a.*\n  name: n\n"

static void every_case_of_the_corpus_loads_or_does_not(void **state)
{
    (void)state;
    /* Whether a regex compiles is found out later. */
    static const char *const regexes[] = { "rx-backref", "rx-bad", "rx-lookahead" };
    const char *folder = getenv("STATSD_CONFORMANCE");
    char path[4096], *line = NULL;
    size_t cap = 0, n = 0;
    snprintf(path, sizeof path, "%s/mapping.jsonl", folder ? folder : "tests/conformance");
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    for (; getline(&line, &cap, in) > 0; n++) {
        json_t *c = json_loads(line, 0, NULL);
        const char *id = json_string_value(json_object_get(c, "id"));
        bool wrong =
            strcmp(json_string_value(json_object_get(c, "expect_series")), "config_error") == 0;
        for (size_t i = 0; i < ARRAY_LEN(regexes); i++)
            wrong = wrong && strcmp(id, regexes[i]) != 0;
        struct mapping_file f = { 0 };
        struct buf errors = { 0 };
        struct slice text = slice_str(json_string_value(json_object_get(c, "mapping_yaml")));
        if ((load(text, &f, &errors) != 0) != wrong)
            fail_msg("%s: %s", id, errors.ptr);
        mapping_file_release(&f);
        buf_release(&errors);
        json_decref(c);
    }
    assert_true(n >= 100);
    free(line);
    fclose(in);
}

static void a_file_that_says_nothing_leaves_all_to_the_config(void **state)
{
    (void)state;
    static const char *const texts[] = { "",
                                         "# nothing\n",
                                         "---\n",
                                         "~\n",
                                         "mappings:\n",
                                         "mappings: []\n",
                                         "{}\n",
                                         "defaults:\n",
                                         "defaults: {}\n",
                                         "---\n...\n",
                                         "\xEF\xBB\xBFmappings: ~\n" };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct mapping_file f = must_load(texts[i]);
        assert_string_equal(f.path, "m.yml");
        assert_int_equal(f.n_rules, 0);
        assert_false(f.unordered || f.defaults.histogram);
        assert_int_equal(f.defaults.buckets.n, 3);
        assert_ptr_not_equal(f.defaults.buckets.at, config_buckets);
        assert_int_equal(f.defaults.quantiles.n, 2);
        assert_int_equal(f.defaults.ttl_ms, 86400000);
        mapping_file_release(&f);
    }
}

static void a_rule_has_all_that_it_says(void **state)
{
    (void)state;
    struct mapping_file f = must_load("defaults:\n"
                                      "  glob_disable_ordering: yes\n"
                                      "mappings:\n"
                                      "# first\n"
                                      "- match: a.*\n"
                                      "  name: \"m_${1}\"\n"
                                      "  match_metric_type: observer\n"
                                      "  labels: {code: 200, up: true, none: ~, text: \"$1 $$\"}\n"
                                      "  honor_labels: true\n"
                                      "  observer_type: histogram\n"
                                      "  histogram_options:\n"
                                      "    buckets: [0.1, 1_0, 0x10, .inf]\n"
                                      "    native_histogram_bucket_factor: 1.1\n"
                                      "    native_histogram_max_buckets: 160\n"
                                      "    native_histogram_zero_threshold: 0\n"
                                      "  help: 'it''s text'\n"
                                      "  ttl: 1m20.5s\n"
                                      "  scale: -1e-3\n"
                                      "  gauge_merge: avg\n"
                                      "- {match_type: regex, name: all, action: drop}\n");
    const struct mapping_file_rule *r = &f.rules[0];
    assert_int_equal(f.n_rules, 2);
    assert_true(f.unordered);
    assert_int_equal(r->line, 5);
    assert_string_equal(r->match, "a.*");
    assert_string_equal(r->name, "m_${1}");
    assert_int_equal(r->classes, MAPPING_FILE_OBSERVER);
    assert_true(r->honor_labels && !r->drop && !r->regex);
    assert_int_equal(r->n_labels, 4);
    assert_string_equal(r->labels[0].key, "code");
    assert_string_equal(r->labels[0].value, "200");
    assert_string_equal(r->labels[1].value, "true");
    assert_string_equal(r->labels[2].value, "");
    assert_string_equal(r->labels[3].value, "$1 $$");
    assert_string_equal(r->help, "it's text");
    assert_true(r->options.histogram);
    assert_int_equal(r->options.buckets.n, 3);
    assert_true(r->options.buckets.at[1] == 10 && r->options.buckets.at[2] == 16);
    assert_true(r->options.native_factor == 1.1 && r->options.native_zero_threshold == 0);
    assert_int_equal(r->options.native_max_buckets, 160);
    assert_int_equal(r->options.ttl_ms, 80500);
    assert_true(r->options.scale == -1e-3);
    assert_int_equal(r->options.gauge_merge, GAUGE_RULE_AVG);
    r = &f.rules[1];
    assert_int_equal(r->options.gauge_merge, GAUGE_RULE_LATEST);
    assert_true(r->regex && r->drop && !r->options.histogram);
    assert_string_equal(r->match, ""); /* matches everything */
    assert_int_equal(r->classes, MAPPING_FILE_ANY);
    assert_null(r->help);
    assert_true(r->options.scale == 1 && r->options.buckets.at == f.defaults.buckets.at);
    struct buf where = { 0 };
    mapping_file_where(&f, 0, &where);
    assert_true(slice_eq(buf_slice(&where), SLICE_LIT("m.yml:5: rule 1 (a.*): ")));
    buf_release(&where);
    mapping_file_release(&f);
}

/* What a rule's options come to, in the order of their columns. */
static void what_a_rule_leaves_open_comes_from_defaults_then_from_the_config(void **state)
{
    (void)state;
    static const struct {
        const char *defaults, *rule;
        bool histogram;
        double first_bucket, first_quantile;
        unsigned max_age_s, age_buckets;
        uint64_t ttl_s;
    } rows[] = {
        { "", "", false, 1, 0.5, 600, 5, 86400 },
        { "histogram_options: {buckets: [7]}", "observer_type: histogram", true, 7, 0.5, 600, 5,
          86400 },
        { "histogram_options: {buckets: [7]}", "histogram_options: {buckets: []}", false, 7, 0.5,
          600, 5, 86400 },
        { "histogram_options: {buckets: [7]}", "histogram_options: {buckets: [0.5]}", false, 0.5,
          0.5, 600, 5, 86400 },
        { "observer_type: histogram", "observer_type: \"\"", false, 1, 0.5, 600, 5, 86400 },
        { "observer_type: histogram", "observer_type: ~", true, 1, 0.5, 600, 5, 86400 },
        /* Each field for itself where something says summary. */
        { "summary_options: {max_age: 15m, age_buckets: 3}",
          "observer_type: summary, summary_options: {max_age: 5m}", false, 1, 0.5, 300, 3, 86400 },
        { "observer_type: summary, summary_options: {max_age: 15m, age_buckets: 3}",
          "summary_options: {age_buckets: 2}", false, 1, 0.5, 900, 2, 86400 },
        { "summary_options: {max_age: 15m, age_buckets: 3}", "", false, 1, 0.5, 900, 3, 86400 },
        /* The block as a whole, but for quantiles, where nothing does. */
        { "summary_options: {max_age: 15m, age_buckets: 3, quantiles: [{quantile: 0.1}]}",
          "summary_options: {max_age: 5m}", false, 1, 0.1, 300, 5, 86400 },
        { "summary_options: {max_age: 15m, age_buckets: 3}",
          "summary_options: {quantiles: [{quantile: 0.9}, {quantile: 0.2}]}", false, 1, 0.2, 600, 5,
          86400 },
        /* 0 is "not given". */
        { "summary_options: {max_age: 15m}",
          "observer_type: summary, summary_options: {max_age: 0, age_buckets: 0}", false, 1, 0.5,
          900, 5, 86400 },
        { "ttl: 1h", "ttl: 0", false, 1, 0.5, 600, 5, 3600 },
        { "ttl: 1h", "ttl: 2m", false, 1, 0.5, 600, 5, 120 },
        { "ttl: 0", "", false, 1, 0.5, 600, 5, 0 },
        /* Both blocks and no type: a summary. */
        { "", "histogram_options: {buckets: [9]}, summary_options: {max_age: 1m}", false, 9, 0.5,
          60, 5, 86400 },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[600];
        snprintf(text, sizeof text, "defaults: {%s}\nmappings:\n- {match: a.b, name: n, %s}\n",
                 rows[i].defaults, rows[i].rule);
        struct mapping_file f = must_load(text);
        const struct mapping_options *o = &f.rules[0].options;
        if (o->histogram != rows[i].histogram || o->buckets.at[0] != rows[i].first_bucket ||
            o->quantiles.at[0] != rows[i].first_quantile ||
            o->max_age_ms != rows[i].max_age_s * 1000 || o->age_buckets != rows[i].age_buckets ||
            o->ttl_ms != rows[i].ttl_s * 1000)
            fail_msg("row %zu: %s", i, text);
        mapping_file_release(&f);
    }
}

/* It is none of statsd_exporter's, but falls back as its keys do. */
static void the_rule_of_a_gauge_is_the_rules_else_that_of_defaults(void **state)
{
    (void)state;
    static const struct {
        const char *defaults, *rule;
        enum gauge_rule want;
    } rows[] = {
        { "", "", GAUGE_RULE_LATEST },
        { "gauge_merge: max", "", GAUGE_RULE_MAX },
        { "gauge_merge: max", ", gauge_merge: sum", GAUGE_RULE_SUM },
        { "gauge_merge: max", ", gauge_merge: latest", GAUGE_RULE_LATEST },
        { "gauge_merge: max", ", gauge_merge: ~", GAUGE_RULE_MAX },
        { "", ", gauge_merge: min", GAUGE_RULE_MIN },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[200];
        snprintf(text, sizeof text, "defaults: {%s}\nmappings:\n- {match: a.b, name: n%s}\n",
                 rows[i].defaults, rows[i].rule);
        struct mapping_file f = must_load(text);
        if (f.rules[0].options.gauge_merge != rows[i].want)
            fail_msg("row %zu: %d", i, (int)f.rules[0].options.gauge_merge);
        mapping_file_release(&f);
    }
}

static void numbers_and_durations_are_read_as_statsd_exporter_does(void **state)
{
    (void)state;
    static const struct {
        const char *key, *text;
        double want; /* ms, or the number; < 0: refused */
    } rows[] = {
        { "scale", "5", 5 },
        { "scale", "+5", 5 },
        { "scale", "010", 8 },
        { "scale", "089", 89 },
        { "scale", "0b11", 3 },
        { "scale", "0o17", 15 },
        { "scale", "1_000.5", 1000.5 },
        { "scale", ".5", 0.5 },
        { "scale", "5.", 5 },
        { "scale", "1e3", 1000 },
        { "scale", "!!float 3", 3 },
        { "scale", "0", 0 },
        { "scale", "~", 1 },
        { "scale", "\"5\"", -1 },
        { "scale", ".inf", -1 },
        { "scale", ".nan", -1 },
        { "scale", "1e999", -1 },
        { "scale", "_1", -1 },
        { "scale", "0x", -1 },
        { "scale", "[1]", -1 },
        { "scale", "{a: 1}", -1 },
        { "scale", "!!str 5", -1 },
        { "scale", "1 2", -1 },
        { "scale", "true", -1 },
        { "ttl", "90s", 90000 },
        { "ttl", "\"90s\"", 90000 },
        { "ttl", "1h1m1s1ms", 3661001 },
        { "ttl", "1.5s", 1500 },
        { "ttl", ".5s", 500 },
        { "ttl", "1ns", 1 },
        { "ttl", "1us", 1 },
        { "ttl", "3\xC2\xB5s", 1 },
        { "ttl", "0.1s0.2s", 300 },
        { "ttl", "+5s", 5000 },
        { "ttl", "0", 86400000 },
        { "ttl", "0s", 86400000 },
        { "ttl", "-0", 86400000 },
        { "ttl", "5", -1 },
        { "ttl", "-5s", -1 },
        { "ttl", "5x", -1 },
        { "ttl", "1d", -1 },
        { "ttl", "5 s", -1 },
        { "ttl", "s", -1 },
        { "ttl", "1.2.3s", -1 },
        { "ttl", "\"\"", -1 },
        { "ttl", "1h-5m", -1 },
        { "ttl", "9999999h", -1 },
        { "ttl", "[1s]", -1 },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[200];
        struct mapping_file f = { 0 };
        struct buf errors = { 0 };
        snprintf(text, sizeof text, RULE "  %s: %s\n", rows[i].key, rows[i].text);
        int rc = load(slice_str(text), &f, &errors);
        double got = rc < 0                  ? -1
                     : rows[i].key[0] == 's' ? f.rules[0].options.scale
                                             : (double)f.rules[0].options.ttl_ms;
        if (got != rows[i].want)
            fail_msg("%s gives %g\n%s", text, got, errors.ptr);
        mapping_file_release(&f);
        buf_release(&errors);
    }
}

static void names_and_matches_that_a_rule_can_have(void **state)
{
    (void)state;
    static const struct {
        const char *field, *text;
        bool good;
    } rows[] = {
        { "match", "a", true },
        { "match", "\"*\"", true },
        { "match", "_a.9.x-y.-", false },
        { "match", "_a.9.x-y", true },
        { "match", "a.*.*", true },
        { "match", "\"*.a\"", true },
        { "match", "9a.b", false },
        { "match", "a.", false },
        { "match", ".a", false },
        { "match", "a.b*", false },
        { "match", "a.*b", false },
        { "match", "a.**", false },
        { "match", "\"a\\n\"", false },
        { "match", "a.\xC3\xA9", false },
        { "match", "5", false },
        { "match", "a:b", false },
        { "match", "[a]", false },
        { "match", "A.Z0", true },
        { "name", "a", true },
        { "name", "$1", true },
        { "name", "${1}_x", true },
        { "name", "a${12}b", true },
        { "name", "${1", true },
        { "name", "$1}", true },
        { "name", "$1_total", true },
        { "name", "_", true },
        { "name", "9", false },
        { "name", "$x", false },
        { "name", "${x}", false },
        { "name", "$", false },
        { "name", "a$", false },
        { "name", "$$1", false },
        { "name", "a b", false },
        { "name", "a-b", false },
        { "name", "\"a:b\"", false },
        { "name", "\"a\\n\"", false },
        { "name", "\xC3\xA9", false },
        { "name", "~", false },
        { "name", "true", true },
        { "label", "a", true },
        { "label", "_a9", true },
        { "label", "9a", false },
        { "label", "a-b", false },
        { "label", "__a", false },
        { "label", "__", false },
        { "label", "\"\"", false },
        { "label", "\xC3\xA9", false },
        { "label", "a.b", false },
        { "label", "le", true },
        { "label", "quantile", false },
        { "label", "200", false },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[200];
        struct mapping_file f = { 0 };
        struct buf errors = { 0 };
        const char *t = rows[i].text, *field = rows[i].field;
        snprintf(text, sizeof text, "mappings:\n- match: %s\n  name: %s\n  labels: {%s: x}\n",
                 field[0] == 'm' ? t : "a.*", field[0] == 'n' ? t : "n",
                 field[0] == 'l' ? t : "ok");
        bool good = load(slice_str(text), &f, &errors) == 0;
        if (good != rows[i].good)
            fail_msg("%s: %s", text, errors.ptr);
        mapping_file_release(&f);
        buf_release(&errors);
    }
}

static void a_label_that_the_type_makes_itself_is_refused_for_that_type_only(void **state)
{
    (void)state;
    static const struct {
        const char *rule;
        bool good;
    } rows[] = {
        { "{labels: {le: x}}", true },
        { "{labels: {le: x}, observer_type: histogram}", false },
        { "{labels: {quantile: x}}", false },
        { "{labels: {quantile: x}, observer_type: histogram}", true },
        { "{labels: {quantile: x}, match_metric_type: counter}", true },
        { "{labels: {quantile: x}, match_metric_type: observer}", false },
        { "{labels: {le: x}, observer_type: histogram, match_metric_type: gauge}", true },
        { "{labels: {quantile: x}, action: drop}", true },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[200];
        struct mapping_file f = { 0 };
        struct buf errors = { 0 };
        snprintf(text, sizeof text, "mappings:\n- {match: a, name: n, %s\n", rows[i].rule + 1);
        if ((load(slice_str(text), &f, &errors) == 0) != rows[i].good)
            fail_msg("%s: %s", text, errors.ptr);
        mapping_file_release(&f);
        buf_release(&errors);
    }
}

static void each_mistake_is_told_with_line_rule_and_what_to_write(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } rows[] = {
        { "mapping: []\n", "m.yml:1: mapping: no such key here; did you mean mappings?\n" },
        { "- match: a\n  name: b\n",
          "m.yml:1: the file is a list; it has to begin with mappings: or defaults:\n" },
        { "mappings:\n  match: a\n",
          "m.yml:2: mappings: is not a list; each rule begins with - match:\n" },
        { "mappings:\n-\n",
          "m.yml:2: rule 1: there is nothing behind the -; write match and name\n" },
        { "mappings:\n- text\n", "m.yml:2: rule 1: keys are wanted here, each as key: value\n" },
        { RULE "  lables: {}\n",
          "m.yml:4: rule 1 (a.*): lables: no such key here; did you mean labels?\n" },
        { RULE "  name: again\n",
          "m.yml:4: rule 1 (a.*): name: given twice, first on line 3; keep one of them\n" },
        { RULE "  labels: {a: 1, b: 2, a: 3}\n",
          "m.yml:4: rule 1 (a.*): labels: a is given twice; keep one of them\n" },
        { RULE "  labels: [a]\n",
          "m.yml:4: rule 1 (a.*): labels: keys are wanted here, each as key: value\n" },
        { RULE "  labels: {a: [1]}\n",
          "m.yml:4: rule 1 (a.*): labels.a: is a list; write a text, in quotes if it has brackets "
          "or braces\n" },
        { RULE "  labels: {a-b: 1}\n",
          "m.yml:4: rule 1 (a.*): labels: 'a-b' has a character that a label name cannot have; "
          "there are letters, digits and _; such as a_b\n" },
        { RULE "  timer_type: histogram\n",
          "m.yml:4: rule 1 (a.*): timer_type: no longer there; write observer_type with the same "
          "value\n" },
        { RULE "  buckets: [1]\n",
          "m.yml:4: rule 1 (a.*): buckets: no longer there; write histogram_options: {buckets: "
          "[...]}\n" },
        { RULE "  quantiles: []\n",
          "m.yml:4: rule 1 (a.*): quantiles: no longer there; write summary_options: {quantiles: "
          "[...]}\n" },
        { RULE "  match_metric_type: timer\n", "m.yml:4: rule 1 (a.*): match_metric_type: 'timer' "
                                               "is no longer there; write observer\n" },
        { RULE "  match_metric_type: \"\"\n",
          "m.yml:4: rule 1 (a.*): match_metric_type: '' is not one of the words "
          "counter|gauge|observer\n" },
        { RULE "  gauge_merge: average\n",
          "m.yml:4: rule 1 (a.*): gauge_merge: 'average' is not one of the words "
          "latest|sum|min|max|avg\n" },
        { RULE "  glob_disable_ordering: true\n",
          "m.yml:4: rule 1 (a.*): glob_disable_ordering: holds for all rules; move it to "
          "defaults:\n" },
        { RULE "  observer_type: histogram\n  summary_options: {}\n",
          "m.yml:5: rule 1 (a.*): summary_options: the rule makes a histogram (observer_type of "
          "the rule); remove summary_options, or write observer_type: summary\n" },
        { "defaults: {observer_type: summary}\n" RULE "  histogram_options: {}\n",
          "m.yml:5: rule 1 (a.*): histogram_options: the rule makes a summary (observer_type of "
          "defaults); remove histogram_options, or write observer_type: histogram\n" },
        { RULE "  histogram_options: {buckets: [1, 3, 2]}\n",
          "m.yml:4: rule 1 (a.*): histogram_options.buckets: '2' comes after 3: bounds have to "
          "rise; sort them and keep each once\n" },
        { RULE "  histogram_options: {buckets: [-.inf]}\n",
          "m.yml:4: rule 1 (a.*): histogram_options.buckets: '-.inf' bounds no bucket; write a "
          "number\n" },
        { RULE "  histogram_options: {native_histogram_bucket_factor: 0.5}\n",
          "m.yml:4: rule 1 (a.*): histogram_options.native_histogram_bucket_factor: '0.5' must be "
          "above 1, such as 1.1; 1 means no native histogram\n" },
        { RULE "  summary_options: {quantiles: [0.5]}\n",
          "m.yml:4: rule 1 (a.*): summary_options.quantiles: an element is written {quantile: "
          "0.9, error: 0.01}\n" },
        { RULE "  summary_options: {age_buckets: 99}\n",
          "m.yml:4: rule 1 (a.*): summary_options.age_buckets: '99' is out of range; write 1 to "
          "10\n" },
        { "mappings:\n- match: '*.operator_successes_*'\n  name: ok\n  match_metric_type: counter\n"
          "  labels: {airflow_id: $1, operator: '$2'}\n  help: 'it''s, {so}'\n  ttl: 5m\n"
          "  scale: 1e-3\n  honor_labels: true\n  summary_options:\n    quantiles:\n"
          "    - {quantile: 0.5, error: 0.1}\n",
          "m.yml:2: rule 1 (*.operator_successes_*): match: '*.operator_successes_*' has a * "
          "inside a component; in a glob it stands alone between dots. As a regex, which is tried "
          "after all globs: - {match: \"^([^.]*)\\\\.operator_successes_([^.]*)$\", match_type: "
          "regex, name: \"ok\", match_metric_type: \"counter\", labels: {airflow_id: \"$1\", "
          "operator: "
          "\"$2\"}, honor_labels: true, summary_options: {quantiles: [{quantile: 0.5, error: "
          "0.1}]}, help: \"it's, {so}\", ttl: 5m, scale: 1e-3}\n" },
        { "mappings:\n- match: \"*.operator_successes_*\"\n  name: ok\n",
          "m.yml:2: rule 1 (*.operator_successes_*): match: '*.operator_successes_*' has a * "
          "inside a component; in a glob it stands alone between dots. As a regex, which is tried "
          "after all globs: - {match: \"^[^.]*\\\\.operator_successes_([^.]*)$\", match_type: "
          "regex, name: \"ok\"}\n" },
        { "mappings:\n- match: \"*.x_*.*\"\n  name: ok\n  labels: {who: $2}\n",
          "m.yml:2: rule 1 (*.x_*.*): match: '*.x_*.*' has a * inside a component; in a glob it "
          "stands alone between dots. As a regex, which is tried after all globs: - {match: "
          "\"^([^.]*)\\\\.x_([^.]*)\\\\.[^.]*$\", match_type: regex, name: \"ok\", labels: {who: "
          "\"$2\"}}\n" },
        { "mappings:\n- match: ^a\\.b$\n  name: ok\n",
          "m.yml:2: rule 1 (^a\\.b$): match: '^a\\.b$' has a character that a glob cannot have; "
          "there are letters, digits, _ and -; if it is a regex, add match_type: regex\n" },
        { "mappings:\n- {match: a, action: drop}\n",
          "m.yml:2: rule 1 (a): name: is missing; also a rule that drops needs one, such as name: "
          "dropped\n" },
        { "mappings:\n- {name: a}\n",
          "m.yml:2: rule 1: match: is missing; write the name of a metric, with * for a "
          "component: match: \"app.*.hits\"\n" },
        { "mappings:\n- match: *.b\n  name: a\n",
          "m.yml:2: not YAML: did not find expected alphabetic or numeric character while "
          "scanning an alias that began on line 2; put a text that begins with * in quotes\n" },
        { "mappings:\n- match: *b\n  name: a\n",
          "m.yml:2: *b is an alias, and nothing before it has an anchor of that name; put a text "
          "that begins with * in quotes\n" },
        { "mappings:\n- match: \"a\\.b\"\n  name: a\n",
          "m.yml:2: not YAML: found unknown escape character while parsing a quoted scalar that "
          "began on line 2; in double quotes a backslash is written twice; or put the text in "
          "single quotes\n" },
        { "mappings:\n- match: a\n\tname: b\n",
          "m.yml:3: not YAML: found a tab character that violates indentation while scanning a "
          "plain scalar that began on line 2; indent with blanks\n" },
        { "mappings:\n- match: @a\n",
          "m.yml:2: not YAML: found character that cannot start any token while scanning for the "
          "next token that began on line 2; indent with blanks, not tabs; put a text that begins "
          "with @, ` or % in quotes\n" },
        { RULE "---\n",
          "m.yml:4: a second document begins here; there may be one: remove the line ---, "
          "and what was meant to be ignored\n" },
        { "mappings:\n- &a [*a]\n", "m.yml:2: *a stands inside of what it is an alias of; write "
                                    "that out\n" },
        { RULE "  help: !x y\n", "m.yml:4: the tag !x means nothing here; remove it\n" },
        { RULE "  help: \"a\\0b\"\n", "m.yml:4: a NUL in a text; remove it\n" },
        { RULE "  help: \"\x01\"\n", "m.yml:4: not YAML: control characters are not allowed; "
                                     "remove the byte\n" },
        { "# \n# \xff\n", "m.yml:2: not UTF-8; save the file as UTF-8\n" },
        { RULE "  \"na\\eme\": 1\n",
          "m.yml:4: rule 1 (a.*): na\\x1bme: no such key here; did you mean name?\n" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        must_fail(slice_str(rows[i].text), rows[i].want);
}

static void all_mistakes_are_told_at_once_in_the_order_of_the_file(void **state)
{
    (void)state;
    must_fail(slice_str("mappings:\n"
                        "- match: a\n"
                        "  name: 9\n"
                        "  scale: x\n"
                        "- match: b\n"
                        "  name: b\n"
                        "- match: c\n"
                        "  nme: c\n"
                        "defaults:\n"
                        "  ttl: -1s\n"
                        "other: 1\n"),
              "m.yml:3: rule 1 (a): name: '9' begins with a digit; such as name: \"_9\"\n"
              "m.yml:4: rule 1 (a): scale: 'x' is not a number; such as 5, 0.25 or 1e3\n"
              "m.yml:7: rule 3 (c): name: is missing; write what the metric is called on /metrics\n"
              "m.yml:8: rule 3 (c): nme: no such key here; did you mean name?\n"
              "m.yml:10: defaults.ttl: '-1s' is negative; write a duration such as 30s, or 0\n"
              "m.yml:11: other: no such key here; there are defaults, mappings\n");
}

static void mistakes_before_text_that_is_no_yaml_are_told_too(void **state)
{
    (void)state;
    must_fail(slice_str("mappings:\n"
                        "- match: a\n"
                        "  name: 9\n"
                        "- match: \"b\\.c\"\n"
                        "  name: 9\n"),
              "m.yml:3: rule 1 (a): name: '9' begins with a digit; such as name: \"_9\"\n"
              "m.yml:4: not YAML: found unknown escape character while parsing a quoted scalar "
              "that began on line 4; in double quotes a backslash is written twice; or put the "
              "text in single quotes\n");
}

static void after_a_hundred_mistakes_it_gives_up(void **state)
{
    (void)state;
    struct buf text = { 0 }, errors = { 0 };
    struct mapping_file f;
    size_t lines = 0;
    buf_append_str(&text, "mappings:\n");
    for (int i = 0; i < 150; i++)
        buf_append_str(&text, "- {match: a, name: 9}\n");
    assert_int_equal(load(buf_slice(&text), &f, &errors), -EINVAL);
    for (size_t i = 0; i < errors.len; i++)
        lines += errors.ptr[i] == '\n';
    assert_int_equal(lines, MAPPING_MISTAKES_MAX + 1);
    assert_non_null(
        strstr(errors.ptr, "\nm.yml: more than 100 mistakes; the rest of the file was not read\n"));
    buf_release(&text);
    buf_release(&errors);
}

static void anchors_and_merge_keys_save_writing(void **state)
{
    (void)state;
    struct mapping_file f = must_load("mappings:\n"
                                      "- &first\n"
                                      "  match: a\n"
                                      "  name: a\n"
                                      "  labels: &l {site: x, env: y}\n"
                                      "  ttl: 1m\n"
                                      "- <<: *first\n"
                                      "  match: b\n"
                                      "  labels: {<<: *l, env: z}\n"
                                      "- {<<: [{ttl: 2m}, *first], match: c}\n"
                                      "- *first\n");
    assert_int_equal(f.n_rules, 4);
    const struct mapping_file_rule *r = &f.rules[1];
    assert_string_equal(r->match, "b");
    assert_string_equal(r->name, "a");
    assert_int_equal(r->n_labels, 2);
    assert_string_equal(r->labels[0].value, "z");
    assert_string_equal(r->labels[1].key, "site");
    assert_int_equal(r->options.ttl_ms, 60000);
    assert_int_equal(f.rules[2].options.ttl_ms, 120000);
    assert_int_equal(f.rules[3].line, 11);
    mapping_file_release(&f);
}

static void what_would_take_too_much_is_refused(void **state)
{
    (void)state;
    struct buf text = { 0 };
    buf_append_str(&text,
                   "mappings:\n- &a {match: a, name: b, help: xxxxxxxxxxxxxxxxxxxxxxxxxx}\n");
    for (char c = 'b'; c < 'k'; c++) { /* a billion laughs */
        buf_printf(&text, "- &%c [", c);
        for (int i = 0; i < 10; i++)
            buf_printf(&text, "%s*%c", i ? "," : "", c - 1);
        buf_append_str(&text, "]\n");
    }
    struct mapping_file f;
    struct buf errors = { 0 };
    assert_int_equal(load(buf_slice(&text), &f, &errors), -EINVAL);
    assert_non_null(strstr(errors.ptr, "with its aliases written out the file is larger than"));
    buf_clear(&text);
    buf_clear(&errors);

    for (int i = 0; i < 100000; i++)
        buf_append_char(&text, '[');
    must_fail(buf_slice(&text), "m.yml:1: nested deeper than 32 levels; a mapping file needs 6\n");
    buf_clear(&text);

    buf_append_str(&text, RULE "  labels:\n");
    for (int i = 0; i <= MAPPING_LABELS_MAX; i++)
        buf_printf(&text, "    k%d: x\n", i);
    must_fail(buf_slice(&text), "m.yml:133: rule 1 (a.*): labels: more than 128; use fewer\n");
    buf_clear(&text);

    buf_append_str(&text, RULE "  histogram_options: {buckets: [");
    for (int i = 0; i < 1000; i++)
        buf_printf(&text, "%d,", i);
    buf_append_str(&text, "]}\n");
    must_fail(buf_slice(&text), "m.yml:4: rule 1 (a.*): histogram_options.buckets: 1000 bounds are "
                                "too many; give at most 128\n");
    buf_clear(&text);

    memset(buf_reserve(&text, (16 << 20) + 1), '#', (16 << 20) + 1);
    text.len = (16 << 20) + 1;
    must_fail(buf_slice(&text), "m.yml:1: larger than 16 MiB; is it the right file?\n");
    must_fail(slice_of("a\0b", 3), "m.yml:1: a NUL byte; is this a text file?\n");
    buf_release(&text);
    buf_release(&errors);
}

static void a_million_rules_load_and_one_more_does_not(void **state)
{
    (void)state;
    struct buf text = { 0 };
    buf_append_str(&text, "mappings:\n- &a {match: a, name: b}\n");
    for (int i = 1; i < MAPPING_RULES_MAX; i++)
        buf_append_str(&text, "- *a\n");
    struct mapping_file f;
    struct buf errors = { 0 };
    assert_int_equal(load(buf_slice(&text), &f, &errors), 0);
    assert_int_equal(f.n_rules, MAPPING_RULES_MAX);
    mapping_file_release(&f);
    buf_append_str(&text, "- *a\n");
    must_fail(buf_slice(&text), "m.yml:1000002: more than 1000000 rules; make one of several\n");
    buf_release(&text);
    buf_release(&errors);
}

static bool refuse_parentheses(const char *regex, struct buf *why)
{
    bool wrong = strchr(regex, '(') != NULL;
    if (wrong)
        buf_append_str(why, "no ( here");
    return wrong;
}

static void a_wrong_regex_is_told_with_all_other_mistakes(void **state)
{
    (void)state;
    static const char text[] = "mappings:\n"
                               "- match: '(a'\n"
                               "  match_type: regex\n"
                               "  name: x\n"
                               "- match: a.b\n"
                               "  name: 0\n"
                               "- {match: '', match_type: regex, name: y}\n"
                               "- {match: '(', match_type: regex, name: ''}\n";
    struct mapping_file f;
    struct buf errors = { 0 };
    assert_int_equal(
        mapping_file_load_text("m.yml", slice_str(text), &config, refuse_parentheses, &f, &errors),
        -EINVAL);
    buf_append_char(&errors, '\0');
    assert_non_null(strstr(errors.ptr, "m.yml:2: rule 1 ((a): no ( here\n"));
    assert_non_null(strstr(errors.ptr, "m.yml:6: rule 2 (a.b): name:"));
    assert_non_null(strstr(errors.ptr, "m.yml:8: rule 4 ((): no ( here\n"));
    assert_non_null(strstr(errors.ptr, "m.yml:8: rule 4 ((): name"));
    assert_null(strstr(errors.ptr, "rule 3"));
    buf_release(&errors);
}

static void a_file_is_read_from_its_path(void **state)
{
    (void)state;
    char path[] = "/tmp/mapping.XXXXXX";
    int fd = mkstemp(path);
    struct mapping_file f;
    struct buf errors = { 0 };
    assert_true(fd >= 0);
    assert_int_equal(write(fd, RULE, strlen(RULE)), (ssize_t)strlen(RULE));
    close(fd);
    assert_int_equal(mapping_file_load(path, &config, NULL, &f, &errors), 0);
    assert_string_equal(f.path, path);
    assert_int_equal(f.n_rules, 1);
    mapping_file_release(&f);
    unlink(path);
    assert_int_equal(mapping_file_load("/no/such\n.yml", &config, NULL, &f, &errors), -EINVAL);
    assert_true(slice_eq(buf_slice(&errors), SLICE_LIT("/no/such\\x0a.yml: cannot read the mapping "
                                                       "file: No such file or directory\n")));
    buf_clear(&errors);
    assert_int_equal(mapping_file_load("/tmp", &config, NULL, &f, &errors), -EINVAL);
    assert_true(slice_eq(buf_slice(&errors),
                         SLICE_LIT("/tmp: cannot read the mapping file: Is a directory\n")));
    buf_release(&errors);
}

/* +Inf is in every list, so it is not one of them. */
static void as_many_bounds_as_there_may_be_and_not_one_more(void **state)
{
    (void)state;
    static const struct {
        unsigned n;
        bool inf, good;
    } rows[] = {
        { OPTION_BUCKETS_MAX, false, true },      { OPTION_BUCKETS_MAX, true, true },
        { OPTION_BUCKETS_MAX + 1, false, false }, { OPTION_BUCKETS_MAX + 1, true, false },
        { OPTION_BUCKETS_MAX + 2, false, false },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf text = { 0 }, errors = { 0 };
        struct mapping_file f;
        buf_append_str(&text, "defaults:\n  histogram_options:\n    buckets: [1");
        for (unsigned n = 2; n <= rows[i].n; n++)
            buf_printf(&text, ", %u", n);
        buf_append_str(&text, rows[i].inf ? ", .inf]\n" : "]\n");
        assert_int_equal(load(buf_slice(&text), &f, &errors), rows[i].good ? 0 : -EINVAL);
        if (rows[i].good) {
            assert_int_equal(f.defaults.buckets.n, rows[i].n);
            mapping_file_release(&f);
        } else {
            assert_non_null(strstr(errors.ptr, "bounds are too many"));
        }
        buf_release(&text);
        buf_release(&errors);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_of_the_corpus_loads_or_does_not),
        cmocka_unit_test(a_file_that_says_nothing_leaves_all_to_the_config),
        cmocka_unit_test(a_rule_has_all_that_it_says),
        cmocka_unit_test(what_a_rule_leaves_open_comes_from_defaults_then_from_the_config),
        cmocka_unit_test(the_rule_of_a_gauge_is_the_rules_else_that_of_defaults),
        cmocka_unit_test(numbers_and_durations_are_read_as_statsd_exporter_does),
        cmocka_unit_test(names_and_matches_that_a_rule_can_have),
        cmocka_unit_test(a_label_that_the_type_makes_itself_is_refused_for_that_type_only),
        cmocka_unit_test(each_mistake_is_told_with_line_rule_and_what_to_write),
        cmocka_unit_test(all_mistakes_are_told_at_once_in_the_order_of_the_file),
        cmocka_unit_test(mistakes_before_text_that_is_no_yaml_are_told_too),
        cmocka_unit_test(after_a_hundred_mistakes_it_gives_up),
        cmocka_unit_test(anchors_and_merge_keys_save_writing),
        cmocka_unit_test(what_would_take_too_much_is_refused),
        cmocka_unit_test(a_million_rules_load_and_one_more_does_not),
        cmocka_unit_test(a_wrong_regex_is_told_with_all_other_mistakes),
        cmocka_unit_test(a_file_is_read_from_its_path),
        cmocka_unit_test(as_many_bounds_as_there_may_be_and_not_one_more),
    };
    return cmocka_run_group_tests_name("mapping_file", tests, NULL, NULL);
}
