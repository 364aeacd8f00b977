/**
 * parser: what parse.c (lines) and metric.c (the fields of one) share.
 */
#ifndef PROTOCOL_PARSER_H
#define PROTOCOL_PARSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "protocol/event.h"
#include "protocol/parse_opts.h"
#include "protocol/sample.h"
#include "protocol/scan.h"

struct parser {
    struct parse_opts opts;
    scan_fn scan_fn;
    uint32_t line_values, line_scratch;   /* the most that one line takes of a batch */
    const char *ptr;            /* the datagram */
    uint32_t at, len;           /* the next line starts here; where the last ends */
    uint32_t cut_from;          /* truncated: the tail is [cut_from, cut_to), none when equal */
    uint32_t cut_to;
    const uint16_t *end;        /* the next line ends here */
    const uint16_t *pipe;       /* first '|' not yet passed */
    struct scan datagram;
    struct scan rewritten;      /* of the one line that was rewritten */
    char event_line[DATAGRAM_MAX], event_room[DATAGRAM_MAX];
    struct event event;
    struct service_check check;
};

/* A line, cleaned up. */
struct line {
    const char *text;           /* the datagram, or the batch's scratch */
    const struct scan *scan;    /* of text */
    uint32_t start, end;        /* the line is text[start .. end), not empty */
    const uint16_t *pipe;       /* first '|' at or after start */
    struct slice raw;           /* as received */
    uint32_t lead;              /* bytes of raw before text[start] */
};

/* Count one refusal, of a sample or of a whole line.  at: in the line's text. */
void parser_reject(struct parser *p, struct batch *b, const struct line *l, enum reason reason, const char *at);

#endif
