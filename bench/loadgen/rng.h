/**
 * rng: repeatable randomness for payloads.
 *
 * xoshiro256** seeded by splitmix64 (Blackman and Vigna, prng.di.unimi.it): the same seed gives the
 * same bytes on every machine, so that two runs, or two servers, see the same load.
 *   thread   the owner's
 */
#ifndef LOADGEN_RNG_H
#define LOADGEN_RNG_H

#include <stdint.h>

#define RNG_NORMAL_MAX 8.6 /* sqrt(-2 ln 2^-53): the least that 1 - rng_unit can be */

struct rng {
    uint64_t s[4];
};

void rng_init(struct rng *r, uint64_t seed);
uint64_t rng_next(struct rng *r);
uint64_t rng_below(struct rng *r, uint64_t n); /* 0 .. n - 1 without bias; n > 0 */
double rng_unit(struct rng *r);                /* 0 <= x < 1, 53 bits */
double rng_normal(struct rng *r);              /* mean 0, deviation 1, within +-RNG_NORMAL_MAX */

#endif
