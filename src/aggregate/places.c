/*
 * places_put, places_remove, places_moved
 *   move_begin, move_step     to another size: a step with each item that comes or goes
 *     look_ahead
 *   put, empty                in a view: of the slots, and of the next ones if the move was there
 */
#include "aggregate/places.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"

enum { SLOTS_FIRST = 64 };

/* Slots and the array that knows the hashes: what probe.h works on. */
struct view {
    uint32_t *slots;
    uint32_t mask;
    const struct places_array *a;
};

/* A search ends at a free slot, so there is one. */
static void places_check(const struct places *x)
{
    assert((x->mask & (x->mask + 1)) == 0 && x->mask + 1 >= SLOTS_FIRST);
    assert((uint64_t)x->n * 16 <= ((uint64_t)x->mask + 1) * 13);
}

static struct view view_of(const struct places *x, const struct places_array *a)
{
    return (struct view){ x->slots, x->mask, a };
}

static struct view next_of(const struct places *x, const struct places_array *a)
{
    return (struct view){ x->move.next, (uint32_t)x->move.mask, a };
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
    free(x->move.next);
    *x = (struct places){ 0 };
}

/* eq: NULL: the first item with that part of the hash */
static inline __attribute__((always_inline)) uint32_t
find(const struct places *x, const void *owner, uint64_t hash, places_eq eq, const void *key)
{
    if (x->slots == NULL)
        return PLACES_NONE;
    const uint32_t tag = slot_of(hash, 0, x->mask) & ~x->mask;
    PROBE_EACH(i, hash, x->mask) {
        uint32_t slot = x->slots[i];
        if (slot == 0)
            return PLACES_NONE;
        if ((slot & ~x->mask) == tag && (eq == NULL || eq(owner, place_of(slot, x->mask), key)))
            return place_of(slot, x->mask);
    }
}

uint32_t places_find(const struct places *x, const struct places_array *a, uint64_t hash,
                     places_eq eq, const void *key)
{
    assert(eq != NULL);
    return find(x, a->owner, hash, eq, key);
}

uint32_t places_likely(const struct places *x, uint64_t hash)
{
    return find(x, NULL, hash, NULL, NULL);
}

static bool slot_is_free(const void *view, uint64_t i)
{
    return ((const struct view *)view)->slots[i] == 0;
}

static uint64_t slot_hash(const void *view, uint64_t i)
{
    const struct view *v = view;
    return v->a->hash(v->a->owner, place_of(v->slots[i], v->mask));
}

/* The views may be of two sizes. */
static void slot_copy(void *to, uint64_t i, const void *from, uint64_t j)
{
    const struct view *t = to, *f = from;
    if (t->mask == f->mask)
        t->slots[i] = f->slots[j];
    else
        t->slots[i] = slot_of(slot_hash(f, j), place_of(f->slots[j], f->mask), t->mask);
}

static const struct probe_table slot_ops = { slot_is_free, slot_hash, slot_copy };

/* ---- moves ---- */

static void move_begin(struct places *x, uint32_t mask)
{
    probe_move_begin(&x->move, x->mask, mem_zalloc(((size_t)mask + 1) * sizeof *x->slots), mask);
}

/* Each hash that a step asks for is a cache miss or two, unless they were asked for before. */
static void look_ahead(const struct places *x, const struct places_array *a)
{
    if (a->ahead == NULL)
        return;
    for (uint64_t k = 0; k < 2ul * PROBE_STEP && x->move.done + k <= x->mask; k++) {
        const uint32_t slot = x->slots[x->move.done + k];
        if (slot != 0)
            a->ahead(a->owner, place_of(slot, x->mask), k < PROBE_STEP);
    }
}

static void move_step(struct places *x, const struct places_array *a)
{
    struct view now = view_of(x, a), next = next_of(x, a);
    if (!probe_move_due(&x->move))
        return;
    if (!probe_move_step(&slot_ops, &x->move, &now, now.mask, &next, PROBE_STEP)) {
        look_ahead(x, a);
        return;
    }
    free(x->slots);
    x->slots = next.slots;
    x->mask = next.mask;
    x->move = (struct probe_move){ 0 };
}

/* ---- items ---- */

static void put(const struct view *v, uint64_t hash, uint32_t place)
{
    v->slots[probe_place(&slot_ops, v, v->mask, hash)] = slot_of(hash, place, v->mask);
}

static uint64_t find_slot(const struct view *v, uint64_t hash, uint32_t place)
{
    const uint32_t slot = slot_of(hash, place, v->mask);
    PROBE_EACH(i, hash, v->mask) {
        assert(v->slots[i] != 0);
        if (v->slots[i] == slot)
            return i;
    }
}

static void empty(struct view v, uint64_t hash, uint32_t place)
{
    v.slots[probe_remove(&slot_ops, &v, v.mask, find_slot(&v, hash, place))] = 0;
}

void places_put(struct places *x, const struct places_array *a, uint32_t place)
{
    assert(place < PLACES_MAX);
    if (x->slots == NULL) {
        x->mask = SLOTS_FIRST - 1;
        x->slots = mem_zalloc(SLOTS_FIRST * sizeof *x->slots);
    }
    /* Places are dense, so that of an item says as much as the number of items. */
    const uint64_t most = place > x->n ? place : x->n;
    if (x->move.next == NULL && most * 16 >= (uint64_t)x->mask * 11)
        move_begin(x, x->mask * 2 + 1);
    move_step(x, a);
    const uint64_t hash = a->hash(a->owner, place);
    const struct view now = view_of(x, a), next = next_of(x, a);
    assert(place < x->mask);
    put(&now, hash, place);
    if (probe_move_has(&x->move, hash, x->mask))
        put(&next, hash, place);
    x->n++;
    places_check(x);
}

void places_remove(struct places *x, const struct places_array *a, uint32_t place, uint32_t end)
{
    assert(x->n > 0);
    const uint64_t hash = a->hash(a->owner, place);
    if (probe_move_has(&x->move, hash, x->mask))
        empty(next_of(x, a), hash, place);
    empty(view_of(x, a), hash, place);
    x->n--;
    /* A move takes a sixteenth of the slots in items: those that come then fit in as well. */
    if (x->move.next == NULL && x->mask >= SLOTS_FIRST && (uint64_t)end * 8 < x->mask)
        move_begin(x, x->mask / 2);
    move_step(x, a);
    places_check(x);
}

void places_moved(struct places *x, const struct places_array *a, uint32_t from, uint32_t to)
{
    const uint64_t hash = a->hash(a->owner, to);
    struct view v = view_of(x, a);
    v.slots[find_slot(&v, hash, from)] = slot_of(hash, to, v.mask);
    if (!probe_move_has(&x->move, hash, x->mask))
        return;
    v = next_of(x, a);
    v.slots[find_slot(&v, hash, from)] = slot_of(hash, to, v.mask);
}
