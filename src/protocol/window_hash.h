/**
 * window_hash: hash_pair (base/hash_pair.h) of a sample's name and tags, which have readable bytes
 * behind them: always whole blocks, so that no branch depends on a length.  Private to protocol/.
 */
#ifndef PROTOCOL_WINDOW_HASH_H
#define PROTOCOL_WINDOW_HASH_H

#if defined(__x86_64__)

#include <assert.h>

#include <immintrin.h>

#include "base/hash_pair.h"
#include "protocol/metric.h"
#include "protocol/window_number.h"

static const char iota[64] __attribute__((aligned(64))) = {
    0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
    22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
    44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63,
};

/* A block of a text, of which n bytes are left: those behind the end count as 0. */
HASH_PAIR_AES static inline __attribute__((always_inline)) __m128i
block_sum(__m128i sum, const char *p, __m128i len, const char *places,
          const struct hash_pair_key *key)
{
    __m128i in = _mm_cmpgt_epi8(len, _mm_load_si128((const void *)places));
    __m128i x = _mm_and_si128(_mm_loadu_si128((const void *)p), in);
    return _mm_xor_si128(sum, hash_pair_aes4(x, key));
}

/* What hash_pair's sum of one text is: all `least` blocks, and more where the text is longer. */
HASH_PAIR_AES static inline __attribute__((always_inline)) __m128i
text_sum(const char *p, uint32_t n, const struct hash_pair_key *keys, uint32_t least)
{
    __m128i sum = _mm_setzero_si128();
    uint32_t near = n;
    if (UNLIKELY(n > least * 16)) {
        near = least * 16;
        for (uint32_t i = least; i * 16 < n; i++) {
            uint32_t left = n - i * 16;
            __m128i len = _mm_set1_epi8((char)(left < 16 ? left : 16));
            sum = block_sum(sum, p + (size_t)16 * i, len, iota, &keys[i]);
        }
    }
    const __m128i len = _mm_set1_epi8((char)near);
#pragma GCC unroll 4
    for (uint32_t i = 0; i < least; i++)
        sum = block_sum(sum, p + 16 * i, len, iota + 16 * i, &keys[i]);
    return sum;
}

/* Of longer ones the keys are not in the table. */
enum {
    WINDOW_NAME_MAX = HASH_PAIR_A_KEYS * HASH_PAIR_BLOCK,
    WINDOW_TAGS_MAX = HASH_PAIR_B_KEYS * HASH_PAIR_BLOCK
};

/* hash_pair of name and tags. */
HASH_PAIR_AES static inline __attribute__((always_inline)) void spelling_hash(struct sample *s)
{
    __m128i sum = text_sum(s->name, s->name_len, hash_pair_keys.a, HASH_PAIR_A_LEAST);
    __m128i tags = _mm_loadu_si128((const void *)hash_pair_no_b);
    if (s->tags_len > 0)
        tags = text_sum(s->tags, s->tags_len, hash_pair_keys.b, HASH_PAIR_B_LEAST);
    sum = _mm_xor_si128(sum, tags);
    unsigned kind = metric_kind((enum sample_type)s->type, TAGS_DOG);
    _mm_storeu_si128((__m128i *)(void *)&s->hash, hash_pair_final(sum, kind));
}

#endif
#endif
