/**
 * page: what a worker hands over to the control thread at a turn: the cells it touched, those it
 * made and those it dropped.  Private to aggregate/.
 */
#ifndef AGGREGATE_PAGE_H
#define AGGREGATE_PAGE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregate/cell.h"
#include "aggregate/identity.h"
#include "aggregate/counters.h"
#include "aggregate/exemplars.h"
#include "aggregate/limited.h"
#include "base/arena.h"
#include "base/mem.h"
#include "protocol/reason.h"

struct generation;

struct birth {
    struct birth *next;
    struct cell *cell;
    struct identity *identity;
    uint64_t origin; /* a hash, where series are limited by it; else 0 */
};

/* Cells made in this page, in order; each is in touched as well. */
struct births {
    struct birth *first, *last;
    size_t n;
    struct arena memory; /* theirs and their identities'; emptied once they were merged */
};

struct page {
    /* On lines of its own: control writes to one page while the worker fills the other. */
    _Alignas(MEM_APART) unsigned index; /* 0 or 1: which part of the cells is ours */
    struct cell **touched;              /* of slab_grow_small */
    struct births births;
    struct cell **deaths;       /* cells that left the table; freed by the worker once the page
                                    is back */
    struct generation *retired; /* the worker has left it: all cells are in it, and control,
                                    which merges them, frees it; NULL: it goes on with it */
    size_t n_touched, n_deaths, cap_touched, cap_deaths;
    bool unswept;               /* page_unswept */
    struct exemplars exemplars; /* the latest of each cell that had one; emptied by the worker */
    struct limited *limited;    /* whom limits on shares have limited meanwhile; emptied by control;
                                    NULL: there are none */
    /* The worker's counters when it sealed the page. */
    struct ingest_counters stats;
    uint64_t rejected[REASON_COUNT];
};

enum { PAGE_TOUCHED_FIRST = 512 }; /* 4 KiB */

static inline size_t page_touched_bytes(const struct page *p)
{
    return p->cap_touched * sizeof *p->touched;
}

static inline void page_check(const struct page *p)
{
    assert(p != NULL && p->index < 2);
    assert(p->n_touched <= p->cap_touched && p->n_deaths <= p->cap_deaths);
    assert(p->births.n <= p->n_touched && (p->births.n == 0) == (p->births.first == NULL));
}

/* The page has no births. */
static inline void births_clear(struct births *b)
{
    arena_clear(&b->memory);
    *b = (struct births){ .memory = b->memory };
}

#endif
