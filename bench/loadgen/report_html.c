/*
 * The report as one page of HTML that needs no other file: its style, the report as text, a chart
 * for each group of columns (charts; chart.c draws them), the load and its settings.
 */
#include "report.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "chart.h"
#include "words.h"

/* clang-format off */
static const char style[] =
    ":root{color-scheme:light dark;--bg:#fff;--fg:#1c2430;--soft:#68758a;--rule:#dde3ea;"
    "--s0:#1666c5;--s1:#d2691e;--s2:#2b8a3e;--s3:#8e44ad}"
    "@media(prefers-color-scheme:dark){:root{--bg:#14181f;--fg:#e4e9f0;--soft:#93a0b4;"
    "--rule:#2b3340;--s0:#6cb0ff;--s1:#ffab66;--s2:#69d08a;--s3:#d39bf2}}"
    "body{margin:2rem auto;max-width:88rem;padding:0 1rem;background:var(--bg);color:var(--fg);"
    "font:15px/1.45 system-ui,sans-serif}"
    "h1{font-size:1.4rem;margin:0}p.when{color:var(--soft);margin:.2rem 0 1rem}"
    "main{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr));gap:1rem}"
    "figure{margin:0;padding:.6rem;border:1px solid var(--rule);border-radius:6px}"
    "figcaption span{color:var(--soft);margin-left:.4rem}"
    ".legend{float:right;color:var(--fg)}"
    ".legend i{display:inline-block;width:.9em;height:.25em;margin:0 .3em .25em .8em}"
    "i.s0{background:var(--s0)}i.s1{background:var(--s1)}i.s2{background:var(--s2)}"
    "i.s3{background:var(--s3)}"
    "svg{width:100%;height:auto;display:block}"
    "svg text{font:11px system-ui,sans-serif;fill:var(--soft)}text.y{text-anchor:end}"
    "text.x{text-anchor:middle}text.last{text-anchor:end}"
    ".grid{stroke:var(--rule)}"
    ".line{fill:none;stroke-width:1.8;stroke-linejoin:round;stroke-linecap:round}"
    "path.s0{stroke:var(--s0)}path.s1{stroke:var(--s1)}path.s2{stroke:var(--s2)}"
    "path.s3{stroke:var(--s3)}"
    ".tip{fill:transparent}.tip:hover{fill:var(--soft);fill-opacity:.12}"
    "pre{overflow:auto;padding:.8rem;border:1px solid var(--rule);border-radius:6px;font-size:13px}"
    "table{border-collapse:collapse}td{padding:.1rem 1.2rem .1rem 0}"
    "td:first-child{color:var(--soft)}";
/* clang-format on */

/* Columns of the charts, one double per row. */
enum column {
    X_AT,
    Y_WISHED,
    Y_SENT,
    Y_RECEIVED,
    Y_LOSS_CLIENT,
    Y_LOSS_ARRIVAL,
    Y_LOSS_KERNEL,
    Y_LOSS_SERVER,
    Y_CPU,
    Y_RSS,
    Y_SCRAPE,
    COLUMNS
};

static double lost_in_server(const struct run_row *row)
{
    return row->server.v[PROBE_REJECTED] + row->server.v[PROBE_REFUSED];
}

