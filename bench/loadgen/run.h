/**
 * run: one stretch of load, watched from its first second until the server has read the last
 * datagram.
 *   thread   the caller's; blocks for the duration
 */
#ifndef LOADGEN_RUN_H
#define LOADGEN_RUN_H

#include <stdbool.h>
#include <stddef.h>

#include "load.h"
#include "probe.h"
#include "scraper.h"
#include "send/sender.h"
#include "tally.h"

/* Once a second, and the last one when all is settled: it holds the sums.  Everything counts from
 * the start of the run; NaN is unknown. */
struct run_row {
    double at_s;
    /* Wished on average since the row before, per second; NaN: as fast as possible */
    double rate;
    double wished; /* wished until now, in the shape's unit */
    struct tally_totals sent;
    struct probe_reading server;
    double scrape_s; /* latency of the latest scrape */
};

struct run_opts {
    const struct payload *payload;
    /* Its block and its hook are set here: the payload's, and one that counts its lines */
    struct sender_opts sender;
    const struct load *load; /* who sends; NULL: threads of this process */
    struct probe probe;
    double scrape_interval_s;
    /* Wait up to this long.   returns  true: the user wants to stop */
    bool (*wait)(void *cookie, double seconds);
    /* May be NULL */
    void (*on_row)(void *cookie, const struct run_row *now, const struct run_row *before);
    void *cookie;
};

struct run_result {
    struct run_row *rows;
    size_t n, cap;
    bool interrupted;
    /* -errno when /metrics did not answer any more at the end: the server's figures are unknown */
    int scrape_error;
    double elapsed_s; /* of sending */
    /* From the last send until the receive queue was empty; NaN: unknown */
    double backlog_s;
    /* Until the server's own counters had all of it, less the time of a scrape; NaN: unknown, or
     * never */
    double settle_s;
    double wished; /* in the shape's unit */
    struct tally_totals sent;
    struct probe_reading server; /* what the run added (monotonic values), the end (others) */
    double rss_peak_bytes;
    bool has_scrapes;
    struct scraper_summary scrapes;
};

/* returns  0; -errno: /metrics did not answer before the start (then ret->scrape_error says so,
 * too), or sockets or threads could not be had */
int run_load(const struct run_opts *o, struct run_result *ret);
void run_release(struct run_result *r);

/* Derived figures; NaN when not known. */
/* So far: datagrams that client and kernel lost, and samples that the server did not take */
double run_row_loss(const struct run_row *row);
/* Part of what was attempted that never was aggregated (or received) */
double run_loss(const struct run_result *r);
/* The server says nothing: run_loss is what the sender knows to be lost */
bool run_loss_is_at_least(const struct run_result *r);
/* Something was attempted, and none of it arrived */
bool run_all_is_lost(const struct run_result *r);
double run_received_datagrams(const struct run_result *r);
/* Server CPU for 1,000 samples that it took */
double run_cpu_us_per_1000(const struct run_result *r);
/* (attempted - wished) / wished */
double run_rate_error(const struct run_result *r, bool by_datagram);

#endif
