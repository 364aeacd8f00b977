#include "aggregate/deleted.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"

enum { BITS_LOG2 = 23, WORD = 64 };

struct deleted {
    atomic_uint refs;
    uint64_t bits[(1u << BITS_LOG2) / WORD];
};

/* Two numbers of a bit each, of a product's upper bits (D. Knuth's multiplicative hashing). */
static uint64_t hash_of(const void *series)
{
    return (uint64_t)(uintptr_t)series * 0x9e3779b97f4a7c15;
}

static uint32_t first_bit(uint64_t hash)
{
    return (uint32_t)(hash >> (64 - BITS_LOG2));
}

static uint32_t second_bit(uint64_t hash)
{
    return (uint32_t)(hash >> (64 - 2 * BITS_LOG2)) & ((1u << BITS_LOG2) - 1);
}

static uint64_t mask_of(uint32_t bit)
{
    return (uint64_t)1 << (bit % WORD);
}

struct deleted *deleted_new(void)
{
    struct deleted *d = mem_zalloc(sizeof *d);
    atomic_init(&d->refs, 1);
    return d;
}

void deleted_add(struct deleted *d, const void *series)
{
    const uint64_t hash = hash_of(series);
    d->bits[first_bit(hash) / WORD] |= mask_of(first_bit(hash));
    d->bits[second_bit(hash) / WORD] |= mask_of(second_bit(hash));
}

static bool has(const struct deleted *d, uint32_t bit)
{
    return (d->bits[bit / WORD] & mask_of(bit)) != 0;
}

bool deleted_may(const struct deleted *d, const void *series)
{
    const uint64_t hash = hash_of(series);
    return has(d, first_bit(hash)) && has(d, second_bit(hash));
}

struct deleted *deleted_ref(struct deleted *d)
{
    /* relaxed: who takes a reference has one */
    atomic_fetch_add_explicit(&d->refs, 1, memory_order_relaxed);
    return d;
}

void deleted_unref(struct deleted *d)
{
    /* release and acquire: all reads of the bits are over when it is freed */
    if (d != NULL && atomic_fetch_sub_explicit(&d->refs, 1, memory_order_acq_rel) == 1)
        free(d);
}

bool deleted_alone(const struct deleted *d)
{
    /* acquire: as in deleted_unref */
    return atomic_load_explicit(&d->refs, memory_order_acquire) == 1;
}
