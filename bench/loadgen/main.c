/*
 * statsd-bench: options -> payload and shape -> one run, or a search of many -> reports -> exit status.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/startup.h"
#include "opts.h"
#include "procfs.h"
#include "report.h"
#include "run.h"
#include "search.h"
#include "status.h"
#include "words.h"

#ifndef STATSD_VERSION
#define STATSD_VERSION "unknown"
#endif

enum { EXIT_OK, EXIT_BROKEN, EXIT_USAGE };

struct bench {
    struct opts opts;
    struct target target;
    struct payload payload;
    struct shape shape;
    struct run_opts run;
    struct status status;
    struct report_trial *trials;
    size_t n_trials, cap_trials;
};

static int complain(const char *what, const char *text)
{
    fprintf(stderr, "statsd-bench: %s%s%s\n", what, *text ? ": " : "", text);
    return EXIT_USAGE;
}

static int read_text(const char *path, struct buf *out)
{
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return -errno;
    size_t n;
    while ((n = fread(buf_reserve(out, 4096), 1, 4096, f)) > 0)
        out->len += n;
    int rc = ferror(f) ? -EIO : 0;
    (void)fclose(f);
    return rc;
}

static int make_shape(struct bench *b)
{
    struct opts *o = &b->opts;
    struct shape_spec spec = { .rate = o->rate, .rate_to = o->rate_to, .duration_s = o->duration_s,
                               .period_s = isnan(o->period_s) ? 0 : o->period_s, .steps = o->steps };
    if (shape_init(&b->shape, o->shape, &spec) == 0)
        return EXIT_OK;
    struct buf text = { 0 };
    unsigned line = 0;
    char where[64];
    int rc = read_text(o->shape, &text);
    if (rc < 0) {
        buf_release(&text);
        fprintf(stderr, "statsd-bench: --shape %s is neither constant, ramp, steps, spike, sine nor a file: %s\n", o->shape,
                err_text(rc));
        return EXIT_USAGE;
    }
    rc = shape_init_csv(&b->shape, buf_slice(&text), &line);
    buf_release(&text);
    snprintf(where, sizeof where, line > 0 ? "line %u is not second,rate in ascending order" : "no line of second,rate", line);
    if (rc < 0) {
        fprintf(stderr, "statsd-bench: --shape %s: %s\n", o->shape, where);
        return EXIT_USAGE;
    }
    o->duration_s = shape_end(&b->shape);
    return o->duration_s > 0 ? EXIT_OK : complain("--shape: the file lasts no time, its last second is 0", o->shape);
}

/* Datagrams are whole: of a load so small that one of them is more than 2 % of it, they hold fewer lines. */
static uint32_t most_lines(const struct bench *b)
{
    const struct opts *o = &b->opts;
    double most = 0.02 * shape_total(&b->shape, o->duration_s);
    return o->datagram_rate || o->find_max || o->gso > 1 || !(most < 65536) ? 0 : most < 1 ? 1 : (uint32_t)most;
}

static int make_payload(struct bench *b)
{
    const struct opts *o = &b->opts;
    struct payload_spec spec = { .seed = o->seed, .series = o->series, .tags = o->tags, .tag_values = o->tag_values,
                                 .skew = o->skew, .bytes = o->payload, .most = most_lines(b), .packed = o->packed, .rate = o->sample_rate,
                                 .set_members = o->set_members, .lines = o->pool_lines, .pad = o->gso > 1,
                                 .prefix = o->prefix, .suffix = o->suffix };
    if (mix_parse(slice_str(o->types), &spec.mix) < 0)
        return complain("--types is a list like c=60,ms=30,g=10 of c ms g s h d", "");
    if (values_parse(slice_str(o->values), &spec.values) < 0)
        return complain("--values is constant:V, uniform:FROM:TO or lognormal:MEDIAN:SIGMA", "");
    if (o->gso > 1 && !b->target.kind->gso)
        return complain("--gso is for UDP only", "");
    if (o->payload > b->target.kind->datagram_max) {
        fprintf(stderr, "statsd-bench: --payload %" PRIu32 " is more than a datagram of %s holds: at most %zu\n", o->payload,
                b->target.kind->name, b->target.kind->datagram_max);
        return EXIT_USAGE;
    }
    if (payload_init(&b->payload, &spec) < 0) {
        fprintf(stderr, "statsd-bench: --payload %" PRIu32 ": a line of %" PRIu32 " bytes does not fit; a larger one, or fewer --tags or --packed\n",
                o->payload, b->payload.longest);
        return EXIT_USAGE;
    }
    return EXIT_OK;
}

