/**
 * framing: cuts a byte stream into datagrams for the parser.
 *
 *     framing_init(&f, FRAMING_LINE, room);
 *     while ((n = read(...)) > 0)
 *         framing_push(&f, bytes, n, on_datagram, cookie, &errors);
 *     framing_end(&f, clean, on_datagram, cookie);
 *
 * However a stream is cut into pushes, the lines and the errors are the same.  limits.max_line is
 * checked by the parser, after trimming; here a line is too long only when no datagram could hold
 * it.
 *
 *   thread   the owner's; no allocation
 */
#ifndef PROTOCOL_FRAMING_H
#define PROTOCOL_FRAMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/parse_opts.h"
#include "protocol/reason.h"

enum framing_kind {
    FRAMING_LINE, /* lines end in LF; one of more than DATAGRAM_MAX bytes is skipped */
    FRAMING_DSD   /* frames: uint32 little-endian length, then a datagram of that length */
};

enum {
    FRAMING_HEADER = 4, /* the length in front of a frame */
    FRAMING_ROOM = FRAMING_HEADER + DATAGRAM_MAX
};

struct framing {
    enum framing_kind kind;
    char *room;    /* FRAMING_ROOM bytes, borrowed from the caller */
    uint32_t have; /* bytes in room: the front of an unfinished line or frame */
    bool skipping; /* FRAMING_LINE: inside a line that is too long */
    bool broken;   /* FRAMING_DSD: a length was over DATAGRAM_MAX; the caller closes */
};

/*
 * One datagram: whole lines, the last with or without its LF, or the bytes of a frame.
 *   ptr   valid for the call       len   1 .. DATAGRAM_MAX
 */
typedef void (*framing_fn)(void *cookie, const char *ptr, size_t len);

void framing_init(struct framing *f, enum framing_kind kind, char *room);

/**
 * framing_push(f, ptr, len, fn, cookie, ret_errors):
 * The next len bytes of the stream; fn is called for each datagram that they complete.
 *   ret_errors   errors to count for this push
 *   returns      REASON_NONE, *ret_errors is 0
 *                REASON_LINE_TOO_LONG, *ret_errors lines were too long
 *                REASON_BAD_FRAME, f->broken: *ret_errors is 1 the first time, then 0
 */
enum reason framing_push(struct framing *f, const char *ptr, size_t len, framing_fn fn,
                         void *cookie, uint32_t *ret_errors);

/**
 * framing_end(f, clean, fn, cookie):
 * The stream has ended.
 *   clean    by EOF: a last line without LF is delivered; after a connection error it is dropped
 *   returns  REASON_NONE, or REASON_BAD_FRAME: one error, the stream ended inside a frame
 */
enum reason framing_end(struct framing *f, bool clean, framing_fn fn, void *cookie);

#endif
