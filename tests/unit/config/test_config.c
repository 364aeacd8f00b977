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

#include "config/config.h"
#include "listen/socket_url.h"

static const struct config_source nowhere = { 0 };

static int load(const struct config_source *src, const char *text, struct config *c,
                struct buf *errors)
{
    size_t n = strlen(text);
    char *exact = malloc(n ? n : 1);
    memcpy(exact, text, n);
    int rc = config_load_text(src, "t.conf", slice_of(exact, n), c, errors);
    free(exact);
    buf_append_char(errors, '\0');
    return rc;
}

static void must_load(const struct config_source *src, const char *text, struct config *c)
{
    struct buf errors = { 0 };
    if (load(src, text, c, &errors) != 0)
        fail_msg("%s", errors.ptr);
    buf_release(&errors);
}

/* The text must be refused with exactly these messages, one a line. */
static void must_fail(const struct config_source *src, const char *text, const char *want)
{
    struct config c, before;
    struct buf errors = { 0 };
    memset(&c, 0xa5, sizeof c);
    before = c;
    assert_int_equal(load(src, text, &c, &errors), -EINVAL);
    assert_string_equal(errors.ptr, want);
    assert_memory_equal(&c, &before, sizeof c);
    buf_release(&errors);
}

static void nothing_at_all_is_the_defaults(void **state)
{
    (void)state;
    struct config c;
    must_load(&nowhere, "", &c);
    assert_int_equal(c.server_interval_ms, 10000);
    assert_int_equal(c.server_workers, 0);
    assert_true(strlen(c.server_instance) > 0);
    assert_int_equal(c.listen_rcvbuf, 32 << 20);
    assert_int_equal(c.n_sockets, 1);
    assert_string_equal(c.sockets[0].name, "udp://127.0.0.1:8125");
    assert_int_equal(c.sockets[0].rcvbuf, 32 << 20);
    assert_int_equal(c.protocol_gauge_sign, GAUGE_SIGN_AUTO);
    assert_int_equal(c.protocol_name_tags, 0);
    assert_false(c.protocol_origin_tags);
    assert_int_equal(c.limits_max_series, 1000000);
    assert_int_equal(c.limits_max_line, 8192);
    assert_int_equal(c.aggregate_ttl_ms, 86400000);
    assert_int_equal(c.aggregate_quantiles.n, 3);
    assert_true(c.aggregate_quantiles.at[2] == 0.99);
    assert_int_equal(c.prometheus_observer_type, OBSERVER_SUMMARY);
    assert_int_equal(c.prometheus_buckets.n, 11);
    assert_string_equal(c.http_listen, "127.0.0.1:9102");
    assert_string_equal(c.redis_url, "");
    config_release(&c);
}

static void a_file_sets_every_kind_of_option(void **state)
{
    (void)state;
    struct config c;
    must_load(&nowhere,
              "\xEF\xBB\xBF# comment\r\n"
              "[server]\r\n"
              "  interval = 500ms ; half a second\r\n"
              "workers: 3 # three\n"
              "instance = web-1#not-a-comment\n"
              "log_level=debug\n"
              "\n"
              "[listen]   ; where\n"
              "socket = udp://127.0.0.1:1\n"
              "socket = unixgram://@x?gauge_sign=delta\n"
              "rcvbuf = 64KiB\n"
              "[protocol]\n"
              "name_tags = influx, graphite\n"
              "gauge_sign = absolute\n"
              "origin_tags = yes\n"
              "[aggregate]\n"
              "ttl = 0\n"
              "quantiles =\n"
              "[prometheus]\n"
              "observer_type = histogram\n"
              "buckets = -1, 0, 1e3\n"
              "[http]\n"
              "listen =\n"
              "[redis]\n"
              "url = redis://u:p%40ss@127.0.0.1:6380/2",
              &c);
    assert_int_equal(c.server_interval_ms, 500);
    assert_int_equal(c.server_workers, 3);
    assert_string_equal(c.server_instance, "web-1#not-a-comment");
    assert_int_equal(c.server_log_level, 0);
    assert_int_equal(c.n_sockets, 2);
    assert_int_equal(c.sockets[0].gauge_sign, GAUGE_SIGN_ABSOLUTE);
    assert_int_equal(c.sockets[1].gauge_sign, GAUGE_SIGN_DELTA);
    assert_int_equal(c.sockets[1].rcvbuf, 65536);
    assert_int_equal(c.protocol_name_tags, NAME_TAGS_INFLUX | NAME_TAGS_GRAPHITE);
    assert_true(c.protocol_origin_tags);
    assert_int_equal(c.aggregate_ttl_ms, 0);
    assert_int_equal(c.aggregate_quantiles.n, 0);
    assert_int_equal(c.prometheus_observer_type, OBSERVER_HISTOGRAM);
    assert_int_equal(c.prometheus_buckets.n, 3);
    assert_true(c.prometheus_buckets.at[0] == -1 && c.prometheus_buckets.at[2] == 1000);
    assert_string_equal(c.http_listen, "");
    assert_string_equal(c.redis_url, "redis://u:p%40ss@127.0.0.1:6380/2");
    config_release(&c);
}

