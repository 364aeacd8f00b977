#include "aggregate/limit.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/probe.h"
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
        slab_unmap(l->slots, table_bytes(l->mask));
    return -rc;
}

void series_limit_release(struct series_limit *l)
{
    slab_unmap(l->slots, table_bytes(l->mask));
    pthread_mutex_destroy(&l->lock);
    *l = (struct series_limit){ 0 };
}

/* Under the lock.  A search ends at a free slot, so there is one. */
static void limit_check(const struct series_limit *l)
{
    assert(l->n <= l->max && l->n <= l->mask / 2 + 1);
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

static bool grow(struct series_limit *l)
{
    uint64_t mask = l->mask * 2 + 1;
    uint64_t *slots = slab_map(table_bytes(mask));
    if (slots == NULL)
        return false;
    for (uint64_t i = 0; i <= l->mask; i++)
        if (l->slots[i] != 0)
            slots[find(slots, mask, l->slots[i])] = l->slots[i];
    slab_unmap(l->slots, table_bytes(l->mask));
    l->slots = slots;
    l->mask = mask;
    return true;
}

static bool claim(struct series_limit *l, uint64_t hash)
{
    uint64_t i = find(l->slots, l->mask, hash);
    if (l->slots[i] == hash)
        return true;
    if (l->n >= l->max)
        return false;
    if (l->n * 2 > l->mask) {
        if (!grow(l))
            return false;
        i = find(l->slots, l->mask, hash);
    }
    l->slots[i] = hash;
    l->n++;
    limit_check(l);
    return true;
}

static bool slot_is_free(const void *slots, uint64_t i)
{
    return ((const uint64_t *)slots)[i] == 0;
}

static uint64_t slot_hash(const void *slots, uint64_t i)
{
    return ((const uint64_t *)slots)[i];
}

static void slot_move(void *slots, uint64_t to, uint64_t from)
{
    ((uint64_t *)slots)[to] = ((uint64_t *)slots)[from];
}

static const struct probe_table slot_ops = { slot_is_free, slot_hash, slot_move };

static void drop(struct series_limit *l, uint64_t hash)
{
    uint64_t i = find(l->slots, l->mask, hash);
    if (l->slots[i] == 0)
        return;
    assert(l->n > 0);
    l->n--;
    l->slots[probe_remove(&slot_ops, l->slots, l->mask, i)] = 0;
}

bool series_limit_claim(struct series_limit *l, uint64_t hash)
{
    pthread_mutex_lock(&l->lock);
    bool ok = claim(l, slot_of(hash));
    pthread_mutex_unlock(&l->lock);
    return ok;
}

void series_limit_drop(struct series_limit *l, uint64_t hash)
{
    pthread_mutex_lock(&l->lock);
    drop(l, slot_of(hash));
    pthread_mutex_unlock(&l->lock);
}
