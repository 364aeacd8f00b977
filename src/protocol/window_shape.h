/**
 * window_shape: the parts of a line, found by its marks (window_marks.h).  Private to protocol/.
 */
#ifndef PROTOCOL_WINDOW_SHAPE_H
#define PROTOCOL_WINDOW_SHAPE_H

#if defined(__x86_64__)

#include "base/utf8.h"
#include "protocol/parser.h"
#include "protocol/window_marks.h"
#include "protocol/window_number.h"

enum { WINDOW = 128 }; /* a name's colon is among so many bytes */

/* Where the parts of a line are, from its first byte, and what its fields say. */
struct shape {
    uint32_t colon, bar, type_end, end;
    uint32_t used; /* its bytes, the line break too */
    uint32_t tags_len;
    const char *tags; /* NULL: none */
    double rate;
    uint8_t flags;
};

/* A field other than tags, of n bytes, if it is not empty.  false: not plain */
SSE INLINE bool field_read(const struct numbers *k, const struct parser *p, const char *f,
                           uint32_t n, struct shape *s)
{
    if (f[0] == '@') {
        if (!number_sse(k, f + n, n - 1, &s->rate) || !(s->rate > 0) || s->rate > 1)
            return false;
        s->flags = s->rate < 1 ? SAMPLE_HAS_RATE : 0;
        return true;
    }
    return (f[0] == 'c' || f[0] == 'e') && n >= 2 && f[1] == ':' && !p->opts.origins;
}

/*
 * The fields behind the type and the end of the line, which are at the marks that w has left.
 * returns  false: it is not plain, or there is a mark that is neither a bar nor the end
 */
SSE INLINE bool fields_with(mask_fn marks, const struct numbers *k, const struct parser *p,
                            struct walk w, struct shape *ret)
{
    const char *const q = w.q;
    uint32_t at = ret->type_end, next;
    ret->tags = NULL;
    ret->tags_len = 0;
    ret->rate = 1;
    ret->flags = 0;
    for (; q[at] == '|'; at = next) {
        const char *f = q + at + 1;
        if (!next_mark(marks, &w, &next))
            return false;
        if (f[0] == '#' && ret->tags == NULL) {
            ret->tags = f + 1;
            ret->tags_len = next - at - 2;
        } else if (!field_read(k, p, f, next - at - 1, ret)) {
            return false;
        }
    }
    ret->end = at;
    ret->used = at + 1;
    if (at >= w.rest || q[at] == '\n')
        return at <= w.rest;
    ret->used = at + 2;
    return q[at] == '\r' && (at + 1 == w.rest || q[at + 1] == '\n');
}

/*
 * The line at q, of a datagram that goes on for `rest` bytes.  The most common shapes, nothing
 * behind the type or tags alone, are read without a loop.
 * returns  false: not plain, or to be read by odd_shape_with
 */
SSE INLINE bool shape_with(struct masks t, const struct numbers *k, const struct parser *p,
                           const char *q, uint32_t rest, struct shape *ret)
{
    uint64_t near = marks_at(t.marks, q, 0, rest), colons = t.colons(q);
    ret->bar = lowest(near);
    near &= near - 1;
    if (UNLIKELY(near == 0) || UNLIKELY(colons == 0) || UNLIKELY(q[ret->bar] != '|'))
        return false;
    ret->colon = lowest(colons);
    uint32_t end = ret->type_end = lowest(near);
    near &= near - 1;
    ret->tags = NULL;
    ret->tags_len = 0;
    ret->rate = 1;
    ret->flags = 0;
    if (q[end] == '|' && LIKELY(q[end + 1] == '#')) {
        end = lowest(near);
        if (near == 0)
            end += lowest(t.marks(q + 64));
        ret->tags = q + ret->type_end + 2;
        ret->tags_len = end - ret->type_end - 2;
    }
    ret->end = end;
    ret->used = end + 1;
    if (LIKELY(q[end] == '\n') && LIKELY(end < rest))
        return true;
    if ((unsigned char)q[end] > '|') /* fields_with would find that late */
        return false;
    return fields_with(t.marks, k, p, (struct walk){ q, near, 0, rest }, ret);
}

/*
 * The end of a line whose byte at `from` is the first one above 0x7f.  rest: as below.
 * returns  0: it has control bytes, or is no UTF-8
 */
INLINE uint32_t utf8_end(struct masks t, const char *q, uint32_t from, uint32_t rest)
{
    uint32_t end = control_beyond(t, q, from, rest), n = end - from;
    if (LIKELY(n <= 64)) /* nothing to check behind the last one above 0x7f */
        n = 64 - (uint32_t)__builtin_clzll(below(t.high(q + from), n));
    return utf8_valid(slice_of(q + from, n)) ? end : 0;
}

/*
 * The end of the line at q, whose first odd byte is at `end`, if it is inside the datagram, and is
 * no LF.  *ret_used: its bytes, the line break too.
 * returns  0: it is empty, or has a byte that only the general path reads
 */
INLINE uint32_t odd_end(struct masks t, const char *q, uint32_t end, uint32_t rest,
                        uint32_t *ret_used)
{
    if (end < rest && (signed char)q[end] < 0)
        end = utf8_end(t, q, end, rest);
    end = end < rest ? end : rest;
    bool cr = end != rest && q[end] == '\r' && (end + 1 == rest || q[end + 1] == '\n');
    *ret_used = end + 1 + cr;
    return end == rest || q[end] == '\n' || cr ? end : 0;
}

/* A line whose end is looked for first, so that its marks are its bars alone.  As shape_with. */
SSE INLINE bool odd_shape_with(struct masks t, const struct parser *p, const char *q, uint32_t rest,
                               struct shape *ret)
{
    uint32_t used, end = odd_end(t, q, odd_beyond(t, q, 0, rest), rest, &used);
    struct walk w = { q, marks_at(t.bars, q, 0, end), 0, end };
    ret->colon = lowest(t.colons(q));
    if (ret->colon == 64)
        ret->colon += lowest(t.colons(q + 64));
    if (end == 0 || ret->colon >= WINDOW || !next_mark(t.bars, &w, &ret->bar) ||
        !next_mark(t.bars, &w, &ret->type_end) || !fields_with(t.bars, &numbers, p, w, ret))
        return false;
    ret->used = used;
    return true;
}

#endif
#endif
