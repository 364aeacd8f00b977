#include "base/glob.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { SEARCHED_BY_STEP = 16 }; /* bytes: memchr takes that many at a time */

/* How many bytes of the pattern stand for one of the text, at p; 0: they do not match. */
static size_t step(struct slice pattern, size_t p, char c)
{
    if (pattern.ptr[p] == '?')
        return 1;
    if (pattern.ptr[p] == '\\' && p + 1 < pattern.len)
        return pattern.ptr[p + 1] == c ? 2 : 0;
    return pattern.ptr[p] == c;
}

/* Where the pattern, behind a star at p - 1, may go on, from `from` on; NULL: nowhere */
static const char *next_place(struct slice pattern, size_t p, struct slice text, size_t from)
{
    const char c = p < pattern.len ? pattern.ptr[p] : '*';
    if (c == '*' || c == '?' || c == '\\')
        return text.ptr + from;
    return memchr(text.ptr + from, c, text.len - from);
}

static void spend(uint64_t *steps, size_t searched)
{
    const uint64_t n = searched / SEARCHED_BY_STEP;
    *steps -= n < *steps ? n : *steps;
}

/* Only the last '*' is ever widened: what an earlier one could take, that one takes as well. */
enum glob_result glob_try(struct slice pattern, struct slice text, uint64_t *steps)
{
    size_t p = 0, t = 0, star = SIZE_MAX, from = 0;
    while (t < text.len) {
        size_t n;
        if (*steps == 0)
            return GLOB_GIVEN_UP;
        --*steps;
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = p++;
            from = t;
            if (p == pattern.len)
                return GLOB_YES;
        } else if (p < pattern.len && (n = step(pattern, p, text.ptr[t])) > 0) {
            p += n;
            t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            const char *at = next_place(pattern, p, text, ++from);
            t = at != NULL ? (size_t)(at - text.ptr) : text.len;
            spend(steps, t - from);
            if (at == NULL)
                return GLOB_NO;
            from = t;
        } else {
            return GLOB_NO;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*')
        p++;
    return p == pattern.len ? GLOB_YES : GLOB_NO;
}

bool glob_match(struct slice pattern, struct slice text)
{
    uint64_t steps = UINT64_MAX;
    return glob_try(pattern, text, &steps) == GLOB_YES;
}
