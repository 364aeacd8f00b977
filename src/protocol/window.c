/*
 *     window_of      by scan variant
 *     lines_with     lines of a datagram; inlined into each variant with the variant's tools
 *       line_with      shape (window_shape.h), then type, value (window_number.h), hash
 *     tools          masks of 64 bytes (AVX2, AVX-512); all else serves both
 */
#include "protocol/window.h"

#include <string.h>

#include "base/hash_pair.h"
#include "protocol/metric.h"
#include "protocol/parser.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include "protocol/window_hash.h"
#include "protocol/window_shape.h"

#define NOINLINE static __attribute__((noinline))

static_assert((int)WINDOW <= (int)WINDOW_NAME_MAX, "a name has keys for all its places");

/* What differs between the variants. */
struct tools {
    struct masks masks;
    /* odd_shape_with and packed_with; called, so that they take no registers from the rest */
    bool (*odd_shape)(const struct parser *p, const char *q, uint32_t rest, struct shape *ret);
    bool (*packed)(struct batch *b, const char *value, uint32_t n, struct sample *s);
    const struct numbers *numbers; /* numbers_apart, by lines_with */
};

/* ---- one line ---- */

/* Several values with ':' between them, into b; no part may be empty.  false: not such ones */
SSE INLINE bool packed_with(struct masks t, struct batch *b, const char *value, uint32_t n,
                            struct sample *s)
{
    uint32_t at = 0, room = b->cap_values - b->n_values;
    double *more = b->values + b->n_values, v;
    if (n > 64 || room < 64)
        return false;
    s->more_at = b->n_values;
    for (uint64_t colons = below(t.colons(value), n); at <= n; colons &= colons - 1) {
        uint32_t end = colons != 0 ? lowest(colons) : n;
        if (!number_sse(&numbers, value + end, end - at, &v))
            return false;
        if (at == 0)
            s->value = v;
        else
            more[s->more_n++] = v;
        at = end + 1;
    }
    return true;
}

/*
 * The line at q, of a datagram that goes on for `rest` bytes.
 * returns  its bytes, the line break too; 0: it is not plain, and *s may have been written to
 */
HASH_PAIR_AES INLINE uint32_t line_with(struct tools t, const struct parser *p, struct batch *b,
                                        const char *q, uint32_t rest, struct sample *s)
{
    const struct numbers *const k = t.numbers;
    struct shape l, odd;
    if (UNLIKELY(!shape_with(t.masks, k, p, q, rest, &l))) {
        if (!t.odd_shape(p, q, rest, &odd))
            return 0;
        l = odd;
    }
    /* A colon in the wrong place makes a length 0 or huge. */
    if (UNLIKELY(l.colon - 1 >= p->opts.max_name) || UNLIKELY(l.end > p->opts.max_line) ||
        UNLIKELY(q[0] == ' ') || UNLIKELY(q[0] == '_') || UNLIKELY((q + l.end)[-1] == ' ') ||
        UNLIKELY(l.tags_len > WINDOW_TAGS_MAX))
        return 0;
    if (UNLIKELY(!metric_type_read(q + l.bar + 1, l.type_end - l.bar - 1, &s->type)) ||
        UNLIKELY(s->type == SAMPLE_SET))
        return 0;
    s->rate = l.rate;
    s->tags = l.tags;
    s->tags_len = l.tags_len;
    s->flags = l.flags;
    s->name = q;
    s->name_len = l.colon;
    s->tag_style = TAGS_DOG;
    s->more_n = 0;
    uint32_t len = l.bar - l.colon - 1;
    if (UNLIKELY(!number_sse(k, q + l.bar, len, &s->value))) {
        /* Each value of a packed gauge has a sign of its own. */
        if (s->type == SAMPLE_GAUGE || !t.packed(b, q + l.colon + 1, len, s))
            return 0;
        s->flags |= SAMPLE_PACKED;
        b->n_values += s->more_n;
    }
    spelling_hash(s);
    return l.used;
}

HASH_PAIR_AES INLINE void lines_with(struct tools t, struct parser *p, struct batch *b)
{
    t.numbers = numbers_apart();
    const char *const stop = p->ptr + p->len, *q = p->ptr + p->at;
    struct sample *s = b->samples + b->n, *const full = b->samples + b->full;
    uint32_t used;
    while (q < stop && s < full && (used = line_with(t, p, b, q, (uint32_t)(stop - q), s)) != 0) {
        batch_aim(b, s->hash.lo);
        q += used;
        s++;
    }
    uint32_t lines = (uint32_t)(s - b->samples) - b->n;
    b->n += lines;
    b->counts.lines += lines;
    b->counts.samples += lines;
    p->at = (uint32_t)(q - p->ptr);
}

/* ---- variants ---- */

#define AVX2 __attribute__((target("avx2,bmi,bmi2,popcnt,aes")))

AVX2 INLINE uint64_t join32(__m256i lo, __m256i hi)
{
    return (uint32_t)_mm256_movemask_epi8(lo) | (uint64_t)(uint32_t)_mm256_movemask_epi8(hi) << 32;
}

