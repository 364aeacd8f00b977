/**
 * plain: the shape that nearly all metric lines have.
 */
#ifndef PROTOCOL_PLAIN_H
#define PROTOCOL_PLAIN_H

struct batch;
struct parser;

/**
 * plain_lines(p, b):
 * Read lines of p's datagram as long as each is
 *     name ":" number "|" type *( "|" ( "@" rate / "#" tags / "c:" any / "e:" any ) )
 * with an unsigned number of at most eight bytes, one '#' at most, and nothing odd about it; stop at the first that is not, at
 * the end, or when b holds b->full samples.  A line that is not taken has left no trace.  Never refuses anything: that is
 * metric.c's, which reads the same lines to the same samples.
 */
void plain_lines(struct parser *p, struct batch *b);

#endif
