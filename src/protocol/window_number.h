/**
 * window_number: a number of a line, in SSE registers, with one load and no branch on its length or
 * its point.  Private to protocol/.
 */
#ifndef PROTOCOL_WINDOW_NUMBER_H
#define PROTOCOL_WINDOW_NUMBER_H

#if defined(__x86_64__)

#include <stdbool.h>
#include <stdint.h>

#include <immintrin.h>

#define UNLIKELY(x) __builtin_expect(!!(x), 0)

#define SSE __attribute__((target("sse4.1")))

enum { DIGITS_MAX = 15 }; /* fewer than 2^53 of them are a double, and so is 10^15 */

/* Row d: without byte d, what is before it one place up; row 16: all as it is. */
#define ROW_(d, i) (uint8_t)((i) > (d) || (d) == 16 ? (i) : (i) == 0 ? 0x80 : (i)-1)
#define ROW(d)                                                                                     \
    {                                                                                              \
        ROW_(d, 0), ROW_(d, 1), ROW_(d, 2), ROW_(d, 3), ROW_(d, 4), ROW_(d, 5), ROW_(d, 6),        \
            ROW_(d, 7), ROW_(d, 8), ROW_(d, 9), ROW_(d, 10), ROW_(d, 11), ROW_(d, 12),             \
            ROW_(d, 13), ROW_(d, 14), ROW_(d, 15)                                                  \
    }
static const uint8_t window_drop[17][16] = { ROW(0),  ROW(1),  ROW(2),  ROW(3),  ROW(4),  ROW(5),
                                             ROW(6),  ROW(7),  ROW(8),  ROW(9),  ROW(10), ROW(11),
                                             ROW(12), ROW(13), ROW(14), ROW(15), ROW(16) };
static const uint8_t window_keep[32] = { [16] = 255, 255, 255, 255, 255, 255, 255, 255,
                                         255,        255, 255, 255, 255, 255, 255, 255 };
static const double window_power[17] = { 1e15, 1e14, 1e13, 1e12, 1e11, 1e10, 1e9, 1e8, 1e7,
                                         1e6,  1e5,  1e4,  1e3,  1e2,  1e1,  1,   1 };

/*
 * The n bytes before end: up to 15 digits with at most one '.'.  Exact: digits and power of ten are
 * doubles, and one division rounds once.  Reads 16 bytes before end.  false: not such a number
 */
SSE static inline __attribute__((always_inline)) bool number_sse(const char *end, uint32_t n,
                                                                 double *ret)
{
    if (UNLIKELY(n > 16))
        return false;
    __m128i v = _mm_sub_epi8(_mm_loadu_si128((const void *)(end - 16)), _mm_set1_epi8('0'));
    v = _mm_and_si128(v, _mm_loadu_si128((const void *)(window_keep + n)));
    uint32_t points =
        (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8('.' - '0'))) | 1u << 16;
    uint32_t d = (uint32_t)__builtin_ctz(points);
    v = _mm_shuffle_epi8(v, _mm_loadu_si128((const void *)window_drop[d]));
    __m128i digits = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(9)), v);
    if (UNLIKELY(_mm_movemask_epi8(digits) != 0xffff || n - (d < 16) - 1 >= DIGITS_MAX))
        return false;
    /* Pairs of digits, fours, eights. */
    v = _mm_madd_epi16(_mm_maddubs_epi16(v, _mm_set1_epi16(10 | 1 << 8)),
                       _mm_set1_epi32(100 | 1 << 16));
    v = _mm_madd_epi16(_mm_packus_epi32(v, v), _mm_set1_epi32(10000 | 1 << 16));
    uint64_t w = (uint64_t)_mm_cvtsi128_si64(v);
    *ret = (double)(int64_t)((uint32_t)w * 100000000ull + (w >> 32)) / window_power[d];
    return true;
}

#endif
#endif
