/**
 * metric: reads a metric line of any form (metric.c), and what that shares with plain.c, the reader
 * of the most common form: types, short numbers, identity.
 */
#ifndef PROTOCOL_METRIC_H
#define PROTOCOL_METRIC_H

#include <assert.h>
#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/hash_pair.h"
#include "protocol/bytes.h"
#include "protocol/sample.h"

struct batch;
struct line;
struct parser;

/* Read one metric line into b, which has room for it.  Returns the first '|' not yet passed. */
const uint16_t *metric_parse(struct parser *p, struct batch *b, const struct line *l);

/* Types by their first byte.  Length and last byte decide the rest, without a branch for "ms". */
struct metric_type {
    _Alignas(4) uint8_t type; /* four bytes, so that finding one takes no multiplication */
    uint8_t len;
    char last;
};
extern const struct metric_type metric_types[256];

static inline bool metric_type_read(const char *p, uint32_t len, uint8_t *ret)
{
    if (len == 0)
        return false;
    struct metric_type t = metric_types[(unsigned char)p[0]];
    if (t.len != len || p[len - 1] != t.last)
        return false;
    *ret = t.type;
    return true;
}

/*
 * metric_number_small(text, end, n, ret):
 * Read the n bytes before text + end, all at once, when they are up to eight digits and '.' with at
 * most one '.'.  Exact: the digits and the power of ten are doubles, and one division rounds once.
 *   text     reads start no earlier; up to 8 bytes before text + end are read
 *   returns  false: not of that form, call number_parse
 */
static inline bool metric_number_small(const char *text, uint32_t end, uint32_t n, double *ret)
{
#if __BYTE_ORDER == __LITTLE_ENDIAN
    static const double power[] = { 1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7 };
    if (n - 1 >= 8 || end < 8)
        return false;
    uint64_t w;
    memcpy(&w, text + end - 8, sizeof w);
    /* Digits as 0..9, the last one in the top byte; 0 in front of the first. */
    w = (w ^ BYTES_EACH('0')) & ~0ull << (64 - 8 * n);
    uint64_t dot = bytes_zeros(w ^ BYTES_EACH('.' ^ '0'));
    unsigned decimals = 0;
    if (dot != 0 && n > 1) {
        unsigned at = (unsigned)__builtin_ctzll(dot) & ~7u;
        uint64_t below = (1ull << at) - 1;
        decimals = 7 - at / 8;
        w = (w & ~below & ~(0xffull << at)) | (w & below) << 8;
    }
    if (((w | (w + 0x7676767676767676u)) & BYTES_EACH(0x80)) != 0)
        return false;
    /* Pairs of digits, then all eight: 0xf4240 is 10^6, 0x2710 is 10^4, 0x64 is 10^2. */
    const uint64_t pairs = 0x000000ff000000ffu;
    w = w * 10 + (w >> 8);
    w = ((w & pairs) * 0x000f424000000064u + (w >> 16 & pairs) * 0x0000271000000001u) >> 32;
    *ret = (double)(uint32_t)w / power[decimals];
    return true;
#else
    (void)text, (void)end, (void)n, (void)ret;
    return false;
#endif
}

enum { METRIC_STYLES = 4 };
static_assert((int)TAGS_EQ_SEMI < METRIC_STYLES &&
                  SAMPLE_TYPE_COUNT * METRIC_STYLES <= HASH_PAIR_KINDS,
              "type and style of the tags are one number");

/* Type and style of the tags, for hash_pair. */
static inline unsigned metric_kind(enum sample_type type, enum tag_style style)
{
    return (unsigned)type * METRIC_STYLES + (unsigned)style;
}

/* The identity: name and tags as sent, type, style, and the origin if there is one. */
static inline struct hash128 metric_hash(const struct sample *s)
{
    struct hash128 h =
        hash_pair(metric_kind((enum sample_type)s->type, (enum tag_style)s->tag_style), s->name,
                  s->name_len, s->tags, s->tags_len);
    if (__builtin_expect((s->flags & SAMPLE_HAS_ORIGIN) != 0, 0))
        h = hash_join(h, hash_bytes(s->origin.ptr, s->origin.len));
    return h;
}

#endif
