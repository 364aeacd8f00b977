#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cmd/cli.h"
#include "cmd/cli_rows.h"
#include "core/core_mapping.h"
#include "core/counter_tables.h"
#include "core/memory_bound.h"
#include "protocol/reason.h"

static unsigned runs, columns;
static uint32_t run_workers;
static bool run_takes_over;

static int run(const struct config *c, struct core_mapping *mapping,
               const struct config_source *src, bool takeover)
{
    assert_non_null(mapping->profiles);
    run_takes_over = takeover;
    assert_non_null(src);
    runs++;
    run_workers = c->server_workers;
    return 7;
}

struct done {
    int status;
    char *out, *err;
};

enum { ARGS_MAX = 8 };

/* words: the command line behind "statsd", NULL-terminated */
static struct done statsd(const char *const *words, char *const *env)
{
    const char *argv[ARGS_MAX + 2] = { "statsd" };
    int argc = 1;
    struct done d = { 0 };
    size_t out_n, err_n;
    while (words[argc - 1] != NULL) {
        argv[argc] = words[argc - 1];
        argc++;
        assert_true(argc <= ARGS_MAX);
    }
    struct cli_io io = { .in = tmpfile(),
                         .out = open_memstream(&d.out, &out_n),
                         .err = open_memstream(&d.err, &err_n),
                         .environ = env,
                         .columns = columns,
                         .run = run };
    runs = 0;
    d.status = cli_run(argc, argv, &io);
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

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void without_a_command_the_server_runs_with_the_config(void **state)
{
    (void)state;
    char workers[] = "STATSD_SERVER_WORKERS=2";
    char *const env[] = { workers, NULL };
    struct done d = statsd((const char *const[]){ NULL }, env);
    assert_int_equal(d.status, 7);
    assert_int_equal(runs, 1);
    assert_int_equal(run_workers, 2);
    done_release(&d);
    d = statsd(WORDS("--set", "server.workers=3"), env);
    assert_int_equal(run_workers, 3);
    done_release(&d);
    d = statsd(WORDS("--set=server.workers=4", "-c", "statsd.conf.example"), NULL);
    assert_int_equal(runs, 1);
    assert_int_equal(run_workers, 4);
    done_release(&d);
}

static void it_takes_over_only_when_it_is_told_to(void **state)
{
    (void)state;
    struct done d = statsd(WORDS("--set", "server.workers=3"), NULL);
    assert_false(run_takes_over);
    done_release(&d);
    d = statsd(WORDS("--takeover"), NULL);
    assert_int_equal(runs, 1);
    assert_true(run_takes_over);
    done_release(&d);
    d = statsd(WORDS("check", "--takeover"), NULL);
    assert_int_equal(d.status, CLI_USAGE);
    done_release(&d);
}

static void a_bad_config_never_runs(void **state)
{
    (void)state;
    static const char *const commands[] = { NULL, "check", "explain" };
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        struct done d = statsd(
            WORDS("--set", "server.workers=x", "--set", "limits.max_lin=1", commands[i]), NULL);
        assert_int_equal(d.status, 2);
        assert_int_equal(runs, 0);
        assert_string_equal(d.out, "");
        assert_non_null(strstr(d.err, "server.workers: 'x' is not a whole number"));
        assert_non_null(strstr(d.err, "did you mean limits.max_line?"));
        assert_non_null(strstr(d.err, "\nstatsd: 2 mistakes in the config\n"));
        done_release(&d);
    }
}

