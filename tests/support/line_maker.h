/**
 * line_maker: lines at random, and changes to lines, by one who knows what they are made of: names,
 * values, types, rates, tags, fields, events, service checks, and the usual mistakes in each.
 *
 *   thread   any, each with a maker of its own
 */
#ifndef SUPPORT_LINE_MAKER_H
#define SUPPORT_LINE_MAKER_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct line_maker {
    uint64_t state; /* of what is drawn: the same one brings the same lines */
};

/* 0 .. n-1; n > 0 */
unsigned line_below(struct line_maker *m, unsigned n);

/* Append one line without its LF. */
void line_make(struct line_maker *m, struct buf *out);

/**
 * line_change(m, text, out):
 * Append a datagram that differs from text in one place: a line, a field, a tag, a value.
 */
void line_change(struct line_maker *m, struct slice text, struct buf *out);

/* Append lines of both, in turns. */
void line_cross(struct line_maker *m, struct slice a, struct slice b, struct buf *out);

#endif
