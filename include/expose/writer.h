/**
 * writer: how a format writes metrics.
 *
 * A format is one file in src/expose/ with these operations, and a row in WRITERS.  What is shown
 * and in which order is none of its business: render.h calls
 *
 *     begin                                                                   for each family
 *     head, then counter | gauge | timer for each line or group of lines      for each of its parts
 *     end                                                                     once
 *
 * and may hand over what was written so far to the readers between any two calls.
 *
 *   thread   control
 */
#ifndef EXPOSE_WRITER_H
#define EXPOSE_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "aggregate/exposed.h"
#include "aggregate/family.h"
#include "base/buf.h"
#include "base/slice.h"

struct registry;

struct writer_family {
    struct slice name;
    const char *help;
    enum family_type type; /* FAMILY_COUNTER, FAMILY_GAUGE, FAMILY_SUMMARY, FAMILY_HISTOGRAM */
    bool negative;         /* of a summary or histogram: values or bounds may be below 0 */
    /* What the format makes of it: as `begin` leaves it, 0 and 1 before. */
    unsigned told_as; /* the writer's own */
    unsigned parts;   /* how often its exposed are gone through, each time behind a head */
    unsigned part;    /* 0 .. parts - 1 */
};

struct writer_opts {
    const struct registry *registry; /* whose families are written; borrowed */
    int64_t zero_ms;                 /* when the monotonic clock was 0, in Unix milliseconds */
};

/* The writer's own state: a struct with this as its first member. */
struct writer {
    const struct writer_ops *ops;
};

struct writer_ops {
    /*
     * Of HTTP.  A media range of Accept means this format if its type and those of its parameters
     * that stand here too are equal, and it has the parameters named in `required` (separated by
     * ';'; NULL: none).
     */
    const char *content_type, *required;

    /*
     * A writer serves any number of renderings, one call at a time.  It may keep what it has
     * worked out for a profile, by its set and index, but not point to it: profiles change when the
     * configuration is read again.
     */
    struct writer *(*open)(const struct writer_opts *opts);
    void (*close)(struct writer *w);

    /* Sets told_as and parts.  NULL: they stay as they are. */
    void (*begin)(struct writer *w, struct writer_family *f);

    /*
     * Each appends to out.  labels: `k="v",k2="v2"`, values escaped as in the text format, sorted
     * by name; empty without labels.  f is the family whose head came last.
     */
    void (*head)(struct writer *w, const struct writer_family *f, struct buf *out);
    void (*counter)(struct writer *w, const struct writer_family *f, struct slice labels,
                    const struct exposed_view *view, struct buf *out);
    void (*gauge)(struct writer *w, const struct writer_family *f, struct slice labels,
                  double value, struct buf *out);
    /* FAMILY_SUMMARY or FAMILY_HISTOGRAM */
    void (*timer)(struct writer *w, const struct writer_family *f, struct slice labels,
                  const struct exposed_view *view, struct buf *out);
    void (*end)(struct writer *w, struct buf *out);

    /* What one exposed takes at most, in bytes, with names and labels of AGGREGATE_TEXT_BYTES. */
    uint64_t (*exposed_bytes)(const struct profile *p);
};

/* X(ID, ops): the formats there are, the first is the default. */
#define WRITERS(X)                                                                                 \
    X(TEXT, writer_text)                                                                           \
    X(OPENMETRICS, writer_openmetrics)                                                             \
    X(PROTOBUF, writer_protobuf)

enum writer_format {
#define X(id, ops) WRITER_##id,
    WRITERS(X)
#undef X
        WRITER_COUNT
};

extern const struct writer_ops *const writers[WRITER_COUNT];

/* The largest exposed_bytes of all formats. */
uint64_t writers_exposed_bytes(const struct profile *p);

/* Prometheus' text format 0.0.4.  Cost: some 100 to 200 ns a line. */
extern const struct writer_ops writer_text;

/* OpenMetrics 1.0, with the names of the text format.  Cost: as text */
extern const struct writer_ops writer_openmetrics;

/*
 * Delimited messages io.prometheus.client.MetricFamily, the one format that has native
 * histograms.  A family may come in several messages; one without metrics does not come.  Counts
 * are whole numbers here: those of sampled values are rounded down.
 */
extern const struct writer_ops writer_protobuf;

#endif
