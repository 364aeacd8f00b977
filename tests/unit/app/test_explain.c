/*
 * `statsd explain`, in this process: over tests/conformance/protocol.jsonl (STATSD_CONFORMANCE names another folder), and
 * what it says to people.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "app/cli.h"

enum { ARGS_MAX = 16, LEAST_CASES = 300 };

/* argv: "explain" and what follows, NULL-terminated.  returns  the output; free() */
static char *explain(const char *const *words, struct slice input)
{
    const char *argv[ARGS_MAX + 3] = { "statsd", "explain" };
    int argc = 2;
    char *out = NULL, *err = NULL;
    size_t out_n, err_n;
    struct cli_io io = { .in = tmpfile(), .out = open_memstream(&out, &out_n), .err = open_memstream(&err, &err_n) };
    while (words[argc - 2] != NULL) {
        argv[argc] = words[argc - 2];
        argc++;
        assert_true(argc < ARGS_MAX);
    }
    assert_int_equal(fwrite(input.ptr, 1, input.len, io.in), input.len);
    rewind(io.in);
    int rc = cli_run(argc, argv, &io);
    fclose(io.in);
    fclose(io.out);
    fclose(io.err);
    if (rc != 0)
        fail_msg("status %d: %s", rc, err);
    free(err);
    return out;
}

static json_t *explain_json(const char *const *words, struct slice input)
{
    json_error_t error;
    char *text = explain(words, input);
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);   /* one line */
    json_t *j = json_loads(text, JSON_ALLOW_NUL, &error);
    if (j == NULL)
        fail_msg("%s: %s", error.text, text);
    free(text);
    return j;
}

static int base64_digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c != '\0' ? strchr(digits, c) : NULL;
    return at != NULL ? (int)(at - digits) : -1;
}

static void append_base64(struct buf *b, const char *s)
{
    unsigned bits = 0, n = 0;
    for (; base64_digit(*s) >= 0; s++) {
        bits = bits << 6 | (unsigned)base64_digit(*s);
        n += 6;
        if (n >= 8) {
            n -= 8;
            buf_append_char(b, (char)(bits >> n & 0xff));
        }
    }
}

/* opts of a case as words of the command line. */
static void case_words(json_t *opts, const char **words, char room[4][120])
{
    size_t n = 0, sets = 0, i;
    const char *key;
    json_t *value, *style;
    words[n++] = "--json";
    json_object_foreach(opts, key, value) {
        if (strcmp(key, "chunks") == 0)
            continue;
        if (strcmp(key, "truncated") == 0) {
            words[n++] = "--truncated";
            continue;
        }
        if (strcmp(key, "transport") == 0) {
            words[n++] = "--framing";
            words[n++] = strcmp(json_string_value(value), "stream") == 0       ? "line"
                         : strcmp(json_string_value(value), "dsd-stream") == 0 ? "dsd"
                                                                               : "datagram";
            continue;
        }
        assert_true(sets < 4);
        char *set = room[sets++];
        int at = snprintf(set, 120, "protocol.%s=%s", key, json_is_string(value) ? json_string_value(value) : json_is_true(value) ? "on" : "");
        if (json_is_array(value)) {
            json_array_foreach(value, i, style)
                at += snprintf(set + at, 120 - (size_t)at, "%s%s", i > 0 ? "," : "", json_string_value(style));
        }
        words[n++] = "--set";
        words[n++] = set;
    }
    words[n] = NULL;
}

static void check_equal(const char *id, const char *what, json_t *got, json_t *want)
{
    if (json_equal(got, want))
        return;
    char *g = json_dumps(got, JSON_ENCODE_ANY | JSON_REAL_PRECISION(17)), *w = json_dumps(want, JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));
    fail_msg("%s: %s is %s, not %s", id, what, g ? g : "missing", w);
}