static int make_run(struct bench *b)
{
    const struct opts *o = &b->opts;
    struct run_opts *r = &b->run;
    r->payload = &b->payload;
    r->sender = (struct sender_opts){ .target = &b->target,
                                      .shape = isinf(o->rate) ? NULL : &b->shape,
                                      .by_datagram = o->datagram_rate, .duration_s = o->duration_s, .threads = o->threads,
                                      .sockets = o->sockets, .batch = o->batch, .segments = o->gso,
                                      .send_buffer_bytes = (int)o->send_buffer };
    r->probe = (struct probe){ .pid = (pid_t)o->pid, .received_file = o->received_file,
                               .port = b->target.kind->kernel_drops && b->target.here ? b->target.port : 0 };
    if (o->metrics != NULL && scrape_url_parse(o->metrics, &r->probe.metrics) < 0)
        return complain("--metrics is an address like http://127.0.0.1:9102/metrics", o->metrics);
    r->probe.has_metrics = o->metrics != NULL;
    if (o->pid > 0 && procfs_cpu_s((pid_t)o->pid) < 0) {
        fprintf(stderr, "statsd-bench: --pid %" PRIu32 ": no such process on this machine\n", o->pid);
        return EXIT_USAGE;
    }
    if (o->received_file != NULL && access(o->received_file, R_OK) < 0) {
        fprintf(stderr, "statsd-bench: --received-file %s: %s\n", o->received_file, err_text(errno));
        return EXIT_USAGE;
    }
    snprintf(r->probe.metrics.samples, sizeof r->probe.metrics.samples, "%s", o->samples_metric);
    r->scrape_interval_s = o->scrape_interval_s;
    r->wait = status_wait;
    r->on_row = status_row;
    r->cookie = &b->status;
    return EXIT_OK;
}

/* A rate counts only if the queue did not just hide what the server could not read in time. */
static enum search_verdict judge_trial(const struct bench *b, const struct run_result *r, const char **ret_why)
{
    double most = isnan(b->opts.max_loss) ? 0.001 : b->opts.max_loss;
    double short_of = -run_rate_error(r, b->opts.datagram_rate);
    bool known = !isnan(run_loss(r)) && !run_loss_is_at_least(r);
    if (r->interrupted)
        *ret_why = "interrupted";
    else if (r->scrape_error < 0)
        *ret_why = "the server is gone";
    else if (r->sent.nobody)
        *ret_why = "nobody listens there";
    else if (!known && !(run_loss(r) > most))
        *ret_why = "loss is not known: give --metrics";
    else if (!(run_loss(r) <= most))
        *ret_why = "failed: loss";
    else if (fmax(r->backlog_s, r->settle_s) > 0.2 + 0.02 * b->opts.trial_s)
        *ret_why = "failed: backlog";
    else if (short_of > 0.01)
        *ret_why = "the sender cannot offer more";
    else
        *ret_why = "passed";
    if (r->interrupted || r->scrape_error < 0 || r->sent.nobody || **ret_why == 'l')
        return SEARCH_STOPPED;
    return **ret_why == 'p' ? SEARCH_PASSED : **ret_why == 'f' ? SEARCH_FAILED : SEARCH_SENDER_LIMITED;
}

static int run_trial(struct bench *b, struct search *s, double rate, struct run_result *ret)
{
    struct shape_spec spec = { .rate = rate, .duration_s = b->opts.trial_s };
    struct shape shape;
    const char *why;
    shape_init(&shape, "constant", &spec);
    b->run.sender.shape = &shape;
    b->run.sender.duration_s = b->opts.trial_s;
    struct run_result r;
    int rc = run_load(&b->run, &r);
    b->run.sender.shape = NULL;
    shape_release(&shape);
    if (rc < 0 && b->n_trials > 0) {
        ret->scrape_error = rc;   /* what the trials before said is still to be reported */
        search_result(s, SEARCH_STOPPED);
        return 0;
    }
    if (rc < 0) {
        *ret = r;
        return rc;
    }
    enum search_verdict v = judge_trial(b, &r, &why);
    b->trials = mem_grow(b->trials, &b->cap_trials, b->n_trials + 1, sizeof *b->trials);
    b->trials[b->n_trials++] = (struct report_trial){ rate, run_loss(&r), run_cpu_us_per_1000(&r), r.backlog_s, why };
    /* The report shows the best trial; until one passes, the latest. */
    bool best_before = s->best > 0;
    search_result(s, v);
    if (v == SEARCH_PASSED || !best_before) {
        run_release(ret);
        *ret = r;
    } else {
        ret->interrupted = ret->interrupted || r.interrupted;
        ret->scrape_error = ret->scrape_error < 0 ? ret->scrape_error : r.scrape_error;
        run_release(&r);
    }
    return 0;
}

