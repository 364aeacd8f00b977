/**
 * exposed: a line, or the group of lines of a timer, on /metrics: an output name, labels and the
 * cumulative state.
 *
 * Each series points to its exposed, and several series may share one: `a.b` and `a-b` are both
 * a_b.  What a series brings is added to its exposed when a page is merged; a series that expires
 * leaves there what it brought, so that no line goes down.  The exposed goes with the last series
 * that points to it.
 *   thread   control
 */
#ifndef AGGREGATE_EXPOSED_H
#define AGGREGATE_EXPOSED_H

#include <stdbool.h>
#include <stdint.h>

#include "aggregate/profile.h"
#include "base/buf.h"
#include "base/slice.h"

struct exposed;
struct sketch;

/* Append a label value as it stands between its quotes: `\`, `"` and LF are escaped. */
void exposed_escape_value(struct slice value, struct buf *out);

/* The latest value that came with prometheus.exemplar_tag. */
struct exemplar {
    struct slice labels; /* `trace_id="abc"`, the value escaped; len 0: there is none */
    double value;        /* in the unit shown */
    uint64_t at_ns;      /* when it arrived, monotonic */
};

/* What its lines show; which fields are set follows from the family's type. */
struct exposed_view {
    const struct profile *profile;
    bool shown;              /* false: nothing yet (a set without a window, before its first
                                   interval closed) */
    uint64_t born_ns;        /* since when it counts, monotonic; 0: not kept.  As an int64_t
                                   below 0: before the clock's 0, in a process that saved it */
    double value;            /* counter, gauge */
    double count, sum;       /* summary, histogram; in the unit shown */
    const double *quantiles; /* summary: profile->n_quantiles values, NaN when the window is
                                   empty */
    const double *le;        /* histogram: n_buckets + 1 counts, not cumulative, the last past
                                   all bounds */
    const struct exemplar *exemplars; /* counter: 1; histogram: n_buckets + 1, as le; NULL: none
                                         came */
    const struct sketch *native; /* histogram: its buckets since ever, of values as shown (sketch.h;
                                   of it, the buckets and zero alone), both signs of one schema;
                                   NULL where the profile asks for none */
};

#endif