static void a_flag_wins_over_the_environment_and_that_over_the_file(void **state)
{
    (void)state;
    struct config c;
    char workers[] = "STATSD_SERVER_WORKERS=2", ttl[] = "STATSD_AGGREGATE_TTL=2h",
         other[] = "PATH=/bin";
    char *const env[] = { workers, ttl, other, NULL };
    const char *const sets[] = { "server.workers=5", "server.workers=3" };
    const struct config_source src = { .environ = env, .sets = sets, .n_sets = 2 };
    must_load(&src, "[server]\nworkers=1\n[aggregate]\nttl=1h\nsketch_schema=1\n", &c);
    assert_int_equal(c.server_workers, 3);
    assert_int_equal(c.aggregate_ttl_ms, 7200000);
    assert_int_equal(c.aggregate_sketch_schema, 1);
    config_release(&c);
}

static void sockets_of_one_place_replace_those_of_the_place_below(void **state)
{
    (void)state;
    struct config c;
    char sockets[] = "STATSD_LISTEN_SOCKET=udp://127.0.0.1:3, udp://127.0.0.1:4 udp://127.0.0.1:5";
    char *const env[] = { sockets, NULL };
    const char *const sets[] = { "listen.socket=udp://127.0.0.1:6",
                                 "listen.socket=udp://127.0.0.1:7" };
    struct config_source src = { .environ = env };
    const char *file = "[listen]\nsocket=udp://127.0.0.1:1\nsocket=udp://127.0.0.1:2\n";
    must_load(&nowhere, file, &c);
    assert_int_equal(c.n_sockets, 2);
    config_release(&c);
    must_load(&src, file, &c);
    assert_int_equal(c.n_sockets, 3);
    assert_string_equal(c.sockets[2].name, "udp://127.0.0.1:5");
    config_release(&c);
    src.sets = sets;
    src.n_sets = 2;
    must_load(&src, file, &c);
    assert_int_equal(c.n_sockets, 2);
    assert_string_equal(c.sockets[0].name, "udp://127.0.0.1:6");
    config_release(&c);
}

static void every_mistake_is_told_at_once_with_its_place_and_remedy(void **state)
{
    (void)state;
    char env_bad[] = "STATSD_HTTP_TIMEOUT=5", env_unknown[] = "STATSD_SERVER_INTERVALL=5s";
    char *const env[] = { env_bad, env_unknown, NULL };
    const char *const sets[] = { "server.ttl=3", "nonsense" };
    const struct config_source src = { .environ = env, .sets = sets, .n_sets = 2 };
    must_fail(&src,
              "early = 1\n"
              "[server]\n"
              "interval = 10\n"
              "workers = 99\n"
              "log_level = inof\n"
              "log_format = json\n"
              "log_format = json\n"
              "junk\n"
              "[sever]\n"
              "ignored = 1\n"
              "[listen]\n"
              "socket = sctp://1.2.3.4:5\n"
              "rcvbuf = 32MB\n"
              "[aggregate\n"
              "ignored = 1\n"
              "[aggregate] x\n"
              "[aggregate]\n"
              "quantiles = 0.5,0.4\n"
              "summary_age = 1\n",
              "t.conf:1: a key stands before the first [section]; put it below one\n"
              "t.conf:3: server.interval: '10' has no unit; write a whole number and ms, s, m or "
              "h, 100ms to 1h\n"
              "t.conf:4: server.workers: '99' is out of range; write a whole number, 0 to 64\n"
              "t.conf:5: server.log_level: 'inof' is not one of the words; write one of "
              "debug|info|warn|error\n"
              "t.conf:7: server.log_format: given twice, first on line 6; keep one of them\n"
              "t.conf:8: the line is neither [section], nor key = value, nor a comment\n"
              "t.conf:9: [sever]: no such section; did you mean [server]?\n"
              "t.conf:12: listen.socket: 'sctp://1.2.3.4:5': a socket is udp://HOST:PORT or "
              "tcp://HOST:PORT or unixgram:///PATH or unix:///PATH\n"
              "t.conf:13: listen.rcvbuf: '32MB' is not a size; write a whole number of bytes, or "
              "one with KiB, MiB or GiB, 4KiB to 1GiB\n"
              "t.conf:14: a section is written [name]; the ']' is missing\n"
              "t.conf:16: only a comment may follow [section] on its line\n"
              "t.conf:18: aggregate.quantiles: the numbers do not rise: 0.4 comes after 0.5; sort "
              "them and keep each once\n"
              "t.conf:19: aggregate.summary_age: no such option; see `statsd describe options`\n"
              "STATSD_HTTP_TIMEOUT: http.timeout: '5' has no unit; write a whole number and ms, s, "
              "m or h, 1s to 1h\n"
              "environment: STATSD_SERVER_INTERVALL: no such option; did you mean "
              "STATSD_SERVER_INTERVAL?\n"
              "--set: server.ttl: no such option; did you mean aggregate.ttl?\n"
              "--set: flag number 2 is not section.key=value; such as --set server.interval=10s\n");
}

