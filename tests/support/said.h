/**
 * said: what a datagram says, as text, so that two who read it can be compared.
 *
 *     parser_said    the server's parser reads it (support/parser_said.c)
 *     plain_said     a plain, slow reading of the protocol does (support/plain_reader.c)
 *
 *   thread   one; static memory inside
 */
#ifndef SUPPORT_SAID_H
#define SUPPORT_SAID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "protocol/event.h"
#include "protocol/parse_opts.h"
#include "protocol/reason.h"

struct said {
    struct buf samples, events, checks; /* a line for each, in order */
    uint64_t errors[REASON_COUNT];
    uint64_t tag_errors, unknown_fields;
};

struct said_opts {
    enum gauge_sign gauge_sign;
    unsigned name_tags; /* bits of enum name_tags */
    bool origin_tags, keep_internal, truncated;
    uint32_t max_line, max_name, max_tags, max_tag_len;
};

#define SAID_OPTS_DEFAULT                                                                          \
    ((struct said_opts){ .max_line = 8192, .max_name = 512, .max_tags = 128, .max_tag_len = 1024 })

/* Add to what ret holds ({ 0 } at first).  len: at most DATAGRAM_MAX */
void parser_said(const struct said_opts *o, const char *ptr, size_t len, bool padded,
                 struct said *ret);
void plain_said(const struct said_opts *o, const char *ptr, size_t len, struct said *ret);

/* The options that a byte chooses, for who draws them. */
struct said_opts said_opts_of(unsigned choice);

/* The whole of it; NUL-terminated. */
void said_print(const struct said *s, struct buf *out);
void said_release(struct said *s);

/* Are both the same?  returns  NULL, or both from the first line that differs; free it */
char *said_differ(const struct said *a, const char *name_a, const struct said *b,
                  const char *name_b);

/* ---- for those who read ---- */

struct said_tag {
    struct slice key, value;
};

struct said_sample {
    struct slice name, member; /* member: of a set */
    const char *type;          /* "c" .. */
    const double *values;      /* n of them, none of a set */
    size_t n;
    double rate;
    const struct said_tag *tags; /* sorted by key */
    size_t n_tags;
    int64_t timestamp; /* 0: none */
    bool delta;
};

void said_sample(struct said *s, const struct said_sample *sample);
void said_event(struct said *s, const struct event *e);
void said_check(struct said *s, const struct service_check *c);

#endif
