/**
 * hash_pair: a keyed 128-bit hash of two texts and a small number; for a metric's name, tags and
 * kind, on the way of every sample.
 *
 *     h = final( T[kind] ^ xor over i of AES4(K[i]; a[i]) ^ xor over j of AES4(L[j]; b[j]) )
 *
 * a[i], b[j] are the texts in blocks of 16 bytes, padded with 0; AES4 is a whitening key and four
 * rounds, all five keys of each place its own; final is two rounds more.  Eight instructions for 16
 * bytes, all blocks in parallel: two thirds of what XXH3-128 of each text and a join take.
 *
 * Injective before hashing: texts hold no NUL, so padding loses nothing, and the two have places of
 * their own.  Two texts that were chosen without the keys and differ in a block meet with a
 * probability of at most 2^-113: the difference of that block's outputs takes any one value with at
 * most the maximum expected differential probability of four rounds of AES (L. Keliher, J. Sui,
 * "Exact maximum expected differential and linear probability for two-round AES", 2007: 1.881 *
 * 2^-114), whatever the other blocks add.  Among a million texts that is 2^-74.  The two last
 * rounds are a permutation, which brings no new collision and takes away the structure of the sum.
 * Two rounds in place of four would be 2^-29: not enough, however well they test.
 *
 * A CPU without AES instructions hashes by XXH3-128.  One process uses one of them throughout.
 *
 *   thread   any; hash_pair_random and hash_pair_choose are called before the first thread starts
 */
#ifndef BASE_HASH_PAIR_H
#define BASE_HASH_PAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/aes.h"
#include "base/hash.h"

enum {
    HASH_PAIR_BLOCK = 16,
    HASH_PAIR_KINDS = 32,
    /* Blocks that are hashed of every text, however short, so that short ones need no loop. */
    HASH_PAIR_A_LEAST = 2,
    HASH_PAIR_B_LEAST = 4,
    /* Places with keys in the table; those of places beyond are worked out from the last ones. */
    HASH_PAIR_A_KEYS = 16,
    HASH_PAIR_B_KEYS = 64,
    HASH_PAIR_FAR_KEYS = 11
};

/* Of a block's place: a whitening key, and one for each of the four rounds. */
struct hash_pair_key {
    _Alignas(16) uint8_t of[5][HASH_PAIR_BLOCK];
};

/* Random bytes, all of them. */
struct hash_pair_keys {
    _Alignas(64) struct hash_pair_key a[HASH_PAIR_A_KEYS];
    struct hash_pair_key b[HASH_PAIR_B_KEYS];
    uint8_t kind[HASH_PAIR_KINDS][HASH_PAIR_BLOCK];
    uint8_t final[2][HASH_PAIR_BLOCK];
    uint8_t far[HASH_PAIR_FAR_KEYS][HASH_PAIR_BLOCK];
};
extern struct hash_pair_keys hash_pair_keys;

/* Of these keys, where there are AES instructions: the sum over b's blocks when b is empty. */
extern uint8_t hash_pair_no_b[HASH_PAIR_BLOCK];

/*
 * Keys that are the same in every process, unless there are keys already: for tests.  To be called
 * before the first hash; keys of 0 would make all places alike.
 */
void hash_pair_ready(void);

/* Draw the keys from the kernel. */
void hash_pair_random(void);

/* By AES instructions from now on, if this CPU has them (the default), or never. */
void hash_pair_choose(bool aes);
bool hash_pair_by_aes(void);

/*
 * The hash of a[0 .. n) and b[0 .. m), which hold no NUL, and kind < HASH_PAIR_KINDS.  Reads no
 * byte beyond.  a and b may be NULL where they are empty.
 */
struct hash128 hash_pair(unsigned kind, const char *a, size_t n, const char *b, size_t m);

#if defined(AES_HERE)
#define HASH_PAIR_AES AES_FN

/* Four rounds of AES of x under the five keys of a place. */
AES_INLINE aes_block hash_pair_aes4(aes_block x, const struct hash_pair_key *key)
{
    x = aes_round(aes_xor(x, aes_load(key->of[0])), aes_load(key->of[1]));
    x = aes_round(x, aes_load(key->of[2]));
    x = aes_round(x, aes_load(key->of[3]));
    return aes_round(x, aes_load(key->of[4]));
}

/* From the sum of all blocks to the hash. */
AES_INLINE aes_block hash_pair_final(aes_block sum, unsigned kind)
{
    const struct hash_pair_keys *k = &hash_pair_keys;
    sum = aes_xor(sum, aes_load(k->kind[kind]));
    return aes_round(aes_round(sum, aes_load(k->final[0])), aes_load(k->final[1]));
}
#endif

#endif
