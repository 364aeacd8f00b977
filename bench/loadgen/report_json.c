/*
 * One object: title and settings, then a member for each of sent, server, loss, scrape and search
 * (a function each), the bounds, and the rows of the time series.
 */
#include "report.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

/* Unknown is null. */
static void put_number(json_t *o, const char *key, double v)
{
    json_object_set_new(o, key, isfinite(v) ? json_real(v) : json_null());
}

static void put_count(json_t *o, const char *key, double v)
{
    json_object_set_new(o, key, fabs(v) < 9e18 ? json_integer((json_int_t)v) : json_null());
}

/* JSON is UTF-8; arguments and other servers' labels are what they are. */
static json_t *text_of(const char *text)
{
    json_t *s = json_string(text);
    if (s != NULL)
        return s;
    size_t n = strlen(text);
    char *ascii = mem_alloc(n + 1);
    for (size_t i = 0; i <= n; i++)
        ascii[i] = (unsigned char)text[i] < 128 ? text[i] : '?';
    s = json_string(ascii);
    free(ascii);
    return s;
}

static void put_setting(void *cookie, const char *name, const char *value)
{
    json_object_set_new(cookie, name, text_of(value));
}

static json_t *sent_of(const struct report *r)
{
    const struct tally_totals *s = &r->run->sent;
    json_t *o = json_object();
    put_count(o, "lines", (double)s->lines);
    put_count(o, "datagrams", (double)s->datagrams);
    put_count(o, "values", (double)s->values);
    put_count(o, "bytes", (double)s->bytes);
    put_number(o, "counter_increments", s->increments);
    put_count(o, "failed_datagrams", (double)s->failed_datagrams);
    put_count(o, "failed_lines", (double)s->failed_lines);
    put_count(o, "connections", (double)s->connections);
    put_count(o, "reconnects", (double)s->reconnects);
    put_count(o, "unfinished_connections", (double)s->unfinished);
    put_number(o, "too_late", s->forgiven);
    put_number(o, "wished", r->run->wished);
    put_number(o, "rate_error", run_rate_error(r->run, r->opts->datagram_rate));
    put_number(o, "seconds", r->run->elapsed_s);
    put_number(o, "lines_per_second", (double)s->lines / r->run->elapsed_s);
    put_number(o, "datagrams_per_second", (double)s->datagrams / r->run->elapsed_s);
    return o;
}

static json_t *server_of(const struct report *r)
{
    const double *v = r->run->server.v;
    const struct scrape_counters *c = &r->run->server.counters;
    json_t *o = json_object(), *reasons = json_object();
    put_count(o, "received_datagrams", run_received_datagrams(r->run));
    put_count(o, "kernel_drops", v[PROBE_DROPS]);
    put_count(o, "received_lines", v[PROBE_LINES]);
    put_count(o, "samples_read", v[PROBE_SAMPLES_READ]);
    put_count(o, "samples_aggregated", v[PROBE_AGGREGATED]);
    put_count(o, "samples_rejected", v[PROBE_REJECTED]);
    put_count(o, "samples_refused", v[PROBE_REFUSED]);
    put_count(o, "values_aggregated", v[PROBE_VALUES]);
    put_count(o, "series", v[PROBE_SERIES]);
    put_number(o, "cpu_seconds", v[PROBE_CPU_S]);
    put_number(o, "cpu_us_per_1000_samples", run_cpu_us_per_1000(r->run));
    put_count(o, "rss_bytes", v[PROBE_RSS_BYTES]);
    put_count(o, "rss_peak_bytes", r->run->rss_peak_bytes);
    put_number(o, "last_flush_seconds", v[PROBE_FLUSH_S]);
    put_number(o, "backlog_seconds", r->run->backlog_s);
    put_number(o, "settle_seconds", r->run->settle_s);
    for (size_t i = 0; i < c->n_rejected; i++)
        put_count(reasons, c->rejected[i].name, c->rejected[i].count);
    json_object_set_new(o, "rejected_by_reason", reasons);
    json_object_set_new(o, "scrape_error",
                        r->run->scrape_error < 0 ? json_string(err_text(r->run->scrape_error))
                                                 : json_null());
    return o;
}

static json_t *loss_of(const struct report *r)
{
    json_t *o = json_object();
    put_number(o, "part", r->loss.part);
    json_object_set_new(o, "part_is_at_least", json_boolean(r->loss.at_least));
    put_count(o, "client_datagrams", r->loss.client_datagrams);
    put_count(o, "unreachable_datagrams", r->loss.unreachable_datagrams);
    put_count(o, "kernel_datagrams", r->loss.kernel_datagrams);
    put_count(o, "elsewhere_datagrams", r->loss.elsewhere_datagrams);
    put_count(o, "elsewhere_lines", r->loss.elsewhere_lines);
    put_count(o, "rejected_samples", r->loss.rejected_samples);
    put_count(o, "refused_samples", r->loss.refused_samples);
    return o;
}

