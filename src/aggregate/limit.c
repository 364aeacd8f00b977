/*
 * series_limit_claim, series_limit_drop     lock, and
 *   claim     reserve (a step of the move to more slots), then into the slots, and into the next
 *             ones if the move has been there
 *   drop      out of both
 */
#include "aggregate/limit.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/backing.h"
#include "base/slab.h"

enum { SLOTS_FIRST = 1024 };

static size_t table_bytes(uint64_t mask)
{
    return (mask + 1) * sizeof(uint64_t);
}

int series_limit_init(struct series_limit *l, uint64_t max)
{
    *l = (struct series_limit){ .mask = SLOTS_FIRST - 1, .max = max };
    l->slots = slab_map(table_bytes(l->mask));
    if (l->slots == NULL)
        return -ENOMEM;
    int rc = pthread_mutex_init(&l->lock, NULL);
    if (rc != 0)
        backing_unmap(l->slots, table_bytes(l->mask));
    return -rc;
}

void series_limit_release(struct series_limit *l)
{
    backing_unmap(l->slots, table_bytes(l->mask));
    backing_unmap(l->move.next, table_bytes(l->move.mask));
    pthread_mutex_destroy(&l->lock);
    *l = (struct series_limit){ 0 };
}

/* Under the lock.  A search ends at a free slot, so there is one. */
static void limit_check(const struct series_limit *l)
{
    assert(l->n <= l->max && l->n <= l->mask / 2 + 1 + probe_move_keys(l->mask));
}

/* 0 stands for a free slot. */
static uint64_t slot_of(uint64_t hash)
{
    return hash + (hash == 0);
}

/* Where the hash is, or the free slot where it would go. */
static uint64_t find(const uint64_t *slots, uint64_t mask, uint64_t hash)
{
    PROBE_EACH(i, hash, mask)
        if (slots[i] == 0 || slots[i] == hash)
            return i;
}

static bool slot_is_free(const void *slots, uint64_t i)
{
    return ((const uint64_t *)slots)[i] == 0;
}

static uint64_t slot_hash(const void *slots, uint64_t i)
{
    return ((const uint64_t *)slots)[i];
}

static void slot_copy(void *to, uint64_t i, const void *from, uint64_t j)
{
    ((uint64_t *)to)[i] = ((const uint64_t *)from)[j];
}

static const struct probe_table slot_ops = { slot_is_free, slot_hash, slot_copy };

static bool move_begin(struct series_limit *l)
{
    uint64_t mask = l->mask * 2 + 1;
    void *next = slab_map(table_bytes(mask));
    if (next == NULL)
        return false;
    backing_ahead(next, table_bytes(mask));
    probe_move_begin(&l->move, l->mask, next, mask);
    return true;
}

static void move_step(struct series_limit *l)
{
    struct probe_move *m = &l->move;
    if (m->done == 0)
        backing_claim(m->next);
    if (!probe_move_step(&slot_ops, m, l->slots, l->mask, m->next, PROBE_STEP))
        return;
    backing_unmap(l->slots, table_bytes(l->mask));
    l->slots = m->next;
    l->mask = m->mask;
    *m = (struct probe_move){ 0 };
}

/* Is the next slots' memory still being made? */
static bool is_awaited(const struct probe_move *m)
{
    return m->done == 0 && !backing_is_ready(m->next);
}

/* Room for one more.  false: no memory */
static bool reserve(struct series_limit *l)
{
    if (l->move.next == NULL && l->n * 2 > l->mask && !move_begin(l))
        return false;
    if (probe_move_due(&l->move) && !(is_awaited(&l->move) && probe_move_put_off(&l->move)))
        move_step(l);
    return true;
}

static void put_next(struct series_limit *l, uint64_t hash)
{
    uint64_t *next = l->move.next;
    next[find(next, l->move.mask, hash)] = hash;
}

static bool claim(struct series_limit *l, uint64_t hash)
{
    uint64_t i = find(l->slots, l->mask, hash);
    if (l->slots[i] == hash)
        return true;
    if (l->n >= l->max || !reserve(l))
        return false;
    l->slots[find(l->slots, l->mask, hash)] = hash;
    if (probe_move_has(&l->move, hash, l->mask))
        put_next(l, hash);
    l->n++;
    limit_check(l);
    return true;
}

static void drop(struct series_limit *l, uint64_t hash)
{
    uint64_t i = find(l->slots, l->mask, hash);
    if (l->slots[i] == 0)
        return;
    assert(l->n > 0);
    l->n--;
    l->slots[probe_remove(&slot_ops, l->slots, l->mask, i)] = 0;
    if (probe_move_has(&l->move, hash, l->mask)) {
        uint64_t *next = l->move.next, mask = l->move.mask;
        next[probe_remove(&slot_ops, next, mask, find(next, mask, hash))] = 0;
    }
}

bool series_limit_claim(struct series_limit *l, uint64_t hash)
{
    pthread_mutex_lock(&l->lock);
    bool ok = claim(l, slot_of(hash));
    pthread_mutex_unlock(&l->lock);
    return ok;
}

void series_limit_claim_all(struct series_limit *l, const uint64_t *hashes, size_t n)
{
    pthread_mutex_lock(&l->lock);
    for (size_t i = 0; i < n; i++)
        __builtin_prefetch(&l->slots[slot_of(hashes[i]) & l->mask], 1);
    for (size_t i = 0; i < n; i++)
        (void)claim(l, slot_of(hashes[i]));
    pthread_mutex_unlock(&l->lock);
}

void series_limit_drop(struct series_limit *l, uint64_t hash)
{
    pthread_mutex_lock(&l->lock);
    drop(l, slot_of(hash));
    pthread_mutex_unlock(&l->lock);
}
