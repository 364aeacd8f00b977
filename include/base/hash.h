/**
 * hash: 128-bit identities of byte strings.
 *
 * XXH3-128 (xxhash 0.8) with a seed drawn once per process, so that no sender can construct keys
 * that fall into one bucket.  Some tables compare the 128 bits in place of the keys: among a
 * million keys, the chance that any two have equal hashes is about 1e-27.
 *   thread   any; hash_seed is set before the first thread starts
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

struct hash128 {
    uint64_t lo, hi;
};

extern uint64_t hash_seed;

/* Draw the seed from the kernel.  Without it the seed is 0: tests are repeatable. */
void hash_seed_random(void);

static inline struct hash128 hash_bytes(const void *p, size_t n)
{
    XXH128_hash_t h = XXH3_128bits_withSeed(p, n, hash_seed);
    return (struct hash128){ h.low64, h.high64 };
}

static inline uint64_t hash64_bytes(const void *p, size_t n)
{
    return XXH3_64bits_withSeed(p, n, hash_seed);
}

/* Order matters: hash_join(a, b) is not hash_join(b, a). */
static inline struct hash128 hash_join(struct hash128 a, struct hash128 b)
{
    const uint64_t k = 0x9E3779B97F4A7C15ull;
    return (struct hash128){ (a.lo ^ (a.lo >> 29)) * k + b.lo, (a.hi ^ (a.hi >> 31)) * k + b.hi };
}

#endif
