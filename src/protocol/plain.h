/**
 * plain: the fast path, for metric lines of the most common form, by the lists of the scan; where
 * window.h does not serve.
 */
#ifndef PROTOCOL_PLAIN_H
#define PROTOCOL_PLAIN_H

#include <stdint.h>

struct batch;
struct parser;

/**
 * plain_lines(p, b, most):
 * Read up to `most` lines of p's datagram as long as each is
 *     name ":" number "|" type *( "|" ( "@" rate / "#" tags / "c:" any / "e:" any ) )
 * with an unsigned number of at most eight bytes, at most one '#', and neither control nor
 * non-ASCII bytes.  Stops before the first line that is not, at the datagram's end, or when b holds
 * b->full samples.  A line that is not read changes nothing in p, nor b->n.  Nothing is refused
 * here: a line with an error is left to metric.c, which reads all lines of this form to the same
 * samples.
 */
void plain_lines(struct parser *p, struct batch *b, uint32_t most);

#endif
