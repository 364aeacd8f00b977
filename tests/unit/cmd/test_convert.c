/* What `statsd convert` makes of other servers' configs, whole, cut and wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cmd/cli.h"
#include "cmd/convert/tree.h"
#include "cmd/convert/words.h"

struct done {
    int status;
    char *out, *err;
};

/* `statsd convert FROM -` with text as standard input */
static struct done convert(const char *from, struct slice text)
{
    const char *argv[] = { "statsd", "convert", from, "-" };
    struct done d = { 0 };
    size_t out_n, err_n;
    struct cli_io io = { .in = tmpfile(),
                         .out = open_memstream(&d.out, &out_n),
                         .err = open_memstream(&d.err, &err_n) };
    if (text.len > 0)
        fwrite(text.ptr, 1, text.len, io.in);
    rewind(io.in);
    d.status = cli_run(4, argv, &io);
    fclose(io.in);
    fclose(io.out);
    fclose(io.err);
    return d;
}

static void done_release(struct done *d)
{
    free(d->out);
    free(d->err);
}

static void a_key_becomes_the_option_that_does_the_same(void **state)
{
    (void)state;
    static const struct {
        const char *from, *text, *says[4];
    } rows[] = {
        { "statsd_exporter",
          "--statsd.listen-udp=:8125",
          { "socket = udp://0.0.0.0:8125\n", "\nlisten = 0.0.0.0:9102\n", "gauge_sign = delta\n",
            "name_tags = librato,influx,signalfx\n" } },
        { "statsd_exporter", "--statsd.listen-udp=", { "\nsocket = tcp://0.0.0.0:9125\n" } },
        { "statsd_exporter",
          "--statsd.listen-udp= --statsd.listen-tcp=''",
          { "# statsd.listen-udp (standard input:1): off there" } },
        { "statsd_exporter",
          "ExecStart=/bin/statsd_exporter \\\n  --statsd.listen-udp='[::1]:1' --log.level debug",
          { "socket = udp://[::1]:1\n", "log_level = debug\n", "standard input:2)" } },
        { "statsd_exporter",
          "ARGS=\"--statsd.relay.address=h:1 --web.enable-lifecycle\"",
          { "\nto = udp://h:1\n", "lifecycle = on\n" } },
        { "statsd_exporter", "mappings: []\n", { "# standard input: has no flag in it" } },
        { "statsd_exporter", "ARGS=--log.format=json", { "log_format = json\n" } },
        { "statsd_exporter",
          "    command: [\"--web.listen-address=[::]:80\", '--statsd.read-buffer=4096']\n",
          { "listen = [::]:80\n", "rcvbuf = 4096\n" } },
        { "statsd_exporter",
          "    args:\n    - \"--web.listen-address=:80\" # scraped\n    - "
          "--no-statsd.parse-librato-tags",
          { "listen = 0.0.0.0:80\n", "name_tags = influx,signalfx\n" } },
        { "statsd_exporter",
          "docker run --rm prom/statsd-exporter --statsd.listen-unixgram=/s "
          "--statsd.unixsocket-mode=0660",
          { "# --rm (standard input:1): not an option of statsd_exporter",
            "socket = unixgram:///s?mode=0660\n" } },
        { "datadog",
          "",
          { "socket = udp://127.0.0.1:8125\n", "quantiles = 0.5,0.95,1\n",
            "gauge_sign = absolute\n" } },
        { "datadog",
          "api_key: hunter2\nsite: x\nproxy: {https: hunter2}\n",
          { "# api_key (standard input:1): this and 2 more keys are not dogstatsd's" } },
        { "datadog",
          "dogstatsd_non_local_traffic: yes\ndogstatsd_port: 8200\n",
          { "socket = udp://0.0.0.0:8200\n" } },
        { "datadog",
          "dogstatsd_non_local_traffic: false\nbind_host: 10.0.0.1\n",
          { "socket = udp://10.0.0.1:8125\n" } },
        { "datadog",
          "dogstatsd_origin_detection: false\ndogstatsd_so_rcvbuf: 4096\n",
          { "rcvbuf = 4096\n" } },
        { "datadog",
          "a: &x [env:prod, 'team:a b']\ntags: *x\ndogstatsd_tags: k:v\n",
          { "global_tags = env:prod,team:a b,k:v\n" } },
        { "datadog",
          "histogram_aggregates: [min, max]\nhistogram_percentiles: ['0.99', 0.5]\n",
          { "quantiles = 0,0.5,0.99,1\n" } },
        { "brubeck",
          "{\"samplers\": [{\"type\": \"statsd\", \"port\": 8126, \"workers\": 4}]}",
          { "socket = udp://0.0.0.0:8126\n", "workers = 4\n" } },
        { "brubeck",
          "{\"http\": \":8080\",\n \"backends\": [{\"frequency\": 5}]}",
          { "listen = 0.0.0.0:8080\n", "interval = 5s\n", "# backends (standard input:2)" } },
        { "brubeck", "{\"server_name\": \"\\ud83d\\ude00\"}", { "instance = \xF0\x9F\x98\x80\n" } },
        { "etsy", "{ port: 0x1f90, flushInterval: 5000 }", { "interval = 5000ms\n" } },
        { "etsy",
          "module.exports = { flushInterval: 5 * 1000 };\n",
          { "# flushInterval (standard input:1): 5 * 1000 is code",
            "it gives as server.interval" } },
        { "etsy",
          "// c\n({ 'percentThreshold': [99.9, 50], /* , } */ debug: true, })",
          { "quantiles = 0.5,0.999\n", "log_level = debug\n" } },
        { "etsy",
          "{ servers: [{server: './servers/tcp', port: 1}, {address: '::1', port: 2}] }",
          { "\nsocket = tcp://0.0.0.0:1\n", "\nsocket = udp://[::1]:2\n" } },
        { "etsy",
          "{ a: require('os').hostname(), ...rest, f() { return {a: ','}; }, port: 9 }",
          { "socket = udp://0.0.0.0:9\n", "# code (standard input:1)" } },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct done d = convert(rows[i].from, slice_str(rows[i].text));
        for (size_t k = 0; k < ARRAY_LEN(rows[i].says) && rows[i].says[k] != NULL; k++) {
            if (strstr(d.out, rows[i].says[k]) == NULL)
                fail_msg("%s: \"%s\" is not in: %s%s", rows[i].text, rows[i].says[k], d.out, d.err);
        }
        assert_null(strstr(d.out, "hunter2"));
        assert_string_equal(d.err, "");
        assert_int_equal(d.status, CLI_OK);
        done_release(&d);
    }
}

