/**
 * bytes: which bytes of a line are special, tested one by one or eight at a time.
 */
#ifndef PROTOCOL_BYTES_H
#define PROTOCOL_BYTES_H

#include <stdbool.h>
#include <stdint.h>

/* Clean-up strips these off the end of a line. */
static inline bool bytes_is_trailing(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\0';
}

static inline bool bytes_is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

/* A word of eight times the same byte. */
#define BYTES_EACH(byte) (0x0101010101010101u * (uint64_t)(byte))

/*
 * 0x80 in each byte of w that is 0, and 0 in all others.  Exact: the sum of two numbers up to 0x7f
 * carries nothing from one byte into the next.  To find a byte c, ask for the zeros of
 * w ^ BYTES_EACH(c).
 */
static inline uint64_t bytes_zeros(uint64_t w)
{
    return ~(((w & BYTES_EACH(0x7f)) + BYTES_EACH(0x7f)) | w) & BYTES_EACH(0x80);
}

#endif
