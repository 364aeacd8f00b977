/*
 * report_judge takes a run apart (where was what lost, which bounds hold); report_text prints it, a
 * function for each group of lines: text_sent, text_workers, text_nobody, text_received,
 * text_server.  The other forms are in report_json.c, report_csv.c and report_html.c, which takes
 * the text over.
 */
#include "report.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "words.h"

static void add_bound(struct report *r, const char *name, const char *unit, double value,
                      double limit)
{
    if (isnan(limit))
        return;
    assert(r->n_bounds < REPORT_BOUNDS);
    r->bounds[r->n_bounds++] = (struct report_bound){ name, unit, value, limit, !(value <= limit) };
}

/* A scrape that failed came in no time at all. */
static double scrape_p99_ms(const struct run_result *run)
{
    const struct scraper_summary *s = &run->scrapes;
    if (!run->has_scrapes || s->scrapes == 0 || s->failures * 100 > s->scrapes + s->failures)
        return NAN;
    return s->p99_s * 1e3;
}

bool report_judge(struct report *r)
{
    const struct run_result *run = r->run;
    double failed = (double)run->sent.failed_datagrams, drops = run->server.v[PROBE_DROPS];
    double unreachable = (double)run->sent.unreachable_datagrams;
    double elsewhere = (double)run->sent.datagrams - unreachable - run->server.v[PROBE_DATAGRAMS] -
                       (isnan(drops) ? 0 : drops);
    r->loss = (struct report_loss){
        .client_datagrams = failed,
        .unreachable_datagrams = unreachable,
        .kernel_datagrams = drops,
        .rejected_samples = run->server.v[PROBE_REJECTED],
        .refused_samples = run->server.v[PROBE_REFUSED],
        .elsewhere_datagrams = elsewhere,
        .elsewhere_lines =
            run->sent.connections > 0 ? (double)run->sent.lines - run->server.v[PROBE_LINES] : NAN,
        .part = run_loss(run),
        .at_least = run_loss_is_at_least(run),
    };
    r->n_bounds = 0;
    /* What is lost at least can break a bound, but not hold it. */
    add_bound(r, "max-loss", "",
              r->loss.at_least && r->loss.part <= r->opts->max_loss ? NAN : r->loss.part,
              r->opts->max_loss);
    add_bound(r, "max-cpu", "us per 1,000 samples", run_cpu_us_per_1000(run), r->opts->max_cpu);
    add_bound(r, "max-scrape-ms", "ms", scrape_p99_ms(run), r->opts->max_scrape_ms);
    bool ok = run->scrape_error == 0 && !run->sent.nobody && !run_all_is_lost(run);
    for (size_t i = 0; i < r->n_bounds; i++)
        ok = ok && !r->bounds[i].broken;
    return ok;
}

/* "label        value unit" pieces of one text line. */
static void put(struct buf *out, const char *before, double v, const char *after)
{
    buf_append_str(out, before);
    words_count(out, v);
    buf_append_str(out, after);
}

static void text_sent(const struct report *r, struct buf *out)
{
    const struct run_result *run = r->run;
    put(out, "sent          ", (double)run->sent.lines, " lines in ");
    put(out, "", (double)run->sent.datagrams, " ");
    buf_printf(out, "%ss (%.1f MB) in %.2f s: ", words_unit(r->opts), (double)run->sent.bytes / 1e6,
               run->elapsed_s);
    put(out, "", (double)run->sent.lines / run->elapsed_s, " lines/s, ");
    put(out, "", (double)run->sent.datagrams / run->elapsed_s, " ");
    buf_printf(out, "%ss/s\n", words_unit(r->opts));
    if (run->sent.connections > 0) {
        put(out, "connections   ", (double)run->sent.connections, ", reopened ");
        put(out, "", (double)run->sent.reconnects, ", not read to the end ");
        put(out, "", (double)run->sent.unfinished, "\n");
    }
    double error = run_rate_error(run, r->opts->datagram_rate);
    if (!isnan(error))
        buf_printf(out, "pace          %+.3f %% of the load asked for", error * 100);
    if (!isnan(error) && run->sent.forgiven >= 1) {
        put(out, "; ", run->sent.forgiven, " ");
        buf_printf(out, "%ss came too late and were left out",
                   r->opts->datagram_rate ? words_unit(r->opts) : "line");
    }
    if (!isnan(error))
        buf_append_char(out, '\n');
}

