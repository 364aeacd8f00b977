/**
 * sink: where closed intervals go, and events and service checks as they come.
 *
 * A sink never blocks: put() serialises, end() and entry() queue, the loop sends.  An interval
 * comes in slices, a bounded number of series each; between them the loop does all else, so a sink
 * must go on with what it has queued before, and take entries.  A server has a list of sinks
 * (sink_list.h).  A new sink is a file or folder with a table of its counters, and a row in
 * core/sink_table.c.
 *   thread   control
 */
#ifndef SINKS_SINK_H
#define SINKS_SINK_H

#include <stdbool.h>
#include <stdint.h>

#include "aggregate/event_log.h"
#include "aggregate/snapshot.h"
#include "base/counters.h"
#include "base/records.h"

/* How much a sink holds: sums kept beside its queue, as serialised data is not read back. */
struct sink_amount {
    uint64_t intervals;                 /* of which at least a part waits */
    uint64_t series[SERIES_KIND_COUNT]; /* values of series, by kind */
    double counted;                     /* sum of the counters; both are finite */
    double timed;                       /* values in the timers, each weighed by its rate */
    uint64_t entries;                   /* events and service checks */
    uint64_t unsure; /* series and entries that were sent, with no answer so far */
};

/* Adds one series, or another amount. */
void sink_amount_add_series(struct sink_amount *to, const struct closed_series *s);
void sink_amount_add(struct sink_amount *to, const struct sink_amount *more);

uint64_t sink_amount_series(const struct sink_amount *a); /* of all kinds */
bool sink_amount_is_nothing(const struct sink_amount *a); /* neither series nor entries */

struct sink {
    const char *name;                     /* in the log */
    const struct counter_table *counters; /* its own numbers */
    /* An interval closed; before its end if final (at shutdown).  It may be empty.  begin, put for
     * each series, end; the next one begins after that. */
    void (*begin)(struct sink *s, const struct snapshot *snap, bool final);
    void (*put)(struct sink *s, const struct closed_series *c);
    void (*end)(struct sink *s);
    /* An event or a service check came; it is the caller's. */
    void (*entry)(struct sink *s, const struct event_entry *e);
    /* Is everything handed over delivered?  Shutdown waits for it, within a limit. */
    bool (*idle)(const struct sink *s);
    /* What was handed over and is not known to be delivered; between begin and end, most of what
     * came so far.  cost: a walk over what is queued */
    void (*left)(const struct sink *s, struct sink_amount *ret);
    /* At shutdown, when the wait is over: counts what is left as lost.  Only close may follow. */
    void (*give_up)(struct sink *s);
    /*
     * The four are NULL where nothing outlives the process.  save: append what waits, and all that
     * the next process needs to go on; types from 32 on, a range for each sink.  What is sent
     * afterwards is sent again by who loads it.  saved: the file is whole, or another process has
     * it, so what was saved does not wait any more.  load:
     * before the first interval; how long ago it was saved.  returns  1; 0: a record of another
     * sink; -EBADMSG: no save has written that.  loaded: that was all; not good: none of it holds.
     */
    void (*save)(struct sink *s, struct records_writer *to);
    void (*saved)(struct sink *s);
    int (*load)(struct sink *s, uint8_t type, struct slice body, uint64_t age_ms);
    void (*loaded)(struct sink *s, bool good);
    /* The object that `counters` reads, as of now; valid until the next call. */
    const void *(*counted)(struct sink *s);
    /* Frees the sink and what it still queues; the loop must run once more. */
    void (*close)(struct sink *s);
};

/* Every sink has all of it, but for what says otherwise. */
void sink_check(const struct sink *s);

#endif
