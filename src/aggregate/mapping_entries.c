#include "aggregate/mapping_entries.h"

#include <stdlib.h>

#include "base/mem.h"

static void put(struct mapping_entries *t, uint64_t key, uint64_t value)
{
    size_t i = mapping_entries_slot(t, key);
    while (t->at[i].value != 0)
        i = (i + 1) & t->mask;
    t->at[i] = (struct mapping_entry){ key, value };
    t->n++;
}

static void grow(struct mapping_entries *t)
{
    struct mapping_entries old = *t;
    t->mask = old.at != NULL ? 2 * old.mask + 1 : 15;
    t->at = mem_zalloc((t->mask + 1) * sizeof *t->at);
    t->n = 0;
    for (size_t i = 0; old.at != NULL && i <= old.mask; i++)
        if (old.at[i].value != 0)
            put(t, old.at[i].key, old.at[i].value);
    free(old.at);
}

void mapping_entries_insert(struct mapping_entries *t, uint64_t key, uint64_t value)
{
    if (t->at == NULL || 2 * (t->n + 1) > t->mask + 1)
        grow(t);
    put(t, key, value);
}

void mapping_entries_release(struct mapping_entries *t)
{
    free(t->at);
    *t = (struct mapping_entries){ 0 };
}

size_t mapping_entries_memory(const struct mapping_entries *t)
{
    return t->at != NULL ? (t->mask + 1) * sizeof *t->at : 0;
}
