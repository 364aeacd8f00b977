#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

enum { BUF_MIN = 64 };

static void buf_check(const struct buf *b)
{
    assert(b->len <= b->cap && (b->ptr == NULL) == (b->cap == 0));
}

void buf_release(struct buf *b)
{
    buf_check(b);
    free(b->ptr);
    *b = (struct buf){ 0 };
}

void buf_clear(struct buf *b)
{
    b->len = 0;
}

void buf_reserve_slow(struct buf *b, size_t more)
{
    buf_check(b);
    assert(more <= SIZE_MAX - b->len);
    size_t need = b->len + more;
    if (need < BUF_MIN)
        need = BUF_MIN;
    b->ptr = mem_grow(b->ptr, &b->cap, need, 1);
}

void buf_printf(struct buf *b, const char *format, ...)
{
    va_list args, again;
    buf_check(b);
    va_start(args, format);
    va_copy(again, args);
    size_t room = b->cap - b->len;
    int n = vsnprintf(room ? b->ptr + b->len : NULL, room, format, args);
    va_end(args);
    assert(n >= 0); /* our formats are all right */
    if ((size_t)n >= room) {
        char *at = buf_reserve(b, (size_t)n + 1); /* vsnprintf wants room for its NUL */
        vsnprintf(at, (size_t)n + 1, format, again);
    }
    va_end(again);
    b->len += (size_t)n;
}
