/**
 * parse: a datagram into a batch of samples.
 *
 *     struct batch b;
 *     struct parser *p = parser_new(&opts);
 *     batch_init(&b, 256, opts.max_line);
 *     parser_begin(p, datagram, n, truncated);
 *     bool more;
 *     do {
 *         more = parser_next(p, &b);
 *         consume(&b);
 *         batch_clear(&b);
 *     } while (more);
 *
 * How: lines of the most common shape are read out of registers (src/protocol/window.h), where the
 * CPU and the datagram's buffer allow it.  Otherwise, or from the first other line on, one pass
 * over the datagram makes a bit mask for each 64 bytes of ':' and of bytes that need a closer look
 * (control and non-ASCII), and lists of the positions of LF and '|' (src/protocol/scan.h).  A line
 * of the most common shape is then read from masks and lists alone (plain.h).  Any other line takes
 * the general path (parse.c, metric.h): it is trimmed, checked for UTF-8, and if it has control
 * bytes rewritten into the batch's scratch and scanned again.  All paths give the same samples.
 *
 *   thread   the owner's; no allocation, log, clock or system call after parser_new
 *   cost     in docs/performance.md; the general path takes about three times as long as the other
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

/* Change the one option that may differ between the sockets that share a parser. */
void parser_set_gauge_sign(struct parser *p, enum gauge_sign sign);

/**
 * parser_begin(p, ptr, len, truncated):
 *   ptr        borrowed until parser_next has returned false and the batch is consumed
 *   len        at most DATAGRAM_MAX
 *   truncated  the kernel cut the datagram: lines with an LF count, a tail without one is one error
 */
void parser_begin(struct parser *p, const char *ptr, size_t len, bool truncated);

/*
 * The same of a datagram with PARSE_PAD_BEFORE readable bytes before ptr, and PARSE_PAD_BEHIND
 * behind its end, whatever they hold: where the CPU allows it, its lines are read faster.
 */
enum { PARSE_PAD_BEFORE = 16, PARSE_PAD_BEHIND = 192 };
void parser_begin_padded(struct parser *p, const char *ptr, size_t len, bool truncated);

/**
 * parser_next(p, b):
 * Append samples of the datagram to b, in order.
 *   b        of batch_init with a max_line not below that of the options.  It need not be empty:
 *            several datagrams may go into one batch as long as their buffers stay in place
 *   returns  false at the datagram's end; true when b is full: consume it, batch_clear, call again
 */
bool parser_next(struct parser *p, struct batch *b);

#endif
