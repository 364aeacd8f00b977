/**
 * generation: what a worker knows by one mapping and its profiles: the table, and in it a cell for
 * each spelling that it has met since.  Private to aggregate/.
 *
 * A reload puts another mapping in force, by which any cell may be of another profile or none.  So
 * a worker does not go through its cells: it takes an empty generation, which control has made, and
 * hands the one it had over with the page that it seals.  That costs it two copies of this struct.
 *
 *   thread   control makes and frees it; between, the worker's
 */
#ifndef AGGREGATE_GENERATION_H
#define AGGREGATE_GENERATION_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregate/cells.h"
#include "aggregate/mapping.h"
#include "aggregate/profile.h"
#include "aggregate/table.h"

struct generation {
    const struct profiles *profiles; /* borrowed, as is mapping */
    const struct mapping *mapping;   /* NULL: all spellings are of profile 0 */
    struct mapping_scratch *scratch; /* of mapping; NULL without */
    struct table table;
    struct cells cells;
    uint64_t least_ttl_s; /* of all profiles; 0: no cell ever expires */
    size_t n_identities;  /* of the table's entries: aliases found by an identity's hash */
    size_t n_dropped;     /* of the table's entries: spellings that are dropped */
};

/* returns  0 or -ENOMEM */
int generation_init(struct generation *g, const struct profiles *profiles,
                    const struct mapping *mapping);
void generation_release(struct generation *g); /* with its cells */

/* For each cell that belongs to a series: neither aliases nor what is dropped. */
void generation_each(const struct generation *g, void (*fn)(void *cookie, struct cell *c),
                     void *cookie);

static inline void generation_check(const struct generation *g)
{
    assert(g->n_identities + g->n_dropped <= g->table.n);
    assert((g->mapping == NULL) == (g->scratch == NULL));
}

#endif