static void bad_usage_is_one_message_and_status_2(void **state)
{
    (void)state;
    static const struct {
        const char *words[5];
        const char *says;
    } rows[] = {
        { { "chek" }, "no such command: chek; did you mean check?" },
        { { "restart" }, "no such command: restart; there are check" },
        { { "a\x1b" }, "no such command: a\\x1b" },
        { { "--bogus=secret" }, "no such option: --bogus\n" },
        { { "-x" }, "no such option: -x" },
        { { "-c" }, "-c needs a FILE" },
        { { "-c", "" }, "-c needs a FILE" },
        { { "describe", "" }, "nothing is called ''; describe takes" },
        { { "describe", "redis://:hunter2@h" },
          "nothing is called redis://:***@h; describe takes" },
        { { "-c", "a", "-c", "b" }, "-c is given twice" },
        { { "check", "--set" }, "--set needs SECTION.KEY=VALUE" },
        { { "check", "more" }, "check takes no arguments; a config file is given as -c FILE" },
        { { "check", "--test" }, "--test needs a FILE" },
        { { "--test", "x" }, "running does not take --test" },
        { { "check", "--json" }, "check does not take --json" },
        { { "check", "--markdown" }, "check does not take --markdown" },
        { { "--json" }, "running does not take --json" },
        { { "describe" }, "describe takes one of options, metrics, reasons, syscalls" },
        { { "describe", "option" }, "describe takes one of options, metrics, reasons, syscalls" },
        { { "describe", "server.intervl" },
          "nothing is called server.intervl; did you mean server.interval?" },
        { { "describe", "log-level" },
          "nothing is called log-level; did you mean server.log_level?" },
        { { "describe", "bad_valeu" }, "nothing is called bad_valeu; did you mean bad_value?" },
        { { "describe", "statsd_line_received_total" },
          "did you mean statsd_lines_received_total?" },
        { { "describe", "x\x1b" }, "nothing is called x\\x1b; describe takes" },
        { { "describe", "options", "metrics" }, "describe takes one of" },
        { { "describe", "options", "-c", "x" }, "describe does not take -c" },
        { { "rewind", "file" },
          "no such command: rewind; there are check, explain, describe, convert, redis, top, tail, "
          "ready, replay, and none" },
        { { "health" }, "no such command: health; write ready" },
        { { "ready", "host:9102" }, "ready takes no arguments" },
        { { "ready", "--from", "host:9102" }, "host:9102 is no URL such as" },
        { { "convret" }, "no such command: convret; did you mean convert?" },
        { { "explain", "--framing" }, "--framing needs datagram, line or dsd" },
        { { "explain", "--framing=dsd", "--framing=line" }, "--framing is given twice" },
        { { "explain", "--framing=" }, "--framing needs datagram, line or dsd" },
        { { "explain", "--config=" }, "-c needs a FILE" },
        { { "explain", "--framing", "tcp" }, "--framing is one of datagram, line, dsd" },
        { { "explain", "--framing=line", "a:1|c" }, "leave LINE out" },
        { { "explain", "--framing=line", "--truncated" }, "never cut" },
        { { "explain", "-x:1|c" },
          "no such option: -x:1|c; a LINE that begins with - stands behind --" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct done d = statsd(rows[i].words, NULL);
        if (d.status != 2 || strstr(d.err, rows[i].says) == NULL)
            fail_msg("%s: status %d, %s", rows[i].words[0], d.status, d.err);
        assert_string_equal(d.out, "");
        assert_int_equal(runs, 0);
        const char *end = "\nsee statsd --help\n";
        assert_string_equal(d.err + strlen(d.err) - strlen(end), end);
        done_release(&d);
    }
}

/* Everything of one command line is answered in one go, and nothing runs. */
static void options_of_other_servers_are_answered_with_ours(void **state)
{
    (void)state;
    static const struct {
        const char *words[5];
        const char *says[3];
    } rows[] = {
        { { "--statsd.listen-udp=:9125", "--web.listen-address=:9102",
            "--statsd.mapping-config=m.yml" },
          { "--statsd.listen-udp; write --set listen.socket=udp://0.0.0.0:9125\n",
            "--web.listen-address; write --set http.listen=0.0.0.0:9102\n",
            "--statsd.mapping-config; write --set prometheus.mapping=m.yml\n" } },
        { { "--statsd.listen-udp", "127.0.0.1:9125", "--log.level", "debug" },
          { "write --set listen.socket=udp://127.0.0.1:9125\n",
            "write --set server.log_level=debug\n" } },
        { { "--statsd.listen-tcp=:9125" }, { "write --set listen.socket=tcp://0.0.0.0:9125\n" } },
        { { "--statsd.relay.address=h:1" }, { "write --set mirror.to=udp://h:1" } },
        { { "--statsd.unixsocket-mode=755" },
          { "write --set 'listen.socket=unixgram:///PATH?mode=755'\n" } },
        { { "--statsd.parse-signalfx-tags", "--statsd.cache-type=lru" },
          { "write --set protocol.name_tags=signalfx\n", "there is nothing to tune here\n" } },
        { { "--udp_port=8125", "--stream_cmd", "x", "--aligned_flush=1" },
          { "udp://0.0.0.0:8125\n", "values go to /metrics", "intervals are always aligned" } },
        { { "--dogstatsd-tags=a:b" }, { "write --set aggregate.global_tags=a:b\n" } },
        { { "--statsd.listen-unixgram=/run/s.sock" },
          { "write --set listen.socket=unixgram:///run/s.sock\n" } },
        { { "--no-statsd.parse-influxdb-tags" },
          { "leave it out: tags inside names are read only where" } },
        { { "--web.enable-lifecycle" }, { "write --set http.lifecycle=on\n" } },
        { { "--port", "8126" },
          { "no such option: --port; write --set listen.socket=udp://0.0.0.0:8126\n" } },
        { { "--port" }, { "write --set listen.socket=udp://HOST:PORT\n" } },
        { { "-p", "8126", "-d" },
          { "listen.socket=udp://0.0.0.0:8126\n", "it runs in the foreground" } },
        { { "-address=:8125", "-flush-interval=10", "-percent-threshold=90" },
          { "listen.socket=udp://0.0.0.0:8125\n", "write --set server.interval=10s\n",
            "write --set aggregate.quantiles=0.9\n" } },
        { { "--percent-threshold", "50 95,99" }, { "aggregate.quantiles=0.5,0.95,0.99\n" } },
        { { "--flush-interval=500ms" }, { "write --set server.interval=500ms\n" } },
        { { "--flushInterval=10000" }, { "write --set server.interval=10000ms\n" } },
        { { "--metrics-addr=:8125", "--backends=graphite", "--namespace=x" },
          { "udp://0.0.0.0:8125\n", "values go to /metrics and to Redis",
            "names stay as they are sent" } },
        { { "--config.file=/etc/x" }, { "write -c /etc/x\n" } },
        { { "--config-path", "/etc/x" }, { "write -c /etc/x\n" } },
        { { "-f", "/etc/x" }, { "write -c /etc/x\n" } },
        { { "-c/etc/x" }, { "did you mean -c /etc/x?\n" } },
        { { "-c=x" }, { "did you mean -c x?\n" } },
        { { "-cstatsd.conf" }, { "did you mean -c statsd.conf?\n" } },
        { { "--percent-threshold=100" }, { "aggregate.quantiles=1\n" } },
        { { "--percentiles", "5,99.9" }, { "aggregate.quantiles=0.05,0.999\n" } },
        { { "--percentiles=90,999" }, { "aggregate.quantiles=90,999\n" } },
        { { "--mgmt-address=127.0.0.1" }, { "write --set http.listen=127.0.0.1:9102\n" } },
        { { "--mgmt-address=[::1]" }, { "write --set http.listen=[::1]:9102\n" } },
        { { "--mgmt-port=8126" }, { "write --set http.listen=0.0.0.0:8126\n" } },
        { { "--dogstatsd-socket=/var/run/datadog/dsd.socket" },
          { "listen.socket=unixgram:///var/run/datadog/dsd.socket\n" } },
        { { "--redis-password=hunter2" },
          { "--redis-password; STATSD_REDIS_URL=redis://:PASSWORD@HOST:6379 in the "
            "environment\n" } },
        { { "--port=\x1b[31m" }, { "udp://\\x1b[31m\n" } },
        { { "--server.interval=5s" },
          { "no such option: --server.interval; write --set server.interval=5s\n" } },
        { { "--max_series=5" }, { "write --set limits.max_series=5\n" } },
        { { "--redis.url=redis://:hunter2@h" }, { "write --set redis.url=VALUE\n" } },
        { { "--bind=redis://:hunter2@h" }, { "udp://redis://:***@h\n" } },
        { { "--http.listen=redis://:hunter2@h" }, { "http.listen=redis://:***@h\n" } },
        { { "--markdwon" }, { "did you mean --markdown?\n" } },
        { { "-version" }, { "did you mean --version?\n" } },
        { { "-v" }, { "write --version, or --set server.log_level=debug" } },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct done d = statsd(rows[i].words, NULL);
        for (size_t k = 0; k < ARRAY_LEN(rows[i].says) && rows[i].says[k] != NULL; k++) {
            if (strstr(d.err, rows[i].says[k]) == NULL)
                fail_msg("%s: \"%s\" is not in: %s", rows[i].words[0], rows[i].says[k], d.err);
        }
        assert_int_equal(d.status, 2);
        assert_int_equal(runs, 0);
        assert_null(strstr(d.err, "hunter2"));
        assert_null(strchr(d.err, 0x1b));
        assert_string_equal(strstr(d.err, "see statsd --help\n"), "see statsd --help\n");
        done_release(&d);
    }
}

static void a_lone_word_that_is_no_command_is_answered_with_what_it_may_be(void **state)
{
    (void)state;
    static const struct {
        const char *word, *says;
    } rows[] = {
        { "statsd.conf", "to use a config file, write -c statsd.conf\n" },
        { "/etc/statsd/config", "write -c /etc/statsd/config\n" },
        { "Makefile", "write -c Makefile\n" }, /* it is there */
        { "exampleConfig.js", "write -c exampleConfig.js, in the format of statsd.conf.example\n" },
        { "8125", "write --set listen.socket=udp://0.0.0.0:8125\n" },
        { "127.0.0.1:8125", "write --set listen.socket=udp://127.0.0.1:8125\n" },
        { "orders:1|c", "to see how a line is understood, write explain before it\n" },
        { "start", "to run, give no command\n" },
        { "help", "write --help\n" },
        { "reload", "send HUP to the process\n" },
        { "", "no such command: '' (an argument is empty)\n" },
        { "redis://:hunter2@h:1",
          "no such command: redis://:***@h:1; to set an option, write --set SECTION.KEY=VALUE\n" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct done d = statsd(WORDS(rows[i].word), NULL);
        assert_int_equal(d.status, 2);
        if (strstr(d.err, rows[i].says) == NULL)
            fail_msg("%s: %s", rows[i].word, d.err);
        done_release(&d);
    }
}

static void a_variable_that_was_probably_meant_is_a_warning_and_the_server_runs(void **state)
{
    (void)state;
    char interval[] = "STATSD_INTERVAL=1s", host[] = "STATSD_HOST=h";
    char *const env[] = { interval, host, NULL };
    struct done d = statsd((const char *const[]){ NULL }, env);
    assert_int_equal(runs, 1);
    assert_string_equal(
        d.err,
        "statsd: warning: environment: STATSD_INTERVAL: no such option, so it has no effect; "
        "did you mean STATSD_SERVER_INTERVAL?\n");
    done_release(&d);
}

static size_t widest_line(const char *text)
{
    size_t widest = 0;
    for (const char *p = text; *p != '\0'; p += strcspn(p, "\n"), p += *p == '\n')
        widest = strcspn(p, "\n") > widest ? strcspn(p, "\n") : widest;
    return widest;
}

static void lines_fit_a_terminal_and_are_whole_in_a_pipe(void **state)
{
    (void)state;
    static const char *const words[][3] = { { "--help" },
                                            { "describe", "options" },
                                            { "describe", "metrics" },
                                            { "describe", "reasons" },
                                            { "describe", "syscalls" },
                                            { "describe", "commands" },
                                            { "describe", "flags" },
                                            { "describe", "listen.socket" } };
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        for (columns = 60; columns <= 200; columns += 20) {
            struct done d = statsd(words[i], NULL);
            assert_int_equal(d.status, 0);
            if (widest_line(d.out) > columns)
                fail_msg("%s %s: %zu columns on a terminal of %u", words[i][0],
                         words[i][1] ? words[i][1] : "", widest_line(d.out), columns);
            done_release(&d);
        }
        columns = 0;
        struct done d = statsd(words[i], NULL);
        size_t n = 0;
        for (const char *p = d.out; *p != '\0'; p++)
            n += *p == '\n';
        if (i == 1)
            assert_int_equal(n, OPTION_COUNT + 1);
        if (i == 0)
            assert_true(widest_line(d.out) <= 80);
        done_release(&d);
    }
}

static void help_has_the_defaults_of_the_options_and_only_commands_that_are_there(void **state)
{
    (void)state;
    struct done d = statsd(WORDS("--help"), NULL);
    static const char *const says[] = { "/-/healthy",
                                        "/-/reload",
                                        "TERM, INT",
                                        "HUP",
                                        "USR1",
                                        "Example",
                                        "/dev/udp/127.0.0.1/8125",
                                        "statsd COMMAND --help",
                                        "check [OPTIONS] --test FILE",
                                        "--framing datagram|line|dsd",
                                        "--takeover" };
    char http[100];
    for (size_t i = 0; i < ARRAY_LEN(says); i++) {
        if (strstr(d.out, says[i]) == NULL)
            fail_msg("\"%s\" is not in:\n%s", says[i], d.out);
    }
    snprintf(http, sizeof http, "http://%s", options_table[OPTION_http_listen].def);
    assert_non_null(strstr(d.out, options_table[OPTION_listen_socket].def));
    assert_non_null(strstr(d.out, http));
    assert_null(strstr(d.out, "rewind"));
    done_release(&d);
}

static void help_of_a_command_is_of_that_command_alone(void **state)
{
    (void)state;
    static const struct {
        const char *words[4], *has, *has_not;
    } rows[] = {
        { { "check", "--help" }, "statsd check [OPTIONS] --test FILE\n", "statsd explain" },
        { { "--help", "check" }, "  --test FILE ", "--takeover" },
        { { "describe", "flags" }, "\n--takeover  ", "statsd, --" },
        { { "top", "--help" }, "  --by samples|series|tags|sender\n", "--config" },
        { { "tail", "-h" }, "  -n LINES, --number LINES\n", "--by" },
        { { "redis", "--help" }, "statsd redis get [OPTIONS]", "samples|series" },
        { { "redis", "range", "--help" }, "  --step TIME ", "statsd redis get" },
        { { "redis", "top", "--help" }, "  --by rate|total|count|sum\n", "--step" },
        { { "redis", "nonsense", "--help" }, "statsd redis tail [OPTIONS]", "Signals" },
        { { "replay", "--help" }, "  --loop N|forever ", "--set" },
        { { "explain", "redis", "--help" }, "  --truncated ", "redis get" },
        { { "describe", "--help" }, "describe options|metrics|reasons|syscalls|", "--json" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct done d = statsd(rows[i].words, NULL);
        if (d.status != 0 || strstr(d.out, rows[i].has) == NULL ||
            strstr(d.out, rows[i].has_not) != NULL)
            fail_msg("%s %s: \"%s\" and no \"%s\" in\n%s", rows[i].words[0], rows[i].words[1],
                     rows[i].has, rows[i].has_not, d.out);
        done_release(&d);
    }
}

/* The words say whether a flag has a value, and so does the parser. */
static void every_flag_is_told_with_a_value_where_it_takes_one(void **state)
{
    (void)state;
    const struct cli_flag_row *row;
    size_t told = 0;
    for (size_t i = 0; (row = cli_flag_row(i)) != NULL; i++) {
        struct done d = statsd(WORDS(row->of & OF_REPLAY ? "replay" : "check", row->name), NULL);
        char needs[64];
        snprintf(needs, sizeof needs, "statsd: %s needs ",
                 row->letter[0] ? row->letter : row->name);
        assert_true(row->letter[0] == '\0' || (row->letter[0] == '-' && strlen(row->letter) == 2));
        bool takes = strncmp(d.err, needs, strlen(needs)) == 0;
        if (takes != (row->value[0] != '\0'))
            fail_msg("%s: value \"%s\", but %s", row->name, row->value, d.err);
        done_release(&d);
    }
    const char *name;
    for (size_t i = 0; (name = cli_option_name(i)) != NULL; i++, told++) {
        if (!cli_takes(OF_ALL, name))
            fail_msg("no command takes %s", name);
    }
    assert_true(told > 20);
}

static void describe_a_name_prints_its_entry_alone(void **state)
{
    (void)state;
    static const struct {
        const char *name, *begins;
        unsigned entries;
    } rows[] = {
        { "server.interval",
          "server.interval\n"
          "  environment STATSD_SERVER_INTERVAL\n"
          "  default     10s\n"
          "  kind        duration\n"
          "  limits      100ms to 1h\n"
          "  meaning     How often",
          1 },
        { "interval", "server.interval\n", 1 },
        { "STATSD_HTTP_LISTEN", "http.listen\n", 1 },
        { "server", "server.interval\n", 6 },
        { "bad_value", "bad_value\n  meaning the value", 1 },
        { "redis top", "redis top\n  usage   statsd redis top [OPTIONS]", 1 },
        { "--outgoing", "--outgoing\n  taken by replay\n", 1 },
        { "top", "top\n  usage   statsd top", 1 },
        { "statsd_lines_received_total",
          "statsd_lines_received_total\n  type    counter\n  meaning Lines", 1 },
        { "statsd_samples_rejected_total{reason=\"bad_value\"}", "statsd_samples_rejected_total\n",
          1 },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct done d = statsd(WORDS("describe", "--", rows[i].name), NULL);
        unsigned entries = 0;
        for (const char *p = d.out; (p = strstr(p, "\n  meaning ")) != NULL; p++)
            entries++;
        if (d.status != 0 || strncmp(d.out, rows[i].begins, strlen(rows[i].begins)) != 0 ||
            entries < rows[i].entries || (rows[i].entries == 1 && entries != 1))
            fail_msg("%s: status %d, %s%s", rows[i].name, d.status, d.out, d.err);
        done_release(&d);
    }
    struct done d = statsd(WORDS("describe", "server.interval", "--markdown"), NULL);
    assert_non_null(strstr(d.out, "| --- |\n| `server.interval` | STATSD_SERVER_INTERVAL | 10s |"));
    done_release(&d);
}

static void an_output_that_cannot_be_written_is_told(void **state)
{
    (void)state;
    const char *const *rows[] = { (const char *const[]){ "--help", NULL },
                                  (const char *const[]){ "--version", NULL },
                                  (const char *const[]){ "check", NULL },
                                  (const char *const[]){ "describe", "options", NULL },
                                  (const char *const[]){ "explain", "a:1|c", NULL } };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *argv[] = { "statsd", rows[i][0], rows[i][1],
                               rows[i][1] != NULL ? rows[i][2] : NULL };
        char *err;
        size_t err_n;
        struct cli_io io = { .in = tmpfile(),
                             .out = fopen("/dev/full", "w"),
                             .err = open_memstream(&err, &err_n),
                             .run = run };
        assert_int_equal(cli_run(rows[i][1] == NULL ? 2 : 3, argv, &io), CLI_FAILED);
        fclose(io.in);
        fclose(io.out);
        fclose(io.err);
        assert_string_equal(err, "statsd: cannot write standard output: No space left on device\n");
        free(err);
    }
}

static void an_input_that_cannot_be_read_is_told(void **state)
{
    (void)state;
    static const char *const framings[] = { "--framing=datagram", "--framing=line",
                                            "--framing=dsd" };
    for (size_t i = 0; i < ARRAY_LEN(framings); i++) {
        const char *argv[] = { "statsd", "explain", framings[i] };
        char *err;
        size_t err_n;
        struct cli_io io = {
            .in = fopen("/", "r"), .out = tmpfile(), .err = open_memstream(&err, &err_n), .run = run
        };
        assert_int_equal(cli_run(3, argv, &io), CLI_FAILED);
        fclose(io.in);
        fclose(io.out);
        fclose(io.err);
        assert_string_equal(err, "statsd: cannot read standard input: Is a directory\n");
        free(err);
    }
}

static void help_and_version_are_answers_not_errors(void **state)
{
    (void)state;
    static const char *const words[][3] = {
        { "--help" }, { "-h" }, { "check", "--help" }, { "--version" }, { "explain", "--version" },
        { "-V" }
    };
    static const char *const says[] = { "statsd explain", "Exit status", "STATSD_SECTION_KEY",
                                        "statsd ",        "statsd ",     "statsd " };
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        struct done d = statsd(words[i], NULL);
        assert_int_equal(d.status, 0);
        assert_string_equal(d.err, "");
        assert_non_null(strstr(d.out, says[i]));
        done_release(&d);
    }
}

