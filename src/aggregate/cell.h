/**
 * cell: one spelling of a series as one worker sees it, or all those of it that came too late for a cell of their own; and the
 * page that lists the touched ones.  Private to aggregate/.
 *
 * Packed for the cache: a counter is one line; a timer is a line of head and a line for each page's sketch.  Part p is the
 * worker's while page p is being filled and the control thread's while page p is sealed; the page's hand-over (release and
 * acquire) orders the two.
 */
#ifndef AGGREGATE_CELL_H
#define AGGREGATE_CELL_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "aggregate/gauge.h"
#include "aggregate/identity.h"
#include "aggregate/members.h"
#include "aggregate/sketch.h"
#include "aggregate/snapshot.h"
#include "aggregate/counters.h"
#include "protocol/reason.h"

struct series;

struct counter_part {
    double up, down;          /* sums of the increments >= 0, and of those below; up is -0.0 until there is one */
};

struct timer_part {
    struct sketch sketch;
};

struct set_part {
    struct members members;
};

struct cell {
    uint64_t check;           /* hash.hi: confirms what the slot's hash.lo found */
    struct series *series;    /* control's own; NULL until its first merge */
    uint32_t samples[2];      /* in each page */
    uint32_t last_s;          /* monotonic seconds of the page in which it was last touched */
    uint8_t touched[2];       /* in the page's list already */
    uint8_t type;             /* enum sample_type, or CELL_ALIAS */
    uint8_t tag_errors;       /* bad tags of this spelling, counted with each sample; 255 stands for more */
};

struct counter_cell {
    struct cell cell;
    struct counter_part part[2];
};

/* The order of a gauge's changes matters, so all spellings of one gauge lead to one cell, by way of aliases. */
struct gauge_cell {
    struct cell cell;
    struct gauge_part part[2];
    struct gauge_recent *recent[2];   /* owned; NULL until there is a relative change whose place matters */
    struct alias *identity;           /* found by the identity's hash; NULL: the cell is (or there was no memory for it) */
    uint32_t aliases;                 /* spellings that lead here, beside the cell's own */
};

/* A spelling, or the identity itself, of a gauge that has a cell already.  The worker's alone: no page lists it. */
enum { CELL_ALIAS = SAMPLE_TYPE_COUNT };

struct alias {
    struct cell cell;         /* of type CELL_ALIAS; check, last_s and tag_errors are used */
    struct gauge_cell *gauge;
    uint64_t lo;              /* with check: the hash it is found by */
};

struct timer_cell {
    struct cell cell;
    double *le[2];            /* counts by `le` bound and past the last; NULL where the timer is a summary */
    uint64_t pad[2];
    struct timer_part part[2];
};

struct set_cell {
    struct cell cell;
    struct set_part part[2];
};

static_assert(sizeof(struct cell) == 32, "the head is half a cache line");
static_assert(sizeof(struct counter_cell) == 64, "a counter is one cache line");
static_assert(sizeof(struct gauge_cell) <= 128, "a gauge is two cache lines");
static_assert(sizeof(struct timer_cell) == 192, "a timer is three cache lines, one for each part");
static_assert(offsetof(struct timer_cell, part) == 64, "a timer's part is one cache line");

static inline enum series_kind cell_kind(uint8_t type)
{
    static const uint8_t kinds[SAMPLE_TYPE_COUNT] = {
        [SAMPLE_COUNTER] = SERIES_COUNTER, [SAMPLE_GAUGE] = SERIES_GAUGE,         [SAMPLE_TIMING] = SERIES_TIMER,
        [SAMPLE_HISTOGRAM] = SERIES_TIMER, [SAMPLE_DISTRIBUTION] = SERIES_TIMER, [SAMPLE_SET] = SERIES_SET,
    };
    return (enum series_kind)kinds[type];
}

struct birth {
    struct cell *cell;
    struct identity *identity;   /* the taker owns it */
};

struct page {
    unsigned index;              /* 0 or 1: which part of the cells is ours */
    struct cell **touched;
    struct birth *births;        /* cells made in this page; each is in touched as well */
    struct cell **deaths;        /* cells that left the table; freed by the worker once the page is back */
    size_t n_touched, n_births, n_deaths, cap_touched, cap_births, cap_deaths;
    /* The worker's counters when it sealed the page. */
    struct ingest_counters stats;
    uint64_t rejected[REASON_COUNT];
};

#endif
