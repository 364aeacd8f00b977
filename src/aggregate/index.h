/**
 * index: a hash table of pointers that costs 8 bytes a slot.  Private to aggregate/.
 *
 * Open addressing, linear probing, at most three quarters full.  From eleven sixteenths on, or
 * nearly empty, it moves to one of another size, a step with each item that comes or goes
 * (base/probe_move.h).  A slot is a pointer whose 16 upper bits, which no user address of x86-64 or
 * aarch64 uses, hold part of the hash, so that a probe past another item rarely touches that item.
 *   thread   control
 */
#ifndef AGGREGATE_INDEX_H
#define AGGREGATE_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/probe_move.h"

struct index {
    uint64_t *slots;
    uint64_t mask;
    size_t n;
    struct probe_move move;
    uint64_t (*hash)(const void *item); /* the same for an item as long as it is in the table;
                                           best near its begin, which is prefetched */
};

void index_init(struct index *x, uint64_t (*hash)(const void *item));
void index_release(struct index *x);

typedef bool (*index_eq)(const void *item, const void *key);

/* The item of that hash for which eq(item, key) holds, or NULL. */
void *index_find(const struct index *x, uint64_t hash, index_eq eq, const void *key);
void index_put(struct index *x, void *item);
void index_remove(struct index *x, const void *item); /* it is in the table */

#endif