static void run_case(json_t *c)
{
    const char *id = json_string_value(json_object_get(c, "id"));
    const char *words[ARGS_MAX];
    char room[4][120];
    struct buf input = { 0 };
    json_t *text = json_object_get(c, "input");
    if (text != NULL)
        buf_append(&input, json_string_value(text), json_string_length(text));
    else
        append_base64(&input, json_string_value(json_object_get(c, "input_b64")));
    case_words(json_object_get(c, "opts"), words, room);

    json_t *got = explain_json(words, slice_of(input.len ? input.ptr : "", input.len));
    json_t *zero = json_integer(0), *errors = json_object_get(c, "errors");
    check_equal(id, "expect", json_object_get(got, "expect"), json_object_get(c, "expect"));
    check_equal(id, "samples", json_object_get(got, "samples"), json_object_get(c, "samples"));
    check_equal(id, "errors", json_object_get(got, "errors"), errors != NULL ? errors : zero);
    assert_int_equal(json_array_size(json_object_get(got, "reasons")), json_integer_value(json_object_get(got, "errors")));
    if (json_object_get(c, "event") != NULL)
        check_equal(id, "event", json_array_get(json_object_get(got, "events"), 0), json_object_get(c, "event"));
    if (json_object_get(c, "check") != NULL)
        check_equal(id, "check", json_array_get(json_object_get(got, "checks"), 0), json_object_get(c, "check"));
    json_decref(zero);
    json_decref(got);
    buf_release(&input);
}

static void the_corpus_is_explained_as_it_is_written(void **state)
{
    (void)state;
    const char *folder = getenv("STATSD_CONFORMANCE");
    char path[512], *line = NULL;
    size_t room = 0, n = 0;
    snprintf(path, sizeof path, "%s/protocol.jsonl", folder ? folder : "tests/conformance");
    FILE *f = fopen(path, "r");
    if (f == NULL)
        fail_msg("%s cannot be read (run from the root of the tree)", path);
    for (; getline(&line, &room, f) > 0; n++) {
        json_error_t error;
        json_t *c = json_loads(line, JSON_ALLOW_NUL, &error);
        assert_non_null(c);
        run_case(c);
        json_decref(c);
    }
    assert_true(n >= LEAST_CASES);
    free(line);
    fclose(f);
}

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })
static const struct slice nothing = { "", 0 };

static void the_exposition_is_what_metrics_shows_sorted(void **state)
{
    (void)state;
    json_t *j = explain_json(WORDS("--json", "--set", "aggregate.quantiles=0.5", "z.hits:1|c|@0.1|#b:2,a:1", "z.hits:2|c|#a:1,b:2", "load:3|g", "load:-1|g",
                                   "u:x|s", "u:y|s", "u:x|s", "t:500|ms"),
                             nothing);
    assert_string_equal(json_string_value(json_object_get(j, "exposition")),
                        "load 2\n"
                        "t_count 1\n"
                        "t_sum 0.5\n"
                        "t{quantile=\"0.5\"} 0.5\n"
                        "u 2\n"
                        "z_hits{a=\"1\",b=\"2\"} 12");
    json_decref(j);
    j = explain_json(WORDS("--json", "nonsense"), nothing);
    assert_string_equal(json_string_value(json_object_get(j, "exposition")), "");
    json_decref(j);
}

static void options_of_the_exposition_are_followed(void **state)
{
    (void)state;
    json_t *j = explain_json(WORDS("--json", "--set=prometheus.suffixes=on", "--set=prometheus.observer_type=histogram",
                                   "--set=prometheus.buckets=0.1,1", "hits:1|c", "t:500|ms"),
                             nothing);
    assert_string_equal(json_string_value(json_object_get(j, "exposition")),
                        "hits_total 1\n"
                        "t_seconds_bucket{le=\"+Inf\"} 1\n"
                        "t_seconds_bucket{le=\"0.1\"} 0\n"
                        "t_seconds_bucket{le=\"1\"} 1\n"
                        "t_seconds_count 1\n"
                        "t_seconds_sum 0.5");
    json_decref(j);
}

static void numbers_survive_the_json(void **state)
{
    (void)state;
    json_t *j = explain_json(WORDS("--json", "a:0.2718281828459045:1e-300:-0.1|d|@0.3"), nothing);
    json_t *sample = json_array_get(json_object_get(j, "samples"), 0), *values = json_object_get(sample, "values");
    assert_true(json_real_value(json_array_get(values, 0)) == 0.2718281828459045);
    assert_true(json_real_value(json_array_get(values, 1)) == 1e-300);
    assert_true(json_real_value(json_array_get(values, 2)) == -0.1);
    assert_true(json_real_value(json_object_get(sample, "rate")) == 0.3);
    json_decref(j);
}

