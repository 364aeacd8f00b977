/**
 * opts: the command line of statsd-bench.  Parsing, defaults, --help and reports go by one table,
 * opts_table.c; to add an option: a member here, and a row there.
 *   thread   main
 */
#ifndef LOADGEN_OPTS_H
#define LOADGEN_OPTS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"

/* --find-max goes no further than that without --rate-to. */
#define OPTS_FIND_MAX_LIMIT 1e9

struct opts {
    /* where */
    const char *to, *framing;
    uint32_t connections;
    uint32_t threads, sockets, batch, gso, send_buffer;
    /* how much */
    const char *shape;
    double rate, rate_to, duration_s, period_s;
    uint32_t steps;
    bool datagram_rate;
    /* what */
    uint32_t series, tags, tag_values, payload, packed, set_members, pool_lines;
    const char *types, *values, *prefix, *suffix;
    double skew, sample_rate;
    uint64_t seed;
    /* the server */
    const char *metrics, *samples_metric, *received_file;
    uint32_t pid;
    double scrape_interval_s;
    /* search */
    bool find_max;
    double trial_s, resolution;
    /* steering */
    const char *web, *listen_workers, *master, *token_file;
    uint32_t workers, expect_workers;
    bool autostart, worker;
    /* bounds: NaN when not given */
    double max_loss, max_cpu, max_scrape_ms;
    /* reports */
    const char *json, *csv, *html, *title;
    bool quiet, help, version;
};

/**
 * opts_parse(argc, argv, ret, error):
 *   ret      points into argv
 *   error    on failure one line for the user, to be released
 *   returns  0; -EINVAL
 */
int opts_parse(int argc, char **argv, struct opts *ret, struct buf *error);

/* The text of --help; `load` says what is sent without options. */
void opts_help(FILE *out, struct slice load);

/* Each option that makes up the load, as (name, value): for reports. */
void opts_each(const struct opts *o, void (*fn)(void *cookie, const char *name, const char *value),
               void *cookie);

#endif
