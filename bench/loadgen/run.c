/*
 * One run, in the order of run_load:
 *
 *     probe_scrape         what the server has counted so far
 *     load_kind.start      the senders, and a scraper beside them
 *     watch                a row each second, until the senders end or the user stops them
 *     wait_for_queue       how long the server reads on
 *     wait_for_answers     what came back for the last sends
 *     settle               until the server's counters account for all, or no longer change
 *     add_sums             the last row
 *
 * Below it are the figures that are derived from a result.
 */
#include "run.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/now.h"

#define TICK_S     0.05
#define LAST_ROW_S 0.2 /* a row less than that after the one before says nothing new */
/* Within that a port of this machine, or of one nearby, answers that nobody listens */
#define ICMP_S   0.02
#define SETTLE_S 5.0
/* Scrapes in a row without a change: the server has read all that will arrive */
#define SETTLE_SAME 5

struct run {
    const struct run_opts *o;
    struct run_result *r;
    const struct load_kind *kind;
    void *load;
    struct scraper *scraper;
    struct probe_reading before;
    double scrape_s; /* latency of a scrape before the start */
    uint64_t end_ns; /* of sending */
};

static void add_row(struct run *run)
{
    struct run_result *r = run->r;
    struct run_row row = { .at_s = run->kind->elapsed_s(run->load), .scrape_s = NAN };
    /* The mean, as the rate that was sent is one: at its end a rising second asks for more than it
     * did before. */
    double from_s = r->n > 0 ? r->rows[r->n - 1].at_s : 0,
           wished_before = r->n > 0 ? r->rows[r->n - 1].wished : 0;
    row.wished = run->kind->wished(run->load, row.at_s);
    assert(row.at_s > from_s);
    row.rate = (row.wished - wished_before) / (row.at_s - from_s);
    run->kind->totals(run->load, &row.sent);
    struct scrape_counters c;
    struct probe_reading now;
    bool any = run->scraper != NULL && scraper_last(run->scraper, &c, &row.scrape_s);
    probe_read(&run->o->probe, any ? &c : NULL, &now);
    probe_since(&now, &run->before, &row.server);
    if (now.v[PROBE_RSS_BYTES] > r->rss_peak_bytes)
        r->rss_peak_bytes = now.v[PROBE_RSS_BYTES];
    r->rows = mem_grow(r->rows, &r->cap, r->n + 1, sizeof *r->rows);
    r->rows[r->n++] = row;
    if (run->o->on_row != NULL)
        run->o->on_row(run->o->cookie, &r->rows[r->n - 1], r->n > 1 ? &r->rows[r->n - 2] : NULL);
}

/* What the rows before say of the server is as old as the latest scrape. */
static void add_sums(struct run *run)
{
    struct run_result *r = run->r;
    r->rows = mem_grow(r->rows, &r->cap, r->n + 1, sizeof *r->rows);
    r->rows[r->n++] = (struct run_row){ .at_s = run->kind->elapsed_s(run->load),
                                        .rate = NAN,
                                        .wished = r->wished,
                                        .sent = r->sent,
                                        .server = r->server,
                                        .scrape_s = NAN };
}

static void watch(struct run *run)
{
    double next_s = 1;
    while (run->kind->running(run->load)) {
        double left_s = next_s - run->kind->elapsed_s(run->load);
        if (run->o->wait(run->o->cookie, fmin(fmax(left_s, 0.001), TICK_S))) {
            run->r->interrupted = true;
            run->kind->stop(run->load);
            break;
        }
        if (run->kind->elapsed_s(run->load) >= next_s) {
            add_row(run);
            next_s += 1;
        }
    }
    run->r->elapsed_s = run->kind->join(run->load);
    run->end_ns = now_mono_ns();
}

/* How long the server needs for what still lies in its receive queue. */
static double wait_for_queue(struct run *run)
{
    uint64_t from_ns = now_mono_ns();
    double waited_s = 0;
    struct probe_reading now;
    for (;;) {
        probe_read(&run->o->probe, NULL, &now);
        waited_s = (double)(now_mono_ns() - from_ns) * 1e-9;
        if (isnan(now.v[PROBE_QUEUE_BYTES]))
            return NAN;
        if (!(now.v[PROBE_QUEUE_BYTES] > 0) || waited_s > SETTLE_S)
            return waited_s;
        run->o->wait(run->o->cookie, 0.002);
    }
}

