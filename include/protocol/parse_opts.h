/**
 * parse_opts: the options of a parser (dialect, limits, hooks).
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

/* Does a sign make a gauge's value relative? */
enum gauge_sign { GAUGE_SIGN_AUTO, GAUGE_SIGN_DELTA, GAUGE_SIGN_ABSOLUTE };

/* Styles of tags inside the name, as bits; all off by default. */
enum name_tags {
    NAME_TAGS_LIBRATO = 1,
    NAME_TAGS_INFLUX = 2,
    NAME_TAGS_SIGNALFX = 4,
    NAME_TAGS_GRAPHITE = 8
};

/* A refused sample or line, as explain and the log of refused lines show it. */
struct parse_error {
    enum reason reason;
    struct slice line; /* as received */
    size_t at;         /* offset in line of the first byte that is wrong, 0..line.len */
};

/*
 * Tags that are cut out of a line before it is hashed: lines that differ in them alone are of one
 * spelling.  They count towards no limit on tags.
 */
enum {
    TAG_CUTS_MAX = 33,
    EXEMPLAR_CHARACTERS_MAX = 128
}; /* those of aggregate.drop_tags, and prometheus.exemplar_tag */

struct tag_cut {
    struct slice key;
    bool prefix; /* every key that starts like this */
};

struct parse_opts {
    enum gauge_sign gauge_sign;
    unsigned name_tags;          /* bits of enum name_tags */
    bool origin_tags;            /* the container id is a tag (SAMPLE_HAS_ORIGIN) */
    bool origins;                /* a sample has it aside (SAMPLE_ORIGIN_ASIDE) where it is no tag;
                                    lines with a c: field take the general path then */
    uint32_t max_line, max_name; /* bytes, from 1; max_line at most DATAGRAM_MAX */
    const struct tag_cut *cut;   /* borrowed; with any, every line takes the general path */
    uint32_t n_cut;              /* up to TAG_CUTS_MAX */
    struct slice exemplar_tag;   /* a key of cut whose value a sample keeps (SAMPLE_EXEMPLAR), of
                                    ASCII alone; len 0: none.  Borrowed */
    /* Called by parser_next; any may be NULL.  The objects are valid for the call. */
    void (*on_event)(void *cookie, const struct event *e);
    void (*on_check)(void *cookie, const struct service_check *c);
    void (*on_error)(void *cookie, const struct parse_error *e);
    /* A tag was cut out of the line of a good sample, which gets that place in the batch. */
    void (*on_cut)(void *cookie, uint32_t sample, struct slice tag);
    const uint32_t *errors; /* bits by enum reason: on_error is for these; borrowed; NULL: all */
    void *cookie;
};

#define PARSE_OPTS_DEFAULT ((struct parse_opts){ .max_line = 8192, .max_name = 512 })

#endif
