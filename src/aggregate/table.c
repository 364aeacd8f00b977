#include "aggregate/table.h"

#include <assert.h>
#include <errno.h>

#include "base/slab.h"

enum { SLOTS_FIRST = 1024 };

/* At most half full, but for one more: a search ends at a free slot. */
static void table_check(const struct table *t)
{
    assert((t->mask & (t->mask + 1)) == 0 && t->n <= t->mask / 2 + 1);
}

static size_t table_bytes(uint64_t mask)
{
    return (mask + 1) * sizeof(struct slot);
}

int table_init(struct table *t)
{
    *t = (struct table){ .mask = SLOTS_FIRST - 1 };
    t->slots = slab_map(table_bytes(t->mask));
    return t->slots == NULL ? -ENOMEM : 0;
}

void table_release(struct table *t)
{
    slab_unmap(t->slots, table_bytes(t->mask));
    *t = (struct table){ 0 };
}

static void put(struct slot *slots, uint64_t mask, struct slot s)
{
    PROBE_EACH(i, table_start(s.lo), mask) {
        if (slots[i].cell != NULL)
            continue;
        slots[i] = s;
        return;
    }
}

static int resize(struct table *t, uint64_t mask)
{
    struct slot *slots = slab_map(table_bytes(mask));
    if (slots == NULL)
        return -ENOMEM;
    for (uint64_t i = 0; i <= t->mask; i++)
        if (t->slots[i].cell != NULL)
            put(slots, mask, t->slots[i]);
    slab_unmap(t->slots, table_bytes(t->mask));
    t->slots = slots;
    t->mask = mask;
    return 0;
}

int table_reserve(struct table *t)
{
    return t->n * 2 > t->mask ? resize(t, t->mask * 2 + 1) : 0;
}

void table_put(struct table *t, struct hash128 h, struct cell *c)
{
    assert(c != NULL && c->check == h.hi && t->n < t->mask);
    put(t->slots, t->mask, (struct slot){ h.lo, c });
    t->n++;
    table_check(t);
}

static bool slot_is_free(const void *slots, uint64_t i)
{
    return ((const struct slot *)slots)[i].cell == NULL;
}

static uint64_t slot_hash(const void *slots, uint64_t i)
{
    return table_start(((const struct slot *)slots)[i].lo);
}

static void slot_move(void *slots, uint64_t to, uint64_t from)
{
    ((struct slot *)slots)[to] = ((struct slot *)slots)[from];
}

static const struct probe_table slot_ops = { slot_is_free, slot_hash, slot_move };

void table_remove_at(struct table *t, uint64_t i)
{
    assert(t->slots[i].cell != NULL);
    t->n--;
    t->slots[probe_remove(&slot_ops, t->slots, t->mask, i)] = (struct slot){ 0 };
}

void table_remove(struct table *t, struct hash128 h)
{
    PROBE_EACH(i, table_start(h.lo), t->mask) {
        const struct slot *s = &t->slots[i];
        assert(s->cell != NULL);
        if (s->lo == h.lo && s->cell->check == h.hi) {
            table_remove_at(t, i);
            return;
        }
    }
}

void table_shrink(struct table *t)
{
    uint64_t mask = t->mask;
    while (mask >= SLOTS_FIRST && t->n * 8 < mask)
        mask >>= 1;
    /* No memory for a smaller table: the larger one still serves. */
    if (mask < t->mask)
        (void)resize(t, mask);
    table_check(t);
}
