/**
 * probe: open addressing with linear probing, for tables with slots of any layout.
 *
 * The size is a power of two, mask is one less.  A key is in its home slot, hash & mask, or in a
 * later one with no free slot in between, so a search ends at the first free slot.  There are no
 * tombstones: probe_remove closes the gap.
 *
 *     PROBE_EACH (i, hash, mask)
 *         if (slots[i] is free or holds the key)
 *             return i;
 *
 * A table that grows or shrinks in steps: probe_move.h.
 */
#ifndef BASE_PROBE_H
#define BASE_PROBE_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

/* i visits the slots that may hold the key, wrapping around; the body must leave the loop. */
#define PROBE_EACH(i, hash, mask) for (uint64_t i = (hash) & (mask);; i = (i + 1) & (mask))

/* The operations on a table's slots. */
struct probe_table {
    bool (*is_free)(const void *table, uint64_t i);
    uint64_t (*hash)(const void *table, uint64_t i); /* of the key in slot i, which is not free */
    /* Slot j of `from` over slot i of `to`, which may be the same table. */
    void (*copy)(void *to, uint64_t i, const void *from, uint64_t j);
};

/**
 * probe_remove(t, table, mask, i):
 * Remove the key in slot i: later keys of the same run move back into the gap where their home
 * allows it (D. Knuth, TAOCP 6.4, algorithm R).
 *   t        constant, so that the calls are inlined
 *   returns  the slot that has become free; the caller marks it so
 */
static inline __attribute__((always_inline)) uint64_t
probe_remove(const struct probe_table *t, void *table, uint64_t mask, uint64_t i)
{
    uint64_t hole = i;
    assert((mask & (mask + 1)) == 0 && i <= mask && !t->is_free(table, i));
    for (i = (i + 1) & mask; !t->is_free(table, i); i = (i + 1) & mask) {
        uint64_t home = t->hash(table, i) & mask;
        /* A key may move to the hole if its home is not between the hole and i. */
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            t->copy(table, hole, table, i);
            hole = i;
        }
    }
    return hole;
}

#endif
