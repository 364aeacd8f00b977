/**
 * run: one stretch of load, watched from its first second until the server has read the last datagram.
 *   thread   the caller's; blocks for the duration
 */
#ifndef LOADGEN_RUN_H
#define LOADGEN_RUN_H

#include <stdbool.h>
#include <stddef.h>

#include "probe.h"
#include "scraper.h"
#include "send/sender.h"
#include "tally.h"

/* Once a second, and the last one when all is settled: it holds the sums.  Everything counts from the start of the run; NaN is unknown. */
struct run_row {
    double at_s;
    double rate;               /* wished on average since the row before, per second; NaN: as fast as possible */
    double wished;             /* wished until now, in the shape's unit */
    struct tally_totals sent;
    struct probe_reading server;
    double scrape_s;           /* latency of the latest scrape */
};

struct run_opts {
    const struct payload *payload;
    struct sender_opts sender;         /* its block and its hook are set here: the payload's, and one that counts its lines */
    struct probe probe;
    double scrape_interval_s;
    /* Wait up to this long.   returns  true: the user wants to stop */
    bool (*wait)(void *cookie, double seconds);
    void (*on_row)(void *cookie, const struct run_row *now, const struct run_row *before);   /* may be NULL */
    void *cookie;
};

struct run_result {
    struct run_row *rows;
    size_t n, cap;
    bool interrupted;
    int scrape_error;                  /* -errno when /metrics did not answer any more at the end: the server's figures are unknown */
    double elapsed_s;                  /* of sending */
    double backlog_s;                  /* from the last send until the receive queue was empty; NaN: unknown */
    double settle_s;                   /* until the server's own counters had all of it, less the time of a scrape; NaN: unknown, or never */
    double wished;                     /* in the shape's unit */
    struct tally_totals sent;
    struct probe_reading server;       /* what the run added (monotonic values), the end (others) */
    double rss_peak_bytes;
    bool has_scrapes;
    struct scraper_summary scrapes;
};

/* returns  0; -errno: /metrics did not answer before the start (then ret->scrape_error says so, too), or sockets or threads could not be had */
int run_load(const struct run_opts *o, struct run_result *ret);
void run_release(struct run_result *r);

/* Derived figures; NaN when not known. */
double run_row_loss(const struct run_row *row);            /* so far: datagrams that client and kernel lost, and samples that the server did not take */
double run_loss(const struct run_result *r);               /* part of what was attempted that never was aggregated (or received) */
bool run_loss_is_at_least(const struct run_result *r);     /* the server says nothing: run_loss is what the sender knows to be lost */
bool run_all_is_lost(const struct run_result *r);          /* something was attempted, and none of it arrived */
double run_received_datagrams(const struct run_result *r);
double run_cpu_us_per_1000(const struct run_result *r);    /* server CPU for 1,000 samples that it took */
double run_rate_error(const struct run_result *r, bool by_datagram);   /* (attempted - wished) / wished */

#endif
