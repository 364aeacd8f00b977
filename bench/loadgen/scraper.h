/**
 * scraper: /metrics read at an interval, beside the load: the latest counters, and how long each
 * scrape took.
 *   thread   it runs one of its own; the functions are the creator's
 */
#ifndef LOADGEN_SCRAPER_H
#define LOADGEN_SCRAPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scrape.h"

struct scraper;

/* Scrape each interval_s from now on; url is copied.   returns  NULL when no thread can be had */
struct scraper *scraper_start(const struct scrape_url *url, double interval_s);

/* The counters of the latest scrape that succeeded, and its latency.   returns  false: none has
 * yet; outputs untouched */
bool scraper_last(struct scraper *s, struct scrape_counters *ret, double *ret_latency_s);

struct scraper_summary {
    /* Those that succeeded; those that did not, which have no latency */
    uint64_t scrapes, failures;
    double p50_s, p90_s, p99_s, max_s; /* latency; 0 without a scrape */
    double flush_max_s;                /* the longest flush that a scrape has shown */
};

/* Stop, wait for the thread (a scrape under way has 10 s), hand over the sums, and free s. */
void scraper_end(struct scraper *s, struct scraper_summary *ret);

/* Nearest rank; sorts x.   returns  0 when n is 0 */
double scraper_percentile(double *x, size_t n, double q);

#endif
