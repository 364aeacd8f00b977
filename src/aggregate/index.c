#include "aggregate/index.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"

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
    free(x->move.next);
    *x = (struct index){ 0 };
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

static bool slot_is_free(const void *index, uint64_t i)
{
    return ((const struct index *)index)->slots[i] == 0;
}

static uint64_t slot_hash(const void *index, uint64_t i)
{
    const struct index *x = index;
    return x->hash(item_of(x->slots[i]));
}

static void slot_copy(void *to, uint64_t i, const void *from, uint64_t j)
{
    ((struct index *)to)->slots[i] = ((const struct index *)from)->slots[j];
}

static const struct probe_table slot_ops = { slot_is_free, slot_hash, slot_copy };

/* ---- moves ---- */

/* What the move under way leads to. */
static struct index next_of(const struct index *x)
{
    return (struct index){ .slots = x->move.next, .mask = x->move.mask, .hash = x->hash };
}

static void move_begin(struct index *x, uint64_t mask)
{
    probe_move_begin(&x->move, x->mask, mem_zalloc((mask + 1) * sizeof *x->slots), mask);
}

/* The next step asks each item for its hash. */
static void look_ahead(const struct index *x)
{
    for (uint64_t i = x->move.done; i < x->move.done + PROBE_STEP && i <= x->mask; i++)
        __builtin_prefetch(item_of(x->slots[i]));
}

/* The step of an item that comes or goes. */
static void move_step(struct index *x)
{
    struct index next = next_of(x);
    if (!probe_move_due(&x->move))
        return;
    if (!probe_move_step(&slot_ops, &x->move, x, x->mask, &next, PROBE_STEP)) {
        look_ahead(x);
        return;
    }
    free(x->slots);
    x->slots = next.slots;
    x->mask = next.mask;
    x->move = (struct probe_move){ 0 };
}

/* ---- items ---- */

static void put(struct index *x, uint64_t hash, uint64_t slot)
{
    x->slots[probe_place(&slot_ops, x, x->mask, hash)] = slot;
}

void index_put(struct index *x, void *item)
{
    assert(((uintptr_t)item & ~POINTER_MASK) == 0);
    if (x->move.next == NULL && x->n * 16 >= x->mask * 11)
        move_begin(x, x->mask * 2 + 1);
    move_step(x);
    const uint64_t hash = x->hash(item), slot = (uint64_t)(uintptr_t)item | tag_of(hash);
    put(x, hash, slot);
    if (probe_move_has(&x->move, hash, x->mask)) {
        struct index next = next_of(x);
        put(&next, hash, slot);
    }
    x->n++;
    index_check(x);
}

static uint64_t place_of(const struct index *x, const void *item)
{
    PROBE_EACH(i, x->hash(item), x->mask) {
        assert(x->slots[i] != 0);
        if (item_of(x->slots[i]) == item)
            return i;
    }
}

static void empty(struct index *x, const void *item)
{
    x->slots[probe_remove(&slot_ops, x, x->mask, place_of(x, item))] = 0;
}

void index_remove(struct index *x, const void *item)
{
    assert(x->n > 0);
    struct index next = next_of(x);
    if (probe_move_has(&x->move, x->hash(item), x->mask))
        empty(&next, item);
    empty(x, item);
    x->n--;
    if (x->move.next == NULL && x->mask >= SLOTS_FIRST && x->n * 8 < x->mask)
        move_begin(x, x->mask / 2);
    move_step(x);
    index_check(x);
}
