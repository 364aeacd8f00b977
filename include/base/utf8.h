/**
 * utf8: validity, and the lengths of code points.
 *   thread   any (no state)
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

/* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.  Fast on ASCII. */
bool utf8_valid(struct slice s);

/*
 * Length by the first byte of s, 1..4.  For valid UTF-8 the length of the code point; for other
 * bytes, how many of them utf8_valid must judge.  s is not empty.
 */
static inline size_t utf8_len(struct slice s)
{
    unsigned char c = (unsigned char)s.ptr[0];
    return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

#endif
