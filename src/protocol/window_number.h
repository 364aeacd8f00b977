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

#include "protocol/window_marks.h"

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
/* clang-format off */
#define SIXTEEN(x) { x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x }
/* clang-format on */

/* The constants, in one place: see numbers_apart. */
struct numbers {
    _Alignas(16) uint8_t zero[16], point[16], nine[16]; /* '0', '.' less '0', 9 */
    int8_t tens[16];
    int16_t hundreds[8], myriads[8];
    uint8_t keep[32]; /* from byte n on: a mask of the last n bytes */
    uint8_t drop[17][16];
    double power[17]; /* by the point's place: 10 to the number of digits behind it */
};
static const struct numbers numbers = {
    .zero = SIXTEEN('0'),
    .point = SIXTEEN((uint8_t)('.' - '0')),
    .nine = SIXTEEN(9),
    .tens = { 10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 10, 1 },
    .hundreds = { 100, 1, 100, 1, 100, 1, 100, 1 },
    .myriads = { 10000, 1, 10000, 1, 10000, 1, 10000, 1 },
    .keep = { 0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,
              255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255 },
    .drop = { ROW(0), ROW(1), ROW(2), ROW(3), ROW(4), ROW(5), ROW(6), ROW(7), ROW(8), ROW(9),
              ROW(10), ROW(11), ROW(12), ROW(13), ROW(14), ROW(15), ROW(16) },
    .power = { 1e15, 1e14, 1e13, 1e12, 1e11, 1e10, 1e9, 1e8, 1e7, 1e6, 1e5, 1e4, 1e3, 1e2, 1e1, 1,
               1 },
};

/*
 * The constants, so that the compiler does not know what they are: it would make each of them anew
 * for each line, by three instructions, where a load costs nothing.
 */
INLINE const struct numbers *numbers_apart(void)
{
    const struct numbers *k = &numbers;
    __asm__("" : "+r"(k)); /* NOLINT(hicpp-no-assembler) */
    return k;
}

INLINE __m128i load16(const void *p)
{
    return _mm_load_si128(p);
}

/*
 * The n bytes before end: up to 15 digits with at most one '.'.  Exact: digits and power of ten are
 * doubles, and one division rounds once.  Reads 16 bytes before end.  false: not such a number
 */
SSE INLINE bool number_sse(const struct numbers *k, const char *end, uint32_t n, double *ret)
{
    if (UNLIKELY(n > 16))
        return false;
    __m128i v = _mm_sub_epi8(_mm_loadu_si128((const void *)(end - 16)), load16(k->zero));
    v = _mm_and_si128(v, _mm_loadu_si128((const void *)(k->keep + n)));
    uint32_t points = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v, load16(k->point))) | 1u << 16;
    size_t d = (size_t)(unsigned)__builtin_ctz(points);
    v = _mm_shuffle_epi8(v, load16(k->drop[d]));
    __m128i over = _mm_subs_epu8(v, load16(k->nine));
    /* n less the point is 1 to DIGITS_MAX; d >> 4 is 1 where there is none. */
    if (UNLIKELY(!_mm_testz_si128(over, over)) ||
        UNLIKELY(n + (uint32_t)(d >> 4) - 2 >= DIGITS_MAX))
        return false;
    /* Pairs of digits, fours, eights. */
    v = _mm_madd_epi16(_mm_maddubs_epi16(v, load16(k->tens)), load16(k->hundreds));
    v = _mm_madd_epi16(_mm_packus_epi32(v, v), load16(k->myriads));
    __m128d both = _mm_cvtepi32_pd(v), low = _mm_unpackhi_pd(both, both);
    *ret = (_mm_cvtsd_f64(both) * 1e8 + _mm_cvtsd_f64(low)) / k->power[d];
    return true;
}

#endif
#endif
