/**
 * frames: captured frames, made by hand.
 *   thread   one
 */
#ifndef TESTS_FRAMES_H
#define TESTS_FRAMES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline size_t put16(uint8_t *to, unsigned v)
{
    to[0] = (uint8_t)(v >> 8);
    to[1] = (uint8_t)v;
    return 2;
}

/* UDP from port 5000 to 8125.  returns  its length */
static inline size_t put_udp(uint8_t *to, const void *data, size_t n)
{
    put16(to, 5000);
    put16(to + 2, 8125);
    put16(to + 4, (unsigned)(8 + n));
    put16(to + 6, 0);
    memcpy(to + 8, data, n);
    return 8 + n;
}

/* A packet, or a fragment: n bytes of its payload from byte `at` on. */
static inline size_t put_ipv4(uint8_t *to, unsigned id, size_t at, int more, const void *payload,
                              size_t n)
{
    memset(to, 0, 20);
    to[0] = 0x45;
    put16(to + 2, (unsigned)(20 + n));
    put16(to + 4, id);
    put16(to + 6, (unsigned)(at / 8) | (more ? 0x2000U : 0));
    to[8] = 64;
    to[9] = 17;
    memcpy(to + 12, "\x0a\0\0\x01\x0a\0\0\x02", 8);
    memcpy(to + 20, payload, n);
    return 20 + n;
}

/* next: the first extension, or 17 */
static inline size_t put_ipv6(uint8_t *to, unsigned next, const void *payload, size_t n)
{
    memset(to, 0, 40);
    to[0] = 0x60;
    put16(to + 4, (unsigned)n);
    to[6] = (uint8_t)next;
    to[7] = 64;
    to[23] = 1;
    to[39] = 2;
    memcpy(to + 40, payload, n);
    return 40 + n;
}

/* The header of a fragment, and n bytes of the payload. */
static inline size_t put_ipv6_fragment(uint8_t *to, unsigned id, size_t at, int more,
                                       const void *payload, size_t n)
{
    uint8_t body[2048] = { 17, 0 };
    put16(body + 2, (unsigned)at | (more ? 1U : 0));
    put16(body + 6, id);
    memcpy(body + 8, payload, n);
    return put_ipv6(to, 44, body, 8 + n);
}

#endif
