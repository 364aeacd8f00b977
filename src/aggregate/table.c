#include "aggregate/table.h"

#include <assert.h>
#include <errno.h>

#include "base/slab.h"

enum { SLOTS_FIRST = 1024 };

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
    uint64_t i = s.lo & mask;
    while (slots[i].cell != NULL)
        i = (i + 1) & mask;
    slots[i] = s;
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
}

void table_remove_at(struct table *t, uint64_t i)
{
    assert(t->slots[i].cell != NULL);
    t->n--;
    uint64_t hole = i;
    for (i = (i + 1) & t->mask; t->slots[i].cell != NULL; i = (i + 1) & t->mask) {
        uint64_t home = t->slots[i].lo & t->mask;
        if (((i - home) & t->mask) >= ((i - hole) & t->mask)) {
            t->slots[hole] = t->slots[i];
            hole = i;
        }
    }
    t->slots[hole] = (struct slot){ 0 };
}

void table_remove(struct table *t, struct hash128 h)
{
    for (uint64_t i = h.lo & t->mask;; i = (i + 1) & t->mask) {
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
}
