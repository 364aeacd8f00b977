/**
 * words: numbers and the load in words, as --help says them of the defaults and a report of its
 * run.
 *   thread   any (no state)
 */
#ifndef LOADGEN_WORDS_H
#define LOADGEN_WORDS_H

#include "base/buf.h"
#include "opts.h"

/* 1234567 -> 1,234,567; from 1e16 on as 1e+16; a NaN -> n/a */
void words_count(struct buf *out, double v);

/* What a client sends at once: datagram, or on a stream buffer (of lines) or frame. */
const char *words_unit(const struct opts *o);

/**
 * words_load(o, indent, out):
 * Append two lines, the second behind indent:
 *   10,000 lines/s for 10 s, to udp://127.0.0.1:8125:
 *   60 % counters, 30 % timings (ms), 10 % gauges; 10,000 series, 3 tags a line, datagrams of up
 *   to 1,432 bytes
 */
void words_load(const struct opts *o, const char *indent, struct buf *out);

#endif
