/**
 * sink: where closed intervals go.
 *
 * A sink never blocks: interval() serialises and queues, the loop sends.  A server has a list of
 * them (sink_list.h).  A new sink is a file or folder with a table of its counters, and a row in
 * app/sink_table.c.
 *   thread   control
 */
#ifndef SINKS_SINK_H
#define SINKS_SINK_H

#include <stdbool.h>
#include <stdint.h>

#include "aggregate/snapshot.h"
#include "base/counters.h"

/* How much a sink holds: sums kept beside what is queued, so that nothing has to be read back. */
struct sink_amount {
    uint64_t intervals;                     /* of these some part is left at least */
    uint64_t series[SERIES_KIND_COUNT];     /* values of series, by kind */
    double counted;                         /* sum of the counters */
    double timed;                           /* values in the timers, each weighed by its rate */
    uint64_t unsure;                        /* of the series: sent, and not answered yet */
};

/* One series; and one amount to another. */
void sink_amount_add_series(struct sink_amount *to, const struct closed_series *s);
void sink_amount_add(struct sink_amount *to, const struct sink_amount *more);

uint64_t sink_amount_series(const struct sink_amount *a);    /* of all kinds */

struct sink {
    const char *name;                         /* in the log */
    const struct counter_table *counters;     /* its own numbers */
    /* An interval closed; before its end if final (at shutdown).  It may be empty. */
    void (*interval)(struct sink *s, const struct snapshot *snap, bool final);
    /* Is everything handed over delivered?  Shutdown waits for it, within a limit. */
    bool (*idle)(const struct sink *s);
    /* What was handed over and may not be delivered.  cost: one look at each batch that waits */
    void (*left)(const struct sink *s, struct sink_amount *ret);
    /* The wait is over: what is left counts as lost from here on.  Only close comes behind it. */
    void (*give_up)(struct sink *s);
    /* What `counters` is read from: as of now, valid until asked again. */
    const void *(*counted)(struct sink *s);
    /* Free; whatever is still queued is lost and was counted. */
    void (*close)(struct sink *s);
};

/* Every sink has all of it: none of the functions is optional. */
void sink_check(const struct sink *s);

#endif