static void a_bad_value_is_one_message_that_names_its_option(void **state)
{
    (void)state;
    static const struct {
        const char *option, *value, *says;
    } rows[] = {
        { "server.interval", "99ms", "out of range" },
        { "server.interval", "61m", "out of range" },
        { "server.interval", "1500ms", "whole seconds" },
        { "server.interval", "1.5s", "not a duration" },
        { "server.interval", "-5s", "not a duration" },
        { "server.interval", "5 s", "not a duration" },
        { "server.interval", "s", "not a duration" },
        { "server.interval", "", "not a duration" },
        { "server.interval", "9223372036854775807h", "too large" },
        { "server.workers", "65", "out of range" },
        { "server.workers", "-1", "not a whole number" },
        { "server.workers", "18446744073709551617", "not a whole number" },
        { "server.instance", "a b", "blanks" },
        { "server.instance", "{a}", "braces" },
        { "server.instance", "a\x01", "control byte" },
        { "server.instance", "\xff", "not valid UTF-8" },
        { "server.log_level", "INFO", "debug|info|warn|error" },
        { "listen.rcvbuf", "1KiB", "out of range" },
        { "listen.socket", "", "udp://HOST:PORT" },
        { "protocol.name_tags", "influx,telegraf", "librato|influx|signalfx|graphite" },
        { "protocol.origin_tags", "maybe", "on or off" },
        { "limits.max_series", "0", "1 to 100000000" },
        { "limits.max_line", "65536", "64 to 65535" },
        { "limits.max_tags", "1025", "1 to 1024" },
        { "aggregate.ttl", "5s", "server.interval" },
        { "aggregate.ttl", "10500ms", "whole seconds" },
        { "aggregate.sketch_schema", "9", "0 to 8" },
        { "aggregate.quantiles", "0.5,1.01", "out of range" },
        { "aggregate.quantiles", "0.5,,0.9", "not a list" },
        { "aggregate.quantiles", "0.5,0.5", "do not rise" },
        { "aggregate.quantiles", "nan", "not a list" },
        { "aggregate.drop_tags", "pod,env:prod", "write the key of a tag alone" },
        { "aggregate.drop_tags", "p*d", "at the end of a key only" },
        { "aggregate.drop_tags",
          "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,"
          "33",
          "more than 32 keys" },
        { "prometheus.exemplar_tag", "trace:id", "write one such as trace_id" },
        { "prometheus.exemplar_tag", "a,b", "write one such as trace_id" },
        { "prometheus.exemplar_tag", "1d", "write one such as trace_id" },
        { "prometheus.exemplar_tag", "__trace", "begins with __" },
        { "prometheus.exemplar_tag",
          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "longer than 64" },
        { "aggregate.global_tags", "env", "write key:value" },
        { "aggregate.global_tags", "env:", "write key:value" },
        { "aggregate.global_tags", "a:1, :prod", "write key:value" },
        { "aggregate.global_tags", "a:b|c", "cannot hold a `|`" },
        { "aggregate.global_tags", "b:1,a:2,b:3", "b is given twice" },
        { "prometheus.buckets", "", "empty" },
        { "prometheus.buckets", "1,+Inf", "not a list" },
        { "prometheus.native_histogram_factor", "1", "above 1" },
        { "prometheus.native_histogram_factor", "0.5", "or 0 for off" },
        { "prometheus.native_histogram_factor", "ten", "not a number" },
        { "prometheus.native_histogram_factor", "65537", "0 to 65536" },
        { "http.listen", "localhost", "ADDRESS:PORT" },
        { "http.listen", "[::1]", "ADDRESS:PORT" },
        { "http.listen", "example.org:80", "ADDRESS:PORT" },
        { "http.allow", "10.0.0.1/8", "10.0.0.0/8" },
        { "http.allow", "localhost", "10.0.0.0/8" },
        { "http.allow", "10.0.0.0/8,", "empty" },
        { "http.timeout", "1500ms", "whole seconds" },
        { "redis.prefix", "", "empty" },
        { "redis.prefix", "{sd}", "braces" },
        { "redis.retention", "5s", "server.interval" },
        { "redis.instance_ttl", "5s", "server.interval" },
        { "redis.totals_ttl", "1500ms", "whole seconds" },
        { "redis.url", "http://x", "redis://" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char set[200];
        const char *const sets[] = { set };
        const struct config_source src = { .sets = sets, .n_sets = 1 };
        struct config c;
        struct buf errors = { 0 };
        snprintf(set, sizeof set, "%s=%s", rows[i].option, rows[i].value);
        if (load(&src, "", &c, &errors) != -EINVAL)
            fail_msg("%s accepted", set);
        if (strstr(errors.ptr, rows[i].says) == NULL || strstr(errors.ptr, rows[i].option) == NULL)
            fail_msg("%s: %s", set, errors.ptr);
        if (strchr(errors.ptr, '\n') != errors.ptr + errors.len - 2)
            fail_msg("%s: not one line: %s", set, errors.ptr);
        buf_release(&errors);
    }
}

/* The 10 s of the default are not what server.interval was meant to be. */
static void a_refused_value_is_one_mistake_and_no_other_follows_from_it(void **state)
{
    (void)state;
    must_fail(&nowhere, "[server]\ninterval = 1\n[aggregate]\nttl = 5s\n[redis]\nretention = 5s\n",
              "t.conf:2: server.interval: '1' has no unit; write a whole number and ms, s, m or h, "
              "100ms to 1h\n");
    must_fail(&nowhere, "[listen]\nsocket = unixgram:///a\xff\n",
              "t.conf:2: listen.socket: 'unixgram:///a\\xff' is not valid UTF-8; write UTF-8 text "
              "without control bytes\n");
}

static void an_empty_variable_is_an_empty_value_for_every_kind_of_option(void **state)
{
    (void)state;
    char socket[] = "STATSD_LISTEN_SOCKET= ", quantiles[] = "STATSD_AGGREGATE_QUANTILES=",
         listen[] = "STATSD_HTTP_LISTEN=";
    char *const bad[] = { socket, NULL }, *const good[] = { quantiles, listen, NULL };
    const struct config_source refused = { .environ = bad }, taken = { .environ = good };
    struct config c;
    struct buf errors = { 0 };
    assert_int_equal(load(&refused, "", &c, &errors), -EINVAL);
    assert_ptr_equal(strstr(errors.ptr, "STATSD_LISTEN_SOCKET: listen.socket: '': "), errors.ptr);
    buf_release(&errors);
    must_load(&taken, "", &c);
    assert_int_equal(c.aggregate_quantiles.n, 0);
    assert_string_equal(c.http_listen, "");
    config_release(&c);
}

static void a_password_never_shows(void **state)
{
    (void)state;
    const char *const sets[] = { "redis.url=redis://:hunter2@", "redis.url redis://:hunter2@h",
                                 "redis.urll=redis://:hunter2@h" };
    struct buf errors = { 0 }, shown = { 0 };
    struct config c;
    for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
        const struct config_source src = { .sets = &sets[i], .n_sets = 1 };
        assert_int_equal(load(&src, "", &c, &errors), -EINVAL);
    }
    assert_int_equal(load(&nowhere, "[redis]\nurl = redis://:hunter2@h:x\n", &c, &errors), -EINVAL);
    assert_null(memmem(errors.ptr, errors.len, "hunter2", 7));
    must_load(&nowhere, "[redis]\nurl = redis://:hunter2@h\n", &c);
    config_print(&c, OPTION_redis_url, &shown);
    assert_null(memmem(shown.ptr, shown.len, "hunter2", 7));
    config_release(&c);
    buf_release(&errors);
    buf_release(&shown);
}

