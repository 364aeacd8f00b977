#include "aggregate/places.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/probe.h"

enum { SLOTS_FIRST = 16 };

/* A search ends at a free slot, so there is one. */
static void places_check(const struct places *x)
{
    assert((x->mask & (x->mask + 1)) == 0 && x->mask + 1 >= SLOTS_FIRST);
    assert((uint64_t)x->n * 4 <= ((uint64_t)x->mask + 1) * 3);
}

static uint32_t place_of(uint32_t slot, uint32_t mask)
{
    return (slot & mask) - 1;
}

static uint32_t slot_of(uint64_t hash, uint32_t place, uint32_t mask)
{
    return ((uint32_t)(hash >> 32) & ~mask) | (place + 1);
}

void places_release(struct places *x)
{
    free(x->slots);
    *x = (struct places){ 0 };
}

static void put(uint32_t *slots, uint32_t mask, uint64_t hash, uint32_t place)
{
    PROBE_EACH(i, hash, mask) {
        if (slots[i] != 0)
            continue;
        slots[i] = slot_of(hash, place, mask);
        return;
    }
}

static void resize(struct places *x, const struct places_array *a, uint32_t mask)
{
    uint32_t *slots = mem_zalloc(((size_t)mask + 1) * sizeof *slots);
    for (uint64_t i = 0; x->slots != NULL && i <= x->mask; i++) {
        if (x->slots[i] == 0)
            continue;
        uint32_t place = place_of(x->slots[i], x->mask);
        put(slots, mask, a->hash(a->owner, place), place);
    }
    free(x->slots);
    x->slots = slots;
    x->mask = mask;
}

uint32_t places_find(const struct places *x, const struct places_array *a, uint64_t hash,
                     places_eq eq, const void *key)
{
    if (x->slots == NULL)
        return PLACES_NONE;
    const uint32_t tag = slot_of(hash, 0, x->mask) & ~x->mask;
    PROBE_EACH(i, hash, x->mask) {
        uint32_t slot = x->slots[i];
        if (slot == 0)
            return PLACES_NONE;
        if ((slot & ~x->mask) == tag && eq(a->owner, place_of(slot, x->mask), key))
            return place_of(slot, x->mask);
    }
}

/* At most three quarters full, and a place plus one fits under the mask. */
static bool is_room(const struct places *x, uint32_t place)
{
    return x->slots != NULL && place < x->mask && (uint64_t)x->n * 4 < (uint64_t)x->mask * 3;
}

void places_put(struct places *x, const struct places_array *a, uint32_t place)
{
    assert(place < PLACES_MAX);
    while (!is_room(x, place))
        resize(x, a, x->slots == NULL ? SLOTS_FIRST - 1 : x->mask * 2 + 1);
    put(x->slots, x->mask, a->hash(a->owner, place), place);
    x->n++;
    places_check(x);
}

/* The table and its array, for probe_remove. */
struct removal {
    struct places *x;
    const struct places_array *a;
};

static bool slot_is_free(const void *removal, uint64_t i)
{
    return ((const struct removal *)removal)->x->slots[i] == 0;
}

static uint64_t slot_hash(const void *removal, uint64_t i)
{
    const struct removal *r = removal;
    return r->a->hash(r->a->owner, place_of(r->x->slots[i], r->x->mask));
}

static void slot_move(void *removal, uint64_t to, uint64_t from)
{
    const struct removal *r = removal;
    r->x->slots[to] = r->x->slots[from];
}

static const struct probe_table slot_ops = { slot_is_free, slot_hash, slot_move };

static uint64_t find_slot(const struct places *x, uint64_t hash, uint32_t place)
{
    const uint32_t slot = slot_of(hash, place, x->mask);
    PROBE_EACH(i, hash, x->mask) {
        assert(x->slots[i] != 0);
        if (x->slots[i] == slot)
            return i;
    }
}

void places_remove(struct places *x, const struct places_array *a, uint32_t place, uint32_t end)
{
    assert(x->n > 0);
    struct removal r = { x, a };
    uint64_t at = find_slot(x, a->hash(a->owner, place), place);
    x->slots[probe_remove(&slot_ops, &r, x->mask, at)] = 0;
    x->n--;
    if (x->mask >= SLOTS_FIRST && (uint64_t)end * 8 < x->mask)
        resize(x, a, x->mask / 2);
    places_check(x);
}

void places_moved(struct places *x, const struct places_array *a, uint32_t from, uint32_t to)
{
    assert(to < x->mask);
    uint64_t hash = a->hash(a->owner, to);
    x->slots[find_slot(x, hash, from)] = slot_of(hash, to, x->mask);
}
