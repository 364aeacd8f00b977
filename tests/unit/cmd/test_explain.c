/*
 * `statsd explain`, in this process: over tests/conformance/protocol.jsonl (STATSD_CONFORMANCE
 * names another folder), and what it says to people.
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

#include "cmd/cli.h"

enum { ARGS_MAX = 16, LEAST_CASES = 300 };

static int status; /* of the last run */

/* argv: "explain" and what follows, NULL-terminated.  returns  the output; free() */
static char *explain(const char *const *words, struct slice input)
{
    const char *argv[ARGS_MAX + 3] = { "statsd", "explain" };
    int argc = 2;
    char *out = NULL, *err = NULL;
    size_t out_n, err_n;
    struct cli_io io = { .in = tmpfile(),
                         .out = open_memstream(&out, &out_n),
                         .err = open_memstream(&err, &err_n) };
    while (words[argc - 2] != NULL) {
        argv[argc] = words[argc - 2];
        argc++;
        assert_true(argc < ARGS_MAX);
    }
    assert_int_equal(fwrite(input.ptr, 1, input.len, io.in), input.len);
    rewind(io.in);
    status = cli_run(argc, argv, &io);
    fclose(io.in);
    fclose(io.out);
    fclose(io.err);
    if (status > 1 || err[0] != '\0')
        fail_msg("status %d: %s", status, err);
    free(err);
    return out;
}

