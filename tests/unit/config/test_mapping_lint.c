#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "config/mapping_file.h"
#include "config/mapping_lint.h"
#include "config/mapping_syntax.h"
#include "support/sanitized.h"

static double config_buckets[] = { 1, 2 }, config_quantiles[] = { 0.5 };

static const struct mapping_options config = { .buckets = { config_buckets, 2 },
                                               .quantiles = { config_quantiles, 1 },
                                               .max_age_ms = 600000,
                                               .age_buckets = 5,
                                               .native_zero_threshold = -1,
                                               .scale = 1 };

static struct mapping_file load(const char *text)
{
    struct mapping_file f;
    struct buf errors = { 0 };
    if (mapping_file_load_text("m.yml", slice_str(text), &config, NULL, &f, &errors) != 0)
        fail_msg("%s\n%.*s", text, (int)errors.len, errors.ptr);
    buf_release(&errors);
    return f;
}

#define REST "- {match: ., match_type: regex, action: drop, name: x}\n"

/* The rules, and one for the rest, get exactly these warnings. */
static void must_say(const char *rules, const char *want)
{
    struct buf text = { 0 }, out = { 0 };
    if (strncmp(rules, "defaults:", 9) != 0)
        buf_append_str(&text, "mappings:\n");
    buf_append_str(&text, rules);
    buf_append(&text, REST, sizeof REST);
    struct mapping_file f = load(text.ptr);
    size_t n = mapping_lint(&f, &out), lines = 0;
    buf_append_char(&out, '\0');
    if (strcmp(out.ptr, want) != 0)
        fail_msg("%s\nsays: %s\nnot:  %s", text.ptr, out.ptr, want);
    for (const char *p = out.ptr; *p != '\0'; p++)
        lines += *p == '\n';
    assert_int_equal(n, lines);
    mapping_file_release(&f);
    buf_release(&text);
    buf_release(&out);
}

#define R(match, more)     "- {match: \"" match "\", name: n$0" more "}\n"
#define REGEX(match, more) "- {match: '" match "', match_type: regex, name: n$0" more "}\n"
#define CLASS(class)       ", match_metric_type: " class

