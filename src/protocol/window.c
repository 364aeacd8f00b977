/*
 *     window_of      by scan variant
 *     lines_with     lines of a datagram; inlined into each variant with the variant's tools
 *       line_with      the line's end, its colon and bars, then value, type, fields, hash
 *     tools          masks of 128 bytes and more (AVX2, AVX-512); number and hash serve both
 */
#include "protocol/window.h"

#include <string.h>

#include "base/hash_pair.h"
#include "base/utf8.h"
#include "protocol/metric.h"
#include "protocol/parser.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include "protocol/window_hash.h"
#include "protocol/window_number.h"

#define NOINLINE static __attribute__((noinline))
#define INLINE   static inline __attribute__((always_inline))

enum { WINDOW = 128 };
static_assert((int)WINDOW <= (int)WINDOW_NAME_MAX, "a name has keys for all its places");

/* Bit i of word w: byte 64 * w + i. */
struct window {
    uint64_t odd[2], bar[2], colon;
};

/* The operations that differ between the variants; inlined, but for the last two. */
struct tools {
    struct window (*load)(const char *q);
    /* Of 64 bytes: */
    uint64_t (*odd64)(const char *q);
    uint64_t (*high64)(const char *q); /* above 0x7f */
    uint64_t (*equal64)(const char *q, char c);
    /* utf8_end and packed_with; called, so that they take no registers where they are not needed */
    uint32_t (*utf8_end)(const char *q, uint32_t from, uint32_t rest);
    bool (*packed)(struct batch *b, const char *value, uint32_t n, struct sample *s);
};

/* ---- one line ---- */

INLINE uint32_t lowest(uint64_t m)
{
    return m != 0 ? (uint32_t)__builtin_ctzll(m) : 64;
}

/* Bits 0 to n - 1; n may be any number. */
INLINE uint64_t below(uint64_t m, uint32_t n)
{
    return n < 64 ? m & ~(UINT64_MAX << n) : m;
}

/* The bars of a line that have not been passed. */
struct bars {
    const char *q;      /* the line */
    uint64_t near, far; /* of the window */
    uint32_t beyond;    /* where those beyond the window are looked for next */
};

/* The first bit of 64 bytes at q + from, q + from + 64 ..., up to `to`; `to` when there is none. */
#define FIRST_BEYOND(q, from, to, mask_of)                                                         \
    do {                                                                                           \
        for (uint32_t at_ = (from); at_ < (to); at_ += 64) {                                       \
            uint64_t m_ = mask_of((q) + at_);                                                      \
            if (m_ != 0)                                                                           \
                return at_ + lowest(m_) < (to) ? at_ + lowest(m_) : (to);                          \
        }                                                                                          \
        return (to);                                                                               \
    } while (0)

INLINE uint32_t odd_beyond(struct tools t, const char *q, uint32_t from, uint32_t to)
{
    FIRST_BEYOND(q, from, to, t.odd64);
}

INLINE uint32_t bar_beyond(struct tools t, const char *q, uint32_t from, uint32_t to)
{
#define BARS(p) t.equal64(p, '|')
    FIRST_BEYOND(q, from, to, BARS);
#undef BARS
}

INLINE uint32_t control_beyond(struct tools t, const char *q, uint32_t from, uint32_t to)
{
#define CONTROLS(p) (t.odd64(p) & ~t.high64(p))
    FIRST_BEYOND(q, from, to, CONTROLS);
#undef CONTROLS
}

/* Take the next one out; `end` when there is none. */
INLINE uint32_t next_bar(struct tools t, struct bars *b, uint32_t end)
{
    if (b->near != 0) {
        uint32_t at = lowest(b->near);
        b->near &= b->near - 1;
        return at;
    }
    if (UNLIKELY(b->far != 0)) {
        uint32_t at = 64 + lowest(b->far);
        b->far &= b->far - 1;
        return at;
    }
    if (__builtin_expect(end <= WINDOW, 1))
        return end;
    uint32_t at = bar_beyond(t, b->q, b->beyond, end);
    b->beyond = at + 1;
    return at;
}

/* The fields behind the type, the first of which begins behind `at`.  false: not plain */
SSE INLINE bool fields_with(struct tools t, const struct parser *p, uint32_t at, uint32_t end,
                            struct bars *bars, struct sample *s)
{
    const char *const q = bars->q;
    while (at < end) {
        const char *f = q + at + 1;
        uint32_t next = next_bar(t, bars, end), n = next - at - 1;
        if (UNLIKELY(n == 0))
            return false;
        if (f[0] == '#' && s->tags == NULL) {
            s->tags = f + 1;
            s->tags_len = n - 1;
        } else if (f[0] == '@') {
            if (!number_sse(q + next, n - 1, &s->rate) || !(s->rate > 0) || s->rate > 1)
                return false;
            s->flags = s->rate < 1 ? SAMPLE_HAS_RATE : 0;
        } else if ((f[0] != 'c' && f[0] != 'e') || n < 2 || f[1] != ':' || p->opts.origin_tags) {
            return false;
        }
        at = next;
    }
    return true;
}

