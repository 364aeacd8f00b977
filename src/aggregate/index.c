#include "aggregate/index.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"

enum { SLOTS_FIRST = 64, TAG_SHIFT = 48 };

#define POINTER_MASK ((1ull << TAG_SHIFT) - 1)

static uint64_t tag_of(uint64_t hash)
{
    return hash >> TAG_SHIFT << TAG_SHIFT;
}

static void *item_of(uint64_t slot)
{
    return (void *)(uintptr_t)(slot & POINTER_MASK);   /* NOLINT(performance-no-int-to-ptr): a pointer with a tag on top */
}

void index_init(struct index *x, uint64_t (*hash)(const void *item))
{
    *x = (struct index){ .mask = SLOTS_FIRST - 1, .hash = hash };
    x->slots = mem_zalloc(SLOTS_FIRST * sizeof *x->slots);
}

void index_release(struct index *x)
{
    free(x->slots);
    *x = (struct index){ 0 };
}

static void put(uint64_t *slots, uint64_t mask, uint64_t hash, uint64_t slot)
{
    uint64_t i = hash & mask;
    while (slots[i] != 0)
        i = (i + 1) & mask;
    slots[i] = slot;
}

static void resize(struct index *x, uint64_t mask)
{
    uint64_t *slots = mem_zalloc((mask + 1) * sizeof *slots);
    for (uint64_t i = 0; i <= x->mask; i++)
        if (x->slots[i] != 0)
            put(slots, mask, x->hash(item_of(x->slots[i])), x->slots[i]);
    free(x->slots);
    x->slots = slots;
    x->mask = mask;
}

void *index_find(const struct index *x, uint64_t hash, index_eq eq, const void *key)
{
    for (uint64_t i = hash & x->mask; x->slots[i] != 0; i = (i + 1) & x->mask)
        if (tag_of(x->slots[i]) == tag_of(hash) && eq(item_of(x->slots[i]), key))
            return item_of(x->slots[i]);
    return NULL;
}

void index_put(struct index *x, void *item)
{
    assert(((uintptr_t)item & ~POINTER_MASK) == 0);
    if (x->n * 4 >= x->mask * 3)
        resize(x, x->mask * 2 + 1);
    uint64_t hash = x->hash(item);
    put(x->slots, x->mask, hash, (uint64_t)(uintptr_t)item | tag_of(hash));
    x->n++;
}

void index_remove(struct index *x, const void *item)
{
    uint64_t i = x->hash(item) & x->mask;
    while (item_of(x->slots[i]) != item) {
        assert(x->slots[i] != 0);
        i = (i + 1) & x->mask;
    }
    uint64_t hole = i;
    for (i = (i + 1) & x->mask; x->slots[i] != 0; i = (i + 1) & x->mask) {
        uint64_t home = x->hash(item_of(x->slots[i])) & x->mask;
        if (((i - home) & x->mask) >= ((i - hole) & x->mask)) {
            x->slots[hole] = x->slots[i];
            hole = i;
        }
    }
    x->slots[hole] = 0;
    x->n--;
    if (x->mask >= SLOTS_FIRST && x->n * 8 < x->mask)
        resize(x, x->mask / 2);
}
