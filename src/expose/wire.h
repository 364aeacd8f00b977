/**
 * wire: protobuf's encoding, as far as protobuf.c needs it.  Private to expose/.
 *
 * Each writes to `to`, where there is room, and returns the end.  Field numbers are below 16, so a
 * field's tag is one byte.
 *   cost     a few ns
 */
#ifndef EXPOSE_WIRE_H
#define EXPOSE_WIRE_H

#include <assert.h>
#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    WIRE_VARINT_MAX = 10, /* bytes */
    WIRE_DOUBLE = 9,      /* with its tag */
    WIRE_NESTED_MAX = 6,  /* tag and length of a nested message */
    WIRE_LENGTH_PADDED = 4,
    WIRE_PADDED_MOST = (1 << 28) - 1
};

static inline char *wire_varint(char *to, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        *to++ = (char)(v | 0x80);
    *to++ = (char)v;
    return to;
}

static inline uint64_t wire_zigzag(int64_t v)
{
    return (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0);
}

static inline char *wire_uint(char *to, unsigned field, uint64_t v)
{
    *to++ = (char)(field << 3);
    return wire_varint(to, v);
}

static inline char *wire_sint(char *to, unsigned field, int64_t v)
{
    return wire_uint(to, field, wire_zigzag(v));
}

static inline char *wire_double(char *to, unsigned field, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    bits = htole64(bits);
    *to++ = (char)(field << 3 | 1);
    memcpy(to, &bits, sizeof bits);
    return to + sizeof bits;
}

/* Tag and length of n bytes that follow: a nested message of known length, for example. */
static inline char *wire_length(char *to, unsigned field, size_t n)
{
    *to++ = (char)(field << 3 | 2);
    return wire_varint(to, n);
}

static inline char *wire_bytes(char *to, unsigned field, const char *ptr, size_t n)
{
    to = wire_length(to, field, n);
    if (n > 0)
        memcpy(to, ptr, n);
    return to + n;
}

/**
 * A nested message whose length is not known yet:
 *
 *     char *body = wire_open(to, field);
 *     to = ... its fields, from body on
 *     to = wire_close(body, to);
 *
 * Room for one byte of length is left; where it takes more, the body moves.
 */
static inline char *wire_open(char *to, unsigned field)
{
    *to = (char)(field << 3 | 2);
    return to + 2;
}

static inline char *wire_close(char *body, char *end)
{
    char length[WIRE_VARINT_MAX];
    size_t n = (size_t)(end - body);
    if (n < 0x80) {
        body[-1] = (char)n;
        return end;
    }
    size_t more = (size_t)(wire_varint(length, n) - length) - 1;
    memmove(body + more, body, n);
    memcpy(body - 1, length, more + 1);
    return end + more;
}

/* A length, at most WIRE_PADDED_MOST, in WIRE_LENGTH_PADDED bytes: it can be written last. */
static inline void wire_length_padded(char *at, size_t n)
{
    assert(n <= WIRE_PADDED_MOST);
    at[0] = (char)(n | 0x80);
    at[1] = (char)(n >> 7 | 0x80);
    at[2] = (char)(n >> 14 | 0x80);
    at[3] = (char)(n >> 21);
}

#endif
