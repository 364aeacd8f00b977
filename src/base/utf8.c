#include "base/utf8.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

/* Length of the code point at p, 0 when there is no valid one (RFC 3629, section 4). */
static size_t code_point(const unsigned char *p, size_t n)
{
    assert(n > 0);
    unsigned char c = p[0];
    size_t len = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
    if (len < 2 || len > n)
        return len > n ? 0 : len;
    /* Overlong forms, surrogates and values above U+10FFFF all show in the second byte. */
    unsigned char least = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
    unsigned char most = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    if (p[1] < least || p[1] > most)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

static bool eight_ascii(const unsigned char *p)
{
    uint64_t eight;
    memcpy(&eight, p, sizeof eight);
    return (eight & 0x8080808080808080u) == 0;
}

bool utf8_valid(struct slice s)
{
    const unsigned char *p = (const unsigned char *)s.ptr;
    size_t n = s.len;
    while (n > 0) {
        if (n >= 8 && eight_ascii(p)) {
            p += 8;
            n -= 8;
            continue;
        }
        size_t len = code_point(p, n);
        if (len == 0)
            return false;
        p += len;
        n -= len;
    }
    return true;
}
