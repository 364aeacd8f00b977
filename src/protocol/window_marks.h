/**
 * window_marks: where the bytes of a line are that a reader looks at, by masks of 64 bytes, which
 * stay in registers.  Private to protocol/.
 */
#ifndef PROTOCOL_WINDOW_MARKS_H
#define PROTOCOL_WINDOW_MARKS_H

#include <stdbool.h>
#include <stdint.h>

#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define LIKELY(x)   __builtin_expect(!!(x), 1)
#define INLINE      static inline __attribute__((always_inline))

typedef uint64_t (*mask_fn)(const char *q); /* of 64 bytes; bit i: byte i */

/* The masks, which differ between the variants; inlined. */
struct masks {
    /*
     * All that a plain line is cut at: '|' and odd bytes (control bytes, DEL, all above 0x7f).  '}'
     * and '~' too, for with them these are one range of bytes.
     */
    mask_fn marks;
    mask_fn bars, colons, odd;
    mask_fn high; /* above 0x7f */
};

INLINE uint32_t lowest(uint64_t m)
{
    return m != 0 ? (uint32_t)__builtin_ctzll(m) : 64;
}

/* Bits 0 to n - 1; n may be any number. */
INLINE uint64_t below(uint64_t m, uint32_t n)
{
    return n < 64 ? m & ~(UINT64_MAX << n) : m;
}

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

INLINE uint32_t odd_beyond(struct masks t, const char *q, uint32_t from, uint32_t to)
{
    FIRST_BEYOND(q, from, to, t.odd);
}

INLINE uint32_t control_beyond(struct masks t, const char *q, uint32_t from, uint32_t to)
{
#define CONTROLS(p) (t.odd(p) & ~t.high(p))
    FIRST_BEYOND(q, from, to, CONTROLS);
#undef CONTROLS
}

/*
 * The marks of a line, one after the other, and one at its byte `rest`: there the datagram ends,
 * and rubbish may follow.
 */
struct walk {
    const char *q;
    uint64_t left; /* of 64 bytes */
    uint32_t base; /* where those begin */
    uint32_t rest;
};

INLINE uint64_t marks_at(mask_fn marks, const char *q, uint32_t base, uint32_t rest)
{
    uint64_t m = marks(q + base);
    if (UNLIKELY(rest - base < 64))
        m |= 1ull << (rest - base);
    return m;
}

/* false: there is none, and the caller took rubbish for a part of the line */
INLINE bool next_mark(mask_fn marks, struct walk *w, uint32_t *ret)
{
    while (w->left == 0) {
        w->base += 64;
        if (UNLIKELY(w->base > w->rest))
            return false;
        w->left = marks_at(marks, w->q, w->base, w->rest);
    }
    *ret = w->base + lowest(w->left);
    w->left &= w->left - 1;
    return true;
}

#endif
