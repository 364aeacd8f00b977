/**
 * lane: datagrams into the pages of one worker.  Parser, batch and ingest as one object, with one
 * call for each datagram.
 *
 *     lane_datagram: bytes -> parser -> batch -(full, or lane_flush)-> ingest -> current page
 *                     |         |        |                               |
 *         on_datagram-+         |        +-on_batch                      +-on_refused (a sample)
 *                               +-on_event, on_check, on_rejected (a line), on_cut (a tag)
 *
 * The server's workers, `statsd explain`, the tests and the benches all go this way, so that the
 * same datagrams in the same order bring the same samples, whoever reads them.  Samples of several
 * datagrams share a batch: what a datagram brought is in the page for certain after lane_flush, and
 * the bytes of every datagram since the last flush have to stay in place until then.
 *
 * Changes of one gauge that come from several sources are put in the order of their arrival
 * (src/aggregate/gauge.h), so each sample gets a time of arrival:
 *
 *     with a stamp     the first sample of the datagram arrived when the kernel took it in, but
 *                      not before what the same source brought earlier, nor in the future (the
 *                      wall clock may have been set since)
 *     without          the first sample after lane_begin arrived at its clock
 *     in either case   each further sample arrived a nanosecond after the one before it
 *
 *   thread   worker, as ingest.  new and free: while no worker runs
 *   cost     one call a datagram beside those of parser and ingest; no lock, allocation, log, clock
 *            or system call
 */
#ifndef AGGREGATE_LANE_H
#define AGGREGATE_LANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregate/ingest.h"
#include "protocol/parse.h"

struct lane;

struct lane_datagram {
    const char *ptr;
    size_t len;        /* at most DATAGRAM_MAX */
    uint64_t stamp_ns; /* when the kernel took it in, by the wall clock; 0: not told */
    bool padded;       /* readable around, as for parser_begin_padded */
    bool truncated;    /* the kernel cut it: whole lines count, the rest is one error */
    /*
     * Who sent it; NULL: not known.  Asked for where series are limited by origin, or a tap wants
     * it; borrowed, as the bytes are.
     */
    const struct sockaddr *sender;
};

/*
 * Hooks that see what comes in, for storing or forwarding it.  Any may be NULL; their arguments
 * live for the call.
 */
struct lane_taps {
    /* Before the datagram is parsed. */
    void (*on_datagram)(void *cookie, const struct lane_datagram *d);
    /* Samples and counts since the last call, before ingest takes them. */
    void (*on_batch)(void *cookie, const struct batch *b);
    /* at_ns: when its datagram arrived, monotonic; by the stamp or clock as for a first sample. */
    void (*on_event)(void *cookie, const struct event *e, uint64_t at_ns);
    void (*on_check)(void *cookie, const struct service_check *c, uint64_t at_ns);
    /* As in parse_opts; on_batch comes later. */
    void (*on_cut)(void *cookie, uint32_t sample, struct slice tag);
    void *cookie;
};

/*
 * Hooks that see what is refused, for the log.  Either may be NULL; their arguments live for the
 * call.
 */
struct lane_refusals {
    /* A line, where bit `reason` of *reasons is set.  reasons: borrowed; NULL: always */
    void (*on_rejected)(void *cookie, const struct parse_error *e);
    const uint32_t *reasons;
    /* A sample, as in ingest_opts. */
    void (*on_refused)(void *cookie, const struct sample *s, enum reason why);
    void *cookie;
};

struct lane_opts {
    struct parse_opts parse;   /* its hooks are the lane's own, and its gauge_sign the source's */
    struct ingest_opts ingest; /* its hook is the lane's own */
    struct lane_taps taps;
    struct lane_refusals refusals;
};

/*
 * One socket, or whatever else datagrams come from.  The caller's, zeroed but for the sign, and
 * alive as long as datagrams come from it.
 */
struct lane_source {
    enum gauge_sign gauge_sign;
    uint64_t arrived_ns; /* the lane's: just after its last sample with a stamp arrived */
};

/* The monotonic clock, and how far the wall clock is ahead of it; 0: no datagram has a stamp. */
struct lane_clock {
    uint64_t now_ns;
    int64_t wall_ahead_ns;
};

/* returns  0 or -ENOMEM */
int lane_new(const struct lane_opts *opts, struct lane **ret);
void lane_free(struct lane *l);

/* The pages and counters that the lane fills, for turning and taking them; the lane's. */
struct ingest *lane_ingest(struct lane *l);

/*
 * The datagrams that follow come from `from` and were read at clock.now_ns, which is above 0.
 * Called before the first datagram, and again after lane_flush.
 */
void lane_begin(struct lane *l, struct lane_source *from, struct lane_clock clock);

void lane_datagram(struct lane *l, const struct lane_datagram *d);

/*
 * From the next datagram on, call this instead of the on_datagram of the taps; NULL: none.  For who
 * wants to see some datagrams and not others: what is not asked for costs nothing.
 */
void lane_tap_datagrams(struct lane *l,
                        void (*on_datagram)(void *cookie, const struct lane_datagram *d),
                        void *cookie);

/* Count n errors of what came before the parser, such as a frame that is none. */
void lane_reject(struct lane *l, enum reason why, uint32_t n);

/*
 * Add the samples of all datagrams so far to the page.  To be called before the datagrams' buffers
 * are used again, and before ingest_turn.
 */
void lane_flush(struct lane *l);

/* The time of arrival that the next sample gets if it has no stamp. */
uint64_t lane_next_ns(const struct lane *l);

#endif
