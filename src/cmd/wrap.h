/**
 * wrap: lines that fit a terminal.
 */
#ifndef CMD_WRAP_H
#define CMD_WRAP_H

#include "base/buf.h"

/**
 * wrap(text, at, indent, columns, out):
 * Append text, broken at blanks so that no line passes columns; a word that is longer by itself
 * stays whole.
 *   at        column at which the first line begins: what stands before it is already in out
 *   indent    blanks before each further line
 *   columns   0: nothing is broken
 */
void wrap(struct slice text, size_t at, size_t indent, size_t columns, struct buf *out);

/* Append n blanks. */
void wrap_blanks(size_t n, struct buf *out);

#endif