static void check_names_the_variable_that_gives_the_state_its_folder(void **state)
{
    (void)state;
    char dirs[] = "STATE_DIRECTORY=/var/lib/a:/var/lib/b", other[] = "STATE_DIRECTORY_B=/c",
         bad[] = "STATE_DIRECTORY=/a\nb";
    char *const env[] = { other, dirs, NULL }, *const wrong[] = { bad, NULL };
    struct done d = statsd(WORDS("check"), env);
    assert_int_equal(d.status, 0);
    assert_non_null(strstr(d.out, "  server.state_dir = /var/lib/a  (STATE_DIRECTORY)\n"));
    done_release(&d);
    d = statsd(WORDS("check", "--set", "server.state_dir=/d"), env);
    assert_non_null(strstr(d.out, "  server.state_dir = /d  (--set)\n"));
    done_release(&d);
    d = statsd(WORDS("check"), wrong);
    assert_int_equal(d.status, 2);
    assert_non_null(strstr(d.err, "STATE_DIRECTORY: server.state_dir: '/a\\x0ab' has a control"));
    done_release(&d);
}

static void check_shows_what_counts_and_hides_the_password(void **state)
{
    (void)state;
    struct done d = statsd(WORDS("check", "--set", "redis.url=redis://:hunter2@127.0.0.1", "--set",
                                 "server.interval=2s", "--set",
                                 "listen.socket=unixgram:///run/x.sock?mode=0620"),
                           NULL);
    static const char *const says[] = { "config     ok\n",
                                        "unixgram:///run/x.sock",
                                        "mode=0620",
                                        "server.interval = 2s  (--set)\n",
                                        "redis.url = (set)  (--set)\n",
                                        "redis      redis://:***@127.0.0.1  instance=",
                                        "max_line                     8192\n",
                                        "262.0 MiB  Redis",
                                        "the process altogether" };
    assert_int_equal(d.status, 0);
    assert_string_equal(d.err, "");
    for (size_t i = 0; i < ARRAY_LEN(says); i++) {
        if (strstr(d.out, says[i]) == NULL)
            fail_msg("\"%s\" is not in:\n%s", says[i], d.out);
    }
    assert_null(strstr(d.out, "hunter2"));
    assert_int_equal(runs, 0);
    done_release(&d);
}