static void variables_of_others_are_left_alone_and_slips_are_not(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool wrong;
    } rows[] = {
        { "STATSD_HOST", false },
        { "STATSD_PORT", false },
        { "STATSD_PREFIX", false },
        { "STATSD_SERVICE_HOST", false },
        { "STATSD_SERVICE_PORT_WEB", false },
        { "STATSD_PORT_8125_UDP_ADDR", false },
        { "STATSD_HTTP_SERVICE_HOST", false },
        { "STATSD_REDIS_PORT_6379_TCP", false },
        { "STATSDX", false },
        { "STATSD_SERVER_INTERVALL", true },
        { "STATSD_SEVER_INTERVAL", true },
        { "STATSD_REDIS_CERTIFICATE", true },
        { "STATSD_LISTEN_", true },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[100];
        char *const env[] = { text, NULL };
        const struct config_source src = { .environ = env };
        struct config c;
        struct buf errors = { 0 };
        snprintf(text, sizeof text, "%s=1", rows[i].name);
        int rc = load(&src, "", &c, &errors);
        if ((rc != 0) != rows[i].wrong)
            fail_msg("%s: %s", rows[i].name, errors.ptr);
        if (rc == 0)
            config_release(&c);
        else
            assert_non_null(strstr(errors.ptr, rows[i].name));
        buf_release(&errors);
    }
}

