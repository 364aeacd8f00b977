/*
 *     hash_pair    by_aes: text_sum of each text, block after block
 *                            block_load   the last block, which may be short
 *                            far_sum      blocks beyond the table, by far_keys
 *                  by_xxh
 */
#include "base/hash_pair.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>
#include <sys/random.h>

#include "base/now.h"

struct hash_pair_keys hash_pair_keys;
uint8_t hash_pair_no_b[HASH_PAIR_BLOCK];

static bool have_aes, use_aes;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static_assert(sizeof hash_pair_keys % sizeof(uint64_t) == 0, "keys are whole words");

#if defined(AES_HERE)
HASH_PAIR_AES static void no_b_make(void)
{
    aes_block sum = aes_of(0, 0);
    for (int i = 0; i < HASH_PAIR_B_LEAST; i++)
        sum = aes_xor(sum, hash_pair_aes4(aes_of(0, 0), &hash_pair_keys.b[i]));
    aes_store(hash_pair_no_b, sum);
}
#else
static void no_b_make(void)
{
}
#endif

/* What goes with the keys, which have just been made. */
static void keys_made(void)
{
    if (have_aes)
        no_b_make();
}

/* splitmix64 (G. Steele, D. Lea, C. Flood, 2014) */
static void fill_from(uint64_t seed)
{
    char *to = (char *)&hash_pair_keys;
    for (size_t at = 0; at < sizeof hash_pair_keys; at += sizeof seed) {
        uint64_t z = seed += 0x9E3779B97F4A7C15ull;
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
        z = (z ^ z >> 27) * 0x94D049BB133111EBull;
        z ^= z >> 31;
        memcpy(to + at, &z, sizeof z);
    }
}

static void make_ready(void)
{
#if defined(AES_HERE)
    have_aes = aes_by_cpu();
#endif
    use_aes = have_aes;
    fill_from(1);
    keys_made();
}

void hash_pair_ready(void)
{
    (void)pthread_once(&once, make_ready);
}

void hash_pair_random(void)
{
    hash_pair_ready();
    char *to = (char *)&hash_pair_keys;
    for (size_t got = 0; got < sizeof hash_pair_keys;) {
        ssize_t n = getrandom(to + got, sizeof hash_pair_keys - got, 0);
        if (n <= 0) { /* harder to guess than those of a test */
            fill_from(now_mono_ns() * 0x9E3779B97F4A7C15ull ^ (uint64_t)now_wall_ms());
            break;
        }
        got += (size_t)n;
    }
    keys_made();
}

void hash_pair_choose(bool aes)
{
    hash_pair_ready();
    use_aes = aes && have_aes;
}

bool hash_pair_by_aes(void)
{
    return use_aes;
}

#if defined(AES_HERE)

/*
 * The keys of a place beyond the table: ten rounds of AES, under keys of their own, of the place
 * and the number of the key.
 */
HASH_PAIR_AES static void far_keys(uint64_t place, struct hash_pair_key *ret)
{
    for (unsigned i = 0; i < 5; i++) {
        aes_block x = aes_xor(aes_of(place, i), aes_load(hash_pair_keys.far[0]));
        for (int round = 1; round < HASH_PAIR_FAR_KEYS; round++)
            x = aes_round(x, aes_load(hash_pair_keys.far[round]));
        aes_store(ret->of[i], x);
    }
}

static uint64_t load64(const char *p)
{
    uint64_t w;
    memcpy(&w, p, sizeof w);
    return w;
}

/* The 1 to 16 bytes at p as a block, with zeros behind; by loads that overlap, not by a loop. */
HASH_PAIR_AES static inline aes_block block_load(const char *p, size_t n)
{
    if (n == HASH_PAIR_BLOCK)
        return aes_load(p);
    if (n >= 8) {
        uint64_t end = n == 8 ? 0 : load64(p + n - 8) >> (8 * (HASH_PAIR_BLOCK - n));
        return aes_of(load64(p), end);
    }
    if (n >= 4) {
        uint32_t front, end;
        memcpy(&front, p, sizeof front);
        memcpy(&end, p + n - 4, sizeof end);
        return aes_of(front | (uint64_t)end << (8 * (n - 4)), 0);
    }
    uint64_t w = (uint8_t)p[0];
    w |= n > 1 ? (uint64_t)(uint8_t)p[1] << 8 : 0;
    w |= n > 2 ? (uint64_t)(uint8_t)p[2] << 16 : 0;
    return aes_of(w, 0);
}

