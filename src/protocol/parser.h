/**
 * parser: the state that the readers of lines share (parse.c, plain.c, metric.c).
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

struct batch;
struct parser;

/* A reader of lines: see window.h. */
typedef void (*window_fn)(struct parser *p, struct batch *b);

struct parser {
    struct parse_opts opts;
    bool plain; /* lines may be read by plain.h */
    scan_fn scan_fn;
    window_fn window_fn;                /* NULL: none, or lines may not be read by window.h */
    bool padded;                        /* the datagram at hand may be read by it */
    bool scanned;                       /* datagram, end and pipe are of the datagram at hand */
    uint32_t line_values, line_scratch; /* the most that one line takes of a batch */
    const char *ptr;                    /* the datagram */
    uint32_t at, len;                   /* start of the next line; end of the last one */
    uint32_t cut_from, cut_to; /* truncated: the tail [cut_from, cut_to), empty when equal */
    const uint16_t *end;       /* where the next line ends */
    const uint16_t *pipe;      /* first '|' not yet passed */
    struct scan datagram;
    struct scan rewritten; /* of the line that was rewritten last */
    char event_line[DATAGRAM_MAX], event_room[DATAGRAM_MAX];
    struct event event;
    struct service_check check;
};

/* A line after trimming. */
struct line {
    const char *text;        /* the datagram, or the batch's scratch */
    const struct scan *scan; /* of text */
    uint32_t start, end;     /* the line is text[start .. end), not empty */
    const uint16_t *pipe;    /* first '|' at or after start */
    struct slice raw;        /* as received */
    uint32_t lead;           /* bytes trimmed off the front of raw */
};

/*
 * Count and report one error, of a sample or of the line.  at: the byte of l's text that is wrong.
 */
void parser_reject(struct parser *p, struct batch *b, const struct line *l, enum reason reason,
                   const char *at);

#endif
