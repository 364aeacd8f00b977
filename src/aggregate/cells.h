/**
 * cells: a worker's memory for cells: allocated, emptied for a page, freed.  Private to aggregate/.
 *   thread   worker
 */
#ifndef AGGREGATE_CELLS_H
#define AGGREGATE_CELLS_H

#include "aggregate/cell.h"
#include "aggregate/gauge.h"
#include "aggregate/kind.h"
#include "base/slab.h"

struct cells {
    struct slab slabs[SERIES_KIND_COUNT];
    struct slab aliases, dropped;
    const struct profiles *profiles;
};

void cells_init(struct cells *cs, const struct profiles *profiles); /* borrowed */
void cells_release(struct cells *cs);

/* A cell of that type and profile with both parts empty and untouched.  NULL: no memory. */
struct cell *cells_new(struct cells *cs, uint8_t type, uint8_t profile);
void cells_free(struct cells *cs, struct cell *c);

struct alias *cells_alias_new(struct cells *cs); /* zeroed but for its type; NULL: no memory */
void cells_alias_free(struct cells *cs, struct alias *a);

/* Of a spelling that is dropped: zeroed but for type and profile.  NULL: no memory */
struct cell *cells_dropped_new(struct cells *cs, uint8_t profile);
void cells_dropped_free(struct cells *cs, struct cell *c);

/* Empty part p. */
void cells_begin(const struct cells *cs, struct cell *c, unsigned p);

#endif
