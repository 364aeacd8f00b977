/*
 * statsd-bench: options -> setup -> one run, or trials of many -> reports -> exit status.
 *
 *     main
 *       help, version
 *       setup_init          what the options ask for; complains of what is wrong with them
 *       steer_worker        --worker
 *       page                --web: board_run, then finish
 *       bench
 *         run_load          one stretch of load, or
 *         trials_run        --find-max, or
 *         steer_load        --workers: by other processes
 *         finish            report on standard output and in files
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "base/err.h"
#include "base/startup.h"
#include "live/board.h"
#include "live/steer.h"
#include "opts.h"
#include "report.h"
#include "run.h"
#include "setup.h"
#include "status.h"
#include "trials.h"
#include "words.h"

#ifndef STATSD_VERSION
#define STATSD_VERSION "unknown"
#endif

enum { EXIT_OK, EXIT_BROKEN, EXIT_USAGE };

static int write_file(const char *path, const struct report *r,
                      void (*format)(const struct report *, struct buf *))
{
    if (path == NULL)
        return EXIT_OK;
    struct buf b = { 0 };
    format(r, &b);
    FILE *f = fopen(path, "we");
    bool ok = f != NULL && fwrite(b.ptr, 1, b.len, f) == b.len;
    if (f != NULL)
        ok = fclose(f) == 0 && ok;
    buf_release(&b);
    if (!ok)
        fprintf(stderr, "statsd-bench: %s: %s\n", path, err_text(errno));
    return ok ? EXIT_OK : EXIT_BROKEN;
}

static int complain_of_run(const struct opts *o, const char *target, int rc, bool metrics)
{
    const char *why = err_text(rc), *hint = "";
    if (metrics) {
        why = rc == -ENOENT ? "no such host" : rc == -EPROTO ? "not an answer of a /metrics" : why;
        hint = ".  Is the server running, and is this its address and path?";
    } else if (rc == -EMFILE) {
        hint = ": fewer --threads, --sockets or --connections, or a higher ulimit -n";
    } else if (rc == -ENOENT || rc == -ECONNREFUSED) {
        fprintf(stderr,
                "statsd-bench: --to %s: nobody listens there (%s): all of it would be lost.  "
                "Is the server running?\n",
                target, why);
        return EXIT_BROKEN;
    }
    fprintf(stderr, "statsd-bench: --%s %s: %s%s\n", metrics ? "metrics" : "to",
            metrics ? o->metrics : target, why, hint);
    return EXIT_BROKEN;
}

static int finish(const struct opts *o, struct report *report)
{
    bool ok = report_judge(report);
    if (o->find_max && !(report->best_rate > 0))
        ok = false;
    struct buf text = { 0 };
    report_text(report, &text);
    (void)fwrite(text.ptr, 1, text.len, stdout);
    buf_release(&text);
    int rc = ok ? EXIT_OK : EXIT_BROKEN;
    rc |= write_file(o->json, report, report_json);
    rc |= write_file(o->csv, report, report_csv);
    rc |= write_file(o->html, report, report_html);
    return rc;
}

/* fleet: who sends; NULL: threads of this process */
static int bench(const struct opts *o, struct setup *s, struct fleet *fleet)
{
    struct report report = { .opts = o };
    struct report_worker workers[FLEET_MAX];
    struct run_result result = { 0 };
    struct trials trials = { 0 };
    struct status status;
    time_t now = time(NULL);
    struct tm tm;
    (void)strftime(report.started, sizeof report.started, "%Y-%m-%dT%H:%M:%SZ",
                   gmtime_r(&now, &tm));
    status_init(&status, o->quiet, o->datagram_rate);
    s->run.wait = status_wait;
    s->run.on_row = status_row;
    s->run.cookie = &status;
    int rc = fleet != NULL ? steer_load(fleet, o, &s->run, &status, &result)
             : o->find_max ? trials_run(&trials, o, &s->run, &status, &result)
                           : run_load(&s->run, &result);
    status_end(&status);
    if (rc == -EINTR) {
        rc = EXIT_BROKEN;
    } else if (rc < 0) {
        rc = complain_of_run(o, s->target.text, rc, result.scrape_error < 0);
    } else {
        report.run = &result;
        if (fleet != NULL)
            board_workers(fleet, &report, workers);
        report.trials = trials.at;
        report.n_trials = trials.n;
        report.best_rate = trials.best_rate;
        report.sender_limited = trials.sender_limited;
        rc = finish(o, &report);
    }
    trials_release(&trials);
    run_release(&result);
    return rc;
}

static int complain(const struct buf *error)
{
    fprintf(stderr, "statsd-bench: %.*s\n", (int)error->len, error->ptr);
    return EXIT_BROKEN;
}

static int page(const struct opts *o, struct setup *s, struct fleet *fleet)
{
    struct status status;
    struct report *report = NULL;
    struct buf error = { 0 };
    struct board board = { .opts = o, .watched = &s->run, .fleet = fleet, .status = &status };
    status_init(&status, o->quiet || !o->autostart, o->datagram_rate);
    int rc = board_run(&board, &report, &error) < 0 ? complain(&error) : EXIT_OK;
    status_end(&status);
    if (report != NULL)
        rc |= finish(o, report);
    board_free(&board);
    buf_release(&error);
    return rc;
}

/* By processes of their own, which begin as copies of this one: without the datagrams here. */
static int steer(const struct opts *o, struct setup *s)
{
    struct fleet fleet;
    struct buf error = { 0 };
    payload_release(&s->payload);
    int rc = steer_begin(&fleet, o, &error) < 0 ? complain(&error)
             : o->web != NULL                   ? page(o, s, &fleet)
                                                : bench(o, s, &fleet);
    fleet_end(&fleet);
    buf_release(&error);
    return rc;
}

static int work(const struct opts *o)
{
    struct buf error = { 0 };
    int rc = steer_worker(o, &error) < 0 ? complain(&error) : EXIT_OK;
    buf_release(&error);
    return rc;
}

/* A report that nobody can read is a failure, whatever the run was. */
static int output_end(int rc)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return rc;
    fprintf(stderr, "statsd-bench: cannot write standard output: %s\n", err_text(-errno));
    return EXIT_BROKEN;
}

static int help(void)
{
    char name[] = "statsd-bench", *argv[] = { name, NULL };
    struct opts usual;
    struct buf load = { 0 }, error = { 0 };
    int rc = opts_parse(1, argv, &usual, &error);
    assert(rc == 0);
    words_load(&usual, "  ", &load);
    opts_help(stdout, buf_slice(&load));
    buf_release(&load);
    return output_end(EXIT_OK);
}

int main(int argc, char **argv)
{
    struct opts opts;
    struct setup setup;
    struct buf error = { 0 };
    if (!startup())
        return EXIT_BROKEN;
    if (opts_parse(argc, argv, &opts, &error) < 0) {
        fprintf(stderr, "statsd-bench: %.*s (see --help)\n", (int)error.len, error.ptr);
        buf_release(&error);
        return EXIT_USAGE;
    }
    if (opts.help)
        return help();
    if (opts.version) {
        puts("statsd-bench " STATSD_VERSION);
        return output_end(EXIT_OK);
    }
    if (opts.worker)
        return work(&opts);
    int rc = EXIT_USAGE;
    if (!setup_init(&setup, &opts, 0))
        (void)complain(&setup.error);
    else
        rc = steer_asked(&opts) ? steer(&opts, &setup) : bench(&opts, &setup, NULL);
    setup_release(&setup);
    return output_end(rc);
}
