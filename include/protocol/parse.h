/**
 * parse: a datagram into a batch of samples (PROTOCOL 2 to 9).
 *
 *     struct batch b;
 *     struct parser *p = parser_new(&opts);  batch_init(&b, 256, opts.max_line);
 *     parser_begin(p, datagram, n, truncated);
 *     bool more;
 *     do {
 *         more = parser_next(p, &b);
 *         consume(&b);  batch_clear(&b);
 *     } while (more);
 *
 * How: one pass over the datagram makes bit masks for each 64 bytes (LF, '|', ':', and bytes that need a closer look: controls
 * and non-ASCII) and lists of where LF and '|' stand (src/protocol/scan.h).  Lines of the shape that nearly all have are read
 * from the lists alone (plain.h); any other line takes the general way round (metric.h): trimmed, checked for UTF-8, control
 * bytes rewritten into the batch's scratch and scanned again.  Both ways give the same samples.
 *
 *   thread   the owner's; no allocation, no log, no clock, no system call after parser_new
 *   cost     some 25 ns for an 86-byte line with three tags, three times that where the general way is taken
 */
#ifndef PROTOCOL_PARSE_H
#define PROTOCOL_PARSE_H

#include <stdbool.h>
#include <stddef.h>

#include "protocol/parse_opts.h"
#include "protocol/sample.h"

struct parser;

/* returns  a parser with a copy of opts, or NULL: no memory */
struct parser *parser_new(const struct parse_opts *opts);
void parser_free(struct parser *p);

/* Change the one option that depends on the socket a datagram came from. */
void parser_set_gauge_sign(struct parser *p, enum gauge_sign sign);

/**
 * parser_begin(p, ptr, len, truncated):
 *   ptr        borrowed until parser_next has returned false and the batch is consumed
 *   len        at most DATAGRAM_MAX
 *   truncated  the kernel cut the datagram: whole lines count, an unterminated tail is one error
 */
void parser_begin(struct parser *p, const char *ptr, size_t len, bool truncated);

/**
 * parser_next(p, b):
 * Append samples of the datagram to b, in order.
 *   returns  false at the datagram's end; true when b is full: consume it, batch_clear, and call again.
 *            Several datagrams may be appended one after the other to one batch while their buffers stay in place
 */
bool parser_next(struct parser *p, struct batch *b);

#endif
