/*
 *     framing_push   push_lines   a push is used up piece by piece:
 *                      skip the rest of a line that is too long, or
 *                      line_complete (the front is in the room), or
 *                      lines_whole (whole lines in place; an unfinished one goes into the room)
 *                    push_frames  length, then datagram; room_fill when a frame comes in pieces
 *     framing_end    delivers or drops what is left in the room
 */
#include "protocol/framing.h"

#include <assert.h>
#include <string.h>

/* Between two pushes. */
static void framing_check(const struct framing *f)
{
    assert(f->room != NULL && f->have < FRAMING_ROOM); /* a complete frame has been delivered */
    if (f->kind == FRAMING_LINE)
        assert(!f->broken && f->have <= DATAGRAM_MAX && !(f->skipping && f->have > 0));
    else
        assert(f->kind == FRAMING_DSD && !f->skipping);
}

void framing_init(struct framing *f, enum framing_kind kind, char *room)
{
    *f = (struct framing){ .kind = kind, .room = room };
    framing_check(f);
}

/* Add the rest of the line whose front is in the room.  Returns the bytes used of ptr. */
static size_t line_complete(struct framing *f, const char *ptr, size_t len, framing_fn fn,
                            void *cookie, uint32_t *errors)
{
    const char *lf = memchr(ptr, '\n', len);
    size_t more = lf ? (size_t)(lf - ptr) : len, used = lf ? more + 1 : len;
    if (f->have + more > DATAGRAM_MAX) {
        ++*errors;
        f->have = 0;
        f->skipping = lf == NULL;
        return used;
    }
    memcpy(f->room + f->have, ptr, more);
    f->have += (uint32_t)more;
    if (lf == NULL)
        return used;
    fn(cookie, f->room, f->have);
    f->have = 0;
    return used;
}

/* Deliver as many whole lines as fit a datagram, without a copy.  Returns the bytes used of ptr. */
static size_t lines_whole(struct framing *f, const char *ptr, size_t len, framing_fn fn,
                          void *cookie, uint32_t *errors)
{
    size_t window = len < DATAGRAM_MAX ? len : DATAGRAM_MAX;
    const char *lf = memrchr(ptr, '\n', window);
    if (lf != NULL) {
        size_t n = (size_t)(lf - ptr) + 1;
        fn(cookie, ptr, n);
        return n;
    }
    if (len <= DATAGRAM_MAX) {
        memcpy(f->room, ptr, len);
        f->have = (uint32_t)len;
        return len;
    }
    if (ptr[DATAGRAM_MAX] == '\n') { /* the longest line that is allowed */
        fn(cookie, ptr, DATAGRAM_MAX);
        return DATAGRAM_MAX + 1;
    }
    ++*errors;
    f->skipping = true;
    return window;
}

static enum reason push_lines(struct framing *f, const char *ptr, size_t len, framing_fn fn,
                              void *cookie, uint32_t *errors)
{
    while (len > 0) {
        size_t used;
        if (f->skipping) {
            const char *lf = memchr(ptr, '\n', len);
            used = lf ? (size_t)(lf - ptr) + 1 : len;
            f->skipping = lf == NULL;
        } else if (f->have > 0) {
            used = line_complete(f, ptr, len, fn, cookie, errors);
        } else {
            used = lines_whole(f, ptr, len, fn, cookie, errors);
        }
        ptr += used;
        len -= used;
    }
    return *errors ? REASON_LINE_TOO_LONG : REASON_NONE;
}

static uint32_t frame_length(const char *p)
{
    const unsigned char *u = (const unsigned char *)p;
    return (uint32_t)u[0] | (uint32_t)u[1] << 8 | (uint32_t)u[2] << 16 | (uint32_t)u[3] << 24;
}

/* Move bytes into the room until it holds `want`.  false: this push has too few. */
static bool room_fill(struct framing *f, size_t want, const char **ptr, size_t *len)
{
    assert(want <= FRAMING_ROOM);
    size_t n = want > f->have ? want - f->have : 0;
    if (n > *len)
        n = *len;
    if (n > 0)
        memcpy(f->room + f->have, *ptr, n);
    f->have += (uint32_t)n;
    *ptr += n;
    *len -= n;
    return f->have >= want;
}

static enum reason push_frames(struct framing *f, const char *ptr, size_t len, framing_fn fn,
                               void *cookie, uint32_t *errors)
{
    while (!f->broken && len > 0) {
        if (!room_fill(f, FRAMING_HEADER, &ptr, &len))
            break;
        uint32_t n = frame_length(f->room);
        if (n > DATAGRAM_MAX) {
            f->broken = true;
            ++*errors;
            break;
        }
        if (f->have == FRAMING_HEADER && len >= n) { /* all of it is here: no copy */
            if (n > 0)
                fn(cookie, ptr, n);
            ptr += n;
            len -= n;
        } else if (room_fill(f, FRAMING_HEADER + (size_t)n, &ptr, &len)) {
            fn(cookie, f->room + FRAMING_HEADER, n);
        } else {
            break;
        }
        f->have = 0;
    }
    return f->broken ? REASON_BAD_FRAME : REASON_NONE;
}

enum reason framing_push(struct framing *f, const char *ptr, size_t len, framing_fn fn,
                         void *cookie, uint32_t *ret_errors)
{
    framing_check(f);
    *ret_errors = 0;
    if (f->kind == FRAMING_DSD)
        return push_frames(f, ptr, len, fn, cookie, ret_errors);
    return push_lines(f, ptr, len, fn, cookie, ret_errors);
}

enum reason framing_end(struct framing *f, bool clean, framing_fn fn, void *cookie)
{
    uint32_t have = f->have;
    framing_check(f);
    f->have = 0;
    if (f->kind == FRAMING_DSD)
        return have > 0 && !f->broken ? REASON_BAD_FRAME : REASON_NONE;
    if (clean && have > 0)
        fn(cookie, f->room, have);
    return REASON_NONE;
}