static json_t *scrapes_of(const struct scraper_summary *s)
{
    json_t *o = json_object();
    put_count(o, "count", (double)s->scrapes);
    put_count(o, "failed", (double)s->failures);
    double ms = s->scrapes > 0 ? 1e3 : NAN;
    put_number(o, "p50_ms", s->p50_s * ms);
    put_number(o, "p90_ms", s->p90_s * ms);
    put_number(o, "p99_ms", s->p99_s * ms);
    put_number(o, "max_ms", s->max_s * ms);
    put_number(o, "longest_flush_ms", s->flush_max_s * 1e3);
    return o;
}

static json_t *workers_of(const struct report *r)
{
    json_t *list = json_array();
    for (size_t i = 0; i < r->n_workers; i++) {
        const struct report_worker *w = &r->workers[i];
        json_t *o = json_object();
        json_object_set_new(o, "name", text_of(w->name));
        json_object_set_new(o, "lost", json_boolean(w->lost));
        json_object_set_new(o, "error", *w->why != '\0' ? text_of(w->why) : json_null());
        put_count(o, "lines", (double)w->sent.lines);
        put_count(o, "datagrams", (double)w->sent.datagrams);
        put_count(o, "bytes", (double)w->sent.bytes);
        put_count(o, "failed_datagrams", (double)w->sent.failed_datagrams);
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *rows_of(const struct run_result *run)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < run->n; i++) {
        const struct run_row *row = &run->rows[i];
        const double *v = row->server.v;
        json_t *o = json_object();
        put_number(o, "second", row->at_s);
        put_number(o, "wished_rate", row->rate);
        put_count(o, "sent_lines", (double)row->sent.lines);
        put_count(o, "sent_datagrams", (double)row->sent.datagrams);
        put_count(o, "failed_datagrams", (double)row->sent.failed_datagrams);
        put_count(o, "unreachable_datagrams", (double)row->sent.unreachable_datagrams);
        put_count(o, "received_datagrams", v[PROBE_DATAGRAMS]);
        put_count(o, "kernel_drops", v[PROBE_DROPS]);
        put_count(o, "samples_aggregated", v[PROBE_AGGREGATED]);
        put_count(o, "samples_rejected", v[PROBE_REJECTED]);
        put_count(o, "samples_refused", v[PROBE_REFUSED]);
        put_number(o, "cpu_seconds", v[PROBE_CPU_S]);
        put_count(o, "rss_bytes", v[PROBE_RSS_BYTES]);
        put_number(o, "scrape_seconds", row->scrape_s);
        json_array_append_new(rows, o);
    }
    return rows;
}

static json_t *search_of(const struct report *r)
{
    json_t *o = json_object(), *trials = json_array();
    put_number(o, "highest_rate", r->best_rate);
    json_object_set_new(o, "sender_limited", json_boolean(r->sender_limited));
    for (size_t i = 0; i < r->n_trials; i++) {
        json_t *t = json_object();
        put_number(t, "rate", r->trials[i].rate);
        put_number(t, "loss", r->trials[i].loss);
        put_number(t, "cpu_us_per_1000_samples", r->trials[i].cpu_us);
        put_number(t, "backlog_seconds", r->trials[i].backlog_s);
        json_object_set_new(t, "verdict", json_string(r->trials[i].verdict));
        json_array_append_new(trials, t);
    }
    json_object_set_new(o, "trials", trials);
    return o;
}

void report_json(const struct report *r, struct buf *out)
{
    json_t *root = json_object(), *settings = json_object(), *bounds = json_object();
    opts_each(r->opts, put_setting, settings);
    for (size_t i = 0; i < r->n_bounds; i++)
        json_object_set_new(bounds, r->bounds[i].name, json_boolean(!r->bounds[i].broken));
    json_object_set_new(root, "title", text_of(r->opts->title));
    json_object_set_new(root, "started", json_string(r->started));
    json_object_set_new(root, "interrupted", json_boolean(r->run->interrupted));
    json_object_set_new(root, "settings", settings);
    json_object_set_new(root, "sent", sent_of(r));
    json_object_set_new(root, "server", server_of(r));
    json_object_set_new(root, "loss", loss_of(r));
    json_object_set_new(root, "scrape",
                        r->run->has_scrapes ? scrapes_of(&r->run->scrapes) : json_null());
    json_object_set_new(root, "workers", workers_of(r));
    json_object_set_new(root, "search", r->n_trials > 0 ? search_of(r) : json_null());
    json_object_set_new(root, "bounds_held", bounds);
    json_object_set_new(root, "rows", rows_of(r->run));
    char *text = json_dumps(root, JSON_INDENT(2));
    json_decref(root);
    if (text == NULL)
        abort();
    buf_append_str(out, text);
    buf_append_char(out, '\n');
    free(text);
}
