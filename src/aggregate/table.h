/**
 * table: a worker's hash table from a spelling's hash to its cell.  Private to aggregate/.
 *
 * Open addressing, linear probing, no removed marks.  When it is half full, or nearly empty, it
 * moves to one of another size, in steps (base/probe_move.h): a step with each cell that is put,
 * and one of TABLE_TIDY slots each turn.  So it is at most half and a sixteenth full, and a look-up
 * knows nothing of a move.
 *
 * The slot holds 64 bits of the hash, the cell 64 more of which `check` confirms the find; no key
 * text is kept or compared.
 * A search begins at the first slot of a cache line, so that the four of that line can be compared
 * at once: then the right cell is known, and asked for, before the slots are walked.
 *   thread   worker
 */
#ifndef AGGREGATE_TABLE_H
#define AGGREGATE_TABLE_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregate/cell.h"
#include "base/hash.h"
#include "base/probe_move.h"

struct slot {
    uint64_t lo;
    struct cell *cell; /* NULL: free */
};

enum { TABLE_LINE = 4 }; /* slots of a cache line */
static_assert(TABLE_LINE * sizeof(struct slot) == 64, "slots fill their line");

struct table {
    struct slot *slots; /* all cells, also while a move is under way */
    uint64_t mask;
    size_t n;
    struct probe_move move;
};

/* returns  0 or -ENOMEM */
int table_init(struct table *t);
void table_release(struct table *t); /* the cells are the caller's */

/* Where a search for that half of a hash begins: at the first slot of a line. */
static inline uint64_t table_start(uint64_t lo)
{
    return lo & ~(uint64_t)(TABLE_LINE - 1);
}

static inline struct slot *table_home(const struct table *t, struct hash128 h)
{
    return &t->slots[table_start(h.lo) & t->mask];
}

/*
 * The cell of the first slot of the home line that has the hash's half, found without a branch; in
 * a table that is half full nearly always the one that is looked for.  NULL: none has it
 */
static inline struct cell *table_guess(const struct table *t, struct hash128 h)
{
    const struct slot *s = table_home(t, h);
    uint32_t match = (uint32_t)(s[0].lo == h.lo) | (uint32_t)(s[1].lo == h.lo) << 1 |
                     (uint32_t)(s[2].lo == h.lo) << 2 | (uint32_t)(s[3].lo == h.lo) << 3;
    struct cell *c = s[__builtin_ctz(match | 1u << (TABLE_LINE - 1))].cell;
    return match != 0 ? c : NULL;
}

static inline struct cell *table_find(const struct table *t, struct hash128 h)
{
    PROBE_EACH(i, table_start(h.lo), t->mask) {
        const struct slot *s = &t->slots[i];
        if (s->cell == NULL)
            return NULL;
        if (s->lo == h.lo && s->cell->check == h.hi)
            return s->cell;
    }
}

/*
 * Room for one more; a step of a move, if one is due.  returns  0; -ENOMEM: a move is due and there
 * is no memory for it, nothing changed
 */
int table_reserve(struct table *t);

/* The hash is not in the table yet, and table_reserve has made room. */
void table_put(struct table *t, struct hash128 h, struct cell *c);

/* Empty slot i (0 <= i <= mask), which is in use; what follows may move up into it. */
void table_remove_at(struct table *t, uint64_t i);

/* The hash is in the table. */
void table_remove(struct table *t, struct hash128 h);

/*
 * Go on with a move, or begin one to half the size when few are left.
 *   cost     TABLE_TIDY slots
 *   returns  true: slots are being given back, so it should be called again soon
 */
enum { TABLE_TIDY = 8192 };
bool table_tidy(struct table *t);

/* Bytes of slots, both tables' during a move. */
size_t table_memory(const struct table *t);

#endif
