/**
 * plain: strangers' text on a terminal: what could steer it, or change the order of what it shows,
 * is written as \xNN.
 */
#ifndef CMD_LIVE_PLAIN_H
#define CMD_LIVE_PLAIN_H

#include "base/buf.h"

/**
 * plain_put(s, cells, out):
 * Append what of s fits into so many cells (columns of the terminal) by the locale's LC_CTYPE.
 *   returns  how many it took
 */
size_t plain_put(struct slice s, size_t cells, struct buf *out);

#endif
