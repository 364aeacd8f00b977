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
#include <stdint.h>

#include "base/slice.h"
#include "protocol/event.h"
#include "protocol/sample.h"

enum { DATAGRAM_MAX = 65535 };

enum gauge_sign { GAUGE_SIGN_AUTO, GAUGE_SIGN_DELTA, GAUGE_SIGN_ABSOLUTE };   /* PROTOCOL 6 */

enum name_tags {   /* bits: styles of tags inside the name, off by default (PROTOCOL 7) */
    NAME_TAGS_LIBRATO  = 1,
    NAME_TAGS_INFLUX   = 2,
    NAME_TAGS_SIGNALFX = 4,
    NAME_TAGS_GRAPHITE = 8
};

/* What explain and the log of refused lines want to know of an error. */
struct parse_error {
    enum reason reason;
    struct slice line;   /* as received */
    size_t at;           /* byte of the line where it went wrong, 0..line.len */
};

struct parse_opts {
    enum gauge_sign gauge_sign;
    unsigned name_tags;              /* bits of enum name_tags */
    bool origin_tags;
    uint32_t max_line, max_name;     /* bytes; max_line at most DATAGRAM_MAX */
    /* Called inside parser_next; any may be NULL.  The objects live for the call only. */
    void (*on_event)(void *cookie, const struct event *e);
    void (*on_check)(void *cookie, const struct service_check *c);
    void (*on_error)(void *cookie, const struct parse_error *e);
    const uint32_t *errors;          /* on_error is called where bit `reason` of it is set; borrowed.  NULL: always */
    void *cookie;
};

#define PARSE_OPTS_DEFAULT ((struct parse_opts){ .max_line = 8192, .max_name = 512 })

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