/* Rates are differences between a row and the one before; the first is compared with the start. */
static void fill(const struct report *r, double *column[COLUMNS])
{
    static const struct run_row start; /* all zero: everything counts from the start */
    bool by_datagram = r->opts->datagram_rate;
    for (size_t i = 0; i < r->run->n; i++) {
        const struct run_row *a = i > 0 ? &r->run->rows[i - 1] : &start, *b = &r->run->rows[i];
        double dt = b->at_s - a->at_s;
        const double *u = a->server.v, *v = b->server.v;
        enum probe_value received = by_datagram ? PROBE_DATAGRAMS : PROBE_AGGREGATED;
        column[X_AT][i] = b->at_s;
        column[Y_WISHED][i] = b->rate;
        column[Y_SENT][i] = (double)(by_datagram ? b->sent.datagrams - a->sent.datagrams
                                                 : b->sent.lines - a->sent.lines) /
                            dt;
        column[Y_RECEIVED][i] = (v[received] - u[received]) / dt;
        column[Y_LOSS_CLIENT][i] =
            (double)(b->sent.failed_datagrams - a->sent.failed_datagrams) / dt;
        column[Y_LOSS_ARRIVAL][i] =
            (double)(b->sent.unreachable_datagrams - a->sent.unreachable_datagrams) / dt;
        column[Y_LOSS_KERNEL][i] = (v[PROBE_DROPS] - u[PROBE_DROPS]) / dt;
        column[Y_LOSS_SERVER][i] = (lost_in_server(b) - lost_in_server(a)) / dt;
        column[Y_CPU][i] = (v[PROBE_CPU_S] - u[PROBE_CPU_S]) / dt * 100;
        column[Y_RSS][i] = v[PROBE_RSS_BYTES] / 1048576;
        column[Y_SCRAPE][i] = b->scrape_s * 1e3;
    }
}

static void charts(const struct report *r, struct buf *out)
{
    double *column[COLUMNS];
    size_t n = r->run->n;
    /* The last row is read after the queue has drained: its second is often a fraction, and its
     * rate says nothing. */
    if (n > 1 && r->run->rows[n - 1].at_s - r->run->rows[n - 2].at_s < 0.5)
        n--;
    for (int i = 0; i < COLUMNS; i++)
        column[i] = mem_zalloc((r->run->n + 1) * sizeof(double));
    fill(r, column);
    const struct chart all[] = {
        { r->opts->datagram_rate ? "Datagrams" : "Lines",
          "per second",
          column[X_AT],
          n,
          { { "asked for", column[Y_WISHED] },
            { "sent", column[Y_SENT] },
            { "received", column[Y_RECEIVED] } },
          3 },
        { "Loss",
          "per second",
          column[X_AT],
          n,
          { { "client (datagrams)", column[Y_LOSS_CLIENT] },
            { "on arrival (datagrams)", column[Y_LOSS_ARRIVAL] },
            { "kernel (datagrams)", column[Y_LOSS_KERNEL] },
            { "server (samples)", column[Y_LOSS_SERVER] } },
          4 },
        { "Server CPU", "% of one core", column[X_AT], n, { { "CPU", column[Y_CPU] } }, 1 },
        { "Server memory", "MiB resident", column[X_AT], n, { { "resident", column[Y_RSS] } }, 1 },
        { "Scrape", "ms for /metrics", column[X_AT], n, { { "latency", column[Y_SCRAPE] } }, 1 },
    };
    buf_append_str(out, "<main>\n");
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        chart_svg(&all[i], out);
    buf_append_str(out, "</main>\n");
    for (int i = 0; i < COLUMNS; i++)
        free(column[i]);
}

static void setting(void *cookie, const char *name, const char *value)
{
    struct buf *out = cookie;
    buf_append_str(out, "<tr><td>");
    chart_escape(out, name);
    buf_append_str(out, "</td><td>");
    chart_escape(out, value);
    buf_append_str(out, "</td></tr>\n");
}

void report_html(const struct report *r, struct buf *out)
{
    struct buf text = { 0 };
    report_text(r, &text);
    buf_append_char(&text, '\0');
    buf_append_str(
        out, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
             "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>");
    chart_escape(out, r->opts->title);
    buf_printf(out, "</title>\n<style>%s</style></head><body>\n<h1>", style);
    chart_escape(out, r->opts->title);
    buf_printf(out, "</h1><p class=\"when\">started %s</p>\n<pre>", r->started);
    chart_escape(out, text.ptr);
    buf_append_str(out, "</pre>\n");
    charts(r, out);
    text.len = 0;
    words_load(r->opts, "", &text);
    buf_append_char(&text, '\0');
    buf_append_str(out, "<h2>The load</h2>\n<p>");
    chart_escape(out, text.ptr);
    buf_append_str(out, "</p>\n<table>\n");
    opts_each(r->opts, setting, out);
    buf_append_str(out, "</table></body></html>\n");
    buf_release(&text);
}
