/**
 * mapping_entries: a table of 64-bit values by 64-bit keys that are hashes already.
 *
 * Open addressing, at most half full.  { 0 } is an empty table.  A key may stand in it several
 * times, for different things whose hashes are equal by chance.
 *
 *   thread   one while it is filled, then any
 */
#ifndef AGGREGATE_MAPPING_ENTRIES_H
#define AGGREGATE_MAPPING_ENTRIES_H

#include <stddef.h>
#include <stdint.h>

struct mapping_entry {
    uint64_t key, value; /* value is not 0 */
};

struct mapping_entries {
    struct mapping_entry *at;
    size_t mask, n;
};

void mapping_entries_insert(struct mapping_entries *t, uint64_t key, uint64_t value);
void mapping_entries_release(struct mapping_entries *t);
size_t mapping_entries_memory(const struct mapping_entries *t);

static inline size_t mapping_entries_slot(const struct mapping_entries *t, uint64_t key)
{
    return (size_t)(key ^ key >> 32) & t->mask;
}

static inline struct mapping_entry *mapping_entries_from(const struct mapping_entries *t, size_t i,
                                                         uint64_t key)
{
    for (; t->at[i].value != 0; i = (i + 1) & t->mask)
        if (t->at[i].key == key)
            return &t->at[i];
    return NULL;
}

/* The first of that key; NULL: none. */
static inline struct mapping_entry *mapping_entries_find(const struct mapping_entries *t,
                                                         uint64_t key)
{
    return t->at != NULL ? mapping_entries_from(t, mapping_entries_slot(t, key), key) : NULL;
}

/* The next one of e's key; NULL: no more. */
static inline struct mapping_entry *mapping_entries_next(const struct mapping_entries *t,
                                                         const struct mapping_entry *e)
{
    return mapping_entries_from(t, ((size_t)(e - t->at) + 1) & t->mask, e->key);
}

#endif
