/*
 * table_get, table_set, table_remove     an entry in the slots, and in the next ones if the move
 *                                        has been there
 * table_reserve                          room for one more: a step of the move to more slots
 * shares_take, shares_drop               the three tables together
 */
#include "aggregate/shares.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>

#include "base/backing.h"
#include "base/slab.h"

enum { SLOTS_FIRST = 256 };

/* ---- one table ---- */

static size_t bytes_of(uint64_t mask)
{
    return (mask + 1) * sizeof(struct shares_slot);
}

static bool slot_is_free(const void *slots, uint64_t i)
{
    return ((const struct shares_slot *)slots)[i].key == 0;
}

static uint64_t slot_hash(const void *slots, uint64_t i)
{
    return ((const struct shares_slot *)slots)[i].key;
}

static void slot_copy(void *to, uint64_t i, const void *from, uint64_t j)
{
    ((struct shares_slot *)to)[i] = ((const struct shares_slot *)from)[j];
}

static const struct probe_table slot_ops = { slot_is_free, slot_hash, slot_copy };

static int table_init(struct shares_table *t)
{
    *t = (struct shares_table){ .mask = SLOTS_FIRST - 1 };
    t->slots = slab_map(bytes_of(t->mask));
    return t->slots == NULL ? -ENOMEM : 0;
}

static void table_release(struct shares_table *t)
{
    backing_unmap(t->slots, bytes_of(t->mask));
    backing_unmap(t->move.next, bytes_of(t->move.mask));
    *t = (struct shares_table){ 0 };
}

/* Where the key is, or the free slot where it would go.  A search ends at a free slot. */
static uint64_t find(const struct shares_slot *slots, uint64_t mask, uint64_t key)
{
    PROBE_EACH(i, key, mask)
        if (slots[i].key == 0 || slots[i].key == key)
            return i;
}

/* { 0 }: it is not there */
static struct shares_slot table_get(const struct shares_table *t, uint64_t key)
{
    return t->slots[find(t->slots, t->mask, key)];
}

static void table_set(struct shares_table *t, struct shares_slot e)
{
    uint64_t i = find(t->slots, t->mask, e.key);
    assert(e.key != 0);
    t->n += t->slots[i].key == 0;
    t->slots[i] = e;
    if (probe_move_has(&t->move, e.key, t->mask)) {
        struct shares_slot *next = t->move.next;
        next[find(next, t->move.mask, e.key)] = e;
    }
}

static void table_remove(struct shares_table *t, uint64_t key)
{
    uint64_t i = find(t->slots, t->mask, key);
    assert(t->slots[i].key == key && t->n > 0);
    t->n--;
    t->slots[probe_remove(&slot_ops, t->slots, t->mask, i)] = (struct shares_slot){ 0 };
    if (probe_move_has(&t->move, key, t->mask)) {
        struct shares_slot *next = t->move.next;
        const uint64_t mask = t->move.mask;
        next[probe_remove(&slot_ops, next, mask, find(next, mask, key))] =
            (struct shares_slot){ 0 };
    }
}

static bool move_begin(struct shares_table *t)
{
    const uint64_t mask = t->mask * 2 + 1;
    void *next = slab_map(bytes_of(mask));
    if (next == NULL)
        return false;
    backing_ahead(next, bytes_of(mask));
    probe_move_begin(&t->move, t->mask, next, mask);
    return true;
}

static void move_step(struct shares_table *t)
{
    struct probe_move *m = &t->move;
    if (m->done == 0)
        backing_claim(m->next);
    if (!probe_move_step(&slot_ops, m, t->slots, t->mask, m->next, PROBE_STEP))
        return;
    backing_unmap(t->slots, bytes_of(t->mask));
    t->slots = m->next;
    t->mask = m->mask;
    *m = (struct probe_move){ 0 };
}

/* Is the next slots' memory still being made? */
static bool is_awaited(const struct probe_move *m)
{
    return m->done == 0 && !backing_is_ready(m->next);
}

/* Room for one more.  false: no memory */
static bool table_reserve(struct shares_table *t)
{
    if (t->move.next == NULL && t->n * 2 > t->mask && !move_begin(t))
        return false;
    if (probe_move_due(&t->move) && !(is_awaited(&t->move) && probe_move_put_off(&t->move)))
        move_step(t);
    return true;
}

/* ---- the three ---- */

int shares_init(struct shares *s, const struct shares_opts *opts)
{
    *s = (struct shares){ .opts = *opts };
    if (table_init(&s->owners) == 0 && table_init(&s->names) == 0 && table_init(&s->origins) == 0)
        return 0;
    shares_release(s);
    return -ENOMEM;
}

void shares_release(struct shares *s)
{
    table_release(&s->owners);
    table_release(&s->names);
    table_release(&s->origins);
}

static void shares_check(const struct shares *s)
{
    assert(s->names.n <= s->owners.n && s->origins.n <= s->owners.n);
    assert((s->names.n == 0) == (s->owners.n == 0));
}

/* 0 stands for a free slot, and for an origin that is not known. */
static uint64_t key_of(uint64_t hash)
{
    return hash + (hash == 0);
}

static uint64_t count_of(const struct shares_table *t, uint64_t key)
{
    return table_get(t, key).a;
}

static bool is_full(const struct shares_table *t, uint64_t key, uint64_t most)
{
    return most > 0 && count_of(t, key) >= most;
}

static void count_up(struct shares_table *t, uint64_t key)
{
    table_set(t, (struct shares_slot){ .key = key, .a = count_of(t, key) + 1 });
}

static void count_down(struct shares_table *t, uint64_t key)
{
    const uint64_t n = count_of(t, key);
    assert(n > 0);
    if (n == 1)
        table_remove(t, key);
    else
        table_set(t, (struct shares_slot){ .key = key, .a = n - 1 });
}

enum share_answer shares_take(struct shares *s, uint64_t id, struct share whose, bool bounded)
{
    const uint64_t name = key_of(whose.name), key = key_of(id);
    assert(table_get(&s->owners, key).key == 0);
    if (bounded && is_full(&s->names, name, s->opts.per_name))
        return SHARE_NAME_FULL;
    if (bounded && whose.origin != 0 && is_full(&s->origins, whose.origin, s->opts.per_origin))
        return SHARE_ORIGIN_FULL;
    if (!table_reserve(&s->owners) || !table_reserve(&s->names) || !table_reserve(&s->origins))
        return SHARE_NO_MEMORY;
    table_set(&s->owners, (struct shares_slot){ key, name, whose.origin });
    count_up(&s->names, name);
    if (whose.origin != 0)
        count_up(&s->origins, whose.origin);
    shares_check(s);
    return SHARE_TAKEN;
}

void shares_drop(struct shares *s, uint64_t id)
{
    const struct shares_slot e = table_get(&s->owners, key_of(id));
    if (e.key == 0)
        return;
    table_remove(&s->owners, e.key);
    count_down(&s->names, e.a);
    if (e.b != 0)
        count_down(&s->origins, e.b);
    shares_check(s);
}

uint64_t shares_of_name(const struct shares *s, uint64_t name)
{
    return count_of(&s->names, key_of(name));
}

uint64_t shares_of_origin(const struct shares *s, uint64_t origin)
{
    return origin == 0 ? 0 : count_of(&s->origins, origin);
}