static void check_says_what_redis_needs_for_the_intervals_it_keeps(void **state)
{
    static const struct {
        const char *interval, *retention, *says;
    } rows[] = {
        { "server.interval=10s", "redis.retention=10m", " + 61 intervals kept x " },
        { "server.interval=10s", "redis.retention=10s", " + 2 intervals kept x " },
        { "server.interval=7s", "redis.retention=10s", " + 3 intervals kept x " },
        { "server.interval=1m", "redis.retention=24h", " + 1441 intervals kept x " },
    };
    static const char *const kinds[] = { "counters: totals", "gauges: totals",
                                         "timers of 12 buckets: totals",
                                         "sets of 5 members: totals" };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct done d = statsd(WORDS("check", "--set", "redis.url=redis://127.0.0.1", "--set",
                                     rows[i].interval, "--set", rows[i].retention),
                               NULL);
        const char *part = strstr(d.out, "\nredis RAM per 100,000 series");
        assert_non_null(part);
        for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
            assert_non_null(strstr(part, kinds[k]));
        assert_non_null(strstr(part, rows[i].says));
        done_release(&d);
    }
    struct done d = statsd(WORDS("check"), NULL);
    assert_null(strstr(d.out, "redis RAM"));
    done_release(&d);
    static const char *const own[] = { "redis.gauge_merge=latest", "redis.gauge_merge=sum",
                                       "redis.instance_label=on" };
    for (size_t i = 0; i < ARRAY_LEN(own); i++) {
        d = statsd(WORDS("check", "--set", "redis.url=redis://127.0.0.1", "--set", own[i]), NULL);
        assert_int_equal(strstr(d.out, "more for each instance that sends") != NULL, i > 0);
        done_release(&d);
    }
}

