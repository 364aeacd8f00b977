/**
 * scan: finds the ends of lines and fields of a datagram, 64 bytes at a time.
 *
 * Each block of 64 bytes gives four masks: LF, '|', ':', and odd bytes (control bytes but LF, DEL,
 * and all above 0x7f).  LF and '|' are written out as lists of positions, which the line parser
 * reads one after the other: a list has no block borders, so walking it costs no mispredicted
 * branch.  Of ':' only the first in a line matters, so its mask stays a mask.  (J. Langdale, D.
 * Lemire, "Parsing gigabytes of JSON per second", 2019, for masks and lists.)
 */
#ifndef PROTOCOL_SCAN_H
#define PROTOCOL_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SCAN_MAX = 65535, /* bytes */
    SCAN_WORDS = (SCAN_MAX + 63) / 64,
    SCAN_LIST = SCAN_MAX + 1 + 8, /* an end mark, and room to write ahead */
    SCAN_NO_PIPE = 0xffff,        /* end mark of pipe[], above all positions */
    SCAN_NONE = 0x7fffffff        /* returned by scan_next, above all positions */
};

struct scan {
    uint64_t colon[SCAN_WORDS + 1]; /* after the last block one word of 0 */
    uint64_t odd[SCAN_WORDS + 1];
    uint16_t end[SCAN_LIST];  /* ends of lines: each LF, then len if the last line has none */
    uint16_t pipe[SCAN_LIST]; /* each '|', then SCAN_NO_PIPE */
    bool any_odd;
};

/* Reads ptr[0 .. len) and not a byte more; len at most SCAN_MAX. */
typedef void (*scan_fn)(struct scan *s, const char *ptr, size_t len);

struct scan_variant {
    const char *name;
    scan_fn fn;
};

/* The variants this CPU can run, best first. */
size_t scan_variants(const struct scan_variant **ret);

/* The one that parsers use: see protocol/variant.h. */
const struct scan_variant *variant_in_use(void);

/*
 * The first set bit of a mask at or after bit `at`.  The result is at or above `limit`, or
 * SCAN_NONE, when there is none before limit.
 *   at < len, at <= limit <= len
 */
static inline uint32_t scan_next(const uint64_t *mask, uint32_t at, uint32_t limit)
{
    /*
     * 64 bits from bit `at` on, out of two words: names are rarely longer, so the branch predicts
     * well.
     */
    uint32_t i = at >> 6, shift = at & 63;
    uint64_t w = mask[i] >> shift | mask[i + 1] << 1 << (63 - shift);
    if (__builtin_expect(w != 0, 1))
        return at + (uint32_t)__builtin_ctzll(w);
    for (i++; i <= limit >> 6; i++)
        if (mask[i] != 0)
            return i * 64 + (uint32_t)__builtin_ctzll(mask[i]);
    return SCAN_NONE;
}

#endif