static void text_workers(const struct report *r, struct buf *out)
{
    for (size_t i = 0; i < r->n_workers; i++) {
        const struct report_worker *w = &r->workers[i];
        buf_printf(out, "worker        %s: ", w->name);
        put(out, "", (double)w->sent.lines, " lines in ");
        put(out, "", (double)w->sent.datagrams, " ");
        buf_printf(out, "%ss%s%s%s\n", words_unit(r->opts), w->lost ? ", LOST" : "",
                   *w->why != '\0' ? ": " : "", w->why);
    }
}

static void text_nobody(const struct report *r, struct buf *out)
{
    bool all = run_all_is_lost(r->run);
    if (r->run->sent.nobody)
        buf_printf(out, "server        nobody listens at %s%s\n", r->opts->to,
                   all ? "" : " at the end");
    else if (all)
        buf_printf(out, "server        nothing of what was sent to %s arrived\n", r->opts->to);
}

/* Where lines were lost: by datagrams, or on a stream by lines. */
static void text_places(const struct report *r, struct buf *out)
{
    const struct tally_totals *sent = &r->run->sent;
    bool stream = sent->connections > 0;
    if (stream)
        put(out, "  in the client ", (double)sent->failed_lines, " lines");
    else
        put(out, "  in the client ", r->loss.client_datagrams, " datagrams");
    if (r->loss.client_datagrams > 0)
        buf_printf(out, " (%s)", err_text(sent->error));
    if (stream) {
        put(out, ", elsewhere ", r->loss.elsewhere_lines, " lines\n");
    } else {
        put(out, ", in the kernel ", r->loss.kernel_datagrams, " datagrams, elsewhere ");
        put(out, "", r->loss.elsewhere_datagrams, " datagrams\n");
    }
    if (r->loss.unreachable_datagrams > 0) {
        put(out, "  on arrival    ", r->loss.unreachable_datagrams, " datagrams");
        buf_printf(out, " (%s)\n", err_text(sent->unreachable_error));
    }
    put(out, "  in the server ", r->loss.rejected_samples, " samples rejected, ");
    put(out, "", r->loss.refused_samples, " refused by a limit\n");
    const struct scrape_counters *c = &r->run->server.counters;
    for (size_t i = 0; i < c->n_rejected; i++) {
        buf_printf(out, "    rejected as %s: ", c->rejected[i].name);
        put(out, "", c->rejected[i].count, "\n");
    }
}

static void text_conservation(const struct report *r, struct buf *out)
{
    const double *v = r->run->server.v;
    bool stream = r->run->sent.connections > 0;
    double elsewhere = stream ? r->loss.elsewhere_lines : r->loss.elsewhere_datagrams;
    double kept =
        v[PROBE_SAMPLES_READ] - v[PROBE_AGGREGATED] - v[PROBE_REJECTED] - v[PROBE_REFUSED];
    if (!isnan(kept) && !isnan(elsewhere))
        buf_printf(out, "conservation  %s %s, samples %s\n", stream ? "lines" : "datagrams",
                   elsewhere == 0 ? "add up" : "DO NOT ADD UP (other senders count too)",
                   kept == 0 ? "add up" : "DO NOT ADD UP");
}

static void text_received(const struct report *r, struct buf *out)
{
    const double *v = r->run->server.v;
    if (r->run->sent.connections > 0)
        put(out, "received      ", v[PROBE_LINES], " lines; ");
    else
        put(out, "received      ", run_received_datagrams(r->run), " datagrams; ");
    put(out, "samples: ", v[PROBE_SAMPLES_READ], " read, ");
    put(out, "", v[PROBE_AGGREGATED], " aggregated\n");
    bool silent = r->run->has_scrapes && r->run->scrape_error == 0 && isnan(v[PROBE_DATAGRAMS]) &&
                  isnan(v[PROBE_LINES]) && isnan(v[PROBE_AGGREGATED]);
    if (silent)
        buf_append_str(out, "server        --metrics has none of this server's counters, or they "
                            "began anew; for another server: --samples-metric\n");
    else if (isnan(r->loss.part))
        buf_append_str(out,
                       "loss          not known: give --metrics, or a UDP port of this machine\n");
    if (!isnan(r->loss.part))
        buf_printf(out, "loss          %s%.4f %%\n", r->loss.at_least ? "at least " : "",
                   r->loss.part * 100);
    text_places(r, out);
    text_conservation(r, out);
}

