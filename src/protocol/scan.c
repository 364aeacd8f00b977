/*
 *     scan_with        all blocks of a datagram; inlined into each variant with the variant's tools
 *       block_put      masks of one block: two are stored, two appended to the lists by list_bits
 *     tools            masks of 64 bytes, masks of a shorter tail, the lowest bit of a mask:
 *                        AVX-512, AVX2, SSE2 (any x86-64), NEON (any aarch64), portable (eight
 *                        bytes at a time)
 *     scan_variants    those that this CPU can run; parser_new takes the first, tests compare all
 */
#include "protocol/scan.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#include "base/slice.h"
#include "protocol/bytes.h"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#include <arm_neon.h>
#define SCAN_NEON 1
#endif

struct masks {
    uint64_t nl, pipe, colon, odd;
};

/* The ends of the lists while they are written. */
struct writer {
    uint16_t *end, *pipe;
    uint64_t odd;
};

/* The operations that differ between the variants; all are inlined. */
struct tools {
    struct masks (*masks_of)(const char *p);
    struct masks (*masks_of_tail)(const char *p, size_t n); /* of 1 to 63 bytes */
    uint32_t (*lowest)(uint64_t m);                         /* lowest bit set; any number for 0 */
};

#define INLINE static inline __attribute__((always_inline))

/* How many LF and '|' a block of 64 bytes usually holds at most. */
enum { AHEAD_ENDS = 2, AHEAD_PIPES = 4 };
static_assert(SCAN_LIST >= SCAN_MAX + 1 + AHEAD_PIPES && AHEAD_PIPES >= AHEAD_ENDS,
              "a list has room to write ahead");

/*
 * Append the positions of m's bits.  `ahead` of them are always written, even if m has fewer bits:
 * a store is cheaper than a mispredicted branch.
 */
INLINE uint16_t *list_bits(struct tools t, uint16_t *out, uint64_t m, uint32_t base, int ahead)
{
    uint16_t *next = out + __builtin_popcountll(m);
    for (int i = 0; i < ahead; i++, m &= m - 1)
        out[i] = (uint16_t)(base + t.lowest(m));
    if (__builtin_expect(m != 0, 0))
        for (out += ahead; m; m &= m - 1)
            *out++ = (uint16_t)(base + t.lowest(m));
    return next;
}

INLINE void block_put(struct tools t, struct scan *s, struct writer *w, struct masks m,
                      uint32_t block)
{
    s->colon[block] = m.colon;
    s->odd[block] = m.odd;
    w->odd |= m.odd;
    w->end = list_bits(t, w->end, m.nl, block * 64, AHEAD_ENDS);
    w->pipe = list_bits(t, w->pipe, m.pipe, block * 64, AHEAD_PIPES);
}

INLINE void scan_with(struct tools t, struct scan *s, const char *ptr, size_t len)
{
    assert(len <= SCAN_MAX);
    struct writer w = { s->end, s->pipe, 0 };
    uint32_t block = 0, whole = (uint32_t)(len / 64);
    for (; block < whole; block++)
        block_put(t, s, &w, t.masks_of(ptr + (size_t)block * 64), block);
    if (len % 64 != 0) {
        block_put(t, s, &w, t.masks_of_tail(ptr + (size_t)block * 64, len % 64), block);
        block++;
    }
    s->colon[block] = 0;
    s->odd[block] = 0;
    s->any_odd = w.odd != 0;
    if (len != 0 && ptr[len - 1] != '\n')
        *w.end = (uint16_t)len;
    *w.pipe = SCAN_NO_PIPE;
}

/* Pad the tail with blanks, which are in no mask. */
INLINE void pad_tail(char block[64], const char *p, size_t n)
{
    memset(block, ' ', 64);
    memcpy(block, p, n);
}

/* The top bit makes the result for 0 defined and changes no other. */
static inline uint32_t lowest_portable(uint64_t m)
{
    return (uint32_t)__builtin_ctzll(m | 1ull << 63);
}

#if defined(__x86_64__)

#define AVX2 __attribute__((target("avx2,bmi,popcnt")))

AVX2 static inline uint64_t join32(__m256i lo, __m256i hi)
{
    return (uint32_t)_mm256_movemask_epi8(lo) | (uint64_t)(uint32_t)_mm256_movemask_epi8(hi) << 32;
}