static void a_mapper_becomes_rules_in_their_order(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } rows[] = {
        { "- {match: 'a.*.b', name: a.b, tags: {k: '$1'}}",
          "- match: \"a.*.b\"\n#     name: \"a_b\"\n#     labels:\n#       k: \"$1\"\n" },
        { "- {match: 'a.*', name: 'a.$1.total'}", "name: \"a_${1}_total\"" },
        { "- {match: 'a.*', name: '9.${1}x'}", "name: \"_9_${1}x\"" },
        { "- {match: 'a.*', name: 'b.$x.$1'}", "name: \"b__x_${1}\"" },
        { "- {match: 'a.*', name: 'b.${1.c'}", "name: \"b___1_c\"" },
        { "- {match: 'a.*', name: 'b$'}", "name: \"b_\"" },
        { "- {match: 'a.x*', name: n}", "match: \"^a\\\\.x([^.]*)$\"\n#     match_type: regex" },
        { "- {match: 'a\\.(.*)', match_type: regex, name: n}, {match: a.b, name: m}",
          "match: \"^a\\\\.(.*)$\"\n#     match_type: regex\n#     name: \"n\"\n#   - match: "
          "\"^a\\\\.b$\"\n#     match_type: regex\n#     name: \"m\"" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[400];
        snprintf(text, sizeof text,
                 "dogstatsd_mapper_profiles: [{name: p, prefix: a., mappings: [%s]}]",
                 rows[i].text + 2);
        struct done d = convert("datadog", slice_str(text));
        if (d.status != CLI_OK || strstr(d.out, rows[i].says) == NULL)
            fail_msg("%s: %s%s", rows[i].text, d.out, d.err);
        done_release(&d);
    }
}