/* Of a text that is longer than its places in the table. */
HASH_PAIR_AES __attribute__((noinline)) static aes_block far_sum(const char *p, size_t n,
                                                                 size_t from, uint64_t which)
{
    aes_block sum = aes_of(0, 0);
    for (size_t i = from; i * HASH_PAIR_BLOCK < n; i++) {
        struct hash_pair_key far;
        size_t at = i * HASH_PAIR_BLOCK, left = n - at;
        far_keys(i << 1 | which, &far);
        aes_block x = block_load(p + at, left < HASH_PAIR_BLOCK ? left : HASH_PAIR_BLOCK);
        sum = aes_xor(sum, hash_pair_aes4(x, &far));
    }
    return sum;
}

/* which: 0 or 1, of the two texts, so that far places differ too */
HASH_PAIR_AES static inline aes_block text_sum(const char *p, size_t n, size_t least,
                                               const struct hash_pair_key *keys, size_t n_keys,
                                               uint64_t which)
{
    aes_block sum = aes_of(0, 0);
    size_t near = n < n_keys * HASH_PAIR_BLOCK ? n : n_keys * HASH_PAIR_BLOCK, i = 0;
    for (; near - i * HASH_PAIR_BLOCK >= HASH_PAIR_BLOCK; i++) {
        aes_block x = aes_load(p + i * HASH_PAIR_BLOCK);
        sum = aes_xor(sum, hash_pair_aes4(x, &keys[i]));
    }
    if (near > i * HASH_PAIR_BLOCK) {
        aes_block x = block_load(p + i * HASH_PAIR_BLOCK, near - i * HASH_PAIR_BLOCK);
        sum = aes_xor(sum, hash_pair_aes4(x, &keys[i++]));
    }
    for (; i < least; i++)
        sum = aes_xor(sum, hash_pair_aes4(aes_of(0, 0), &keys[i]));
    return n > near ? aes_xor(sum, far_sum(p, n, n_keys, which)) : sum;
}

HASH_PAIR_AES static struct hash128 by_aes(unsigned kind, const char *a, size_t n, const char *b,
                                           size_t m)
{
    const struct hash_pair_keys *k = &hash_pair_keys;
    aes_block sum = text_sum(a, n, HASH_PAIR_A_LEAST, k->a, HASH_PAIR_A_KEYS, 0);
    sum = aes_xor(sum, text_sum(b, m, HASH_PAIR_B_LEAST, k->b, HASH_PAIR_B_KEYS, 1));
    struct hash128 h;
    aes_store(&h, hash_pair_final(sum, kind));
    return h;
}

#else

static struct hash128 by_aes(unsigned kind, const char *a, size_t n, const char *b, size_t m)
{
    (void)kind, (void)a, (void)n, (void)b, (void)m;
    assert(!"use_aes is false on this machine");
    return (struct hash128){ 0, 0 };
}

#endif

static struct hash128 by_xxh(unsigned kind, const char *a, size_t n, const char *b, size_t m)
{
    struct hash128 h = hash_join(hash_bytes(n > 0 ? a : "", n), hash_bytes(m > 0 ? b : "", m));
    h.lo += (kind + 1) * 0xD6E8FEB86659FD93u;
    h.hi += (kind + 1) * 0xCA5A826395121157u;
    return h;
}

struct hash128 hash_pair(unsigned kind, const char *a, size_t n, const char *b, size_t m)
{
    assert(kind < HASH_PAIR_KINDS);
    return use_aes ? by_aes(kind, a, n, b, m) : by_xxh(kind, a, n, b, m);
}