AVX2 static inline struct masks masks_avx2(const char *p)
{
    const __m256i nl = _mm256_set1_epi8('\n'), pipe = _mm256_set1_epi8('|');
    const __m256i colon = _mm256_set1_epi8(':');
    const __m256i blank = _mm256_set1_epi8(' '), del = _mm256_set1_epi8(0x7f);
    __m256i a = _mm256_loadu_si256((const void *)p);
    __m256i b = _mm256_loadu_si256((const void *)(p + 32));
    struct masks m;
    m.nl = join32(_mm256_cmpeq_epi8(a, nl), _mm256_cmpeq_epi8(b, nl));
    m.pipe = join32(_mm256_cmpeq_epi8(a, pipe), _mm256_cmpeq_epi8(b, pipe));
    m.colon = join32(_mm256_cmpeq_epi8(a, colon), _mm256_cmpeq_epi8(b, colon));
    /* As signed numbers, bytes below ' ' are the control bytes and those above 0x7f. */
    m.odd = join32(_mm256_or_si256(_mm256_cmpgt_epi8(blank, a), _mm256_cmpeq_epi8(a, del)),
                   _mm256_or_si256(_mm256_cmpgt_epi8(blank, b), _mm256_cmpeq_epi8(b, del)));
    m.odd &= ~m.nl;
    return m;
}

AVX2 static inline struct masks tail_avx2(const char *p, size_t n)
{
    char block[64];
    pad_tail(block, p, n);
    return masks_avx2(block);
}

AVX2 static inline uint32_t lowest_bmi(uint64_t m)
{
    return (uint32_t)_tzcnt_u64(m);
}

AVX2 static void scan_avx2(struct scan *s, const char *ptr, size_t len)
{
    scan_with((struct tools){ masks_avx2, tail_avx2, lowest_bmi }, s, ptr, len);
}

#define AVX512 __attribute__((target("avx512f,avx512bw,bmi,popcnt")))

AVX512 static inline struct masks masks_of_zmm(__m512i v)
{
    struct masks m;
    m.nl = _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('\n'));
    m.pipe = _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('|'));
    m.colon = _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8(':'));
    m.odd = _mm512_cmplt_epu8_mask(v, _mm512_set1_epi8(' '));
    m.odd |= _mm512_cmpge_epu8_mask(v, _mm512_set1_epi8(0x7f));
    m.odd &= ~m.nl;
    return m;
}

AVX512 static inline struct masks masks_avx512(const char *p)
{
    return masks_of_zmm(_mm512_loadu_si512((const void *)p));
}

/* A masked load touches no byte after the last one. */
AVX512 static inline struct masks tail_avx512(const char *p, size_t n)
{
    const __m512i blanks = _mm512_set1_epi8(' ');
    return masks_of_zmm(_mm512_mask_loadu_epi8(blanks, (1ull << n) - 1, (const void *)p));
}

AVX512 static inline uint32_t lowest_avx512(uint64_t m)
{
    return (uint32_t)_tzcnt_u64(m);
}

AVX512 static void scan_avx512(struct scan *s, const char *ptr, size_t len)
{
    scan_with((struct tools){ masks_avx512, tail_avx512, lowest_avx512 }, s, ptr, len);
}

static inline uint64_t equal_sse2(const __m128i v[4], char c)
{
    const __m128i x = _mm_set1_epi8(c);
    uint64_t r = 0;
    for (int i = 0; i < 4; i++)
        r |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v[i], x)) << (i * 16);
    return r;
}

static inline struct masks masks_sse2(const char *p)
{
    const __m128i blank = _mm_set1_epi8(' ');
    __m128i v[4];
    struct masks m = { 0 };
    for (size_t i = 0; i < 4; i++) {
        v[i] = _mm_loadu_si128((const void *)(p + i * 16));
        m.odd |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpgt_epi8(blank, v[i])) << (i * 16);
    }
    m.nl = equal_sse2(v, '\n');
    m.pipe = equal_sse2(v, '|');
    m.colon = equal_sse2(v, ':');
    m.odd = (m.odd | equal_sse2(v, 0x7f)) & ~m.nl;
    return m;
}

static inline struct masks tail_sse2(const char *p, size_t n)
{
    char block[64];
    pad_tail(block, p, n);
    return masks_sse2(block);
}

static void scan_sse2(struct scan *s, const char *ptr, size_t len)
{
    scan_with((struct tools){ masks_sse2, tail_sse2, lowest_portable }, s, ptr, len);
}

#elif defined(SCAN_NEON)

