/**
 * buf: a growing array of bytes; the buf owns its memory.
 *
 * { 0 } is an empty buf.  The capacity doubles; memory comes from mem.h, so appending cannot fail.
 * What is appended must not be part of the buf itself, since growing moves the bytes.
 *   thread   the owner's
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/slice.h"

struct buf {
    char *ptr;
    size_t len, cap;
};

void buf_release(struct buf *b); /* frees; b is empty and usable again */
void buf_clear(struct buf *b);   /* keeps the memory */
void buf_reserve_slow(struct buf *b, size_t more);

/* Room for `more` bytes after len; returns where they go.  The caller writes and adds to len. */
static inline char *buf_reserve(struct buf *b, size_t more)
{
    if (b->cap - b->len < more)
        buf_reserve_slow(b, more);
    return b->ptr + b->len;
}

static inline void buf_append(struct buf *b, const void *p, size_t n)
{
    if (n == 0)
        return;
    memcpy(buf_reserve(b, n), p, n);
    b->len += n;
}

static inline void buf_append_slice(struct buf *b, struct slice s)
{
    buf_append(b, s.ptr, s.len);
}

static inline void buf_append_str(struct buf *b, const char *s)
{
    buf_append(b, s, strlen(s));
}

static inline void buf_append_char(struct buf *b, char c)
{
    *buf_reserve(b, 1) = c;
    b->len++;
}

/* Formats twice when the text does not fit: for messages and small replies, not for hot paths. */
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

static inline struct slice buf_slice(const struct buf *b)
{
    return (struct slice){ b->ptr, b->len };
}

#endif