static void a_variable_that_lacks_its_section_is_warned_of_and_one_of_a_client_is_not(void **state)
{
    (void)state;
    static const struct {
        const char *name, *meant; /* NULL: not a word about it */
    } rows[] = {
        { "STATSD_INTERVAL", "STATSD_SERVER_INTERVAL" },
        { "STATSD_INTERVALL", "STATSD_SERVER_INTERVAL" },
        { "STATSD_LOG_LEVEL", "STATSD_SERVER_LOG_LEVEL" },
        { "STATSD_LOGLEVEL", "STATSD_SERVER_LOG_LEVEL" },
        { "STATSD_WORKERS", "STATSD_SERVER_WORKERS" },
        { "STATSD_GAUGE_SIGN", "STATSD_PROTOCOL_GAUGE_SIGN" },
        { "STATSD_MAX_SERIES", "STATSD_LIMITS_MAX_SERIES" },
        { "STATSD_QUANTILES", "STATSD_AGGREGATE_QUANTILES" },
        { "STATSD_MGMT_ADDRESS", "STATSD_HTTP_LISTEN" },
        { "STATSD_FLUSH", "STATSD_SERVER_INTERVAL" },
        { "STATSD_UDP_ADDR", "STATSD_LISTEN_SOCKET" },
        { "STATSD_HOST", NULL },
        { "STATSD_PREFIX", NULL },
        { "STATSD_SUFFIX", NULL },
        { "STATSD_SOCKET", NULL },
        { "STATSD_TIMEOUT", NULL },
        { "STATSD_FLUSH_INTERVAL", NULL },
        { "STATSD_SERVER_HOST", NULL },
        { "STATSD_SERVER_URL", NULL },
        { "STATSD_SAMPLE_RATE", NULL },
        { "STATSD_MAXUDPSIZE", NULL },
        { "STATSD_SOMETHING_ELSE", NULL },
        { "STATSD_", NULL },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[100], want[200] = "";
        char *const env[] = { text, NULL };
        const struct config_source src = { .environ = env };
        struct config c;
        snprintf(text, sizeof text, "%s=1", rows[i].name);
        if (rows[i].meant != NULL)
            snprintf(want, sizeof want,
                     "environment: %s: no such option, so it has no effect; did you mean %s?\n",
                     rows[i].name, rows[i].meant);
        must_load(&src, "", &c);
        buf_append_char(&c.warnings, '\0');
        assert_string_equal(c.warnings.ptr, want);
        config_release(&c);
    }
}

