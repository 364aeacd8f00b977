/**
 * table: a worker's hash table from a spelling's hash to its cell.  Private to aggregate/.
 *
 * Open addressing, linear probing, at most half full, no removed marks.  The slot holds 64 bits of
 * the hash, the cell 64 more of which `check` confirms the find; no key text is kept or compared.
 *   thread   worker
 */
#ifndef AGGREGATE_TABLE_H
#define AGGREGATE_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "aggregate/cell.h"
#include "base/hash.h"
#include "base/probe.h"

struct slot {
    uint64_t lo;
    struct cell *cell; /* NULL: free */
};

struct table {
    struct slot *slots;
    uint64_t mask;
    size_t n;
};

/* returns  0 or -ENOMEM */
int table_init(struct table *t);
void table_release(struct table *t); /* the cells are the caller's */

static inline struct slot *table_home(const struct table *t, struct hash128 h)
{
    return &t->slots[h.lo & t->mask];
}

static inline struct cell *table_find(const struct table *t, struct hash128 h)
{
    PROBE_EACH(i, h.lo, t->mask) {
        const struct slot *s = &t->slots[i];
        if (s->cell == NULL)
            return NULL;
        if (s->lo == h.lo && s->cell->check == h.hi)
            return s->cell;
    }
}

/* Room for one more.  returns  0 or -ENOMEM, then nothing changed */
int table_reserve(struct table *t);

/* The hash is not in the table yet, and there is room. */
void table_put(struct table *t, struct hash128 h, struct cell *c);

/* Empty slot i (0 <= i <= mask), which is in use; what follows may move up into it. */
void table_remove_at(struct table *t, uint64_t i);

/* The hash is in the table. */
void table_remove(struct table *t, struct hash128 h);

/* Give memory back when few are left. */
void table_shrink(struct table *t);

#endif
