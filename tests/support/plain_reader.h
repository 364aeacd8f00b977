/**
 * plain_reader: the inside of the plain reading (said.h), for its files.
 *
 * It is written from the protocol's rules alone, shares no code with src/protocol, and does nothing
 * cleverly: a mistake that is in both had to be made twice.
 *
 *     plain_reader.c   datagram, lines, the metric line: name, name tags, where samples are
 *     plain_sample.c   a sample: values, fields, tags
 *     plain_event.c    events and service checks
 *
 * Where the rules leave it open, both do this:
 *
 *     line       with a NUL and bytes that are not UTF-8: nul_byte.  Whether it is an event or a
 *                check goes by its bytes as received, before control bytes become '_'
 *     name       max_name is about what is left once name tags are cut out
 *     samples    a ':' that begins another one makes them several, even if that one has no type
 *     reasons    of several wrong things in a sample the first counts: values, then fields as they
 *                stand, then values by their rate, then mixed_tag_styles, then limits on tags
 *     values     besides value / rate, value * (1 / rate) has to be finite: a timer adds that
 *     name tags  beside a '#' field (good ones there are mixed_tag_styles) malformed ones of the
 *                name count nowhere
 *     unknown    fields count in refused samples, too, but not in lines of mixed_multi_sample
 *     c:         of several the last counts, also if it holds no container.  container_id takes
 *                the place of a tag of that name, is no tag by max_tags, and is one by max_tag_len
 *     events     an attribute without a value is none; of several '#' the last counts; a NUL in the
 *                counted text is bad_event, another control byte at its end becomes '_'
 */
#ifndef SUPPORT_PLAIN_READER_H
#define SUPPORT_PLAIN_READER_H

#include "support/said.h"

/* One `value|type|field|..` of a line; its fields lie in struct plain. */
struct plain_piece {
    struct slice value, type;
    size_t first_field, n_fields;
};

struct plain_tags {
    struct said_tag at[4096];
    size_t n, elements; /* kept; all that were not empty */
    uint64_t errors;
    enum reason why; /* over a limit, or REASON_NONE */
};

enum { PLAIN_BYTES = 65536 };

struct plain {
    const struct said_opts *opts;
    struct said *said;
    struct plain_piece pieces[PLAIN_BYTES];
    struct slice fields[PLAIN_BYTES];
    size_t n_pieces, n_fields;
    struct slice name, name_tags; /* of the line */
    char name_sep;                /* between the tags in its name */
    char joined[PLAIN_BYTES];     /* a name that was left over in two parts */
    struct plain_tags tags;       /* of the sample */
};

/* Say it, or return why not. */
enum reason plain_sample(struct plain *r, const struct plain_piece *p);

/**
 * plain_event(line, whole, ret), plain_check(line, ret):
 *   line     trimmed; control bytes in it are '_'
 *   whole    the same and the blanks that were behind it
 */
void plain_event(struct slice line, struct slice whole, struct said *ret);
void plain_check(struct slice line, struct said *ret);

/* 1 to 19 digits, 1 .. 2^63 - 1.  returns  false: something else, *ret untouched */
bool plain_seconds(struct slice text, int64_t *ret);

/* Cut what is before the next `sep` off the front of rest; all of it where there is none.
 * returns  it */
struct slice plain_cut(struct slice *rest, char sep);

#endif