static void a_flag_that_names_no_option_is_answered_with_the_likely_one(void **state)
{
    (void)state;
    static const struct {
        const char *set, *want;
    } rows[] = {
        { "log_level=debug", "log_level: no such option; did you mean server.log_level?" },
        { "log-level=debug", "log-level: no such option; did you mean server.log_level?" },
        { "loglevel=debug", "loglevel: no such option; did you mean server.log_level?" },
        { "logLevel=debug", "logLevel: no such option; did you mean server.log_level?" },
        { "intervall=1s", "intervall: no such option; did you mean server.interval?" },
        { "server-interval=1s", "server-interval: no such option; did you mean server.interval?" },
        { "STATSD_SERVER_INTERVAL=1s",
          "STATSD_SERVER_INTERVAL: no such option; did you mean server.interval?" },
        { "redis_url=redis://h", "redis_url: no such option; did you mean redis.url?" },
        { "http.port=9102", "http.port: no such option; did you mean http.listen?" },
        { "server.port=8125", "server.port: no such option; did you mean listen.socket?" },
        { "redis.host=h", "redis.host: no such option; did you mean redis.url?" },
        { "flushInterval=10000", "flushInterval: no such option; did you mean server.interval?" },
        { "server.flush_interval=10",
          "server.flush_interval: no such option; did you mean server.interval?" },
        { "http.listn=:1", "http.listn: no such option; did you mean http.listen?" },
        { "xyzzy=1", "xyzzy: no such option; see `statsd describe options`" },
        { "server.interval",
          "server.interval: the value is missing; write --set server.interval=VALUE" },
        { "interval", "interval: the value is missing; write --set server.interval=VALUE" },
        { "nonsense", "flag number 1 is not section.key=value; such as --set server.interval=10s" },
        { "redis://:hunter2@10.0.0.1/?a=1",
          "flag number 1 is not section.key=value; such as --set server.interval=10s" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char want[200];
        const struct config_source src = { .sets = &rows[i].set, .n_sets = 1 };
        snprintf(want, sizeof want, "--set: %s\n", rows[i].want);
        must_fail(&src, "", want);
    }
}

static void where_each_value_comes_from_is_known(void **state)
{
    (void)state;
    char env_tags[] = "STATSD_LIMITS_MAX_TAGS=5";
    char *const env[] = { env_tags, NULL };
    const char *set = "limits.max_name=100";
    const struct config_source src = { .environ = env, .sets = &set, .n_sets = 1 };
    struct config c;
    must_load(&src, "[limits]\nmax_line = 100\nmax_tags = 6\n", &c);
    assert_string_equal(c.origin[OPTION_limits_max_line], "t.conf:2");
    assert_string_equal(c.origin[OPTION_limits_max_tags], "STATSD_LIMITS_MAX_TAGS");
    assert_string_equal(c.origin[OPTION_limits_max_name], "--set");
    assert_null(c.origin[OPTION_limits_max_series]);
    config_release(&c);
}

static void a_long_line_is_read_whole_or_refused_never_cut(void **state)
{
    (void)state;
    enum { FITS = 16 * 1024 - 2 };
    for (size_t n = FITS - 2; n <= FITS + 2; n++) {
        struct buf text = { 0 }, errors = { 0 };
        struct config c;
        buf_append_str(&text, "[server]\n");
        size_t start = text.len;
        buf_append_str(&text, "log_level =");
        while (text.len < start + n - 5)
            buf_append_char(&text, ' ');
        buf_append_str(&text, "debug");
        buf_append_str(&text, "\n[aggregate]\nttl = 1h\n");
        buf_append_char(&text, '\0');
        int rc = load(&nowhere, text.ptr, &c, &errors);
        assert_int_equal(rc, n <= FITS ? 0 : -EINVAL);
        if (rc == 0) {
            assert_int_equal(c.server_log_level, 0);
            assert_int_equal(c.aggregate_ttl_ms, 3600000);
            config_release(&c);
        } else {
            assert_non_null(strstr(errors.ptr, "t.conf:2: the line is too long"));
        }
        buf_release(&text);
        buf_release(&errors);
    }
}

/* -c of a file of another kind; a reload would put each mistake into the log. */
static void a_file_with_nothing_but_mistakes_is_given_up_after_a_hundred(void **state)
{
    (void)state;
    struct buf text = { 0 }, errors = { 0 };
    struct config c;
    size_t lines = 0;
    buf_append_str(&text, "[server]\n");
    for (int i = 0; i < 50000; i++)
        buf_append_str(&text, "xyzzy = 1\n");
    buf_append_char(&text, '\0');
    const char *set = "server.workers=x";
    const struct config_source src = { .sets = &set, .n_sets = 1 };
    assert_int_equal(load(&src, text.ptr, &c, &errors), -EINVAL);
    for (size_t i = 0; i < errors.len; i++)
        lines += errors.ptr[i] == '\n';
    assert_int_equal(lines, 100 + 1 + 1);
    static const char end[] =
        "t.conf:101: server.xyzzy: no such option; see `statsd describe options`\n"
        "t.conf:102: 100 mistakes; the rest of the file was not read\n"
        "--set: server.workers: 'x' is not";
    assert_non_null(strstr(errors.ptr, end));
    buf_release(&text);
    buf_release(&errors);
}

static void bytes_that_are_no_text_are_refused_and_escaped(void **state)
{
    (void)state;
    struct config c;
    struct buf errors = { 0 };
    const struct slice nul = SLICE_LIT("[server]\nlog_level = de\0bug\n");
    assert_int_equal(config_load_text(&nowhere, "t\x1b.conf", nul, &c, &errors), -EINVAL);
    buf_append_char(&errors, '\0');
    assert_string_equal(errors.ptr,
                        "t\\x1b.conf:2: a NUL byte in the line; is this a text file?\n");
    buf_clear(&errors);
    const char *controls = "[server]\nlog_level = \x1b[31m\nb\x1b\xff = 1\n";
    assert_int_equal(load(&nowhere, controls, &c, &errors), -EINVAL);
    assert_null(strchr(errors.ptr, 0x1b));
    assert_non_null(strstr(errors.ptr, "\\x1b[31m"));
    buf_release(&errors);
}

static void a_file_that_cannot_be_read_is_an_error(void **state)
{
    (void)state;
    static const char *const paths[] = { "/nonexistent/statsd.conf", "/", "/dev/zero" };
    static const char *const says[] = { "No such file", "directory", "1 MiB" };
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        const struct config_source src = { .file = paths[i] };
        struct config c;
        struct buf errors = { 0 };
        assert_int_equal(config_load(&src, &c, &errors), -EINVAL);
        buf_append_char(&errors, '\0');
        assert_non_null(strstr(errors.ptr, says[i]));
        buf_release(&errors);
    }
}

