/**
 * exemplars: of each cell of a page that had one, the latest exemplar.  Private to aggregate/.
 *
 *     slots   by the cell's address, moved to twice as many in steps  ->  entries and their texts,
 *             (base/probe_move.h)                                         in an arena, in a list
 *
 * The worker fills it, and the control thread reads it once the page is sealed.  It holds no more
 * than the page lists cells.
 *   thread   who has the page
 *   cost     a look-up each, a step of a move; an entry for a cell's first one.  To clear it costs
 *            as much as it has chunks of 2 MiB
 */
#ifndef AGGREGATE_EXEMPLARS_H
#define AGGREGATE_EXEMPLARS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/probe_move.h"
#include "base/slice.h"

struct cell;

struct cell_exemplar {
    const struct cell_exemplar *next; /* in the list */
    const struct cell *cell;
    double value;   /* as sent */
    uint64_t at_ns; /* when it arrived, monotonic */
    char *text;     /* the tag's value, as sent; cap bytes */
    uint32_t len, cap;
};

/* { 0 } is empty. */
struct exemplars {
    struct cell_exemplar **slots; /* all entries; NULL: there are none */
    uint64_t mask;
    size_t n;
    struct probe_move move;
    const struct cell_exemplar *first; /* of the list: the newest entry */
    struct arena memory;
};

/* Its value and at_ns of cell c are replaced, if it has one.  false: no memory, nothing changed */
bool exemplars_put(struct exemplars *x, const struct cell *c, struct slice text, double value,
                   uint64_t at_ns);

/* Forget all, and free the memory. */
void exemplars_clear(struct exemplars *x);

#endif