/*
 * The end of a line whose byte at `from` is the first one above 0x7f.  rest: as below.
 * returns  0: it has control bytes, or is no UTF-8
 */
INLINE uint32_t utf8_end(struct tools t, const char *q, uint32_t from, uint32_t rest)
{
    uint32_t end = control_beyond(t, q, from, rest);
    return utf8_valid(slice_of(q + from, end - from)) ? end : 0;
}

/* Several values with ':' between them, into b; no part may be empty.  false: not such ones */
SSE INLINE bool packed_with(struct tools t, struct batch *b, const char *value, uint32_t n,
                            struct sample *s)
{
    uint32_t at = 0, room = b->cap_values - b->n_values;
    double *more = b->values + b->n_values, v;
    if (n > 64 || room < 64)
        return false;
    s->more_at = b->n_values;
    for (uint64_t colons = below(t.equal64(value, ':'), n); at <= n; colons &= colons - 1) {
        uint32_t end = colons != 0 ? lowest(colons) : n;
        if (!number_sse(value + end, end - at, &v))
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
 * The end of the line at q, whose window is w.  *ret_used: its bytes, the line break too.
 * returns  0: it is empty, or has a byte that only the general path reads
 */
INLINE uint32_t end_with(struct tools t, const struct window *w, const char *q, uint32_t rest,
                         uint32_t *ret_used)
{
    uint32_t end = w->odd[0] != 0 ? lowest(w->odd[0]) : 64 + lowest(w->odd[1]);
    if (UNLIKELY(end == WINDOW))
        end = odd_beyond(t, q, WINDOW, rest);
    end = end < rest ? end : rest;
    *ret_used = end + 1;
    if (__builtin_expect((q[end] == '\n') | (end == rest), 1))
        return end;
    if ((signed char)q[end] < 0)
        end = t.utf8_end(q, end, rest);
    bool cr = end != rest && q[end] == '\r' && (end + 1 == rest || q[end + 1] == '\n');
    *ret_used = end + 1 + cr;
    return end == rest || q[end] == '\n' || cr ? end : 0;
}

/*
 * The line at q, of a datagram that goes on for `rest` bytes.
 * returns  its bytes, the line break too; 0: it is not plain, and *s may have been written to
 */
HASH_PAIR_AES INLINE uint32_t line_with(struct tools t, const struct parser *p, struct batch *b,
                                        const char *q, uint32_t rest, struct sample *s)
{
    static const uint8_t first[256] = { [' '] = 1, ['_'] = 1 }, last[256] = { [' '] = 1 };
    struct window w = t.load(q);
    uint32_t used, end = end_with(t, &w, q, rest, &used);
    if (UNLIKELY((end == 0) | (end > p->opts.max_line) | first[(uint8_t)q[0]] |
                 last[(uint8_t)(q + end)[-1]]))
        return 0;
    struct bars bars = { q, below(w.bar[0], end), end > 64 ? below(w.bar[1], end - 64) : 0,
                         WINDOW };
    uint32_t colon = lowest(w.colon);
    if (UNLIKELY(w.colon == 0))
        colon += lowest(t.equal64(q + 64, ':'));
    uint32_t bar = next_bar(t, &bars, end);
    /* A colon or a bar that is missing or in the wrong place makes a length 0 or huge. */
    if (UNLIKELY(bar >= end || colon >= WINDOW || colon - 1 >= p->opts.max_name))
        return 0;
    s->more_n = 0;
    if (UNLIKELY(!number_sse(q + bar, bar - colon - 1, &s->value)) &&
        !t.packed(b, q + colon + 1, bar - colon - 1, s))
        return 0;
    uint32_t next = next_bar(t, &bars, end);
    if (UNLIKELY(!metric_type_read(q + bar + 1, next - bar - 1, &s->type) || s->type == SAMPLE_SET))
        return 0;
    if (UNLIKELY(s->more_n > 0 && s->type == SAMPLE_GAUGE)) /* each value has a sign of its own */
        return 0;
    s->rate = 1;
    s->tags = NULL;
    s->tags_len = 0;
    s->flags = 0;
    if (UNLIKELY(!fields_with(t, p, next, end, &bars, s)))
        return 0;
    if (UNLIKELY(s->tags_len > WINDOW_TAGS_MAX))
        return 0;
    s->name = q;
    s->name_len = colon;
    s->tag_style = TAGS_DOG;
    if (UNLIKELY(s->more_n > 0)) {
        s->flags |= SAMPLE_PACKED;
        b->n_values += s->more_n;
    }
    spelling_hash(s, s->tags != NULL ? s->tags : q);
    return used;
}

HASH_PAIR_AES INLINE void lines_with(struct tools t, struct parser *p, struct batch *b)
{
    const char *const text = p->ptr;
    const uint32_t len = p->len, full = b->full;
    uint32_t at = p->at, n = b->n, lines = 0, used;
    while (at < len && n < full &&
           (used = line_with(t, p, b, text + at, len - at, &b->samples[n])) != 0) {
        batch_aim(b, b->samples[n].hash.lo);
        at += used;
        n++;
        lines++;
    }
    b->n = n;
    b->counts.lines += lines;
    b->counts.samples += lines;
    p->at = at;
}

/* ---- variants ---- */

#define AVX2 __attribute__((target("avx2,bmi,bmi2,popcnt,aes")))

AVX2 INLINE uint64_t join32(__m256i lo, __m256i hi)
{
    return (uint32_t)_mm256_movemask_epi8(lo) | (uint64_t)(uint32_t)_mm256_movemask_epi8(hi) << 32;
}

/* As signed numbers, control bytes and all above 0x7f are below 0x20, and DEL + 1 is the lowest. */
AVX2 INLINE __m256i odd_avx2(__m256i v)
{
    return _mm256_cmpgt_epi8(_mm256_set1_epi8(0x21), _mm256_add_epi8(v, _mm256_set1_epi8(1)));
}

AVX2 INLINE __m256i load32(const char *q)
{
    return _mm256_loadu_si256((const void *)q);
}

AVX2 INLINE uint64_t equal_avx2(__m256i a, __m256i b, char c)
{
    const __m256i all = _mm256_set1_epi8(c);
    return join32(_mm256_cmpeq_epi8(a, all), _mm256_cmpeq_epi8(b, all));
}

AVX2 INLINE struct window load_avx2(const char *q)
{
    __m256i a = load32(q), b = load32(q + 32), c = load32(q + 64), d = load32(q + 96);
    return (struct window){ { join32(odd_avx2(a), odd_avx2(b)), join32(odd_avx2(c), odd_avx2(d)) },
                            { equal_avx2(a, b, '|'), equal_avx2(c, d, '|') },
                            equal_avx2(a, b, ':') };
}

AVX2 INLINE uint64_t odd64_avx2(const char *q)
{
    return join32(odd_avx2(load32(q)), odd_avx2(load32(q + 32)));
}

AVX2 INLINE uint64_t high64_avx2(const char *q)
{
    return join32(load32(q), load32(q + 32));
}

AVX2 INLINE uint64_t equal64_avx2(const char *q, char c)
{
    return equal_avx2(load32(q), load32(q + 32), c);
}

#define TOOLS_AVX2 load_avx2, odd64_avx2, high64_avx2, equal64_avx2

AVX2 NOINLINE uint32_t utf8_end_avx2(const char *q, uint32_t from, uint32_t rest)
{
    return utf8_end((struct tools){ TOOLS_AVX2, NULL, NULL }, q, from, rest);
}

AVX2 NOINLINE bool packed_avx2(struct batch *b, const char *value, uint32_t n, struct sample *s)
{
    return packed_with((struct tools){ TOOLS_AVX2, NULL, NULL }, b, value, n, s);
}

AVX2 static void window_avx2(struct parser *p, struct batch *b)
{
    lines_with((struct tools){ TOOLS_AVX2, utf8_end_avx2, packed_avx2 }, p, b);
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

AVX512 INLINE struct window load_avx512(const char *q)
{
    __m512i a = _mm512_loadu_si512(q), b = _mm512_loadu_si512(q + 64);
    return (struct window){ { odd_avx512(a), odd_avx512(b) },
                            { equal_avx512(a, '|'), equal_avx512(b, '|') },
                            equal_avx512(a, ':') };
}

AVX512 INLINE uint64_t odd64_avx512(const char *q)
{
    return odd_avx512(_mm512_loadu_si512(q));
}

AVX512 INLINE uint64_t high64_avx512(const char *q)
{
    return _mm512_movepi8_mask(_mm512_loadu_si512(q));
}

AVX512 INLINE uint64_t equal64_avx512(const char *q, char c)
{
    return equal_avx512(_mm512_loadu_si512(q), c);
}

#define TOOLS_AVX512 load_avx512, odd64_avx512, high64_avx512, equal64_avx512

AVX512 NOINLINE uint32_t utf8_end_avx512(const char *q, uint32_t from, uint32_t rest)
{
    return utf8_end((struct tools){ TOOLS_AVX512, NULL, NULL }, q, from, rest);
}

AVX512 NOINLINE bool packed_avx512(struct batch *b, const char *value, uint32_t n, struct sample *s)
{
    return packed_with((struct tools){ TOOLS_AVX512, NULL, NULL }, b, value, n, s);
}

AVX512 static void window_avx512(struct parser *p, struct batch *b)
{
    lines_with((struct tools){ TOOLS_AVX512, utf8_end_avx512, packed_avx512 }, p, b);
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