/* The lists of the agent have names, not patterns. */
static void a_blocked_name_drops_itself_alone(void **state)
{
    (void)state;
    static const struct {
        const char *name, *says;
    } rows[] = {
        { "a.b-c", "- match: \"a.b-c\"\n#     action: drop\n" },
        { "a*", "- match: \"^a\\\\*$\"\n#     match_type: regex\n" },
        { "a.*.c", "- match: \"^a\\\\.\\\\*\\\\.c$\"\n#     match_type: regex\n" },
        { "a(b", "- match: \"^a\\\\(b$\"\n#     match_type: regex\n" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[100];
        snprintf(text, sizeof text, "statsd_metric_blocklist: ['%s']", rows[i].name);
        struct done d = convert("datadog", slice_str(text));
        if (d.status != CLI_OK || strstr(d.out, rows[i].says) == NULL)
            fail_msg("%s: %s%s", rows[i].name, d.out, d.err);
        done_release(&d);
    }
}

static void what_cannot_be_understood_is_told_with_line_and_key_all_at_once(void **state)
{
    (void)state;
    static const struct {
        const char *from, *text, *says[3];
    } rows[] = {
        { "datadog",
          "dogstatsd_port: abc\ndogstatsd_so_rcvbuf: []\nhistogram_percentiles: [95]\n",
          { "standard input:1: dogstatsd_port: 'udp://127.0.0.1:abc'",
            "standard input:2: dogstatsd_so_rcvbuf: is a list; a single value",
            "standard input:3: histogram_percentiles: '95' is not a share from 0 to 1" } },
        { "datadog", "a: 1\nb: [\n", { "standard input:3: " } },
        { "datadog", "a: 1\na: 2\n", { "standard input:2: a: given twice" } },
        { "datadog", "a: &x [*x]\n", { "stands inside of what it is an alias of" } },
        { "datadog", "- a\n", { "standard input:1: key: value is expected here" } },
        { "datadog", "bind_host: \"a #b\"\n", { "';' or '#' behind a blank" } },
        { "datadog", "bind_host: \"a\\nb\"\n", { "control character" } },
        { "datadog", "dogstatsd_socket: a b\x1b[31m", { "standard input:1: " } },
        { "datadog",
          "dogstatsd_mapper_profiles: [{mappings: [{match: 'a**', name: x}, {}]}]",
          { "match 'a**' is no wildcard", "a mapping needs match and name" } },
        { "datadog",
          "dogstatsd_mapper_profiles: [{mappings: [{match: a.b, name: x, tags: {__k: v}}]}]",
          { "the mapping made of it:", "__k" } },
        { "datadog",
          "dogstatsd_mapper_profiles: [{mappings: [{match: 'a(', match_type: regex, name: x}]}]",
          { "the mapping made of it:", "(^a($): ", "missing" } },
        { "brubeck", "{\"a\": 1,}", { "standard input:1: " } },
        { "brubeck",
          "{\n\"samplers\": [{\"type\": \"x\"}, {\"type\": \"statsd\"}]}",
          { "standard input:2: samplers: the type is none of", "the port is missing" } },
        { "etsy", "{ port: 'x' }", { "standard input:1: port: 'udp://0.0.0.0:x'" } },
        { "etsy", "{ port: 1,\n a: 'b }", { "standard input:2: the string has no closing quote" } },
        { "etsy", "{ port: 1,", { "the closing } is missing" } },
        { "etsy", "port: 1", { "an object literal { ... } is expected" } },
        { "etsy", "{ port: 1 address: 2 }", { "a comma is missing" } },
        { "etsy", "{ port: 1, port: 2 }", { "the key is given twice" } },
        { "etsy",
          "{ percentThreshold: [101, 'x'] }",
          { "'101' is not a percentage", "'x' is not a percentage" } },
        { "etsy", "{ servers: [{port: 1}, {port: 1}] }", { "given twice" } },
        { "statsd_exporter", "--statsd.listen-udp", { "its value is missing" } },
        { "statsd_exporter", "--log.level=loud", { "--log.level: 'loud'", "debug|info" } },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct done d = convert(rows[i].from, slice_str(rows[i].text));
        for (size_t k = 0; k < ARRAY_LEN(rows[i].says) && rows[i].says[k] != NULL; k++) {
            if (strstr(d.err, rows[i].says[k]) == NULL)
                fail_msg("%s: \"%s\" is not in: %s%s", rows[i].text, rows[i].says[k], d.out, d.err);
        }
        assert_string_equal(d.out, "");
        assert_int_equal(d.status, CLI_USAGE);
        assert_null(strchr(d.err, 0x1b));
        done_release(&d);
    }
}

static const struct {
    const char *from, *text;
} examples[] = {
    { "statsd_exporter",
      "ExecStart=/bin/x --a='b c' --statsd.listen-udp=\"[::1]:1\" \\\n -\\--\n" },
    { "datadog", "a: &x {k: [1, 'b', \"c\\x41\"]}\ntags: [*x, *x]\nb: |\n  t\n"
                 "dogstatsd_mapper_profiles:\n- name: a\n  prefix: b.\n  mappings:\n"
                 "  - {match: 'b.*.c*', name: 'x.$1', tags: {t: '${2}'}}\n"
                 "statsd_metric_namespace: shop\nstatsd_metric_blocklist: [shop.a, b]\n" },
    { "brubeck", "{\"samplers\": [{\"type\": \"statsd\", \"port\": 1}], \"http\": \":1\", "
                 "\"expire\": 5, \"backends\": [{\"frequency\": 10}]}" },
    { "etsy", "/* c */ module.exports = { port: 1, 'a': [1, -2.5, \"\\u00e9\\x41\", `t${1}`], "
              "f(a) { return ')'; }, ...b, histogram: [{metric: 'a.', bins: [1, 2, 'inf']}] }" },
};

/* Cut or changed at each byte: an answer or mistakes, never both, never a crash. */
static void no_text_makes_it_fall(void **state)
{
    (void)state;
    static const char bytes[] = { '\0', '\n', '"', '\'', '{', ']', '*', '\\', '\xff' };
    for (size_t i = 0; i < ARRAY_LEN(examples); i++) {
        size_t n = strlen(examples[i].text);
        for (size_t cut = 0; cut <= n; cut++) {
            for (size_t b = 0; b <= ARRAY_LEN(bytes); b++) {
                struct buf text = { 0 };
                buf_append(&text, examples[i].text, b == 0 ? cut : n);
                if (b > 0 && cut < n)
                    text.ptr[cut] = bytes[b - 1];
                struct done d = convert(examples[i].from, buf_slice(&text));
                assert_true(d.status == CLI_OK || d.status == CLI_USAGE);
                assert_int_equal(d.status == CLI_OK, d.out[0] != '\0');
                assert_int_equal(d.status == CLI_OK, d.err[0] == '\0');
                done_release(&d);
                buf_release(&text);
            }
        }
    }
}

static int read_yaml(const char *text, struct tree_error *error, size_t *n)
{
    struct tree_doc doc;
    int rc = tree_read_yaml(slice_str(text), &doc, error);
    *n = doc.n;
    tree_release(&doc);
    return rc;
}

static void aliases_and_levels_are_bounded(void **state)
{
    (void)state;
    struct buf laughs = { 0 }, deep = { 0 };
    size_t n;
    buf_append_str(&laughs, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 12; i++) {
        buf_printf(&laughs, "a%d: &a%d [", i, i);
        for (int k = 0; k < 10; k++)
            buf_printf(&laughs, "*a%d, ", i - 1);
        buf_append_str(&laughs, "]\n");
    }
    for (int i = 0; i < 5000; i++)
        buf_append_char(&deep, '[');
    buf_append_char(&laughs, '\0');
    buf_append_char(&deep, '\0');
    const char *const texts[] = { laughs.ptr, deep.ptr };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct tree_error error = { 0 };
        assert_true(read_yaml(texts[i], &error, &n) < 0);
        assert_true(n <= TREE_NODES_MAX);
        assert_true(error.why.len > 0);
        buf_release(&error.why);
    }
    struct done d = convert("etsy", slice_of(deep.ptr, 5000));
    assert_int_equal(d.status, CLI_USAGE);
    done_release(&d);
    buf_clear(&deep);
    for (int i = 0; i < 5000; i++)
        buf_append_str(&deep, "{a:");
    d = convert("etsy", buf_slice(&deep));
    assert_non_null(strstr(d.err, "too many levels"));
    done_release(&d);
    buf_release(&laughs);
    buf_release(&deep);
}

