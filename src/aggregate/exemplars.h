/**
 * exemplars: of each cell of a page that had one, the latest exemplar.  Private to aggregate/.
 *
 * A hash table by the cell's address, which the worker fills and the control thread reads once the
 * page is sealed.  It holds no more than the page lists cells.
 *   thread   who has the page
 *   cost     a look-up each; memory is allocated for a cell's first one
 */
#ifndef AGGREGATE_EXEMPLARS_H
#define AGGREGATE_EXEMPLARS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct cell;

struct cell_exemplar {
    const struct cell *cell; /* NULL: a free slot */
    double value;            /* as sent */
    uint64_t at_ns;          /* when it arrived, monotonic */
    char *text;              /* the tag's value, as sent; owned */
    uint32_t len, cap;
};

struct exemplars {
    struct cell_exemplar *slots; /* n_slots, a power of two; NULL: it is empty */
    uint32_t n_slots, n;
};

/* x->value and at_ns of cell c are replaced, if it has one.  false: no memory, nothing changed */
bool exemplars_put(struct exemplars *x, const struct cell *c, struct slice text, double value,
                   uint64_t at_ns);

/* Forget all, and free the memory. */
void exemplars_clear(struct exemplars *x);

#endif
