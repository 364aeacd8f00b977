/*
 * The tighter floor for computing, on a CPU with AVX2 and AES instructions: what the server does on
 * the way of a line and nothing else.  No limits, no errors, no tag rules, no other forms of lines;
 * the text is trusted to be the generator's.
 *
 *     tight [SERIES...]
 *
 *     line     one load of 128 bytes, masks in registers; number, name and tags by SSE
 *     hash     AES of all blocks under keys of their place, exclusive-ored
 *     guess    the one slot of a line of four that holds the hash, without a branch; its cell is
 *              asked for
 *     update   by kind: three loops without a switch
 */
#if defined(__x86_64__)
#include <immintrin.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "floor.h"

#define FAST   __attribute__((target("avx2,bmi,bmi2,popcnt,aes")))
#define INLINE FAST static inline __attribute__((always_inline))

enum { BATCH_MAX = 256, ARENA_BYTES = 2047 << 20, NAME_BLOCKS = 2, TAG_BLOCKS = 4 };
enum kind { COUNTER, GAUGE, TIMER, KINDS };

struct floor_sample {
    _Alignas(32) uint64_t lo;
    uint64_t hi;
    double value;
    enum kind kind;
};

/* A cache line, as the server's counter is. */
struct floor_cell {
    _Alignas(64) uint64_t hi;
    double sum, min, max;
    uint64_t n;
    uint8_t *buckets; /* of timers; they may overflow */
};

struct slot {
    uint64_t lo;
    struct floor_cell *cell;
};

struct todo {
    struct floor_cell *cell;
    double value;
};

static struct slot *slots;
static uint64_t mask;
static char *arena;
static size_t arena_used, n_series;

static struct {
    __m128i name[NAME_BLOCKS][5], tags[TAG_BLOCKS][5], kind[KINDS], final[2];
} keys;

/* Made by main: 0 to 63; row d leaves out byte d; the last n bytes; powers of ten, downwards. */
static _Alignas(64) char iota[64];
static uint8_t drop[17][16], keep[32];
static double power[17];

static void tables_make(void)
{
    if (getrandom(&keys, sizeof keys, 0) != (ssize_t)sizeof keys)
        abort();
    for (int i = 0; i < 64; i++)
        iota[i] = (char)i;
    for (int d = 0; d < 17; d++)
        for (int i = 0; i < 16; i++)
            drop[d][i] = (uint8_t)(i > d || d == 16 ? i : i == 0 ? 0x80 : i - 1);
    memset(keep + 16, 255, 16);
    power[16] = power[15] = 1;
    for (int d = 14; d >= 0; d--)
        power[d] = power[d + 1] * 10;
}

/* ---- one line ---- */

INLINE __m128i aes4(__m128i x, const __m128i k[5])
{
    x = _mm_aesenc_si128(_mm_aesenc_si128(_mm_xor_si128(x, k[0]), k[1]), k[2]);
    return _mm_aesenc_si128(_mm_aesenc_si128(x, k[3]), k[4]);
}

/* Bytes behind the end count as 0. */
INLINE __m128i text_sum(const char *p, uint32_t n, __m128i (*key)[5], int blocks)
{
    __m128i len = _mm_set1_epi8((char)n), sum = _mm_setzero_si128();
#pragma GCC unroll 4
    for (size_t i = 0; i < (size_t)blocks; i++) {
        __m128i in = _mm_cmpgt_epi8(len, _mm_load_si128((const void *)(iota + 16 * i)));
        __m128i x = _mm_and_si128(_mm_loadu_si128((const void *)(p + 16 * i)), in);
        sum = _mm_xor_si128(sum, aes4(x, key[i]));
    }
    return sum;
}

