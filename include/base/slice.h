/**
 * slice: borrowed bytes, as (pointer, length).
 *
 * A slice borrows: it is valid as long as its source.  It has no NUL at its end, may hold any byte,
 * and is passed by value.
 * An empty slice may have a NULL ptr.
 */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct slice {
    const char *ptr;
    size_t len;
};

/* A slice of a string literal, its NUL left out. */
#define SLICE_LIT(s) ((struct slice){ "" s, sizeof(s) - 1 })

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

static inline struct slice slice_of(const char *ptr, size_t len)
{
    return (struct slice){ ptr, len };
}

static inline struct slice slice_str(const char *nul_terminated)
{
    return (struct slice){ nul_terminated, strlen(nul_terminated) };
}

static inline bool slice_eq(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool slice_starts(struct slice s, struct slice prefix)
{
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

static inline bool slice_ends(struct slice s, struct slice tail)
{
    if (s.len < tail.len)
        return false;
    return tail.len == 0 || memcmp(s.ptr + s.len - tail.len, tail.ptr, tail.len) == 0;
}

/* Compares as memcmp does; of two where one is a prefix of the other, the shorter comes first. */
static inline int slice_cmp(struct slice a, struct slice b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n ? memcmp(a.ptr, b.ptr, n) : 0;
    return c ? c : (a.len > b.len) - (a.len < b.len);
}

/**
 * slice_put(to, s):
 * Copy s to where there is room for it.
 *   returns  the place behind it
 *   cost     up to 16 bytes are copied inline, by two moves that may overlap: for names, keys and
 *            numbers a call of memcpy would cost more than the copy
 */
static inline char *slice_put(char *to, struct slice s)
{
    if (s.len >= 8 && s.len <= 16) {
        char head[8], tail[8];
        memcpy(head, s.ptr, 8);
        memcpy(tail, s.ptr + s.len - 8, 8);
        memcpy(to, head, 8);
        memcpy(to + s.len - 8, tail, 8);
    } else if (s.len >= 4 && s.len < 8) {
        char head[4], tail[4];
        memcpy(head, s.ptr, 4);
        memcpy(tail, s.ptr + s.len - 4, 4);
        memcpy(to, head, 4);
        memcpy(to + s.len - 4, tail, 4);
    } else if (s.len > 16) {
        memcpy(to, s.ptr, s.len);
    } else {
        for (size_t i = 0; i < s.len; i++)
            to[i] = s.ptr[i];
    }
    return to + s.len;
}

/* Without the bytes of `blanks` at both ends. */
static inline struct slice slice_trim(struct slice s, struct slice blanks)
{
    while (s.len > 0 && memchr(blanks.ptr, s.ptr[0], blanks.len) != NULL)
        s = slice_of(s.ptr + 1, s.len - 1);
    while (s.len > 0 && memchr(blanks.ptr, s.ptr[s.len - 1], blanks.len) != NULL)
        s.len--;
    return s;
}

/**
 * slice_cut(rest, sep, ret_head):
 * Split rest at the first sep: *ret_head is the part before it, *rest the part after it.
 *   returns  false when there is no sep: rest and ret_head are unchanged
 */
static inline bool slice_cut(struct slice *rest, char sep, struct slice *ret_head)
{
    const char *at = rest->len ? memchr(rest->ptr, sep, rest->len) : NULL;
    if (at == NULL)
        return false;
    size_t n = (size_t)(at - rest->ptr);
    *ret_head = (struct slice){ rest->ptr, n };
    *rest = (struct slice){ at + 1, rest->len - n - 1 };
    return true;
}

#endif