static void tag_limits_refuse_the_sample_and_bad_tags_are_counted(void **state)
{
    (void)state;
    json_t *j = explain_json(WORDS("--json", "--set", "limits.max_tags=2", "a:1|c|#x,y,z", "b:1|c|#x:,:y|new:1|zz"), nothing);
    assert_int_equal(json_array_size(json_object_get(j, "samples")), 1);
    assert_int_equal(json_integer_value(json_object_get(j, "errors")), 1);
    assert_string_equal(json_string_value(json_array_get(json_object_get(j, "reasons"), 0)), "too_many_tags");
    assert_int_equal(json_integer_value(json_object_get(j, "tag_errors")), 2);
    assert_int_equal(json_integer_value(json_object_get(j, "unknown_fields")), 2);
    assert_string_equal(json_string_value(json_object_get(j, "exposition")), "b 1");
    json_decref(j);
}

static void more_than_a_datagram_on_standard_input_is_a_cut_datagram(void **state)
{
    (void)state;
    struct buf input = { 0 };
    while (input.len < 65536)
        buf_append_str(&input, "abc:12345|c\n");
    json_t *j = explain_json(WORDS("--json"), buf_slice(&input));
    assert_int_equal(json_array_size(json_object_get(j, "samples")), 65535 / 12);
    assert_string_equal(json_string_value(json_array_get(json_object_get(j, "reasons"), 0)), "truncated");
    assert_int_equal(json_integer_value(json_object_get(j, "errors")), 1);
    json_decref(j);
    buf_release(&input);
}

static void a_caret_stands_under_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *line, *want;   /* want: how the output begins */
    } rows[] = {
        { "hits:x|c", "hits:x|c\n     ^\n  error bad_value: " },
        { "\xc3\xa9t\xc3\xa9:1|zz", "\xc3\xa9t\xc3\xa9:1|zz\n      ^\n  error unknown_type: " },
        { "a\x01:1|zz", "a\\x01:1|zz\n        ^\n  error unknown_type: " },
        { "a\xff:1|c", "a\\xff:1|c\n ^\n  error bad_utf8: " },
        { "\xe2\x82\xac:1|c|#\xe2\x82", "\xe2\x82\xac:1|c|#\\xe2\\x82\n       ^\n  error bad_utf8: " },
        { "a\xc2\x9b:1|c", "a\\xc2\\x9b:1|c\n  counter  a" },
        { "ok:1|c", "ok:1|c\n  counter  ok  value 1\n" },
        { "g:+5|g", "g:+5|g\n  gauge  g  change by 5\n" },
        { "t:1:2|ms|@0.5|#a:b", "t:1:2|ms|@0.5|#a:b\n  timing in ms  t  values 1 2  rate 0.5 (weight 2)\n    tag  a = b\n" },
        { "_e{1,1}:a|b", "_e{1,1}:a|b\n  event\n    title  a\n" },
        { "_sc|db|2", "_sc|db|2\n  service check\n    name  db\n    status  2\n" },
        { " ", " \n  empty: ignored\n" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *out = explain(WORDS(rows[i].line), nothing);
        if (strncmp(out, rows[i].want, strlen(rows[i].want)) != 0)
            fail_msg("%s", out);
        free(out);
    }
}

static void people_see_each_line_of_a_cut_datagram_and_the_sums(void **state)
{
    (void)state;
    char *out = explain(WORDS("--truncated"), SLICE_LIT("a:1|c\nb:2|"));
    assert_non_null(strstr(out, "a:1|c\n  counter  a  value 1\n"));
    assert_non_null(strstr(out, "  error truncated: "));
    assert_non_null(strstr(out, "\nsamples 1, events 0, service checks 0, errors 1\n"));
    assert_non_null(strstr(out, "\non /metrics:\na 1\n"));
    free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_corpus_is_explained_as_it_is_written),
        cmocka_unit_test(the_exposition_is_what_metrics_shows_sorted),
        cmocka_unit_test(options_of_the_exposition_are_followed),
        cmocka_unit_test(numbers_survive_the_json),
        cmocka_unit_test(tag_limits_refuse_the_sample_and_bad_tags_are_counted),
        cmocka_unit_test(more_than_a_datagram_on_standard_input_is_a_cut_datagram),
        cmocka_unit_test(a_caret_stands_under_what_is_wrong),
        cmocka_unit_test(people_see_each_line_of_a_cut_datagram_and_the_sums),
    };
    return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}
