#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/cli.h"
#include "app/memory_bound.h"
#include "base/selfmetrics.h"
#include "protocol/reason.h"

static unsigned runs;
static uint32_t run_workers;

static int run(const struct config *c, const struct config_source *src)
{
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
    struct cli_io io = { .in = tmpfile(), .out = open_memstream(&d.out, &out_n), .err = open_memstream(&d.err, &err_n), .environ = env, .run = run };
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

static void a_bad_config_never_runs(void **state)
{
    (void)state;
    static const char *const commands[] = { NULL, "check", "explain" };
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        struct done d = statsd(WORDS("--set", "server.workers=x", "--set", "limits.max_lin=1", commands[i]), NULL);
        assert_int_equal(d.status, 2);
        assert_int_equal(runs, 0);
        assert_string_equal(d.out, "");
        assert_non_null(strstr(d.err, "server.workers: 'x' is not a whole number"));
        assert_non_null(strstr(d.err, "did you mean limits.max_line?"));
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
        { { "-c", "a", "-c", "b" }, "-c is given twice" },
        { { "check", "--set" }, "--set needs SECTION.KEY=VALUE" },
        { { "check", "more" }, "check takes no arguments" },
        { { "check", "--json" }, "check does not take --json" },
        { { "check", "--markdown" }, "check does not take --markdown" },
        { { "--json" }, "running does not take --json" },
        { { "describe" }, "describe takes one of options, metrics, reasons" },
        { { "describe", "option" }, "describe takes one of options, metrics, reasons" },
        { { "describe", "options", "metrics" }, "describe takes one of" },
        { { "describe", "options", "-c", "x" }, "describe does not take -c" },
        { { "replay", "file" }, "later release" },
        { { "explain", "--framing" }, "--framing needs datagram, line or dsd" },
        { { "explain", "--framing", "tcp" }, "--framing is one of datagram, line, dsd" },
        { { "explain", "--framing=line", "a:1|c" }, "leave LINE out" },
        { { "explain", "--framing=line", "--truncated" }, "never cut" },
        { { "explain", "-x:1|c" }, "no such option: -x:1|c" },
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

static void an_output_that_cannot_be_written_is_told(void **state)
{
    (void)state;
    const char *const *rows[] = { (const char *const[]){ "--help", NULL }, (const char *const[]){ "--version", NULL },
                                  (const char *const[]){ "check", NULL }, (const char *const[]){ "describe", "options", NULL },
                                  (const char *const[]){ "explain", "a:1|c", NULL } };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *argv[] = { "statsd", rows[i][0], rows[i][1], rows[i][1] != NULL ? rows[i][2] : NULL };
        char *err;
        size_t err_n;
        struct cli_io io = { .in = tmpfile(), .out = fopen("/dev/full", "w"), .err = open_memstream(&err, &err_n), .run = run };
        assert_int_equal(cli_run(rows[i][1] == NULL ? 2 : 3, argv, &io), CLI_FAILED);
        fclose(io.in);
        fclose(io.out);
        fclose(io.err);
        assert_string_equal(err, "statsd: cannot write standard output: No space left on device\n");
        free(err);
    }
}

static void help_and_version_are_answers_not_errors(void **state)
{
    (void)state;
    static const char *const words[][3] = { { "--help" }, { "-h" }, { "check", "--help" }, { "--version" }, { "explain", "--version" } };
    static const char *const says[] = { "statsd explain", "Exit status", "STATSD_SECTION_KEY", "statsd ", "statsd " };
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        struct done d = statsd(words[i], NULL);
        assert_int_equal(d.status, 0);
        assert_string_equal(d.err, "");
        assert_non_null(strstr(d.out, says[i]));
        done_release(&d);
    }
}

static void check_shows_what_counts_and_hides_the_password(void **state)
{
    (void)state;
    struct done d = statsd(WORDS("check", "--set", "redis.url=redis://:hunter2@127.0.0.1", "--set", "server.interval=2s", "--set",
                                 "listen.socket=unixgram:///run/x.sock?mode=0620"),
                           NULL);
    static const char *const says[] = { "config     ok\n", "unixgram:///run/x.sock", "mode=0620", "server.interval = 2s\n", "redis.url = (set)\n",
                                        "max_line     8192\n", "256.0 MiB  Redis", "the process altogether" };
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

static uint64_t bound_with(const char *set)
{
    struct config c;
    struct buf errors = { 0 };
    struct memory_bound b;
    const struct config_source src = { .sets = &set, .n_sets = set != NULL };
    assert_int_equal(config_load(&src, &c, &errors), 0);
    memory_bound(&c, 2, &b);
    uint64_t sum = 0;
    for (unsigned i = 0; i < MEMORY_PART_COUNT; i++) {
        assert_true(strlen(memory_bound_what((enum memory_part)i)) > 0);
        sum += b.part[i].n * b.part[i].each;
    }
    assert_int_equal(sum, b.total);
    config_release(&c);
    return b.total;
}

static void the_memory_bound_follows_the_limits(void **state)
{
    (void)state;
    uint64_t def = bound_with(NULL);
    assert_true(bound_with("limits.max_series=2000000") > def * 19 / 10);
    assert_true(bound_with("limits.max_series=1000") < 256u << 20);
    assert_true(bound_with("aggregate.sketch_schema=6") > def);
    assert_true(bound_with("aggregate.summary_age_buckets=10") > def);
    assert_true(bound_with("http.listen=") < def);
    assert_int_equal(bound_with("redis.spool_max_bytes=512MiB"), def);   /* Redis is off */
}

static void describe_has_every_row_of_each_table(void **state)
{
    (void)state;
    static const char *const metrics[] = {
#define X(id, name, kind, label, help) name,
        SELFMETRICS(X) SELFMETRICS_MEASURED(X)
#undef X
    };
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
        for (size_t i = 0; i < ARRAY_LEN(metrics); i++)
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
    for (char *save, *line = strtok_r(d.out, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save), rows++) {
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
        cmocka_unit_test(a_bad_config_never_runs),
        cmocka_unit_test(bad_usage_is_one_message_and_status_2),
        cmocka_unit_test(help_and_version_are_answers_not_errors),
        cmocka_unit_test(an_output_that_cannot_be_written_is_told),
        cmocka_unit_test(check_shows_what_counts_and_hides_the_password),
        cmocka_unit_test(the_memory_bound_follows_the_limits),
        cmocka_unit_test(describe_has_every_row_of_each_table),
        cmocka_unit_test(markdown_rows_have_as_many_cells_as_the_head),
    };
    return cmocka_run_group_tests_name("cli", tests, NULL, NULL);
}
