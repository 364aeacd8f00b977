/**
 * places: a hash table of places in an array that costs 4 bytes a slot.  Private to aggregate/.
 *
 * Open addressing, linear probing.  From eleven sixteenths on, or nearly empty, it moves to one of
 * another size, a step with each item that comes or goes (base/probe_move.h).  A slot holds a place
 * plus one (0: it is free) in as many low bits as a place can have in a table of that size, and in
 * the bits above them part of the hash, so that a probe past another item rarely touches that item.
 *
 *   array    the owner's; which hash an item has is asked of the owner
 *   thread   control
 */
#ifndef AGGREGATE_PLACES_H
#define AGGREGATE_PLACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/probe_move.h"

enum { PLACES_MAX = (1 << 30) - 1, PLACES_NONE = INT32_MAX };

/* { 0 } is an empty table. */
struct places {
    uint32_t *slots; /* NULL: it is empty */
    uint32_t mask, n;
    struct probe_move move;
};

struct places_array {
    const void *owner;
    uint64_t (*hash)(const void *owner, uint32_t place); /* the same as long as the item is there */
    /* A move asks for that hash in the step after the next one, or (soon) in the next: what it
     * will need may be asked for.  NULL: nothing is */
    void (*ahead)(const void *owner, uint32_t place, bool soon);
};

void places_release(struct places *x); /* x is empty and usable again */

typedef bool (*places_eq)(const void *owner, uint32_t place, const void *key);

/* The place of that hash for which eq(a->owner, place, key) holds, or PLACES_NONE. */
uint32_t places_find(const struct places *x, const struct places_array *a, uint64_t hash,
                     places_eq eq, const void *key);

/* An item that is probably the one of that hash, if there is one: known without a look at it. */
uint32_t places_likely(const struct places *x, uint64_t hash);

/* A search for that hash is about to come. */
static inline void places_prefetch(const struct places *x, uint64_t hash)
{
    if (x->slots != NULL)
        __builtin_prefetch(&x->slots[hash & x->mask]);
}

/* The array has an item there now, which the table does not; place < PLACES_MAX. */
void places_put(struct places *x, const struct places_array *a, uint32_t place);

/* The table forgets the item, which is still there.  No other item's place is `end` or above. */
void places_remove(struct places *x, const struct places_array *a, uint32_t place, uint32_t end);

/* The item at `to` was at `from`, in the table as well. */
void places_moved(struct places *x, const struct places_array *a, uint32_t from, uint32_t to);

#endif
