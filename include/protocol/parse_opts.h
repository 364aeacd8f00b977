/**
 * parse_opts: what a parser is told: the dialect, the limits, and whom to call.
 */
#ifndef PROTOCOL_PARSE_OPTS_H
#define PROTOCOL_PARSE_OPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "protocol/event.h"
#include "protocol/reason.h"

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

#endif
