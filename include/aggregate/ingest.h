/**
 * ingest: a worker's side of the aggregation: batches of samples into the cells of the current
 * page.
 *
 *   worker                                        control
 *   ------                                        -------
 *   ingest_batch ... ingest_batch                 (asks for a turn, by way of listen/)
 *   ingest_turn:  page A sealed ---- ready ---->  ingest_take: A;  registry_merge reads A's cells
 *   ingest_batch fills page B                     ingest_give: A
 *                                 <--- empty ---
 *   ingest_turn:  page B sealed, A begun afresh
 *
 * A cell is one raw spelling of a series as this worker sees it: (type, name, tags as sent).  It
 * lives in the worker's table from first sight until it is idle for the ttl, and has two parts, one
 * for each page; the page lists the cells touched, so that closing it costs what was touched and
 * nothing is rehashed.  Sealing is one exchange and one store, never a wait: while control still
 * holds the other page the worker goes on filling the current one (statsd_page_turns_late_total).
 *
 * A gauge is different: its changes depend on their order, so all spellings of one gauge lead to
 * one cell of the worker.  What other workers or sockets bring to the same gauge is put in order by
 * the stamps of arrival (src/aggregate/gauge_value.h).
 *
 * Spellings of one series have no end (`k:1,k:v` and `k:2,k:v` both mean k:v).  Once a worker holds
 * as many cells as there may be series, a new spelling gets none: its samples are read as at first
 * sight each time and go to one cell of the identity.  So there are at most twice as many cells as
 * the limit says series (and for each gauge an entry of 64 bytes more), and no sample is lost.
 *
 * What a mapping drops gets no cell, but a small entry, so that the rules are asked once: at most
 * as many of these as there may be series, and beyond that the rules are asked again.
 *
 * The table trusts the 128 bits of the spelling's hash and keeps no copy of the text; the text goes
 * to the control thread once, as an identity, with the page in which the cell was born.
 *
 * Batches are staged: first the table's slots are prefetched, then cells, then buckets of sketches;
 * then all samples are added, one kind after the other, and within a kind in the order in which
 * they came, which gauges need.
 *
 *   thread   worker, but for ingest_take and ingest_give: control.  new and free: while no worker
 *            runs
 */
#ifndef AGGREGATE_INGEST_H
#define AGGREGATE_INGEST_H

#include <stdbool.h>
#include <stdint.h>

#include "aggregate/limit.h"
#include "aggregate/counters.h"
#include "aggregate/marks.h"
#include "aggregate/profile.h"
#include "protocol/sample.h"
#include "protocol/tags.h"

struct deleted;
struct generation;
struct ingest;
struct mapping;
struct page;

struct ingest_opts {
    struct tags_opts tags;
    const struct profiles *profiles; /* shared by all workers; borrowed until ingest_renew.  A
                                        cell idle for longer than its ttl is dropped */
    const struct mapping *mapping;   /* gives a spelling its profile, or drops it, at first sight;
                                        shared by all workers; borrowed likewise.  NULL: all are
                                        of profile 0 */
    bool exemplars;                  /* samples may have some: the latest of each counter and
                                        histogram goes with the page */
    struct series_limit *limit;      /* shared by all workers; borrowed */
    struct marks *marks;             /* of mirrors are noted there; shared by all workers; borrowed.
                                        NULL: they are counters like any other */
    /*
     * Called inside ingest_batch for a sample that is refused: for that reason, or (REASON_NONE) by
     * a limit on series or memory.  Not in the samples' order.  May be NULL; s lives for the call.
     */
    void (*on_refused)(void *cookie, const struct sample *s, enum reason why);
    void *cookie;
};

/* returns  0 or -ENOMEM */
int ingest_new(const struct ingest_opts *opts, struct ingest **ret);
void ingest_free(struct ingest *in);

/**
 * ingest_batch(in, b, now_ns):
 * Add the batch's samples to the current page, and its counts to ingest_stats.  The caller clears
 * the batch.  A value that would carry a sum or a count of its cell out of the finite doubles is
 * left out, and its sample counts as rejected (bad_value), not as aggregated; the other values of a
 * packed sample stay.
 *   b        at most INGEST_BATCH_MAX samples are staged at once; more are worked off in such steps
 *   now_ns   monotonic clock: when the first sample arrived, each further one a nanosecond later;
 *            where b->arrivals says when its datagrams arrived, that orders the changes of a gauge
 *            between workers and sockets
 */
enum { INGEST_BATCH_MAX = 512 };
void ingest_batch(struct ingest *in, struct batch *b, uint64_t now_ns);

/* The worker's counters; sealed into the page at a turn. */
struct ingest_counters *ingest_stats(struct ingest *in);

/* true once a relative change of a gauge came: from then on times of arrival matter. */
bool ingest_saw_relative(const struct ingest *in);

/**
 * ingest_turn(in, now_ns):
 * Seal the current page and begin the other.  Also drops cells that are idle, a slice of a sweep
 * that takes a quarter of the least ttl, if turns follow where page_unswept says so.  So a cell is
 * gone, and its memory given back, once it was idle for its ttl and half of the least one.
 *   cost     4,096 slots looked at and 8,192 moved, 512 cells dropped and as many freed, at most
 *   returns  true; false when control still has the other page: nothing changed, try again later
 */
bool ingest_turn(struct ingest *in, uint64_t now_ns);

/**
 * ingest_generation_new(profiles, mapping, ret) ... ingest_renew(in, take):
 * Have the worker go by another mapping from its next turn on: it drops all its cells, which are
 * made again at the next sample of each spelling.  The page of that turn is the last one of the old
 * mapping; when it was merged, the worker no longer refers to that mapping or its profiles.
 *   profiles, mapping   as in ingest_opts
 *   take                made for this worker; freed when the page is merged, or with the worker
 *   returns             0 or -ENOMEM.  All three: control
 *   cost                the worker's: the same however many cells it has.  The first samples after
 *                       it are of spellings at first sight
 */
int ingest_generation_new(const struct profiles *profiles, const struct mapping *mapping,
                          struct generation **ret);
void ingest_generation_free(struct generation *g); /* one that no worker has taken; NULL is fine */
void ingest_renew(struct ingest *in, struct generation *take);

/**
 * ingest_forget(in, d):
 * Have the worker drop the cells of deleted series in its turns from the next one on, a slice of
 * the table each time; page_unswept tells that there is more to do.  Cells that get samples stay.
 *   d        the worker takes a reference, and gives it up when it is through: not again before
 *   thread   control
 */
void ingest_forget(struct ingest *in, struct deleted *d);

/*
 * Index of the page that is being filled, 0 or 1.  Who hands over more with a page keeps two copies
 * of it, by this index.
 */
unsigned ingest_page_index(const struct ingest *in);

unsigned page_index(const struct page *p); /* which of the two */
bool page_unswept(const struct page *p);   /* the sweep is behind, or the table shrinks: a turn
                                              should follow soon */

/*
 * The counters that the worker sealed into the page: totals since its start.  rejected:
 * REASON_COUNT numbers.
 */
const struct ingest_counters *page_stats(const struct page *p);
const uint64_t *page_rejected(const struct page *p);

struct page *ingest_take(struct ingest *in); /* NULL: none is ready */
void ingest_give(struct ingest *in, struct page *p);

/* For the bench and the tests: bytes of cells and tables, without sketches and members. */
size_t ingest_memory(const struct ingest *in);

#endif