/* The n bytes before end: at most 15 digits with at most one point. */
INLINE double number(const char *end, uint32_t n)
{
    __m128i v = _mm_sub_epi8(_mm_loadu_si128((const void *)(end - 16)), _mm_set1_epi8('0'));
    v = _mm_and_si128(v, _mm_loadu_si128((const void *)(keep + n)));
    __m128i point = _mm_cmpeq_epi8(v, _mm_set1_epi8('.' - '0'));
    uint32_t d = (uint32_t)__builtin_ctz((uint32_t)_mm_movemask_epi8(point) | 1u << 16);
    v = _mm_shuffle_epi8(v, _mm_loadu_si128((const void *)drop[d]));
    v = _mm_madd_epi16(_mm_maddubs_epi16(v, _mm_set1_epi16(10 | 1 << 8)),
                       _mm_set1_epi32(100 | 1 << 16));
    v = _mm_madd_epi16(_mm_packus_epi32(v, v), _mm_set1_epi32(10000 | 1 << 16));
    uint64_t w = (uint64_t)_mm_cvtsi128_si64(v);
    return (double)(int64_t)((uint32_t)w * 100000000ull + (w >> 32)) / power[d];
}

INLINE uint64_t join(__m256i a, __m256i b)
{
    return (uint32_t)_mm256_movemask_epi8(a) | (uint64_t)(uint32_t)_mm256_movemask_epi8(b) << 32;
}

INLINE uint64_t equal(__m256i a, __m256i b, char c)
{
    const __m256i all = _mm256_set1_epi8(c);
    return join(_mm256_cmpeq_epi8(a, all), _mm256_cmpeq_epi8(b, all));
}

/* returns  bytes of the line, without its LF: at most 127 */
INLINE uint32_t line(const char *q, uint32_t rest, struct floor_sample *s)
{
    static const uint8_t kinds[128] = { ['c'] = COUNTER, ['g'] = GAUGE, ['m'] = TIMER };
    __m256i a = _mm256_loadu_si256((const void *)q), b = _mm256_loadu_si256((const void *)(q + 32));
    __m256i c = _mm256_loadu_si256((const void *)(q + 64));
    __m256i d = _mm256_loadu_si256((const void *)(q + 96));
    uint64_t lf = equal(a, b, '\n'), far_lf = equal(c, d, '\n');
    uint32_t end = lf != 0 ? (uint32_t)__builtin_ctzll(lf)
                           : 64 + (uint32_t)__builtin_ctzll(far_lf | 1ull << 63);
    end = end < rest ? end : rest;
    uint32_t colon = (uint32_t)__builtin_ctzll(equal(a, b, ':'));
    uint64_t bars = equal(a, b, '|');
    uint32_t bar = (uint32_t)__builtin_ctzll(bars);
    uint32_t tags = (uint32_t)__builtin_ctzll(_blsr_u64(bars)) + 2;
    s->value = number(q + bar, bar - colon - 1);
    s->kind = kinds[(uint8_t)q[bar + 1]];
    __m128i h = _mm_xor_si128(text_sum(q, colon, keys.name, NAME_BLOCKS),
                              text_sum(q + tags, end - tags, keys.tags, TAG_BLOCKS));
    h = _mm_xor_si128(h, keys.kind[s->kind]);
    h = _mm_aesenc_si128(_mm_aesenc_si128(h, keys.final[0]), keys.final[1]);
    _mm_store_si128((__m128i *)(void *)&s->lo, h);
    return end;
}

/* ---- a batch into the cells ---- */

INLINE const struct slot *home(uint64_t lo)
{
    return &slots[lo & mask & ~3ull];
}

/* NULL: not in its line of slots */
INLINE struct floor_cell *guess(uint64_t lo)
{
    const struct slot *s = home(lo);
    const __m256i x = _mm256_set1_epi64x((long long)lo);
    __m256i a = _mm256_cmpeq_epi64(_mm256_load_si256((const void *)s), x);
    __m256i b = _mm256_cmpeq_epi64(_mm256_load_si256((const void *)(s + 2)), x);
    /* Slots 0, 2, 1, 3. */
    uint32_t m = (uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(_mm256_unpacklo_epi64(a, b)));
    uint32_t i = (uint32_t)__builtin_ctz(m | 8);
    struct floor_cell *c = s[(i >> 1 | i << 1) & 3].cell;
    return m != 0 ? c : NULL;
}

