/**
 * cell: the head of what a worker collects for one spelling of a series, or for all those spellings that came too late for a
 * cell of their own.  Private to aggregate/.
 *
 * Behind the head, each kind has two parts (counter.h, gauge.h, timer.h, set.h).  Packed for the cache: a counter is one line;
 * a timer is a line of head and a line for each page's sketch.  Part p is the worker's while page p is being filled and the
 * control thread's while page p is sealed; the page's hand-over (release and acquire) orders the two.
 */
#ifndef AGGREGATE_CELL_H
#define AGGREGATE_CELL_H

#include <assert.h>
#include <stdint.h>

#include "protocol/sample.h"

struct series;

struct cell {
    uint64_t check;           /* hash.hi: confirms what the slot's hash.lo found */
    struct series *series;    /* control's own; NULL until its first merge */
    uint32_t samples[2];      /* in each page */
    uint32_t last_s;          /* monotonic seconds of the page in which it was last touched */
    uint8_t touched[2];       /* in the page's list already */
    uint8_t type;             /* enum sample_type, or CELL_ALIAS */
    uint8_t tag_errors;       /* bad tags of this spelling, counted with each sample; 255 stands for more */
};

/* A spelling that leads to another cell (gauge.h); found in the worker's table, listed by no page. */
enum { CELL_ALIAS = SAMPLE_TYPE_COUNT };

static_assert(sizeof(struct cell) == 32, "the head is half a cache line");

#endif
