/*
 * exemplars_put
 *     find        the cell's entry, in slots, which have all
 *     entry_new   or a new one: a step of the move (reserve), into the slots, and into the next
 *                 ones if the move has been there (put)
 *     text_grow   room for a longer text than its last one
 */
#include "aggregate/exemplars.h"

#include <assert.h>
#include <string.h>

#include "base/backing.h"
#include "base/slab.h"

enum { SLOTS_FIRST = 512, TEXT_MIN = 32 };

static void exemplars_check(const struct exemplars *x)
{
    assert((x->slots == NULL) == (x->n == 0) && (x->n == 0) == (x->first == NULL));
    assert(x->slots == NULL || x->n <= x->mask / 2 + 1 + probe_move_keys(x->mask));
}

/* ---- slots ---- */

static uint64_t hash_of(const struct cell *c)
{
    return (uint64_t)(uintptr_t)c * 0x9E3779B97F4A7C15ull >> 32;
}

static bool slot_is_free(const void *slots, uint64_t i)
{
    return ((struct cell_exemplar *const *)slots)[i] == NULL;
}

static uint64_t slot_hash(const void *slots, uint64_t i)
{
    return hash_of(((struct cell_exemplar *const *)slots)[i]->cell);
}

static void slot_copy(void *to, uint64_t i, const void *from, uint64_t j)
{
    ((struct cell_exemplar **)to)[i] = ((struct cell_exemplar *const *)from)[j];
}

static const struct probe_table slot_ops = { slot_is_free, slot_hash, slot_copy };

static size_t slots_bytes(uint64_t mask)
{
    return (mask + 1) * sizeof(struct cell_exemplar *);
}

static void move_step(struct exemplars *x)
{
    struct probe_move *m = &x->move;
    if (m->done == 0)
        backing_claim(m->next);
    if (!probe_move_step(&slot_ops, m, x->slots, x->mask, m->next, PROBE_STEP))
        return;
    backing_unmap(x->slots, slots_bytes(x->mask));
    x->slots = m->next;
    x->mask = m->mask;
    *m = (struct probe_move){ 0 };
}

static bool move_begin(struct exemplars *x)
{
    const uint64_t mask = x->mask * 2 + 1;
    void *next = slab_map(slots_bytes(mask));
    if (next == NULL)
        return false;
    backing_ahead(next, slots_bytes(mask));
    probe_move_begin(&x->move, x->mask, next, mask);
    return true;
}

static bool is_awaited(const struct probe_move *m)
{
    return m->done == 0 && !backing_is_ready(m->next);
}

/* Room for one more.  false: no memory */
static bool reserve(struct exemplars *x)
{
    if (x->slots == NULL) {
        x->mask = SLOTS_FIRST - 1;
        x->slots = slab_map(slots_bytes(x->mask));
        return x->slots != NULL;
    }
    if (x->move.next == NULL && x->n * 2 > x->mask && !move_begin(x))
        return false;
    if (probe_move_due(&x->move) && !(is_awaited(&x->move) && probe_move_put_off(&x->move)))
        move_step(x);
    return true;
}

static void put(struct exemplars *x, struct cell_exemplar *e)
{
    const uint64_t hash = hash_of(e->cell);
    x->slots[probe_place(&slot_ops, x->slots, x->mask, hash)] = e;
    struct cell_exemplar **next = x->move.next;
    if (probe_move_has(&x->move, hash, x->mask))
        next[probe_place(&slot_ops, next, x->move.mask, hash)] = e;
    x->n++;
}

static struct cell_exemplar *find(const struct exemplars *x, const struct cell *c)
{
    if (x->slots == NULL)
        return NULL;
    PROBE_EACH(i, hash_of(c), x->mask)
        if (x->slots[i] == NULL || x->slots[i]->cell == c)
            return x->slots[i];
}

/* ---- entries ---- */

static size_t cap_for(size_t len)
{
    size_t cap = TEXT_MIN;
    while (cap < len)
        cap *= 2;
    return cap;
}

/* The shorter text stays in the arena, until all go. */
static bool text_grow(struct exemplars *x, struct cell_exemplar *e, size_t len)
{
    const size_t cap = cap_for(len);
    char *text = arena_alloc(&x->memory, cap);
    if (text == NULL)
        return false;
    e->text = text;
    e->cap = (uint32_t)cap;
    return true;
}

/* Its text lies behind it.  NULL: no memory */
static struct cell_exemplar *entry_new(struct exemplars *x, const struct cell *c, size_t len)
{
    const size_t cap = cap_for(len);
    struct cell_exemplar *e = arena_alloc(&x->memory, sizeof *e + cap);
    if (e == NULL)
        return NULL;
    if (!reserve(x)) {
        arena_undo(&x->memory, e);
        return NULL;
    }
    *e = (struct cell_exemplar){
        .next = x->first, .cell = c, .text = (char *)(e + 1), .cap = (uint32_t)cap
    };
    put(x, e);
    x->first = e;
    return e;
}

bool exemplars_put(struct exemplars *x, const struct cell *c, struct slice text, double value,
                   uint64_t at_ns)
{
    assert(c != NULL && text.len > 0);
    struct cell_exemplar *e = find(x, c);
    if (e == NULL)
        e = entry_new(x, c, text.len);
    if (e == NULL || (text.len > e->cap && !text_grow(x, e, text.len)))
        return false;
    memcpy(e->text, text.ptr, text.len);
    e->len = (uint32_t)text.len;
    e->value = value;
    e->at_ns = at_ns;
    exemplars_check(x);
    return true;
}

void exemplars_clear(struct exemplars *x)
{
    backing_unmap(x->slots, slots_bytes(x->mask));
    backing_unmap(x->move.next, slots_bytes(x->move.mask));
    arena_release(&x->memory);
    *x = (struct exemplars){ 0 };
}