static void a_command_line_is_cut_as_its_writers_do(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } rows[] = {
        { "a  b\n\tc", "a|b|c" },
        { "--a='b c' \"--d=e f\"", "--a=b c|--d=e f" },
        { "[\"--a=[::1]:9\", '--b'],", "--a=[::1]:9|--b" },
        { "a # b\nc#d", "a|c#d" },
        { "--a \\\n--b\\ c", "--a|--b c" },
        { "X=\"--a=1 --b\"", "--a=1|--b" },
        { "'--a --b'", "--a|--b" },
        { "\"unclosed", "unclosed" },
        { "a\\", "a" },
        { "\\", "" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct words w = { 0 };
        struct buf joined = { 0 };
        assert_int_equal(words_read(&w, "f", slice_str(rows[i].text)), 0);
        for (size_t k = 0; k < w.n; k++)
            buf_printf(&joined, "%s%s", k > 0 ? "|" : "", w.at[k].text);
        buf_append_char(&joined, '\0');
        assert_string_equal(joined.ptr, rows[i].words);
        words_release(&w);
        buf_release(&joined);
    }
}

static void usage_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *words[4], *says;
    } rows[] = {
        { { "convert" }, "convert takes one of statsd_exporter, datadog, brubeck, etsy" },
        { { "convert", "veneur", "x" }, "convert takes one of" },
        { { "convert", "datadog" }, "convert datadog needs a FILE" },
        { { "convert", "statsd_exporter" }, "or the flags behind --" },
        { { "convert", "etsy", "/nowhere/x" }, "/nowhere/x: cannot be read: No such file" },
        { { "convert", "etsy", "a", "b" }, "convert etsy takes one FILE" },
        { { "check", "--mapping-out=x" }, "check does not take --mapping-out" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *argv[6] = { "statsd" };
        int argc = 1;
        char *err;
        size_t n;
        for (; argc <= 4 && rows[i].words[argc - 1] != NULL; argc++)
            argv[argc] = rows[i].words[argc - 1];
        struct cli_io io = { .in = tmpfile(), .out = tmpfile(), .err = open_memstream(&err, &n) };
        assert_int_equal(cli_run(argc, argv, &io), CLI_USAGE);
        fclose(io.in);
        fclose(io.out);
        fclose(io.err);
        if (strstr(err, rows[i].says) == NULL)
            fail_msg("%s: %s", rows[i].says, err);
        free(err);
    }
}

