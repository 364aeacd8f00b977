#include "aggregate/index.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/probe.h"

enum { SLOTS_FIRST = 64, TAG_SHIFT = 48 };

#define POINTER_MASK ((1ull << TAG_SHIFT) - 1)

/* A search ends at a free slot, so there is one. */
static void index_check(const struct index *x)
{
    assert((x->mask & (x->mask + 1)) == 0 && x->mask + 1 >= SLOTS_FIRST);
    assert(x->n * 4 <= (x->mask + 1) * 3);
}

static uint64_t tag_of(uint64_t hash)
{
    return hash >> TAG_SHIFT << TAG_SHIFT;
}

static void *item_of(uint64_t slot)
{
    /* A pointer with a tag on top. */
    return (void *)(uintptr_t)(slot & POINTER_MASK); /* NOLINT(performance-no-int-to-ptr) */
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
    PROBE_EACH(i, hash, mask) {
        if (slots[i] != 0)
            continue;
        slots[i] = slot;
        return;
    }
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
    PROBE_EACH(i, hash, x->mask) {
        if (x->slots[i] == 0)
            return NULL;
        if (tag_of(x->slots[i]) == tag_of(hash) && eq(item_of(x->slots[i]), key))
            return item_of(x->slots[i]);
    }
}

void index_put(struct index *x, void *item)
{
    assert(((uintptr_t)item & ~POINTER_MASK) == 0);
    if (x->n * 4 >= x->mask * 3)
        resize(x, x->mask * 2 + 1);
    uint64_t hash = x->hash(item);
    put(x->slots, x->mask, hash, (uint64_t)(uintptr_t)item | tag_of(hash));
    x->n++;
    index_check(x);
}

static bool slot_is_free(const void *index, uint64_t i)
{
    return ((const struct index *)index)->slots[i] == 0;
}

static uint64_t slot_hash(const void *index, uint64_t i)
{
    const struct index *x = index;
    return x->hash(item_of(x->slots[i]));
}

static void slot_move(void *index, uint64_t to, uint64_t from)
{
    struct index *x = index;
    x->slots[to] = x->slots[from];
}

static const struct probe_table slot_ops = { slot_is_free, slot_hash, slot_move };

static uint64_t place_of(const struct index *x, const void *item)
{
    PROBE_EACH(i, x->hash(item), x->mask) {
        assert(x->slots[i] != 0);
        if (item_of(x->slots[i]) == item)
            return i;
    }
}

void index_remove(struct index *x, const void *item)
{
    assert(x->n > 0);
    x->slots[probe_remove(&slot_ops, x, x->mask, place_of(x, item))] = 0;
    x->n--;
    if (x->mask >= SLOTS_FIRST && x->n * 8 < x->mask)
        resize(x, x->mask / 2);
    index_check(x);
}