/* Bytes that are 0 or 255 to 64 bits: each keeps a bit of its own, and neighbours are added. */
INLINE uint64_t join_neon(uint8x16_t a, uint8x16_t b, uint8x16_t c, uint8x16_t d)
{
    const uint8x16_t each = vreinterpretq_u8_u64(vdupq_n_u64(0x8040201008040201ull));
    uint8x16_t ab = vpaddq_u8(vandq_u8(a, each), vandq_u8(b, each));
    uint8x16_t cd = vpaddq_u8(vandq_u8(c, each), vandq_u8(d, each));
    uint8x16_t all = vpaddq_u8(ab, cd);
    return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(all, all)), 0);
}

INLINE uint64_t equal_neon(const uint8x16_t v[4], uint8_t c)
{
    const uint8x16_t x = vdupq_n_u8(c);
    return join_neon(vceqq_u8(v[0], x), vceqq_u8(v[1], x), vceqq_u8(v[2], x), vceqq_u8(v[3], x));
}

/* Control bytes, DEL and those above 0x7f: with 1 added and as signed numbers, below 0x21. */
INLINE uint8x16_t odd_neon(uint8x16_t v)
{
    return vcltq_s8(vreinterpretq_s8_u8(vaddq_u8(v, vdupq_n_u8(1))), vdupq_n_s8(0x21));
}

static inline struct masks masks_neon(const char *p)
{
    uint8x16_t v[4];
    for (size_t i = 0; i < 4; i++)
        v[i] = vld1q_u8((const uint8_t *)p + i * 16);
    struct masks m;
    m.nl = equal_neon(v, '\n');
    m.pipe = equal_neon(v, '|');
    m.colon = equal_neon(v, ':');
    m.odd = join_neon(odd_neon(v[0]), odd_neon(v[1]), odd_neon(v[2]), odd_neon(v[3])) & ~m.nl;
    return m;
}

static inline struct masks tail_neon(const char *p, size_t n)
{
    char block[64];
    pad_tail(block, p, n);
    return masks_neon(block);
}

static void scan_neon(struct scan *s, const char *ptr, size_t len)
{
    scan_with((struct tools){ masks_neon, tail_neon, lowest_portable }, s, ptr, len);
}

#endif

/* The top bits of the eight bytes as one byte, that of the first byte lowest. */
static inline uint64_t pack(uint64_t tops)
{
    return (tops >> 7) * 0x0102040810204080u >> 56;
}

static inline struct masks masks_portable(const char *p)
{
    struct masks m = { 0 };
    for (size_t i = 0; i < 8; i++) {
        uint64_t w;
        memcpy(&w, p + i * 8, sizeof w);
        w = le64toh(w);
        uint64_t below_blank = bytes_zeros(w & BYTES_EACH(0xe0));
        uint64_t odd = (w & BYTES_EACH(0x80)) | below_blank | bytes_zeros(w ^ BYTES_EACH(0x7f));
        m.nl |= pack(bytes_zeros(w ^ BYTES_EACH('\n'))) << (i * 8);
        m.pipe |= pack(bytes_zeros(w ^ BYTES_EACH('|'))) << (i * 8);
        m.colon |= pack(bytes_zeros(w ^ BYTES_EACH(':'))) << (i * 8);
        m.odd |= pack(odd) << (i * 8);
    }
    m.odd &= ~m.nl;
    return m;
}

static inline struct masks tail_portable(const char *p, size_t n)
{
    char block[64];
    pad_tail(block, p, n);
    return masks_portable(block);
}

static void scan_portable(struct scan *s, const char *ptr, size_t len)
{
    scan_with((struct tools){ masks_portable, tail_portable, lowest_portable }, s, ptr, len);
}

static const struct scan_variant variants[] = {
#if defined(__x86_64__)
    { "avx512", scan_avx512 },
    { "avx2", scan_avx2 },
    { "sse2", scan_sse2 },
#elif defined(SCAN_NEON)
    { "neon", scan_neon },
#endif
    { "portable", scan_portable },
};

size_t scan_variants(const struct scan_variant **ret)
{
    size_t skip = 0;
#if defined(__x86_64__)
    __builtin_cpu_init();
    bool bits = __builtin_cpu_supports("bmi") && __builtin_cpu_supports("popcnt");
    if (!bits || !__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw"))
        skip = 1;
    if (!bits || !__builtin_cpu_supports("avx2"))
        skip = 2;
#endif
    *ret = variants + skip;
    return ARRAY_LEN(variants) - skip;
}
