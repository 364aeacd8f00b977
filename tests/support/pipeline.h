/**
 * pipeline: lines through a lane, page turn, registry and Prometheus text in one thread, with the
 * test's own clock.
 *
 * Every turn checks that no sample got lost: read = aggregated + rejected + refused +
 * dropped.
 */
#ifndef SUPPORT_PIPELINE_H
#define SUPPORT_PIPELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "aggregate/lane.h"
#include "aggregate/mapping.h"
#include "aggregate/registry.h"
#include "aggregate/registry_interval.h"
#include "expose/render.h"

enum { PIPELINE_WORKERS_MAX = 4 };

#define PIPELINE_SECOND 1000000000ull

/* The wall clock, for writers, when the test's own is 0. */
#define PIPELINE_ZERO_MS 1700000000000

/*
 * What is 0 takes the default: one worker, a million series, quantiles 0.5 0.9 0.99, a window of
 * 600 s in 5 ages, schema 5, steps of one interval.  Without set_steps a set shows the last closed
 * interval.  The format is the text.
 */
struct pipeline_opts {
    unsigned workers;
    uint64_t max_series;
    struct limit_opts limits; /* on shares */
    uint64_t ttl_s, type_idle_s;
    bool suffixes, histograms, births;
    bool no_sink; /* and pipeline_close returns nothing */
    const struct writer_ops *format;
    const double *buckets, *quantiles;
    uint32_t n_buckets, n_quantiles, max_age_ms, age_buckets, set_steps, set_step_intervals;
    double native_factor, native_zero_threshold;
    uint32_t native_max_buckets;
    struct tags_opts tags;
    enum gauge_sign gauge_sign;
    unsigned name_tags;
    const char *exemplar_tag;
    const char *const *reserved;
    size_t n_reserved;
    void (*on_off_page)(void *cookie, const struct off_page_note *n);
    void *cookie;
    /* A mapping, where a rule without classes has all.  Its profiles are 0 and n_profiles more,
     * which fill makes of copies of profile 0. */
    const struct mapping_rule *rules;
    size_t n_rules;
    void (*fill)(struct profile *p, uint8_t number);
    uint8_t n_profiles;
};

struct pipeline {
    struct pipeline_opts opts;
    struct series_limit limit;
    const struct sockaddr *sender; /* of what is fed next; NULL: not known */
    struct tag_cut cut;            /* of exemplar_tag */
    struct profiles *profiles;
    struct mapping *mapping; /* NULL without rules */
    struct lane *lanes[PIPELINE_WORKERS_MAX];
    struct lane_source sources[PIPELINE_WORKERS_MAX];
    struct ingest *in[PIPELINE_WORKERS_MAX]; /* the lanes' */
    struct registry *registry;
    struct writer *writer;
    /* Starts at 1,000 s; each feed moves it by 1 us */
    uint64_t now_ns;
    struct ingest_counters seen[PIPELINE_WORKERS_MAX]; /* as of the last turn */
    uint64_t rejected[PIPELINE_WORKERS_MAX][REASON_COUNT];
    struct buf text, body;
    struct interval_end end;
};

void pipeline_init(struct pipeline *p, const struct pipeline_opts *opts);
void pipeline_release(struct pipeline *p);

/* One datagram to one worker, from memory of exactly its size. */
void pipeline_feed(struct pipeline *p, unsigned worker, const char *lines);
void pipeline_feed_bytes(struct pipeline *p, unsigned worker, const char *ptr, size_t len);
void pipeline_feed_at(struct pipeline *p, unsigned worker, const char *lines, uint64_t now_ns);

/* A turn, and those that a sweep for idle cells needs to come to its end. */
void pipeline_turn_worker(struct pipeline *p, unsigned worker);
void pipeline_turn(struct pipeline *p); /* every worker, in order */
void pipeline_forward(struct pipeline *p, uint64_t seconds);

/* A turn that puts the mapping and the profiles of opts in force; all else stays as it is. */
struct registry_remapped pipeline_remap(struct pipeline *p, const struct pipeline_opts *opts);

/* The lines of /metrics without HELP and TYPE, or with them; valid until the next call. */
const char *pipeline_lines(struct pipeline *p);
const char *pipeline_text(struct pipeline *p);

/* The same in protobuf; valid until the next call. */
struct slice pipeline_protobuf(struct pipeline *p);

/* Is that whole line (no LF) in the text? */
bool pipeline_has(const char *text, const char *line);

/* Fail unless pipeline_lines is exactly that, whatever the order within a family. */
void pipeline_expect(struct pipeline *p, const char *lines);

/**
 * pipeline_close(p):
 * Close the interval.   returns  one line for each closed series:
 *     counter KEY N
 *     gauge KEY =V +D @STAMP_MS     =V only when absolute
 *     timer KEY COUNT SUM
 *     set KEY N
 * Wall clock and monotonic clock are the same here.
 */
const char *pipeline_close(struct pipeline *p);
/* goes_on: as registry_close has it */
const char *pipeline_close_as(struct pipeline *p, bool goes_on);

/* Over the workers */
uint64_t pipeline_stat(const struct pipeline *p, enum ingest_counter id);
uint64_t pipeline_dropped(const struct pipeline *p, enum ingest_drop why);
uint64_t pipeline_rejected(const struct pipeline *p, enum reason r);
uint64_t pipeline_series(const struct pipeline *p); /* in the registry */

/* Every stat and every reason, to compare two ways that a pipeline went. */
void pipeline_print_counters(const struct pipeline *p, struct buf *out);

#endif
