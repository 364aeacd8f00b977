/*
 *   table_reserve            before a table_put: begins a move when it is half full, or steps on
 *   table_tidy               after removals: begins a move to half the size, or steps on
 *   move_begin, move_step    the next table is mapped by the memory thread (base/backing.h);
 *                            then slots are copied, and the last step swaps the two
 *
 * A cell whose slot has been copied is put into and removed from both tables (probe_move_has).
 */
#include "aggregate/table.h"

#include <assert.h>
#include <errno.h>

#include "base/backing.h"
#include "base/slab.h"

enum { SLOTS_FIRST = 1024 };

/* At most half full, but for one more and what came during a move; a search ends at a free slot. */
static void table_check(const struct table *t)
{
    assert((t->mask & (t->mask + 1)) == 0 && t->mask + 1 >= SLOTS_FIRST);
    assert(t->n <= t->mask / 2 + 1 + probe_move_keys(t->mask));
    assert(t->move.next == NULL || t->move.done <= t->mask);
}

static size_t slots_bytes(uint64_t mask)
{
    return (mask + 1) * sizeof(struct slot);
}

int table_init(struct table *t)
{
    *t = (struct table){ .mask = SLOTS_FIRST - 1 };
    t->slots = slab_map(slots_bytes(t->mask));
    return t->slots == NULL ? -ENOMEM : 0;
}

void table_release(struct table *t)
{
    backing_unmap(t->slots, slots_bytes(t->mask));
    backing_unmap(t->move.next, slots_bytes(t->move.mask));
    *t = (struct table){ 0 };
}

size_t table_memory(const struct table *t)
{
    return slots_bytes(t->mask) + (t->move.next != NULL ? slots_bytes(t->move.mask) : 0);
}

static bool slot_is_free(const void *slots, uint64_t i)
{
    return ((const struct slot *)slots)[i].cell == NULL;
}

static uint64_t slot_hash(const void *slots, uint64_t i)
{
    return table_start(((const struct slot *)slots)[i].lo);
}

static void slot_copy(void *to, uint64_t i, const void *from, uint64_t j)
{
    ((struct slot *)to)[i] = ((const struct slot *)from)[j];
}

static const struct probe_table slot_ops = { slot_is_free, slot_hash, slot_copy };

/* ---- moves ---- */

static int move_begin(struct table *t, uint64_t mask)
{
    assert(t->move.next == NULL);
    void *next = slab_map(slots_bytes(mask));
    if (next == NULL)
        return -ENOMEM;
    backing_ahead(next, slots_bytes(mask));
    probe_move_begin(&t->move, t->mask, next, mask);
    return 0;
}

/* Is the next table's memory still being made? */
static bool is_awaited(const struct table *t)
{
    return t->move.next != NULL && t->move.done == 0 && !backing_is_ready(t->move.next);
}

static void move_step(struct table *t, uint64_t n)
{
    if (t->move.done == 0)
        backing_claim(t->move.next);
    if (!probe_move_step(&slot_ops, &t->move, t->slots, t->mask, t->move.next, n))
        return;
    backing_unmap(t->slots, slots_bytes(t->mask));
    t->slots = t->move.next;
    t->mask = t->move.mask;
    t->move = (struct probe_move){ 0 };
    table_check(t);
}

int table_reserve(struct table *t)
{
    int rc = 0;
    if (t->move.next == NULL && t->n * 2 > t->mask)
        rc = move_begin(t, t->mask * 2 + 1);
    if (probe_move_due(&t->move) && !(is_awaited(t) && probe_move_put_off(&t->move)))
        move_step(t, PROBE_STEP);
    return rc;
}

static bool is_wide(const struct table *t)
{
    return t->mask >= SLOTS_FIRST && t->n * 8 < t->mask;
}

bool table_tidy(struct table *t)
{
    bool shrinks = t->move.next != NULL && t->move.mask < t->mask;
    if (t->move.next == NULL && is_wide(t))
        shrinks = move_begin(t, t->mask / 2) == 0; /* without memory the larger one still serves */
    else if (t->move.next != NULL && !is_awaited(t))
        move_step(t, TABLE_TIDY);
    table_check(t);
    return shrinks;
}

/* ---- cells ---- */

static void put(struct slot *slots, uint64_t mask, struct slot s)
{
    slots[probe_place(&slot_ops, slots, mask, table_start(s.lo))] = s;
}

void table_put(struct table *t, struct hash128 h, struct cell *c)
{
    assert(c != NULL && c->check == h.hi && t->n < t->mask);
    const struct slot s = { h.lo, c };
    put(t->slots, t->mask, s);
    if (probe_move_has(&t->move, table_start(h.lo), t->mask))
        put(t->move.next, t->move.mask, s);
    t->n++;
    table_check(t);
}

static void empty(struct slot *slots, uint64_t mask, uint64_t i)
{
    slots[probe_remove(&slot_ops, slots, mask, i)] = (struct slot){ 0 };
}

/* Where c is, which is there. */
static uint64_t place_of(const struct slot *slots, uint64_t mask, uint64_t lo, const struct cell *c)
{
    PROBE_EACH(i, table_start(lo), mask) {
        assert(slots[i].cell != NULL);
        if (slots[i].cell == c)
            return i;
    }
}

void table_remove_at(struct table *t, uint64_t i)
{
    const struct slot s = t->slots[i];
    assert(s.cell != NULL && t->n > 0);
    t->n--;
    empty(t->slots, t->mask, i);
    if (probe_move_has(&t->move, table_start(s.lo), t->mask))
        empty(t->move.next, t->move.mask, place_of(t->move.next, t->move.mask, s.lo, s.cell));
}

void table_remove(struct table *t, struct hash128 h)
{
    const struct cell *c = table_find(t, h);
    assert(c != NULL);
    table_remove_at(t, place_of(t->slots, t->mask, h.lo, c));
}