static void a_rule_that_an_earlier_one_hides_is_told_with_that_one(void **state)
{
    (void)state;
    static const struct {
        const char *rules, *want;
    } rows[] = {
        { R("a.b.c", "") R("a.*.c", "") R("*.*.c", ""), "" },
        { R("a.*.c", "") R("a.b.c", ""),
          "m.yml:3: rule 2 (a.b.c): never matches: rule 1 (a.*.c) on line 2 matches all that it "
          "does, and first; move this rule up, before it\n" },
        { R("a.b", "") R("a.b", ""),
          "m.yml:3: rule 2 (a.b): never matches: rule 1 (a.b) on line 2 matches the same, and "
          "comes first; remove one of them\n" },
        { R("a.*", "") R("*.b", "") R("*.*", "") R("*.c", ""),
          "m.yml:5: rule 4 (*.c): never matches: rule 3 (*.*) on line 4 matches all that it does, "
          "and first; move this rule up, before it\n" },
        { R("a.*", "") R("a.*.*", "") R("*", "") R("b", ""),
          "m.yml:5: rule 4 (b): never matches: rule 3 (*) on line 4 matches all that it does, and "
          "first; move this rule up, before it\n" },
        { R("*.b", "") R("a.*", "") R("a.b", ""), /* both hide it: the one that wins is told */
          "m.yml:4: rule 3 (a.b): never matches: rule 1 (*.b) on line 2 matches all that it does, "
          "and first; move this rule up, before it\n" },
        { R("A.b", "") R("a.b", "") R("a.b-", "") R("a", ""), "" },
        /* By class. */
        { R("a.*", CLASS("counter")) R("a.b", ""), "" },
        { R("a.*", CLASS("counter")) R("a.b", CLASS("gauge")), "" },
        { R("a.*", "") R("a.b", CLASS("gauge")),
          "m.yml:3: rule 2 (a.b): never matches: rule 1 (a.*) on line 2 matches all that it does, "
          "and first; move this rule up, before it\n" },
        { R("a.*", CLASS("counter")) R("*.b", CLASS("gauge")) R("*.*", CLASS("observer"))
              R("a.b", ""),
          "m.yml:5: rule 4 (a.b): never matches: rule 1 (a.*) on line 2, rule 2 (*.b) on line 3 "
          "and rule 3 (*.*) on line 4 match all that it does, and first; move this rule up, before "
          "it\n" },
        /* Regexes come after all globs. */
        { REGEX("^a$", "") R("a", ""),
          "m.yml:2: rule 1 (^a$): never matches: rule 2 (a) on line 3 matches all that it does, "
          "and first; globs come before all regexes: write this rule as a glob, before it\n" },
        { R("*.*", CLASS("counter")) REGEX("^a[.](get|put)$", "") REGEX("^a$", ""), "" },
        { R("*.*", "") REGEX("^a\\.(get|put)$", CLASS("gauge")),
          "m.yml:3: rule 2 (^a\\.(get|put)$): never matches: rule 1 (*.*) on line 2 matches all "
          "that it does, and first; globs come before all regexes: write this rule as a glob, "
          "before it\n" },
        { R("a.b", "") REGEX("^a\\.([^.]+)$", "") REGEX("^a\\.b", ""), "" },
        { REGEX("^a$", "") REGEX("^a", ""), "" },
        { REGEX("^a$", "") REGEX("^a$", ""),
          "m.yml:3: rule 2 (^a$): never matches: rule 1 (^a$) on line 2 matches the same, and "
          "comes first; remove one of them\n" },
        { REGEX("^a$", CLASS("counter")) REGEX("^a$", ""), "" },
        { REGEX("^(.*)$", "") REGEX("a", ""),
          "m.yml:3: rule 2 (a): never matches: rule 1 (^(.*)$) on line 2 matches all that it does, "
          "and first; move this rule up, before it\n"
          "m.yml:4: rule 3 (.): never matches: rule 1 (^(.*)$) on line 2 matches all that it does, "
          "and first; move this rule up, before it\n" },
        { REGEX("^.$", "") REGEX("^$", "") REGEX("..", "") REGEX(".*a", ""), "" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        must_say(rows[i].rules, rows[i].want);
}

#define UNORDERED "defaults: {glob_disable_ordering: true}\nmappings:\n"

static void without_an_order_only_the_same_match_hides_a_rule(void **state)
{
    (void)state;
    must_say(UNORDERED R("a.*.c", "") R("a.b.c", "") R("*.b.c", ""), "");
    must_say(UNORDERED R("a.*", "") R("a.b", "") R("a.*", ""),
             "m.yml:5: rule 3 (a.*): never matches: rule 1 (a.*) on line 3 matches the same, and "
             "comes first; remove one of them\n");
    must_say(UNORDERED R("a.*", CLASS("counter")) R("a.*", CLASS("gauge")) R("a.*", ""), "");
}

static void names_that_cannot_both_be_shown_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *rules, *want;
    } rows[] = {
        { "- {match: a, name: x}\n- {match: b, name: x}\n", "" },
        { "- {match: a, name: x" CLASS("counter") "}\n- {match: b, name: x" CLASS("counter") "}\n",
          "" },
        { "- {match: a, name: x" CLASS("counter") "}\n- {match: b, name: x}\n", "" },
        { "- {match: a, name: x" CLASS("counter") "}\n- {match: b, name: x" CLASS("gauge") "}\n",
          "m.yml:3: rule 2 (b): x is a gauge here and a counter by rule 1 (a) on line 2; only one "
          "of them can be shown: rename one\n" },
        { "- {match: a, name: x" CLASS(
              "counter") "}\n"
                         "- {match: b, name: x, observer_type: histogram}\n",
          "m.yml:3: rule 2 (b): x is a histogram here and a counter by rule 1 (a) on line 2; only "
          "one of them can be shown: rename one\n" },
        { "- {match: a, name: x}\n- {match: b, name: x, observer_type: histogram}\n",
          "m.yml:3: rule 2 (b): x is a histogram here and a counter, a gauge or a summary by rule "
          "1 (a) on line 2; only one of them can be shown: rename one\n" },
        { "- {match: a, name: x, observer_type: summary}\n- {match: b, name: x}\n", "" },
        { "- {match: a, name: x, observer_type: summary}\n"
          "- {match: b, name: x_sum}\n- {match: c, name: x_bucket}\n- {match: d, name: x_total}\n",
          "m.yml:3: rule 2 (b): x_sum is also part of a summary x, that of rule 1 (a) on line 2; "
          "only one of them can be shown: rename one\n" },
        { "- {match: a, name: x_bucket" CLASS(
              "counter") "}\n"
                         "- {match: b, name: x, observer_type: histogram}\n",
          "m.yml:3: rule 2 (b): x_bucket is also part of a histogram x, made here; the other is "
          "rule 1 (a) on line 2; only one of them can be shown: rename one\n" },
        { "- {match: a, name: x_count" CLASS("counter") "}\n"
                                                        "- {match: b, name: x" CLASS(
                                                            "observer") "}\n",
          "m.yml:3: rule 2 (b): x_count is also part of a summary x, made here; the other is rule "
          "1 (a) on line 2; only one of them can be shown: rename one\n" },
        { "- {match: a, name: x_count}\n- {match: b, name: x}\n- {match: c, name: _sum}\n", "" },
        /* What drops, never matches, or has a name that depends, makes nothing here. */
        { "- {match: a, name: x" CLASS("counter") ", action: drop}\n"
                                                  "- {match: b, name: x" CLASS("gauge") "}\n",
          "" },
        { "- {match: \"*\", name: \"x$1\"" CLASS("counter") "}\n"
                                                            "- {match: b.*, name: \"x$1\"" CLASS(
                                                                "gauge") "}\n",
          "" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        must_say(rows[i].rules, rows[i].want);
}

static void references_that_are_always_empty_are_told(void **state)
{
    (void)state;
    must_say("- {match: a.*, name: $1_total, labels: {l: \"$1 $0 ${1} $$9 $ 5$\", m: \"${2}\", "
             "k: $who}}\n",
             "m.yml:2: rule 1 (a.*): name: $1_total is always empty, as there is no capture of "
             "that name; write ${1}_total\n"
             "m.yml:2: rule 1 (a.*): m: $2 is always empty: match has 1 *\n"
             "m.yml:2: rule 1 (a.*): k: $who is always empty, as there is no capture of that "
             "name\n");
    must_say("- {match: (a), match_type: regex, name: \"x${9}\", labels: {l: $1x}}\n",
             "m.yml:2: rule 1 ((a)): name: $9 is always empty: match has 1 group\n"
             "m.yml:2: rule 1 ((a)): l: $1x is always empty, as there is no capture of that name; "
             "write ${1}x\n");
    must_say("- {match: a, match_type: regex, name: \"x$0$1\"}\n",
             "m.yml:2: rule 1 (a): name: $1 is always empty: match has 0 groups\n");
}

static void groups_are_counted_as_re2_does(void **state)
{
    static const struct {
        const char *regex;
        size_t groups;
    } rows[] = {
        { "", 0 },
        { "(a)(?:b)((c))", 3 },
        { "(?P<who>.)(?<what>.)(?i)x(?s:.)", 2 },
        { "\\((a)\\\\(b)", 2 },
        { "[(](a)[^(](b)[]()](c)[^](](d)", 4 },
        { "[[:alpha:](](a)[[:^digit:]]](b)[[:(](c)[\\](](d)", 4 },
        { "(a)[(", 1 },
        { "\\", 0 },
        { "\\Q(a)\\E(b)", SIZE_MAX },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(mapping_syntax_groups(slice_str(rows[i].regex)), rows[i].groups);
    assert_true(mapping_syntax_has_group(SLICE_LIT("a(?P<who>.)"), SLICE_LIT("who")));
    assert_true(mapping_syntax_has_group(SLICE_LIT("(?<a>.)(?<who>.)"), SLICE_LIT("who")));
    assert_false(mapping_syntax_has_group(SLICE_LIT("(?P<whom>.)"), SLICE_LIT("who")));
    assert_false(mapping_syntax_has_group(SLICE_LIT("<wh"), SLICE_LIT("who")));
    assert_false(mapping_syntax_has_group(SLICE_LIT("<who"), SLICE_LIT("who")));
}

#define BUCKETS(list)                                                                              \
    "- {match: a, name: x, observer_type: histogram, histogram_options: {buckets: " list "}}\n"

static void bounds_that_no_sample_tells_apart_are_told(void **state)
{
    (void)state;
    must_say(BUCKETS("[-1, 0, 1e-9, 0.5, 0.500001]"), "");
    must_say(BUCKETS("[0.5, 0.50000000001, 1]"),
             "m.yml:2: rule 1 (a): histogram_options.buckets: no sample tells 0.5 from "
             "0.50000000001; remove one of them\n");
    must_say(BUCKETS("[1e-305, 1]"), "m.yml:2: rule 1 (a): histogram_options.buckets: no sample "
                                     "tells 1e-305 from 0; remove it\n");
    must_say("defaults: {histogram_options: {buckets: [1, 1.0000000000001]}}\nmappings:\n",
             "m.yml: defaults: histogram_options.buckets: no sample tells 1 from 1.0000000000001; "
             "remove one of them\n");
    must_say("- {match: a, name: x, histogram_options: {buckets: [1e-305]}}\n", ""); /* unused */
}

static void a_file_without_a_rule_for_the_rest_gets_a_hint(void **state)
{
    (void)state;
    static const struct {
        const char *rules;
        bool hint;
    } rows[] = {
        { "", false },
        { R("a", ""), true },
        { R("a", "") REGEX(".*", ""), false },
        { R("a", "") REGEX("", ""), false },
        { R("a", "") REGEX(".", CLASS("counter")), true },
        { REGEX(".", CLASS("counter")) REGEX(".", CLASS("gauge")) REGEX("^", CLASS("observer")),
          false },
        { R("*", "") REGEX("^.$", ""), true },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[500];
        struct buf out = { 0 };
        snprintf(text, sizeof text, "mappings:\n%s", rows[i].rules);
        struct mapping_file f = load(text);
        assert_int_equal(mapping_lint(&f, &out), 0);
        buf_append_char(&out, '\0');
        assert_int_equal(strstr(out.ptr, "m.yml: hint: ") == out.ptr, rows[i].hint);
        mapping_file_release(&f);
        buf_release(&out);
    }
}

static void after_a_hundred_warnings_they_are_counted(void **state)
{
    (void)state;
    struct buf text = { 0 }, out = { 0 };
    size_t lines = 0;
    buf_append_str(&text, "mappings:\n" REST);
    for (int i = 0; i < 300; i++)
        buf_append_str(&text, R("a.b", ""));
    buf_append_char(&text, '\0');
    struct mapping_file f = load(text.ptr);
    assert_int_equal(mapping_lint(&f, &out), 299);
    buf_append_char(&out, '\0');
    for (const char *p = out.ptr; *p != '\0'; p++)
        lines += *p == '\n';
    assert_int_equal(lines, MAPPING_MISTAKES_MAX + 1);
    assert_non_null(strstr(out.ptr, "\nm.yml: 199 warnings more\n"));
    mapping_file_release(&f);
    buf_release(&text);
    buf_release(&out);
}

/* An independent answer for a few rules: does a pattern match all that another does? */
static bool wider(const char *a, const char *b)
{
    while (*a != '\0' && *b != '\0') {
        size_t n = strcspn(a, "."), m = strcspn(b, ".");
        if (!(n == 1 && *a == '*') && (n != m || memcmp(a, b, n) != 0))
            return false;
        a += n + (a[n] == '.');
        b += m + (b[m] == '.');
    }
    return *a == *b;
}

static void a_rule_is_told_exactly_when_an_earlier_one_is_wider_in_each_class(void **state)
{
    (void)state;
    uint64_t random = 1;
    for (int round = 0; round < 2000; round++) {
        char matches[12][16];
        unsigned classes[12];
        struct buf text = { 0 }, out = { 0 };
        size_t hidden = 0;
        buf_append_str(&text, "mappings:\n");
        for (int i = 0; i < 12; i++) {
            static const char *const words[] = { "*", "a", "b" };
            static const char *const types[] = { "", CLASS("counter"), CLASS("gauge"),
                                                 CLASS("observer") };
            random = random * 6364136223846793005u + 1442695040888963407u;
            unsigned r = (unsigned)(random >> 33);
            snprintf(matches[i], sizeof matches[i], "%s.%s%s%s", words[r % 3], words[r / 3 % 3],
                     r / 9 % 2 ? "." : "", r / 9 % 2 ? words[r / 18 % 3] : "");
            classes[i] = r / 54 % 4 == 0 ? 7 : 1u << (r / 54 % 4 - 1);
            buf_printf(&text, "- {match: \"%s\", name: \"n$0\"%s}\n", matches[i],
                       types[r / 54 % 4]);
            unsigned left = classes[i];
            for (int k = 0; k < i; k++)
                left &= wider(matches[k], matches[i]) ? ~classes[k] : ~0u;
            hidden += left == 0;
        }
        buf_append_char(&text, '\0');
        struct mapping_file f = load(text.ptr);
        if (mapping_lint(&f, &out) != hidden)
            fail_msg("%zu are hidden\n%s%.*s", hidden, text.ptr, (int)out.len, out.ptr);
        mapping_file_release(&f);
        buf_release(&text);
        buf_release(&out);
    }
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Rules that share all but one component, and rules of every pattern of words and stars: what a
 * walk that branches suffers from most. */
static void ten_thousand_rules_take_less_than_a_second(void **state)
{
    (void)state;
    for (int shape = 0; shape < 3; shape++) {
        struct buf text = { 0 }, out = { 0 };
        buf_append_str(&text, "mappings:\n");
        for (int i = 0; i < 10000; i++) {
            buf_append_str(&text, "- {name: same, match: \"r");
            for (int k = 0; k < 14; k++) {
                bool star = (i >> (13 - k) & 1) != 0;
                buf_append_str(&text, shape == 0 ? ".same" : star == (shape == 1) ? ".*" : ".x");
            }
            if (shape == 0)
                buf_printf(&text, ".w%d", i);
            buf_append_str(&text, i % 2 ? "\", observer_type: histogram}\n" : "\"}\n");
        }
        buf_append_char(&text, '\0');
        struct mapping_file f = load(text.ptr);
        double begin = seconds();
        mapping_lint(&f, &out);
        double took = seconds() - begin;
        if (!SANITIZED)
            assert_true(took < 1);
        mapping_file_release(&f);
        buf_release(&text);
        buf_release(&out);
    }
}

/* n globs of 7 components, each with its * in other places; the last `again` repeat the first. */
static struct mapping_file shapes(unsigned n, unsigned again)
{
    struct buf text = { 0 };
    buf_append_str(&text, "mappings:\n- {match: 'a.*', name: x}\n");
    for (unsigned i = 0; i < n + again; i++) {
        buf_append_str(&text, "- {match: 'r");
        for (unsigned bit = 0; bit < 7; bit++) {
            if ((i % n) >> bit & 1)
                buf_append_str(&text, ".*");
            else
                buf_printf(&text, ".b%u", i);
        }
        buf_append_str(&text, "', name: y, match_metric_type: counter}\n");
    }
    buf_append(&text, REST, sizeof REST);
    struct mapping_file f = load(text.ptr);
    buf_release(&text);
    return f;
}

static void the_65th_shape_of_one_length_is_told(void **state)
{
    (void)state;
    static const struct {
        unsigned n, again;
        const char *want;
    } rows[] = { { 64, 0, NULL },
                 { 64, 40, NULL },
                 { 65, 0, "m.yml:67: rule 66 (" },
                 { 120, 3, "m.yml:67: rule 66 (" } };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct mapping_file f = shapes(rows[i].n, rows[i].again);
        struct buf out = { 0 };
        char all[80];
        mapping_lint(&f, &out);
        buf_append_char(&out, '\0');
        const char *at = strstr(out.ptr, "globs of 8 components");
        assert_true((at != NULL) == (rows[i].want != NULL));
        if (at != NULL) {
            snprintf(all, sizeof all, "globs of 8 components have their * in %u different places",
                     rows[i].n);
            assert_non_null(strstr(out.ptr, rows[i].want));
            assert_non_null(strstr(out.ptr, all));
            assert_null(strstr(at + 1, "globs of"));
        }
        buf_release(&out);
        mapping_file_release(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_65th_shape_of_one_length_is_told),
        cmocka_unit_test(a_rule_that_an_earlier_one_hides_is_told_with_that_one),
        cmocka_unit_test(without_an_order_only_the_same_match_hides_a_rule),
        cmocka_unit_test(names_that_cannot_both_be_shown_are_told),
        cmocka_unit_test(references_that_are_always_empty_are_told),
        cmocka_unit_test(groups_are_counted_as_re2_does),
        cmocka_unit_test(bounds_that_no_sample_tells_apart_are_told),
        cmocka_unit_test(a_file_without_a_rule_for_the_rest_gets_a_hint),
        cmocka_unit_test(after_a_hundred_warnings_they_are_counted),
        cmocka_unit_test(a_rule_is_told_exactly_when_an_earlier_one_is_wider_in_each_class),
        cmocka_unit_test(ten_thousand_rules_take_less_than_a_second),
    };
    return cmocka_run_group_tests_name("mapping_lint", tests, NULL, NULL);
}