static void text_server(const struct report *r, struct buf *out)
{
    const struct run_result *run = r->run;
    const double *v = run->server.v;
    if (!isnan(v[PROBE_CPU_S]))
        buf_printf(out, "server CPU    %.3f s (%.1f %% of one core)", v[PROBE_CPU_S],
                   v[PROBE_CPU_S] / run->elapsed_s * 100);
    if (!isnan(v[PROBE_CPU_S]) && !isnan(run_cpu_us_per_1000(run)))
        buf_printf(out, ", %.1f us per 1,000 samples", run_cpu_us_per_1000(run));
    if (!isnan(v[PROBE_CPU_S]))
        buf_append_char(out, '\n');
    if (!isnan(v[PROBE_RSS_BYTES]))
        buf_printf(out, "server memory %.1f MiB at the end, %.1f MiB at most\n",
                   v[PROBE_RSS_BYTES] / 1048576, run->rss_peak_bytes / 1048576);
    if (!isnan(run->backlog_s))
        buf_printf(out, "backlog       receive queue %s %.0f ms after the last send\n",
                   v[PROBE_QUEUE_BYTES] > 0 ? "STILL NOT EMPTY" : "empty", run->backlog_s * 1e3);
    if (run->has_scrapes && run->scrapes.scrapes == 0)
        buf_printf(out, "scrape        n/a (0 scrapes, %.0f failed)\n",
                   (double)run->scrapes.failures);
    if (run->has_scrapes && run->scrapes.scrapes > 0)
        buf_printf(out,
                   "scrape        p50 %.1f ms, p90 %.1f ms, p99 %.1f ms, max %.1f ms "
                   "(%.0f scrapes, %.0f failed)\n",
                   run->scrapes.p50_s * 1e3, run->scrapes.p90_s * 1e3, run->scrapes.p99_s * 1e3,
                   run->scrapes.max_s * 1e3, (double)run->scrapes.scrapes,
                   (double)run->scrapes.failures);
    if (!isnan(v[PROBE_FLUSH_S]))
        buf_printf(out, "flush         last %.2f ms, longest seen %.2f ms\n",
                   v[PROBE_FLUSH_S] * 1e3, fmax(run->scrapes.flush_max_s, v[PROBE_FLUSH_S]) * 1e3);
}

void report_text(const struct report *r, struct buf *out)
{
    const char *per = r->opts->datagram_rate ? words_unit(r->opts) : "line";
    buf_append_str(out, "load          ");
    words_load(r->opts, "              ", out);
    if (r->run->interrupted)
        buf_append_str(out, "interrupted: the figures are those until then\n");
    for (size_t i = 0; i < r->n_trials; i++) {
        const struct report_trial *t = &r->trials[i];
        put(out, "trial         ", t->rate, " ");
        buf_printf(out, "%ss/s", per);
        if (isnan(t->loss))
            buf_printf(out, "  loss n/a  %s\n", t->verdict);
        else
            buf_printf(out, "  loss %.4f %%  %s\n", t->loss * 100, t->verdict);
    }
    if (r->n_trials > 0) {
        put(out, "highest rate  ", r->best_rate, " ");
        buf_printf(out, "%ss/s", per);
        buf_append_str(out, r->best_rate <= 0 ? ": no trial passed\n"
                            : r->sender_limited
                                ? ", limited by the sender; the server may take more\n"
                                : "\n");
    }
    text_sent(r, out);
    text_workers(r, out);
    text_nobody(r, out);
    if (r->run->scrape_error < 0)
        buf_printf(out, "server        --metrics does not answer any more: %s\n",
                   err_text(r->run->scrape_error));
    text_received(r, out);
    text_server(r, out);
    for (size_t i = 0; i < r->n_bounds; i++) {
        const struct report_bound *b = &r->bounds[i];
        buf_printf(out, "bound         --%s %g: ", b->name, b->limit);
        if (isnan(b->value))
            buf_append_str(out, "not known, so BROKEN\n");
        else
            buf_printf(out, "%g %s\n", b->value, b->broken ? "BROKEN" : "holds");
    }
}
