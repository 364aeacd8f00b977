#include "report.h"

#include <math.h>

#include "base/number.h"

static void field(struct buf *out, double v, char end)
{
    if (!isnan(v))
        out->len += number_print(buf_reserve(out, NUMBER_TEXT_MAX), v);
    buf_append_char(out, end);
}

static const char columns[] =
    "second,wished_rate,sent_lines,sent_datagrams,failed_datagrams,received_datagrams,"
    "kernel_drops,samples_aggregated,samples_rejected,samples_refused,cpu_seconds,rss_bytes,"
    "queue_bytes,scrape_seconds,flush_seconds,unreachable_datagrams\n";

void report_csv(const struct report *r, struct buf *out)
{
    buf_append_str(out, columns);
    for (size_t i = 0; i < r->run->n; i++) {
        const struct run_row *row = &r->run->rows[i];
        const double *v = row->server.v;
        buf_printf(out, "%.3f,", row->at_s);
        field(out, row->rate, ',');
        field(out, (double)row->sent.lines, ',');
        field(out, (double)row->sent.datagrams, ',');
        field(out, (double)row->sent.failed_datagrams, ',');
        field(out, v[PROBE_DATAGRAMS], ',');
        field(out, v[PROBE_DROPS], ',');
        field(out, v[PROBE_AGGREGATED], ',');
        field(out, v[PROBE_REJECTED], ',');
        field(out, v[PROBE_REFUSED], ',');
        field(out, v[PROBE_CPU_S], ',');
        field(out, v[PROBE_RSS_BYTES], ',');
        field(out, v[PROBE_QUEUE_BYTES], ',');
        field(out, row->scrape_s, ',');
        field(out, v[PROBE_FLUSH_S], ',');
        field(out, (double)row->sent.unreachable_datagrams, '\n');
    }
}
