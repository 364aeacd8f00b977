/**
 * probe: what can be known of the server at one moment, from whichever sources there are.
 *
 *   --metrics        its own counters            (datagrams, drops, samples, flush, CPU, memory)
 *   --pid            /proc and its CPU clock     (CPU and memory, exact; preferred over the above)
 *   the target port  /proc/net/udp               (drops, queue), when the port is on this machine
 *   --received-file  a number of datagrams that another receiver writes
 *
 * What no source knows is NaN, and NaN stays NaN through all sums: a report never shows a guess.
 *   thread   the owner's
 */
#ifndef LOADGEN_PROBE_H
#define LOADGEN_PROBE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "scrape.h"

/* X(id): monotonic ones first, so that a difference makes sense. */
/* clang-format off */
#define PROBE_VALUES(X)                                                                           \
    X(DATAGRAMS) X(DROPS) X(LINES) X(SAMPLES_READ) X(AGGREGATED) X(REJECTED) X(REFUSED) X(VALUES) \
    X(CPU_S)                                                                                      \
    X(RSS_BYTES) X(QUEUE_BYTES) X(FLUSH_S) X(SERIES)

enum probe_value {
#define X(id) PROBE_##id,
    PROBE_VALUES(X)
#undef X
    PROBE_COUNT
};
/* clang-format on */

enum { PROBE_MONOTONIC = PROBE_RSS_BYTES };

struct probe {
    bool has_metrics;
    struct scrape_url metrics;
    pid_t pid;                 /* 0: unknown */
    uint16_t port;             /* 0: none here */
    bool stream;               /* what is known of datagrams is not of this load */
    const char *received_file; /* NULL: none */
};

struct probe_reading {
    double v[PROBE_COUNT];
    struct scrape_counters counters; /* for the reasons; all zero without metrics */
};

/* From counters already scraped (NULL: none) and the local sources. */
void probe_read(const struct probe *p, const struct scrape_counters *counters,
                struct probe_reading *ret);

/* Scrapes too.   returns  0; -errno of the scrape: the local sources are read nevertheless */
int probe_scrape(const struct probe *p, struct probe_reading *ret);

/* now - before for what is monotonic (NaN when it is less); now for the rest. */
void probe_since(const struct probe_reading *now, const struct probe_reading *before,
                 struct probe_reading *ret);

#endif
