/**
 * cell: the head of what a worker collects for one spelling of a series, or for all spellings of it
 * that came when the worker had as many cells as there may be (ingest.h).  Private to aggregate/.
 *
 * Behind the head, each kind has two parts (counter.h, gauge.h, timer.h, set.h).  Packed for the
 * cache: a counter is one line; a timer is a line of head and a line for each page's sketch.  Part
 * p is the worker's while page p is being filled and the control thread's while page p is sealed;
 * the page's hand-over (release and acquire) orders the two.
 */
#ifndef AGGREGATE_CELL_H
#define AGGREGATE_CELL_H

#include <assert.h>
#include <stdint.h>

#include "protocol/sample.h"

struct series;

struct cell {
    uint64_t check;        /* hash.hi: confirms what the slot's hash.lo found */
    struct series *series; /* control's own; NULL until its first merge */
    uint32_t samples[2];   /* in each page */
    uint32_t last_s;       /* monotonic seconds of the page in which it was last touched */
    uint8_t touched[2];    /* in the page's list already */
    uint8_t type_errors;   /* cell_type in the low bits, cell_tag_errors above */
    uint8_t profile;       /* number of its profile */
};

/*
 * Two that no page lists, and that are found in the worker's table alone: a spelling that leads to
 * another cell (gauge.h), and one whose samples are dropped (ingest_mapping.c).
 */
enum {
    CELL_ALIAS = SAMPLE_TYPE_COUNT,
    CELL_DROPPED,
    CELL_TYPE_COUNT,
    CELL_TYPE_BITS = 3,
    CELL_TAG_ERRORS_MAX = 31
};

static_assert(sizeof(struct cell) == 32, "the head is half a cache line");
static_assert(CELL_TYPE_COUNT <= 1 << CELL_TYPE_BITS, "a type fits its bits");

/* enum sample_type, CELL_ALIAS or CELL_DROPPED */
static inline uint8_t cell_type(const struct cell *c)
{
    return c->type_errors & ((1u << CELL_TYPE_BITS) - 1);
}

/* Bad tags of this spelling, counted with each sample; CELL_TAG_ERRORS_MAX stands for more. */
static inline unsigned cell_tag_errors(const struct cell *c)
{
    return c->type_errors >> CELL_TYPE_BITS;
}

static inline void cell_set_tag_errors(struct cell *c, unsigned n)
{
    n = n < CELL_TAG_ERRORS_MAX ? n : CELL_TAG_ERRORS_MAX;
    c->type_errors = (uint8_t)(n << CELL_TYPE_BITS | cell_type(c));
}

#endif
