/**
 * pack: numbers as bytes, little-endian and without padding, for what is read by another process.
 *
 *     pack_u32(out, n); pack_text(out, name);
 *
 *     struct unpack in = unpack_of(slice);
 *     uint32_t n = unpack_u32(&in);
 *     struct slice name = unpack_text(&in);
 *     if (in.bad) ...                  more was asked for than there is: all are 0 from then on
 *
 *   thread   any
 */
#ifndef BASE_PACK_H
#define BASE_PACK_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/slice.h"

static inline void pack_uint(struct buf *out, uint64_t v, size_t bytes)
{
    unsigned char *to = (unsigned char *)buf_reserve(out, bytes);
    for (size_t i = 0; i < bytes; i++)
        to[i] = (unsigned char)(v >> 8 * i);
    out->len += bytes;
}

static inline void pack_u8(struct buf *out, uint8_t v)
{
    pack_uint(out, v, 1);
}

static inline void pack_u16(struct buf *out, uint16_t v)
{
    pack_uint(out, v, 2);
}

static inline void pack_u32(struct buf *out, uint32_t v)
{
    pack_uint(out, v, 4);
}

static inline void pack_u64(struct buf *out, uint64_t v)
{
    pack_uint(out, v, 8);
}

static inline void pack_double(struct buf *out, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    pack_uint(out, bits, 8);
}

/* Its length in four bytes, then the bytes. */
static inline void pack_text(struct buf *out, struct slice text)
{
    pack_u32(out, (uint32_t)text.len);
    buf_append_slice(out, text);
}

struct unpack {
    struct slice rest; /* borrowed */
    bool bad;          /* more was asked for than there was */
};

static inline struct unpack unpack_of(struct slice bytes)
{
    return (struct unpack){ .rest = bytes };
}

/* The next n bytes; without them, `bad`, and an empty slice. */
static inline struct slice unpack_bytes(struct unpack *in, size_t n)
{
    struct slice got = { in->rest.ptr, 0 };
    in->bad = in->bad || in->rest.len < n;
    if (in->bad)
        return got;
    got.len = n;
    in->rest = slice_of(in->rest.ptr + n, in->rest.len - n);
    return got;
}

static inline uint64_t unpack_uint(struct unpack *in, size_t bytes)
{
    const struct slice got = unpack_bytes(in, bytes);
    uint64_t v = 0;
    for (size_t i = 0; i < got.len; i++)
        v |= (uint64_t)(unsigned char)got.ptr[i] << 8 * i;
    return v;
}

static inline uint8_t unpack_u8(struct unpack *in)
{
    return (uint8_t)unpack_uint(in, 1);
}

static inline uint16_t unpack_u16(struct unpack *in)
{
    return (uint16_t)unpack_uint(in, 2);
}

static inline uint32_t unpack_u32(struct unpack *in)
{
    return (uint32_t)unpack_uint(in, 4);
}

static inline uint64_t unpack_u64(struct unpack *in)
{
    return unpack_uint(in, 8);
}

static inline double unpack_double(struct unpack *in)
{
    uint64_t bits = unpack_uint(in, 8);
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static inline struct slice unpack_text(struct unpack *in)
{
    return unpack_bytes(in, unpack_u32(in));
}

/* All of it was read, and nothing was missing. */
static inline bool unpack_done(const struct unpack *in)
{
    return !in->bad && in->rest.len == 0;
}

#endif