/* The top bits: control bytes, DEL and all above 0x7f, as signed numbers + 1, are below 0x21. */
AVX2 INLINE __m256i odd_avx2(__m256i v)
{
    return _mm256_subs_epi8(_mm256_add_epi8(v, _mm256_set1_epi8(1)), _mm256_set1_epi8(0x21));
}

AVX2 INLINE __m256i load32(const char *q)
{
    return _mm256_loadu_si256((const void *)q);
}

/* The same of '|' and odd bytes: as signed numbers + 4, they are below 0x24. */
AVX2 INLINE __m256i mark_avx2(__m256i v)
{
    return _mm256_subs_epi8(_mm256_add_epi8(v, _mm256_set1_epi8(4)), _mm256_set1_epi8(0x24));
}

AVX2 INLINE uint64_t marks_avx2(const char *q)
{
    return join32(mark_avx2(load32(q)), mark_avx2(load32(q + 32)));
}

AVX2 INLINE uint64_t odd64_avx2(const char *q)
{
    return join32(odd_avx2(load32(q)), odd_avx2(load32(q + 32)));
}

AVX2 INLINE uint64_t high64_avx2(const char *q)
{
    return join32(load32(q), load32(q + 32));
}

AVX2 INLINE uint64_t equal_avx2(const char *q, char c)
{
    const __m256i all = _mm256_set1_epi8(c);
    return join32(_mm256_cmpeq_epi8(load32(q), all), _mm256_cmpeq_epi8(load32(q + 32), all));
}

AVX2 INLINE uint64_t bars_avx2(const char *q)
{
    return equal_avx2(q, '|');
}

AVX2 INLINE uint64_t colons_avx2(const char *q)
{
    return equal_avx2(q, ':');
}

#define MASKS_AVX2                                                                                 \
    (struct masks)                                                                                 \
    {                                                                                              \
        marks_avx2, bars_avx2, colons_avx2, odd64_avx2, high64_avx2                                \
    }

AVX2 NOINLINE bool odd_shape_avx2(const struct parser *p, const char *q, uint32_t rest,
                                  struct shape *ret)
{
    return odd_shape_with(MASKS_AVX2, p, q, rest, ret);
}

AVX2 NOINLINE bool packed_avx2(struct batch *b, const char *value, uint32_t n, struct sample *s)
{
    return packed_with(MASKS_AVX2, b, value, n, s);
}

AVX2 static void window_avx2(struct parser *p, struct batch *b)
{
    lines_with((struct tools){ MASKS_AVX2, odd_shape_avx2, packed_avx2, NULL }, p, b);
}

#define AVX512 __attribute__((target("avx512f,avx512bw,avx2,bmi,bmi2,popcnt,aes")))

AVX512 INLINE uint64_t odd_avx512(__m512i v)
{
    __m512i next = _mm512_add_epi8(v, _mm512_set1_epi8(1));
    return _mm512_cmpgt_epi8_mask(_mm512_set1_epi8(0x21), next);
}

AVX512 INLINE uint64_t equal_avx512(__m512i v, char c)
{
    return _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8(c));
}

AVX512 INLINE uint64_t marks_avx512(const char *q)
{
    __m512i up = _mm512_add_epi8(_mm512_loadu_si512(q), _mm512_set1_epi8(4));
    return _mm512_cmpgt_epi8_mask(_mm512_set1_epi8(0x24), up);
}

AVX512 INLINE uint64_t odd64_avx512(const char *q)
{
    return odd_avx512(_mm512_loadu_si512(q));
}

AVX512 INLINE uint64_t high64_avx512(const char *q)
{
    return _mm512_movepi8_mask(_mm512_loadu_si512(q));
}

AVX512 INLINE uint64_t bars_avx512(const char *q)
{
    return equal_avx512(_mm512_loadu_si512(q), '|');
}

AVX512 INLINE uint64_t colons_avx512(const char *q)
{
    return equal_avx512(_mm512_loadu_si512(q), ':');
}

#define MASKS_AVX512                                                                               \
    (struct masks)                                                                                 \
    {                                                                                              \
        marks_avx512, bars_avx512, colons_avx512, odd64_avx512, high64_avx512                      \
    }

AVX512 NOINLINE bool odd_shape_avx512(const struct parser *p, const char *q, uint32_t rest,
                                      struct shape *ret)
{
    return odd_shape_with(MASKS_AVX512, p, q, rest, ret);
}

AVX512 NOINLINE bool packed_avx512(struct batch *b, const char *value, uint32_t n, struct sample *s)
{
    return packed_with(MASKS_AVX512, b, value, n, s);
}

AVX512 static void window_avx512(struct parser *p, struct batch *b)
{
    lines_with((struct tools){ MASKS_AVX512, odd_shape_avx512, packed_avx512, NULL }, p, b);
}

window_fn window_of(const char *variant)
{
    if (!hash_pair_by_aes() || !__builtin_cpu_supports("bmi2"))
        return NULL;
    if (strcmp(variant, "avx512") == 0)
        return window_avx512;
    return strcmp(variant, "avx2") == 0 ? window_avx2 : NULL;
}

#else

window_fn window_of(const char *variant)
{
    (void)variant;
    return NULL;
}

#endif