static json_t *explain_json(const char *const *words, struct slice input)
{
    json_error_t error;
    char *text = explain(words, input);
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1); /* one line */
    json_t *j = json_loads(text, JSON_ALLOW_NUL, &error);
    if (j == NULL)
        fail_msg("%s: %s", error.text, text);
    free(text);
    assert_int_equal(status, json_integer_value(json_object_get(j, "errors")) > 0);
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
        int at = snprintf(set, 120, "protocol.%s=%s", key,
                          json_is_string(value) ? json_string_value(value)
                          : json_is_true(value) ? "on"
                                                : "");
        if (json_is_array(value)) {
            json_array_foreach(value, i, style)
                at += snprintf(set + at, 120 - (size_t)at, "%s%s", i > 0 ? "," : "",
                               json_string_value(style));
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
    char *g = json_dumps(got, JSON_ENCODE_ANY | JSON_REAL_PRECISION(17)),
         *w = json_dumps(want, JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));
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

    free(explain(words + 1,
                 slice_of(input.len ? input.ptr : "", input.len))); /* without --json, for people */
    int for_people = status;
    json_t *got = explain_json(words, slice_of(input.len ? input.ptr : "", input.len));
    assert_int_equal(status, for_people);
    json_t *zero = json_integer(0), *errors = json_object_get(c, "errors");
    check_equal(id, "expect", json_object_get(got, "expect"), json_object_get(c, "expect"));
    check_equal(id, "samples", json_object_get(got, "samples"), json_object_get(c, "samples"));
    check_equal(id, "errors", json_object_get(got, "errors"), errors != NULL ? errors : zero);
    assert_int_equal(json_array_size(json_object_get(got, "reasons")),
                     json_integer_value(json_object_get(got, "errors")));
    if (json_object_get(c, "event") != NULL)
        check_equal(id, "event", json_array_get(json_object_get(got, "events"), 0),
                    json_object_get(c, "event"));
    if (json_object_get(c, "check") != NULL)
        check_equal(id, "check", json_array_get(json_object_get(got, "checks"), 0),
                    json_object_get(c, "check"));
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
    json_t *j = explain_json(WORDS("--json", "--set", "aggregate.quantiles=0.5",
                                   "z.hits:1|c|@0.1|#b:2,a:1", "z.hits:2|c|#a:1,b:2", "load:3|g",
                                   "load:-1|g", "u:x|s", "u:y|s", "u:x|s", "t:500|ms"),
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
    json_t *j = explain_json(WORDS("--json", "--set=prometheus.suffixes=on",
                                   "--set=prometheus.observer_type=histogram",
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

static void tags_that_are_cut_or_added_are_told(void **state)
{
    (void)state;
    json_t *j =
        explain_json(WORDS("--json", "--set=aggregate.drop_tags=pod,span*",
                           "--set=aggregate.global_tags=env:prod,dc:1",
                           "a:1|c|#pod:x,env:test,span_id:9", "a:2|c|#env:test,pod", "b:1|c"),
                     nothing);
    static const struct {
        const char *tags, *cut, *added;
    } want[] = {
        { "{\"dc\":\"1\",\"env\":\"test\"}", "[\"pod:x\",\"span_id:9\"]", "[\"dc:1\"]" },
        { "{\"dc\":\"1\",\"env\":\"test\"}", "[\"pod\"]", "[\"dc:1\"]" },
        { "{\"dc\":\"1\",\"env\":\"prod\"}", NULL, "[\"dc:1\",\"env:prod\"]" },
    };
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        const char *const keys[] = { "tags", "tags_cut", "tags_added" };
        const char *const texts[] = { want[i].tags, want[i].cut, want[i].added };
        for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
            json_t *sample = json_array_get(json_object_get(j, "samples"), i);
            json_t *got = json_object_get(sample, keys[k]);
            char *text = got != NULL ? json_dumps(got, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
            if ((text == NULL) != (texts[k] == NULL) ||
                (text != NULL && strcmp(text, texts[k]) != 0))
                fail_msg("sample %zu: %s is %s", i, keys[k], text);
            free(text);
        }
    }
    assert_string_equal(json_string_value(json_object_get(j, "exposition")),
                        "a{dc=\"1\",env=\"test\"} 3\nb{dc=\"1\",env=\"prod\"} 1");
    json_decref(j);
    char *out = explain(WORDS("--set=aggregate.drop_tags=container_id,pod",
                              "--set=aggregate.global_tags=env:prod",
                              "--set=protocol.origin_tags=on", "--", "a:1|c|c:ci-7|#pod:x,k:v"),
                        nothing);
    assert_non_null(strstr(out, "    tag  env = prod\n    tag  k = v\n"
                                "    added by aggregate.global_tags: env:prod\n"
                                "    cut out of the line: pod:x\n"));
    free(out);
    out = explain(WORDS("--set=prometheus.exemplar_tag=trace_id", "--", "a:1|ms|#trace_id:x,k:v"),
                  nothing);
    assert_non_null(strstr(out, "    tag  k = v\n"
                                "    cut out of the line: trace_id:x\n"
                                "    exemplar of a histogram or counter: x\n"));
    free(out);
}

static void numbers_survive_the_json(void **state)
{
    (void)state;
    json_t *j = explain_json(WORDS("--json", "a:0.2718281828459045:1e-300:-0.1|d|@0.3"), nothing);
    json_t *sample = json_array_get(json_object_get(j, "samples"), 0),
           *values = json_object_get(sample, "values");
    assert_true(json_real_value(json_array_get(values, 0)) == 0.2718281828459045);
    assert_true(json_real_value(json_array_get(values, 1)) == 1e-300);
    assert_true(json_real_value(json_array_get(values, 2)) == -0.1);
    assert_true(json_real_value(json_object_get(sample, "rate")) == 0.3);
    json_decref(j);
    j = explain_json(WORDS("--json", "g:1e-320|g", "c:5e-324:5e-324|c"), nothing);
    values = json_object_get(json_array_get(json_object_get(j, "samples"), 0), "values");
    assert_true(json_real_value(json_array_get(values, 0)) == 1e-320);
    assert_string_equal(json_string_value(json_object_get(j, "exposition")), "c 1e-323\ng 1e-320");
    json_decref(j);
}

static void tag_limits_refuse_the_sample_and_bad_tags_are_counted(void **state)
{
    (void)state;
    json_t *j = explain_json(
        WORDS("--json", "--set", "limits.max_tags=2", "a:1|c|#x,y,z", "b:1|c|#x:,:y|new:1|zz"),
        nothing);
    assert_int_equal(json_array_size(json_object_get(j, "samples")), 1);
    assert_int_equal(json_integer_value(json_object_get(j, "errors")), 1);
    assert_string_equal(json_string_value(json_array_get(json_object_get(j, "reasons"), 0)),
                        "too_many_tags");
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
    assert_string_equal(json_string_value(json_array_get(json_object_get(j, "reasons"), 0)),
                        "truncated");
    assert_int_equal(json_integer_value(json_object_get(j, "errors")), 1);
    json_decref(j);
    buf_release(&input);
}

static void a_caret_stands_under_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *line, *want; /* want: how the output begins */
    } rows[] = {
        { "hits:x|c", "hits:x|c\n     ^\n  error bad_value: " },
        { "\xc3\xa9t\xc3\xa9:1|zz", "\xc3\xa9t\xc3\xa9:1|zz\n      ^\n  error unknown_type: " },
        { "a\x01:1|zz", "a\\x01:1|zz\n        ^\n  error unknown_type: " },
        { "a\xff:1|c", "a\\xff:1|c\n ^\n  error bad_utf8: " },
        { "\xe2\x82\xac:1|c|#\xe2\x82",
          "\xe2\x82\xac:1|c|#\\xe2\\x82\n       ^\n  error bad_utf8: " },
        { "a\xc2\x9b:1|c", "a\\xc2\\x9b:1|c\n  counter  a" },
        { "ok:1|c", "ok:1|c\n  counter  ok  value 1\n" },
        { "g:+5|g", "g:+5|g\n  gauge  g  change by 5\n" },
        { "t:1:2|ms|@0.5|#a:b", "t:1:2|ms|@0.5|#a:b\n  timing in ms  t  values 1 2  rate 0.5 "
                                "(weight 2)\n    tag  a = b\n" },
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

/* What follows "  hint: " in the output for one line, each with LF. */
static void hints_of(const char *line, const char *set, char *ret, size_t room)
{
    char *out = explain(set != NULL ? WORDS("--set", set, "--", line) : WORDS("--", line), nothing);
    size_t n = 0;
    ret[0] = '\0';
    for (const char *p = out; (p = strstr(p, "  hint: ")) != NULL;) {
        p += strlen("  hint: ");
        n += (size_t)snprintf(ret + n, room - n, "%.*s\n", (int)strcspn(p, "\n"), p);
        assert_true(n < room);
    }
    free(out);
}

static void a_refused_line_is_answered_with_what_was_meant(void **state)
{
    (void)state;
    static const struct {
        const char *line, *hint;
    } rows[] = {
        { "a:1|C", "|C is written |c\n" },
        { "a:1|MS", "|MS is written |ms\n" },
        { "a:1|counter", "|counter is written |c\n" },
        { "a:1|Gauge", "|Gauge is written |g\n" },
        { "a:1|timer|@0.1", "|timer is written |ms\n" },
        { "a:1|timing", "|timing is written |ms\n" },
        { "a:1|t", "|t is written |ms\n" },
        { "a:1|m", "|m is written |c\n" },
        { "a:1|histogram", "|histogram is written |h\n" },
        { "a:1|distribution", "|distribution is written |d\n" },
        { "a:1|set", "|set is written |s\n" },
        { "a:1| c", "|c has a blank beside it; write |c\n" },
        { "a:1|c |@0.1", "|c has a blank beside it; write |c\n" },
        { "a:1|us", "times are sent in milliseconds: |ms\n" },
        { "a:1|", "write a:1|c for a counter, |g for a gauge, |ms for a timing\n" },
        { "a:1|@0.1|c", "the type comes before the sample rate: name:1|c|@0.1\n" },
        { "a:1|#x:y|c", "the type comes before the tags: name:1|c|#env:prod\n" },
        { "a:c|1", "the value comes before the type; write a:1|c\n" },
        { "a:1|c#env:prod", "a | is missing before #env:prod\n" },
        { "a:1|ms@0.1", "a | is missing before @0.1\n" },
        { "a:1|cb:2|c", "a line feed is missing before b\n" },
        { "a:1|c\\nb:2|c", "\\n is two characters here, not a line feed; printf '...\\n' or "
                           "$'...\\n' of bash make one\n" },
        { "\"a:1|c\"", "the quotes are part of the line; send it without them\n" },
        { "a:1|zz", "" },

        { "a:320ms|ms", "the value is a bare number of milliseconds; write a:320|ms\n" },
        { "a:1.5s|ms", "the value is a bare number of milliseconds; write a:1500|ms\n" },
        { "a:250us|ms", "the value is a bare number of milliseconds; write a:0.25|ms\n" },
        { "a:10KB|g", "the value is a bare number, without a unit; write a:10|g\n" },
        { "a:50%|g", "the value is a bare number, without a unit; write a:50|g\n" },
        { "a:2s|h", "the value is a bare number, without a unit; write a:2|h\n" },
        { "a:1,5|g", "the decimal sign is a point; write a:1.5|g\n" },
        { "a:1,000,000|g", "numbers have no commas between thousands\n" },
        { "a: 1|c", "a blank stands beside the value; send none between the signs\n" },
        { "a:1 |c", "a blank stands beside the value; send none between the signs\n" },
        { "a:|c", "the value is missing; write a:1|c\n" },
        { "a:nan|g", "the program had no number to send: a division by zero, or a missing value; "
                     "send nothing then\n" },
        { "a:None|g", "the program had no number to send: a division by zero, or a missing value; "
                      "send nothing then\n" },
        { "a:+Inf|g", "the program had no number to send: a division by zero, or a missing value; "
                      "send nothing then\n" },
        { "a:true|g", "a truth value is sent as 1 or 0\n" },
        { "a:--1|c", "two signs: the client was given a negative number to subtract\n" },
        { "a:'1'|c", "the value stands without quotes\n" },
        { "a:0x10|c", "numbers are decimal: 16, 1000, 1.5, 1e3\n" },
        { "a:red|g", "a text is no value; |s counts how many different ones there are, a tag "
                     "(|#key:value) tells them apart\n" },
        { "Foo::Bar:1|c", "the name ends at the first ':', thus is Foo; send another character "
                          "inside names, such as '.'\n" },
        { "http://h/x:1|c", "the name ends at the first ':', thus is http; send another character "
                            "inside names, such as '.'\n" },
        { "a:1:x|g", "a text is no value; |s counts how many different ones there are, a tag "
                     "(|#key:value) tells them apart\n" },

        { "a:1|c|@10",
          "the rate is the share of samples that are sent, at most 1: one in 10 is @0.1\n" },
        { "a:1|c|@50%", "the rate is a share of 1: @0.5\n" },
        { "a:1|c|@1/10", "the rate is one number: @0.1\n" },
        { "a:1|c|@0,5", "the decimal sign is a point: @0.5; tags stand behind |#\n" },
        { "a:1|c|@x", "@0.1 says that one of ten samples was sent\n" },
        { "a:-1|ms", "the client's clock went back, or end and start are swapped; |h and |d take "
                     "numbers below zero\n" },
        { "a:1|c|T1.5", "T stands before whole seconds since 1970: T1656581400\n" },

        { "a", "a line is name:value|type; write a:1|c to count it\n" },
        { "a 1", "write a:1|c\n" },
        { "a=2|g", "write a:2|g\n" },
        { "a.b 1 1656581400", "this is Graphite's protocol; a line is name:value|type\n" },
        { "a|c", "the value is missing; write a:1|c\n" },
        { "a:1", "write a:1|c for a counter, |g for a gauge, |ms for a timing\n" },
        { "{\"a\":1}", "this is JSON; a line is name:value|type|#key:value\n" },
        { "GET / HTTP/1.1", "this is HTTP; the HTTP server is at http.listen; a line is "
                            "name:value|type|#key:value\n" },
        { "cpu,host=a value=1",
          "this is InfluxDB's line protocol; a line is name:value|type|#key:value\n" },
        { "a{b=\"c\"} 1",
          "this is how /metrics is written; a line is name:value|type|#key:value\n" },
        { ":1|c", "the client was given an empty name\n" },
        { "a|b:1|c", "a name cannot hold '|'; send another character, such as '.'\n" },
        { "_e{3,4}:title|text|t:info",
          "the braces hold the bytes of title and text: _e{5,4}:title|text\n" },
        { "_e{x", "an event is _e{5,4}:title|text, with the bytes of both in the braces\n" },
        { "_sc|db|OK",
          "a check is _sc|name|STATUS, with 0 ok, 1 warning, 2 critical, 3 unknown\n" },
        { "caf\xe9:1|c",
          "the client sends another encoding, such as Latin-1, or cut a character in two\n" },
        { "a\x1b:1|C", "|C is written |c\n" },
        { "a:1\x1b,5|g", "" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char got[500];
        hints_of(rows[i].line, NULL, got, sizeof got);
        if (strcmp(got, rows[i].hint) != 0)
            fail_msg("%s: \"%s\", not \"%s\"", rows[i].line, got, rows[i].hint);
        assert_int_equal(status, 1);
    }
}

static void a_line_that_means_something_else_than_it_seems_to_is_told(void **state)
{
    (void)state;
    static const char changes_plus[] = "a leading + changes a gauge; protocol.gauge_sign = "
                                       "absolute sets it (Datadog's clients mean that)\n";
    static const char changes_minus[] = "a leading - changes a gauge: for a value below zero send "
                                        "0 first; protocol.gauge_sign = absolute sets "
                                        "it (Datadog's clients mean that)\n";
    static const char packed[] = "2 values, for the name ends at the first ':'; if that was not "
                                 "meant, send another character inside names\n";
    static const char packed_plus[] = "2 values, for the name ends at the first ':'; if that was "
                                      "not meant, send another character inside names\n"
                                      "a leading + changes a gauge; protocol.gauge_sign = absolute "
                                      "sets it (Datadog's clients mean that)\n";
    static const struct {
        const char *line, *set, *hint;
    } rows[] = {
        { "a:1|c|#env=prod", NULL,
          "the tag env=prod has no value: it is kept as a bare tag with the value true; write "
          "env:prod\n" },
        { "a:1|c|@0.5|#x:y,country=china", NULL,
          "the tag country=china has no value: it is kept as a bare tag with the value true; write "
          "country:china\n" },
        { "a:1|c|#url:/?q=1,prod", NULL, "" },
        { "a:1|c|#a:b;c:d", NULL, "a:b;c:d is one tag; tags are separated by commas\n" },
        { "a:1|c|#a:b c:d", NULL, "a:b c:d is one tag; tags are separated by commas\n" },
        { "a:1|c|#a:b c", NULL, "" },
        { "a:1|c|#a:b@0.1", NULL,
          "@0.1 is part of the tag; a sample rate stands behind a | of its own\n" },
        { "a:1|c|0.1", NULL, "a sample rate begins with @: |@0.1\n" },
        { "a:1|c|env:prod", NULL, "tags begin with #: |#env:prod\n" },
        { "a:1|c|c:ci-1|e:x|card:low|T1656581400|@0.1|#a:b", NULL, "" },
        { "a,env=prod:1|c", NULL,
          "the tags are part of the name; protocol.name_tags = influx reads them (--set "
          "protocol.name_tags=influx)\n" },
        { "a,env=prod:1|c", "protocol.name_tags=influx", "" },
        { "a#env=prod:1|c", NULL,
          "the tags are part of the name; protocol.name_tags = librato reads them (--set "
          "protocol.name_tags=librato)\n" },
        { "a;env=prod:1|c", NULL,
          "the tags are part of the name; protocol.name_tags = graphite reads them (--set "
          "protocol.name_tags=graphite)\n" },
        { "a[env=prod]:1|c", NULL,
          "the tags are part of the name; protocol.name_tags = signalfx reads them (--set "
          "protocol.name_tags=signalfx)\n" },
        { "a{env=\"prod\"}:1|c", NULL,
          "labels in the name are not read; write name:1|c|#key:value\n" },
        { "Class#method:1|c", NULL, "" },
        { "a :1|c", NULL, "the name ends in a blank, which is part of it\n" },
        { "'a:1|c", NULL, "the quote is part of the name\n" },
        { "a:0.32|s", NULL,
          "|s is a set: it counts how many different texts were sent, and 0.32 is one of them; did "
          "you mean |ms (milliseconds)?\n" },
        { "a:320ms|s", NULL,
          "|s is a set: it counts how many different texts were sent, and 320ms is one of them; "
          "did you mean |ms (milliseconds)?\n" },
        { "a:765|s", NULL, "" },
        { "a:10.0.0.1|s", NULL, "" },
        { "a_-1:8:1|c", NULL, packed },
        { "a:1:2|ms", NULL, packed },
        { "a:1:|c", NULL, "" },
        { "a:1:2|s", NULL, "" },
        { "a:+5|g", NULL, changes_plus },
        { "a:-5|g", NULL, changes_minus },
        { "a:-5|g", "protocol.gauge_sign=absolute",
          "the sign is the value's: protocol.gauge_sign = absolute sets the gauge\n" },
        { "a:-5|g|c:ci-1", NULL, "" },
        { "a:+5|g|c:ci-1", NULL, changes_plus },
        { "a:-3:+5|g|c:ci-1", NULL, packed_plus },
        { "a:+5|g|T1656581400", NULL, "" },
        { "a:-5|g|T1656581400", "protocol.gauge_sign=delta", changes_minus },
        { "a:-5|g|c:ci-1", "protocol.gauge_sign=delta", changes_minus },
        { "a:5|g", NULL, "" },
        { "a:-5|c", NULL, "" },
        { "a:5|g|@0.1", NULL, "a sample rate does nothing to a gauge\n" },
        { "a:5|s|@0.1", NULL, "a sample rate does nothing to a set\n" },
        { "a:5|c|@0", NULL, "a sample rate of 0 counts as 1\n" },
        { "a:5|c|@0.1", NULL, "" },
        { "a:1|c|T1656581400000", NULL,
          "T stands before seconds since 1970; this looks like milliseconds\n" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char got[500];
        hints_of(rows[i].line, rows[i].set, got, sizeof got);
        if (strcmp(got, rows[i].hint) != 0)
            fail_msg("%s: \"%s\", not \"%s\"", rows[i].line, got, rows[i].hint);
        assert_int_equal(status, 0);
    }
}

static void what_has_no_line_on_metrics_is_told_with_the_reason(void **state)
{
    (void)state;
    static const struct {
        const char *lines[4];
        const char *says; /* NULL: nothing is missing */
    } rows[] = {
        { { "up:0|g" },
          "\nnot on /metrics:\n  up: up is a name that Prometheus makes for every target, or this "
          "server for itself." },
        { { "scrape_duration_seconds:1|g" },
          "  scrape_duration_seconds: scrape_duration_seconds is a name that Prometheus makes" },
        { { "statsd.lines.received.total:1|c" },
          "  statsd_lines_received_total: statsd_lines_received_total is a name that" },
        { { "jobs:1|c", "jobs:7|g" },
          "  jobs as a gauge: jobs is a counter since an earlier line; a name has one type" },
        { { "t:1|ms", "t.count:1|c" },
          "  t_count as a counter: t is a summary since an earlier line and makes lines of that "
          "name" },
        { { "x:-1|c" },
          "  x: it only went down, by 1; a counter of Prometheus never goes down, Redis gets the "
          "sum." },
        { { "x:-1|c|@0.5|#b:c" }, "  x b=c: it only went down, by 2; a counter" },
        { { "x:-1|c|#b:2,a:1", "x:5|c|#a:1,b:2" },
          "  x a=1 b=2: the decrements, 1 in all; a counter" },
        { { "x:5|c", "x:-1|c", "x:-7|c" }, "  x: the decrements, 8 in all; a counter" },
        { { "x:-1:0|c" }, "  x: the decrements, 1 in all; a counter" },
        { { "--set=limits.max_series=1", "a:1|c", "b:1|c" },
          "  1 sample: no room: limits.max_series, or no memory" },
        { { "_e{1,1}:a|b" },
          "    not on /metrics: an event is no metric; statsd_events_total counts it\n" },
        { { "_sc|db|0" },
          "    not on /metrics: a service check is no metric; statsd_service_checks_total counts "
          "it\n" },
        { { "--set=prometheus.service_checks=on", "_sc|db|0" },
          "    on /metrics: its status, in statsd_service_check_status; "
          "statsd_service_checks_total counts it\n" },
        { { "--set=aggregate.set_window=2m", "u:x|s" },
          "    on /metrics at once: how many distinct members came within aggregate.set_window = "
          "2m\n" },
        { { "--set=server.interval=2s", "--set=aggregate.set_window=0", "u:x|s" },
          "    on /metrics once the interval has ended: aggregate.set_window = 0, server.interval "
          "= 2s\n" },
        { { "a:1|c", "b:2|g", "t:1|ms" }, NULL },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *out = explain(rows[i].lines, nothing);
        assert_int_equal(status, 0);
        if (rows[i].says != NULL ? strstr(out, rows[i].says) == NULL
                                 : strstr(out, "not on /metrics") != NULL)
            fail_msg("%s: \"%s\" is not in:\n%s", rows[i].lines[0],
                     rows[i].says ? rows[i].says : "nothing", out);
        free(out);
    }
}

static void a_set_with_a_window_is_on_metrics_at_once(void **state)
{
    (void)state;
    char *out = explain((const char *const[]){ "u:x|s", NULL }, nothing);
    assert_null(strstr(out, "once the interval has ended"));
    assert_non_null(strstr(out, "\non /metrics:\nu 1\n"));
    free(out);
}

static void a_sum_that_would_be_infinite_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *lines[4], *page, *says; /* NULL: nothing */
    } rows[] = {
        { { "c:1e308|c", "c:1e308|c", "c:5|c" },
          "c 1e+308\n",
          "  1 sample: a sum would pass 1.8e308" },
        { { "c:1e308:1e308|c", "c:-1e308:-1e308|c" },
          "c 1e+308\n",
          "  2 samples: a sum would pass 1.8e308" },
        { { "a.b:1e308|c", "a-b:1e308|c" },
          "a_b 1e+308\n",
          "  1 sample: a sum would pass 1.8e308" },
        { { "g:1e308|g", "g:+1e308|g" }, "g 1e+308\n", "  1 sample: a sum would pass 1.8e308" },
        { { "c:1e308|c", "c:-1e308|c", "c:1e999|c" },
          "c 1e+308\n",
          NULL }, /* a line's error, and told as such */
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *out = explain(rows[i].lines, nothing);
        assert_int_equal(status, 1);
        if (strstr(out, rows[i].page) == NULL ||
            strstr(out, rows[i].says ? rows[i].says : rows[i].page) == NULL)
            fail_msg("%s: not %s in:\n%s", rows[i].lines[0], rows[i].says, out);
        assert_true(rows[i].says != NULL || strstr(out, "a sum would pass") == NULL);
        free(out);
    }
}

static void json_tells_an_infinite_sum_too(void **state)
{
    (void)state;
    char *out = explain((const char *const[]){ "--json", "c:1e308:1e308|c", NULL }, nothing);
    assert_int_equal(status, 1);
    assert_non_null(strstr(out, "\"not_finite\":1,"));
    free(out);
}

static void json_tells_a_series_without_room_too(void **state)
{
    (void)state;
    char *out = explain(
        (const char *const[]){ "--json", "--set=limits.max_series=1", "a:1|c", "b:1|c", NULL },
        nothing);
    assert_int_equal(status, 0);
    assert_non_null(strstr(out, "\"not_finite\":0,\"no_room\":1,"));
    free(out);
}

static void an_error_in_any_line_is_exit_status_1(void **state)
{
    (void)state;
    static const struct {
        const char *words[4], *input;
        int want;
    } rows[] = {
        { { "a:1|c" }, "", 0 },
        { { "a:1|c", "b" }, "", 1 },
        { { "--json", "b" }, "", 1 },
        { { "--json", "a:1|c" }, "", 0 },
        { { "a:1|c|#x:" }, "", 0 }, /* a tag is dropped, the sample stands */
        { { "" }, "", 0 },
        { { "--framing=line" }, "a:1|c\nb\n", 1 },
        { { "--framing=line", "--json" }, "a:1|c\nb:1|c", 0 },
        { { "--framing=dsd" }, "\xff\xff\xff\xff", 1 },
        { { "--truncated" }, "a:1|c\nb", 1 },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        free(explain(rows[i].words, slice_str(rows[i].input)));
        if (status != rows[i].want)
            fail_msg("%s %s: status %d", rows[i].words[0], rows[i].input, status);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_corpus_is_explained_as_it_is_written),
        cmocka_unit_test(the_exposition_is_what_metrics_shows_sorted),
        cmocka_unit_test(options_of_the_exposition_are_followed),
        cmocka_unit_test(tags_that_are_cut_or_added_are_told),
        cmocka_unit_test(numbers_survive_the_json),
        cmocka_unit_test(tag_limits_refuse_the_sample_and_bad_tags_are_counted),
        cmocka_unit_test(more_than_a_datagram_on_standard_input_is_a_cut_datagram),
        cmocka_unit_test(a_caret_stands_under_what_is_wrong),
        cmocka_unit_test(a_refused_line_is_answered_with_what_was_meant),
        cmocka_unit_test(a_line_that_means_something_else_than_it_seems_to_is_told),
        cmocka_unit_test(what_has_no_line_on_metrics_is_told_with_the_reason),
        cmocka_unit_test(a_set_with_a_window_is_on_metrics_at_once),
        cmocka_unit_test(a_sum_that_would_be_infinite_is_told),
        cmocka_unit_test(json_tells_an_infinite_sum_too),
        cmocka_unit_test(json_tells_a_series_without_room_too),
        cmocka_unit_test(an_error_in_any_line_is_exit_status_1),
        cmocka_unit_test(people_see_each_line_of_a_cut_datagram_and_the_sums),
    };
    return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}