/* How much of what was sent the server accounts for, 1 being all; NaN when it does not say. */
static double accounted_part(const struct probe_reading *server, const struct tally_totals *sent)
{
    const double *v = server->v;
    double lost =
        (isnan(v[PROBE_DROPS]) ? 0 : v[PROBE_DROPS]) + (double)sent->unreachable_datagrams;
    double drops = lost / (double)sent->datagrams;
    if (!isnan(v[PROBE_DATAGRAMS]))
        return v[PROBE_DATAGRAMS] / (double)sent->datagrams + drops;
    if (!isnan(v[PROBE_LINES]))
        return v[PROBE_LINES] / (double)sent->lines;
    /* A datagram holds as many lines as the next, on average */
    return v[PROBE_AGGREGATED] / (double)sent->lines + drops;
}

/* Read the server until all that was sent is accounted for, or nothing changes any more. */
static int settle(struct run *run)
{
    struct run_result *r = run->r;
    struct probe_reading now;
    double seen = -1;
    int same = 0, rc;
    uint64_t from_ns = now_mono_ns();
    for (;;) {
        rc = probe_scrape(&run->o->probe, &now);
        probe_since(&now, &run->before, &r->server);
        double known = accounted_part(&r->server, &r->sent);
        bool all = known >= 1 - 1e-9;
        if (all)
            r->settle_s = fmax((double)(now_mono_ns() - run->end_ns) * 1e-9 - run->scrape_s, 0);
        same = known > seen ? 0 : same + 1;
        seen = fmax(seen, known);
        if (rc < 0 || isnan(known) || all || same >= SETTLE_SAME)
            return rc;
        if ((double)(now_mono_ns() - from_ns) * 1e-9 > SETTLE_S)
            return 0;
        run->o->wait(run->o->cookie, 0.05);
    }
}

/*
 * What is known only after the last send: answers by ICMP, and of streams when the server has read
 * them to their end, which is how long it reads on.
 */
static void wait_for_answers(struct run *run)
{
    struct run_result *r = run->r;
    bool stream = run->o->sender.target->kind->stream;
    if (!stream)
        run->o->wait(run->o->cookie, ICMP_S);
    run->kind->settle(run->load);
    run->kind->totals(run->load, &r->sent);
    if (stream && r->sent.unfinished == 0)
        r->backlog_s = (double)(now_mono_ns() - run->end_ns) * 1e-9;
}

int run_load(const struct run_opts *o, struct run_result *ret)
{
    struct run_result r = {
        .backlog_s = NAN, .settle_s = NAN, .wished = NAN, .rss_peak_bytes = NAN
    };
    const struct load local = { &load_local, NULL }, *load = o->load != NULL ? o->load : &local;
    struct run run = { .o = o, .r = &r, .kind = load->kind };
    uint64_t asked_ns = now_mono_ns();
    int rc = probe_scrape(&o->probe, &run.before);
    *ret = (struct run_result){ .scrape_error = rc };
    if (rc < 0)
        return rc;
    run.scrape_s = (double)(now_mono_ns() - asked_ns) * 1e-9;
    r.rss_peak_bytes = run.before.v[PROBE_RSS_BYTES];
    if (o->probe.has_metrics)
        run.scraper = scraper_start(&o->probe.metrics, o->scrape_interval_s);
    rc = run.kind->start(load->with, &o->sender, o->payload, &run.load);
    if (rc == 0) {
        watch(&run);
        r.wished = run.kind->wished(run.load, r.elapsed_s);
        r.backlog_s = wait_for_queue(&run);
        wait_for_answers(&run);
        if (r.n == 0 || run.kind->elapsed_s(run.load) - r.rows[r.n - 1].at_s > LAST_ROW_S)
            add_row(&run);
    }
    if (run.scraper != NULL) {
        scraper_end(run.scraper, &r.scrapes);
        r.has_scrapes = true;
    }
    if (rc == 0) {
        r.scrape_error = settle(&run);
        add_sums(&run);
        run.kind->end(run.load);
    }
    if (rc < 0) {
        run_release(&r);
        return rc;
    }
    r.rss_peak_bytes = fmax(r.rss_peak_bytes, r.server.v[PROBE_RSS_BYTES]);
    *ret = r;
    return 0;
}

