#include "base/hash.h"

#include <sys/random.h>

#include "base/now.h"

uint64_t hash_seed;

void hash_seed_random(void)
{
    uint64_t seed;
    if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed)
        /* harder to guess than 0 */
        seed = now_mono_ns() * 0x9E3779B97F4A7C15ull ^ (uint64_t)now_wall_ms();
    hash_seed = seed;
}
