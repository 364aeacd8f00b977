/**
 * framing: where a byte stream cuts into datagrams for the parser (PROTOCOL 2).
 *
 *     framing_init(&f, FRAMING_LINE, max_line, room);
 *     while ((n = read(...)) > 0)
 *         framing_push(&f, bytes, n, on_datagram, cookie);       on_datagram gets whole lines, or one dsd frame
 *     framing_end(&f, clean, on_datagram, cookie);
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
    FRAMING_LINE,   /* lines end in LF; an overlong one is skipped up to its LF */
    FRAMING_DSD     /* uint32 little-endian length, then that many bytes */
};

struct framing {
    enum framing_kind kind;
    uint32_t max_line;
    char *room;                 /* DATAGRAM_MAX + 4 bytes of the caller's */
    uint32_t have;              /* bytes in room */
    bool skipping;              /* inside an overlong line */
    bool broken;                /* FRAMING_DSD: a bad frame was seen; the connection is to be closed */
};

/* Whole lines (the last one with or without its LF), or one frame; at most DATAGRAM_MAX bytes, valid for the call. */
typedef void (*framing_fn)(void *cookie, const char *ptr, size_t len);

void framing_init(struct framing *f, enum framing_kind kind, uint32_t max_line, char *room);

/**
 * framing_push(f, ptr, len, fn, cookie):
 * Any cut of the stream into pushes gives the same lines and the same errors.  Lines between max_line and DATAGRAM_MAX are
 * delivered: the parser trims, judges and counts them; only those that no datagram holds end here.
 *   returns  REASON_NONE; REASON_LINE_TOO_LONG (*ret_errors lines were skipped); REASON_BAD_FRAME: close (*ret_errors 1 the first
 *            time, then 0)
 */
enum reason framing_push(struct framing *f, const char *ptr, size_t len, framing_fn fn, void *cookie, uint32_t *ret_errors);

/*
 * The stream ended; clean: by EOF, so that an unterminated last line counts; else it is dropped.
 *   returns  REASON_NONE, or REASON_BAD_FRAME: one error, the end came inside a frame
 */
enum reason framing_end(struct framing *f, bool clean, framing_fn fn, void *cookie);

#endif