void run_release(struct run_result *r)
{
    free(r->rows);
    *r = (struct run_result){ 0 };
}

/* Datagrams of which the sender itself knows that they did not arrive. */
static double lost_on_the_way(const struct tally_totals *sent)
{
    return (double)(sent->failed_datagrams + sent->unreachable_datagrams);
}

/* Streams: all that was handed to the kernel has also been read. */
static bool all_was_read(const struct tally_totals *sent)
{
    return sent->connections > 0 && sent->reconnects == 0 && sent->unfinished == 0;
}

double run_row_loss(const struct run_row *row)
{
    const double *v = row->server.v;
    double attempted = (double)(row->sent.datagrams + row->sent.failed_datagrams);
    double lines = (double)(row->sent.lines + row->sent.failed_lines);
    double lost = lost_on_the_way(&row->sent);
    bool known = !isnan(v[PROBE_DROPS]) || lost > 0 || row->sent.connections > 0;
    if (!known || !(attempted > 0))
        return attempted > 0 ? NAN : 0;
    double loss = (lost + (isnan(v[PROBE_DROPS]) ? 0 : v[PROBE_DROPS])) / attempted;
    double refused = v[PROBE_REJECTED] + v[PROBE_REFUSED];
    return loss + (isnan(refused) ? 0 : refused / lines);
}

double run_received_datagrams(const struct run_result *r)
{
    double received = r->server.v[PROBE_DATAGRAMS];
    return isnan(received) ? (double)(r->sent.datagrams - r->sent.unreachable_datagrams) -
                                 r->server.v[PROBE_DROPS]
                           : received;
}

double run_loss(const struct run_result *r)
{
    double lines = (double)(r->sent.lines + r->sent.failed_lines);
    double datagrams = (double)(r->sent.datagrams + r->sent.failed_datagrams);
    if (!(datagrams > 0))
        return 0;
    double loss = 1 - r->server.v[PROBE_AGGREGATED] / lines;
    if (isnan(loss))
        loss = 1 - run_received_datagrams(r) / datagrams;
    if (isnan(loss) && (lost_on_the_way(&r->sent) > 0 || all_was_read(&r->sent)))
        loss = lost_on_the_way(&r->sent) / datagrams; /* at least that */
    return isnan(loss) ? NAN : fmax(loss, 0);
}

bool run_loss_is_at_least(const struct run_result *r)
{
    double lost = lost_on_the_way(&r->sent),
           attempted = (double)(r->sent.datagrams + r->sent.failed_datagrams);
    return lost > 0 && lost < attempted && isnan(r->server.v[PROBE_AGGREGATED]) &&
           isnan(run_received_datagrams(r)) && !all_was_read(&r->sent);
}

bool run_all_is_lost(const struct run_result *r)
{
    return r->sent.lines + r->sent.failed_lines > 0 && run_loss(r) >= 1;
}

double run_cpu_us_per_1000(const struct run_result *r)
{
    double samples = r->server.v[PROBE_AGGREGATED];
    if (isnan(samples))
        samples = (double)r->sent.lines * run_received_datagrams(r) / (double)r->sent.datagrams;
    return samples > 0 ? r->server.v[PROBE_CPU_S] / samples * 1e9 : NAN;
}

double run_rate_error(const struct run_result *r, bool by_datagram)
{
    double attempted = by_datagram ? (double)(r->sent.datagrams + r->sent.failed_datagrams)
                                   : (double)(r->sent.lines + r->sent.failed_lines);
    return r->wished > 0 ? (attempted - r->wished) / r->wished : NAN;
}