static void the_line_is_told_however_long_the_path_is(void **state)
{
    (void)state;
    char path[4000];
    struct config c;
    struct buf errors = { 0 };
    memset(path, 'a', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    const struct slice text = SLICE_LIT("[server]\nlog_level = x\n");
    assert_int_equal(config_load_text(&nowhere, path, text, &c, &errors), -EINVAL);
    buf_append_char(&errors, '\0');
    assert_memory_equal(errors.ptr, path, strlen(path));
    assert_ptr_equal(strstr(errors.ptr, ":2: server.log_level: "), errors.ptr + strlen(path));
    buf_release(&errors);
}

static void two_sockets_cannot_have_one_address(void **state)
{
    (void)state;
    struct config c;
    must_fail(&nowhere, "[listen]\nsocket = udp://127.0.0.1:5\nsocket = udp://localhost:5\n",
              "t.conf:3: listen.socket: udp://localhost:5 is given twice; keep one of them\n");
    must_fail(&nowhere, "[listen]\nsocket = udp://localhost:5\nsocket = udp://[::1]:5\n",
              "t.conf:3: listen.socket: udp://[::1]:5 is given twice; keep one of them\n");
    must_fail(
        &nowhere, "[listen]\nsocket = udp://127.0.0.1:5\nsocket = udp://[::ffff:127.0.0.1]:5\n",
        "t.conf:3: listen.socket: udp://[::ffff:127.0.0.1]:5 is given twice; keep one of them\n");
    must_load(&nowhere, "[listen]\nsocket = udp://127.0.0.1:0\nsocket = udp://127.0.0.1:0\n", &c);
    assert_int_equal(c.n_sockets, 2);
    config_release(&c);
}

/* The kernel would say "in use" of the second one, and the server would blame another server. */
static void an_address_beside_the_one_for_all_is_a_mistake(void **state)
{
    (void)state;
    struct config c;
    must_fail(&nowhere, "[listen]\nsocket = udp://*:5\nsocket = udp://127.0.0.1:5\n",
              "t.conf:3: listen.socket: udp://*:5 receives what udp://127.0.0.1:5 would; keep one "
              "of them\n");
    must_fail(&nowhere, "[listen]\nsocket = udp://[::1]:5\nsocket = udp://[::]:5\n",
              "t.conf:3: listen.socket: udp://[::]:5 receives what udp://[::1]:5 would; keep one "
              "of them\n");
    must_load(&nowhere,
              "[listen]\nsocket = udp://*:5\nsocket = udp://127.0.0.1:6\nsocket = "
              "udp://*:0\nsocket = udp://*:0\n",
              &c);
    assert_int_equal(c.n_sockets, 4);
    config_release(&c);
}

static void localhost_is_two_sockets(void **state)
{
    (void)state;
    static const char *const want[] = { "udp://localhost:5", "udp://[::1]:5", "udp://127.0.0.1:6",
                                        "udp://localhost:0", "udp://[::1]:0" };
    struct config c;
    must_load(&nowhere,
              "[listen]\nsocket = udp://localhost:5\nsocket = udp://127.0.0.1:6\nsocket = "
              "udp://localhost:0\n",
              &c);
    assert_int_equal(c.n_sockets, ARRAY_LEN(want));
    for (size_t i = 0; i < ARRAY_LEN(want); i++)
        assert_string_equal(c.sockets[i].name, want[i]);
    config_release(&c);
    struct buf text = { 0 };
    buf_append_str(&text, "[listen]\n");
    for (int i = 0; i < 33; i++)
        buf_append_str(&text, "socket = udp://localhost:0\n");
    buf_append_char(&text, '\0');
    must_fail(
        &nowhere, text.ptr,
        "t.conf:34: listen.socket: 66 sockets are too many (localhost is two); give at most 64\n");
    buf_release(&text);
}

/* Which of them is opened first is the listener's to know. */
static void sockets_stay_in_the_order_of_the_config(void **state)
{
    (void)state;
    static const char *const want[] = { "udp://[::]:5", "udp://0.0.0.0:5", "udp://[::]:7",
                                        "udp://[::1]:6" };
    struct config c;
    must_load(&nowhere,
              "[listen]\nsocket = udp://[::]:5\nsocket = udp://0.0.0.0:5\nsocket = "
              "udp://[::]:7\nsocket = udp://[::1]:6\n",
              &c);
    assert_int_equal(c.n_sockets, 4);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(c.sockets[i].name, want[i]);
    config_release(&c);
}

static void what_was_released_holds_nothing_and_may_be_released_again(void **state)
{
    (void)state;
    struct config c;
    must_load(&nowhere, "[server]\ninstance = web\n[listen]\nsocket = udp://127.0.0.1:0\n", &c);
    config_release(&c);
    assert_null(c.file);
    assert_int_equal(c.n_sockets, 0);
    assert_int_equal(c.server_interval_ms, 0);
    config_release(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_at_all_is_the_defaults),
        cmocka_unit_test(a_file_sets_every_kind_of_option),
        cmocka_unit_test(a_flag_wins_over_the_environment_and_that_over_the_file),
        cmocka_unit_test(sockets_of_one_place_replace_those_of_the_place_below),
        cmocka_unit_test(every_mistake_is_told_at_once_with_its_place_and_remedy),
        cmocka_unit_test(a_bad_value_is_one_message_that_names_its_option),
        cmocka_unit_test(a_refused_value_is_one_mistake_and_no_other_follows_from_it),
        cmocka_unit_test(an_empty_variable_is_an_empty_value_for_every_kind_of_option),
        cmocka_unit_test(a_password_never_shows),
        cmocka_unit_test(variables_of_others_are_left_alone_and_slips_are_not),
        cmocka_unit_test(a_variable_that_lacks_its_section_is_warned_of_and_one_of_a_client_is_not),
        cmocka_unit_test(a_flag_that_names_no_option_is_answered_with_the_likely_one),
        cmocka_unit_test(where_each_value_comes_from_is_known),
        cmocka_unit_test(a_long_line_is_read_whole_or_refused_never_cut),
        cmocka_unit_test(a_file_with_nothing_but_mistakes_is_given_up_after_a_hundred),
        cmocka_unit_test(bytes_that_are_no_text_are_refused_and_escaped),
        cmocka_unit_test(a_file_that_cannot_be_read_is_an_error),
        cmocka_unit_test(the_line_is_told_however_long_the_path_is),
        cmocka_unit_test(two_sockets_cannot_have_one_address),
        cmocka_unit_test(an_address_beside_the_one_for_all_is_a_mistake),
        cmocka_unit_test(localhost_is_two_sockets),
        cmocka_unit_test(sockets_stay_in_the_order_of_the_config),
        cmocka_unit_test(what_was_released_holds_nothing_and_may_be_released_again),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