static void more_values_than_there_may_be_are_refused(void **state)
{
    (void)state;
    static const char *const each[] = { "{},", "1,", "[]," };
    for (size_t i = 0; i < ARRAY_LEN(each); i++) {
        struct buf text = { 0 };
        buf_append_str(&text, "{a: [");
        for (int n = 0; n <= TREE_NODES_MAX; n++)
            buf_append_str(&text, each[i]);
        buf_append_str(&text, "]}");
        struct done d = convert("etsy", buf_slice(&text));
        assert_int_equal(d.status, CLI_USAGE);
        assert_non_null(strstr(d.err, "too many values"));
        done_release(&d);
        buf_release(&text);
    }
}

/* Those that are put together into one option are not told by themselves too. */
static void a_style_of_tags_is_told_once(void **state)
{
    (void)state;
    static const char *const flags[] = { "--no-statsd.parse-librato-tags",
                                         "--statsd.parse-influxdb-tags=false",
                                         "--statsd.parse-dogstatsd-tags" };
    for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
        struct done d = convert("statsd_exporter", slice_str(flags[i]));
        const char *style = strstr(flags[i], "parse-");
        size_t n = 0, len = strcspn(style, "=");
        for (const char *at = d.out; (at = strstr(at, "parse-")) != NULL; at++)
            n += strncmp(at, style, len) == 0;
        assert_int_equal(d.status, CLI_OK);
        assert_in_range(n, 0, 1);
        done_release(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_becomes_the_option_that_does_the_same),
        cmocka_unit_test(a_mapper_becomes_rules_in_their_order),
        cmocka_unit_test(a_blocked_name_drops_itself_alone),
        cmocka_unit_test(what_cannot_be_understood_is_told_with_line_and_key_all_at_once),
        cmocka_unit_test(no_text_makes_it_fall),
        cmocka_unit_test(aliases_and_levels_are_bounded),
        cmocka_unit_test(a_command_line_is_cut_as_its_writers_do),
        cmocka_unit_test(usage_is_told),
        cmocka_unit_test(more_values_than_there_may_be_are_refused),
        cmocka_unit_test(a_style_of_tags_is_told_once),
    };
    return cmocka_run_group_tests_name("convert", tests, NULL, NULL);
}