static uint64_t bound_with(const char *set)
{
    struct config c;
    struct buf errors = { 0 };
    struct memory_bound b;
    const struct config_source src = { .sets = &set, .n_sets = set != NULL };
    assert_int_equal(config_load(&src, &c, &errors), 0);
    struct core_mapping mapping;
    assert_int_equal(core_mapping_load(&c, &mapping, &errors), 0);
    memory_bound(&c, &mapping, 2, &b);
    uint64_t sum = 0;
    for (unsigned i = 0; i < MEMORY_PART_COUNT; i++) {
        assert_true(strlen(memory_bound_what((enum memory_part)i)) > 0);
        sum += b.part[i].n * b.part[i].each;
    }
    assert_int_equal(sum, b.total);
    core_mapping_release(&mapping);
    config_release(&c);
    return b.total;
}

static void the_memory_bound_follows_the_limits(void **state)
{
    (void)state;
    uint64_t def = bound_with(NULL);
    assert_true(bound_with("limits.max_series=2000000") > def * 19 / 10);
    assert_true(bound_with("limits.max_series=1000") < 320u << 20);
    assert_true(bound_with("aggregate.sketch_schema=6") > def);
    assert_true(bound_with("aggregate.summary_age_buckets=10") > def);
    assert_true(bound_with("http.listen=") < def);
    assert_true(bound_with("http.web_config=web.yml") > def);
    assert_true(bound_with("http.max_streams=200") > def + (64u << 20));
    assert_int_equal(bound_with("redis.spool_max_bytes=512MiB"), def); /* Redis is off */
}