static int find_max(struct bench *b, struct report *report, struct run_result *ret)
{
    double limit = isnan(b->opts.rate_to) || isinf(b->opts.rate_to) ? 1e9 : b->opts.rate_to, rate;
    struct search s;
    int rc = 0;
    search_init(&s, b->opts.rate, limit, b->opts.resolution);
    while (rc == 0 && !b->status.stop && search_next(&s, &rate)) {
        size_t before = b->n_trials;
        rc = run_trial(b, &s, rate, ret);
        if (b->n_trials > before && !b->opts.quiet)
            fprintf(stderr, "%strial %u: %.0f/s %s\n", b->status.terminal ? "\r\033[K" : "", s.trials, rate,
                    b->trials[b->n_trials - 1].verdict);
        status_wait(&b->status, 0.2);
    }
    report->trials = b->trials;
    report->n_trials = b->n_trials;
    report->best_rate = s.best;
    report->sender_limited = s.sender_limited;
    return rc;
}

static int write_file(const char *path, const struct report *r, void (*format)(const struct report *, struct buf *))
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

/* A report that cannot be written is told before the load, not after it. */
static int try_files(const struct opts *o)
{
    const char *const path[] = { o->json, o->csv, o->html }, *const name[] = { "json", "csv", "html" };
    for (size_t i = 0; i < ARRAY_LEN(path); i++) {
        FILE *f = path[i] != NULL ? fopen(path[i], "ae") : NULL;
        if (path[i] != NULL && f == NULL) {
            fprintf(stderr, "statsd-bench: --%s %s: %s\n", name[i], path[i], err_text(errno));
            return EXIT_USAGE;
        }
        if (f != NULL)
            (void)fclose(f);
    }
    return EXIT_OK;
}

static int complain_of_run(const struct bench *b, int rc, bool metrics)
{
    const char *why = err_text(rc), *hint = "";
    if (metrics) {
        why = rc == -ENOENT ? "no such host" : rc == -EPROTO ? "not an answer of a /metrics" : why;
        hint = ".  Is the server running, and is this its address and path?";
    } else if (rc == -EMFILE) {
        hint = ": fewer --threads or --sockets, or a higher ulimit -n";
    } else if (rc == -ENOENT || rc == -ECONNREFUSED) {
        fprintf(stderr, "statsd-bench: --to %s: nobody listens there (%s): all of it would be lost.  Is the server running?\n",
                b->target.text, why);
        return EXIT_BROKEN;
    }
    fprintf(stderr, "statsd-bench: --%s %s: %s%s\n", metrics ? "metrics" : "to", metrics ? b->opts.metrics : b->target.text, why, hint);
    return EXIT_BROKEN;
}

static int finish(struct bench *b, struct report *report)
{
    bool ok = report_judge(report);
    if (b->opts.find_max && !(report->best_rate > 0))
        ok = false;
    struct buf text = { 0 };
    report_text(report, &text);
    (void)fwrite(text.ptr, 1, text.len, stdout);
    buf_release(&text);
    int rc = ok ? EXIT_OK : EXIT_BROKEN;
    rc |= write_file(b->opts.json, report, report_json);
    rc |= write_file(b->opts.csv, report, report_csv);
    rc |= write_file(b->opts.html, report, report_html);
    return rc;
}

static int bench(struct bench *b)
{
    struct report report = { .opts = &b->opts };
    struct run_result result = { 0 };
    time_t now = time(NULL);
    struct tm tm;
    (void)strftime(report.started, sizeof report.started, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
    status_init(&b->status, b->opts.quiet, b->opts.datagram_rate);
    int rc = b->opts.find_max ? find_max(b, &report, &result) : run_load(&b->run, &result);
    status_end(&b->status);
    if (rc < 0) {
        rc = complain_of_run(b, rc, result.scrape_error < 0);
        run_release(&result);
        return rc;
    }
    report.run = &result;
    rc = finish(b, &report);
    run_release(&result);
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
    struct bench b = { 0 };
    struct buf error = { 0 };
    if (!startup())
        return EXIT_BROKEN;
    if (opts_parse(argc, argv, &b.opts, &error) < 0) {
        fprintf(stderr, "statsd-bench: %.*s (see --help)\n", (int)error.len, error.ptr);
        buf_release(&error);
        return EXIT_USAGE;
    }
    if (b.opts.help)
        return help();
    if (b.opts.version) {
        puts("statsd-bench " STATSD_VERSION);
        return output_end(EXIT_OK);
    }
    int rc = target_parse(b.opts.to, &b.target);
    if (rc < 0)
        return complain(rc == -ENOENT ? "--to: no such host" : "--to is udp://HOST:PORT, unixgram:///PATH or unixgram://@NAME, not this", b.opts.to);
    rc = make_shape(&b);
    if (rc == EXIT_OK)
        rc = make_payload(&b);
    if (rc == EXIT_OK)
        rc = make_run(&b);
    if (rc == EXIT_OK)
        rc = try_files(&b.opts);
    if (rc == EXIT_OK)
        rc = bench(&b);
    payload_release(&b.payload);
    shape_release(&b.shape);
    free(b.trials);
    return output_end(rc);
}
