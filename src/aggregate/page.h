/**
 * page: what a worker hands over to the control thread at a turn: the cells it touched, those it
 * made and those it dropped.  Private to aggregate/.
 */
#ifndef AGGREGATE_PAGE_H
#define AGGREGATE_PAGE_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregate/cell.h"
#include "aggregate/identity.h"
#include "aggregate/counters.h"
#include "aggregate/exemplars.h"
#include "base/mem.h"
#include "protocol/reason.h"

struct generation;

struct birth {
    struct cell *cell;
    struct identity *identity; /* the taker owns it */
};

struct page {
    /* On lines of its own: control writes to one page while the worker fills the other. */
    _Alignas(MEM_APART) unsigned index; /* 0 or 1: which part of the cells is ours */
    struct cell **touched;
    struct birth *births;       /* cells made in this page; each is in touched as well */
    struct cell **deaths;       /* cells that left the table; freed by the worker once the page
                                    is back */
    struct generation *retired; /* the worker has left it: all cells are in it, and control,
                                    which merges them, frees it; NULL: it goes on with it */
    size_t n_touched, n_births, n_deaths, cap_touched, cap_births, cap_deaths;
    struct exemplars exemplars; /* the latest of each cell that had one; emptied by the worker */
    /* The worker's counters when it sealed the page. */
    struct ingest_counters stats;
    uint64_t rejected[REASON_COUNT];
};

static inline void page_check(const struct page *p)
{
    assert(p != NULL && p->index < 2);
    assert(p->n_touched <= p->cap_touched && p->n_births <= p->cap_births);
    assert(p->n_births <= p->n_touched && p->n_deaths <= p->cap_deaths);
}

#endif
