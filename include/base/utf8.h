/**
 * utf8: is it valid, and where does the next code point start.
 *   thread   any (no state)
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

/* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.  ASCII runs cost about a byte a cycle or less. */
bool utf8_valid(struct slice s);

/* Bytes of the code point at s.ptr, 1..4.  s is valid UTF-8 and not empty. */
static inline size_t utf8_len(struct slice s)
{
    unsigned char c = (unsigned char)s.ptr[0];
    return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

#endif
