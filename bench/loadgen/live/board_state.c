#include <math.h>

#include "board.h"

enum { ROWS_MOST = 3600 }; /* of an answer; the page asks for the others next */

static json_t *real(double v)
{
    return isfinite(v) ? json_real(v) : json_null();
}

static double per_second(double now, double before, double dt_s)
{
    return dt_s > 0 ? fmax((now - before) / dt_s, 0) : NAN;
}

/* fmax of a NaN is the other one. */
static double rate_of(const struct run_row *now, const struct run_row *before, enum probe_value of,
                      double dt_s)
{
    double d = now->server.v[of] - before->server.v[of];
    return isnan(d) ? NAN : per_second(now->server.v[of], before->server.v[of], dt_s);
}

/* second, wished/s, sent/s, aggregated/s, part lost so far, CPU of the server, scrape in ms, RSS;
 * rates are of lines, or datagrams where the load counts these. */
static json_t *row_json(const struct board *b, size_t i)
{
    static const struct run_row start;
    const struct run_row *now = &b->result.rows[i], *before = i > 0 ? now - 1 : &start;
    bool datagrams = b->load.datagram_rate;
    double dt_s = now->at_s - before->at_s;
    double sent = (double)(datagrams ? now->sent.datagrams : now->sent.lines);
    double was = (double)(datagrams ? before->sent.datagrams : before->sent.lines);
    json_t *row = json_array();
    json_array_append_new(row, real(now->at_s));
    json_array_append_new(row, real(now->rate));
    json_array_append_new(row, real(per_second(sent, was, dt_s)));
    json_array_append_new(
        row, real(rate_of(now, before, datagrams ? PROBE_DATAGRAMS : PROBE_AGGREGATED, dt_s)));
    json_array_append_new(row, real(run_row_loss(now)));
    json_array_append_new(row, real(rate_of(now, before, PROBE_CPU_S, dt_s)));
    json_array_append_new(row, real(now->scrape_s * 1e3));
    json_array_append_new(row, real(now->server.v[PROBE_RSS_BYTES]));
    return row;
}

static json_t *rows_json(const struct board *b, size_t since)
{
    json_t *rows = json_array();
    size_t n = b->result.n;
    /* The last row of a run that is over holds the sums, after the last second. */
    if (b->state == BOARD_ready && n > 1)
        n--;
    for (size_t i = since; i < n && i - since < ROWS_MOST; i++)
        json_array_append_new(rows, row_json(b, i));
    return rows;
}

static json_t *worker_json(const struct fleet_worker *w)
{
    json_t *o = json_object();
    json_object_set_new(o, "name", json_string(w->name));
    json_object_set_new(o, "state", json_string(fleet_state_name[w->state]));
    json_object_set_new(o, "why", w->why[0] != '\0' ? json_string(w->why) : json_null());
    json_object_set_new(o, "lines_per_second", real(w->lines_per_s));
    json_object_set_new(o, "lines", json_integer((json_int_t)w->sent.lines));
    json_object_set_new(o, "datagrams", json_integer((json_int_t)w->sent.datagrams));
    json_object_set_new(o, "failed_datagrams", json_integer((json_int_t)w->sent.failed_datagrams));
    return o;
}

static json_t *workers_json(const struct fleet *f)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < f->n; i++)
        if (f->at[i].state != FLEET_joining)
            json_array_append_new(list, worker_json(&f->at[i]));
    return list;
}

static void put_setting(void *cookie, const char *name, const char *value)
{
    json_t *text = json_string(value);
    if (text != NULL)
        json_object_set_new(cookie, name, text);
}

static json_t *sums_json(const struct board *b)
{
    const struct run_result *r = &b->result;
    const struct run_row *last = r->n > 0 ? &r->rows[r->n - 1] : NULL;
    if (last == NULL)
        return json_null();
    json_t *o = json_object();
    bool over = b->state == BOARD_ready;
    json_object_set_new(o, "lines", json_integer((json_int_t)last->sent.lines));
    json_object_set_new(o, "datagrams", json_integer((json_int_t)last->sent.datagrams));
    json_object_set_new(o, "aggregated", real(last->server.v[PROBE_AGGREGATED]));
    json_object_set_new(o, "loss", real(over ? run_loss(r) : run_row_loss(last)));
    json_object_set_new(o, "scrape_p50_ms",
                        over && r->scrapes.scrapes > 0 ? real(r->scrapes.p50_s * 1e3)
                                                       : json_null());
    json_object_set_new(o, "scrape_p99_ms",
                        over && r->scrapes.scrapes > 0 ? real(r->scrapes.p99_s * 1e3)
                                                       : json_null());
    return o;
}

json_t *board_state_json(const struct board *b, size_t since)
{
    json_t *o = json_object(), *settings = json_object();
    opts_each(&b->plan->opts, put_setting, settings);
    json_object_set_new(o, "state",
                        json_string(b->start ? "starting" : board_state_name[b->state]));
    json_object_set_new(o, "run", json_integer(b->run));
    json_object_set_new(o, "unit", json_string(b->load.datagram_rate ? "datagrams" : "lines"));
    json_object_set_new(o, "to", json_string(b->plan->setup.target.text));
    json_object_set_new(o, "metrics",
                        b->opts->metrics != NULL ? json_string(b->opts->metrics) : json_null());
    json_object_set_new(o, "error", b->error[0] != '\0' ? json_string(b->error) : json_null());
    json_object_set_new(o, "settings", settings);
    json_object_set_new(o, "workers", workers_json(b->fleet));
    json_object_set_new(o, "sums", sums_json(b));
    json_object_set_new(o, "rows", rows_json(b, since));
    return o;
}