static void *take(size_t n)
{
    void *p = arena + arena_used;
    arena_used += n;
    if (arena_used > (size_t)ARENA_BYTES)
        abort();
    return p;
}

static __attribute__((noinline)) struct floor_cell *find(const struct floor_sample *s)
{
    uint64_t i = s->lo & mask & ~3ull;
    for (; slots[i].cell != NULL; i = (i + 1) & mask)
        if (slots[i].lo == s->lo && slots[i].cell->hi == s->hi)
            return slots[i].cell;
    struct floor_cell *c = take(sizeof *c);
    *c = (struct floor_cell){ .hi = s->hi, .min = 1e300 };
    if (s->kind == TIMER)
        c->buckets = take(FLOOR_BUCKETS);
    n_series++;
    slots[i] = (struct slot){ s->lo, c };
    return c;
}

INLINE void update(const struct floor_sample *s, uint32_t n)
{
    static struct floor_cell *found[BATCH_MAX];
    static struct todo todo[KINDS][BATCH_MAX];
    uint32_t used[KINDS] = { 0 };
    for (uint32_t i = 0; i < n; i++)
        __builtin_prefetch(found[i] = guess(s[i].lo), 1);
    for (uint32_t i = 0; i < n; i++) {
        struct floor_cell *c = found[i];
        if (__builtin_expect(c == NULL || c->hi != s[i].hi, 0))
            c = find(&s[i]);
        c->n++;
        todo[s[i].kind][used[s[i].kind]++] = (struct todo){ c, s[i].value };
    }
    for (struct todo *t = todo[TIMER]; t < todo[TIMER] + used[TIMER]; t++)
        __builtin_prefetch(&t->cell->buckets[floor_bucket_of(t->value)], 1);
    for (struct todo *t = todo[COUNTER]; t < todo[COUNTER] + used[COUNTER]; t++)
        t->cell->sum += t->value;
    for (struct todo *t = todo[GAUGE]; t < todo[GAUGE] + used[GAUGE]; t++)
        t->cell->sum = t->value;
    for (struct todo *t = todo[TIMER]; t < todo[TIMER] + used[TIMER]; t++) {
        struct floor_cell *c = t->cell;
        c->sum += t->value;
        c->min = t->value < c->min ? t->value : c->min;
        c->max = t->value > c->max ? t->value : c->max;
        c->buckets[floor_bucket_of(t->value)]++;
    }
}

FAST static void ingest(const char *p, const char *end)
{
    static struct floor_sample batch[BATCH_MAX];
    uint32_t n = 0;
    while (p < end) {
        p += line(p, (uint32_t)(end - p), &batch[n]) + 1;
        __builtin_prefetch(home(batch[n].lo));
        if (++n == BATCH_MAX) {
            update(batch, n);
            n = 0;
        }
    }
    update(batch, n);
}

static void measure(uint32_t series)
{
    size_t table_bytes = floor_slots_for(series) * sizeof *slots;
    mask = floor_slots_for(series) - 1;
    slots = floor_huge(table_bytes);
    arena = floor_huge(ARENA_BYTES);
    arena_used = n_series = 0;
    floor_measure("tight", series, ingest);
    if (n_series != series)
        fprintf(stderr, "tight: %zu series instead of %u\n", n_series, series);
    floor_huge_free(arena, ARENA_BYTES);
    floor_huge_free(slots, table_bytes);
}

int main(int argc, char **argv)
{
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("bmi2") ||
        !__builtin_cpu_supports("aes")) {
        fprintf(stderr, "tight: this CPU has no AVX2, BMI2 or AES\n");
        return 0;
    }
    tables_make();
    return floor_main(argc, argv, measure);
}

#else

#include <stdio.h>

int main(void)
{
    fprintf(stderr, "tight: for x86-64 alone\n");
    return 0;
}
#endif