static void describe_has_every_row_of_each_table(void **state)
{
    (void)state;
    size_t n_metrics;
    const char *const *metrics = counter_names(&n_metrics);
    assert_true(n_metrics > 60);
    for (int markdown = 0; markdown < 2; markdown++) {
        const char *last = markdown ? "--markdown" : NULL;
        struct done d = statsd(WORDS("describe", "options", last), NULL);
        assert_int_equal(d.status, 0);
        for (unsigned i = 0; i < OPTION_COUNT; i++) {
            char name[100];
            snprintf(name, sizeof name, "%s.%s", options_table[i].section, options_table[i].key);
            assert_non_null(strstr(d.out, name));
        }
        done_release(&d);
        d = statsd(WORDS("describe", "metrics", last), NULL);
        for (size_t i = 0; i < n_metrics; i++)
            assert_non_null(strstr(d.out, metrics[i]));
        done_release(&d);
        d = statsd(WORDS("describe", "reasons", last), NULL);
        for (unsigned i = 0; i < REASON_COUNT; i++)
            assert_non_null(strstr(d.out, reason_name((enum reason)i)));
        done_release(&d);
    }
}

static void markdown_rows_have_as_many_cells_as_the_head(void **state)
{
    (void)state;
    struct done d = statsd(WORDS("describe", "options", "--markdown"), NULL);
    size_t rows = 0;
    for (char *save, *line = strtok_r(d.out, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save), rows++) {
        size_t bars = 0;
        for (char *p = line; *p != '\0'; p++)
            bars += *p == '|' && (p == line || p[-1] != '\\');
        if (bars != 7)
            fail_msg("%zu bars in: %s", bars, line);
    }
    assert_int_equal(rows, OPTION_COUNT + 2);
    done_release(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_command_the_server_runs_with_the_config),
        cmocka_unit_test(it_takes_over_only_when_it_is_told_to),
        cmocka_unit_test(a_bad_config_never_runs),
        cmocka_unit_test(bad_usage_is_one_message_and_status_2),
        cmocka_unit_test(options_of_other_servers_are_answered_with_ours),
        cmocka_unit_test(a_lone_word_that_is_no_command_is_answered_with_what_it_may_be),
        cmocka_unit_test(a_variable_that_was_probably_meant_is_a_warning_and_the_server_runs),
        cmocka_unit_test(lines_fit_a_terminal_and_are_whole_in_a_pipe),
        cmocka_unit_test(help_has_the_defaults_of_the_options_and_only_commands_that_are_there),
        cmocka_unit_test(help_of_a_command_is_of_that_command_alone),
        cmocka_unit_test(every_flag_is_told_with_a_value_where_it_takes_one),
        cmocka_unit_test(describe_a_name_prints_its_entry_alone),
        cmocka_unit_test(help_and_version_are_answers_not_errors),
        cmocka_unit_test(an_input_that_cannot_be_read_is_told),
        cmocka_unit_test(an_output_that_cannot_be_written_is_told),
        cmocka_unit_test(check_names_the_variable_that_gives_the_state_its_folder),
        cmocka_unit_test(check_shows_what_counts_and_hides_the_password),
        cmocka_unit_test(check_says_what_redis_needs_for_the_intervals_it_keeps),
        cmocka_unit_test(the_memory_bound_follows_the_limits),
        cmocka_unit_test(describe_has_every_row_of_each_table),
        cmocka_unit_test(markdown_rows_have_as_many_cells_as_the_head),
    };
    return cmocka_run_group_tests_name("cli", tests, NULL, NULL);
}
