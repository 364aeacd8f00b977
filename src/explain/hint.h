/**
 * hint: what the sender of a line probably meant.  For `statsd explain`.
 *
 * A hint is a row of a table: a reason, and a function that looks at the line and appends a
 * sentence or declines.  For a refused line the first row that applies speaks: hint_shape.c (types,
 * separators, names, other protocols), then hint_value.c (values, rates, timestamps).  For an
 * accepted line that means something else than it seems to, all rows of hint_accepted.c that apply
 * speak.  A further hint is a function and its row.
 *   thread   any (no state)
 */
#ifndef EXPLAIN_HINT_H
#define EXPLAIN_HINT_H

#include "base/buf.h"
#include "config/config.h"
#include "protocol/reason.h"

/* A line cut into name ':' value '|' type '|' fields; what is missing is empty.  All of it borrows
 * the line. */
struct hint_line {
    const struct config *config;
    struct slice line; /* without blanks at its ends */
    struct slice name, value, type, fields;
    struct slice bad;   /* of a refused line: from where it went wrong to the next '|' */
    enum reason reason; /* REASON_NONE: accepted */
};

/* at: of the error, as in struct parse_error; SIZE_MAX: nowhere in particular. */
void hint_line_cut(const struct config *c, struct slice line, enum reason reason, size_t at,
                   struct hint_line *ret);

/* Append one hint (no LF) about a refused line.  returns  false: no row applies, out is as it
 * was */
bool hint_error(const struct hint_line *l, struct buf *out);

/* Append a line "  hint: ..." for each row that applies to an accepted line. */
void hint_accepted(const struct hint_line *l, struct buf *out);

/* ---- for the rows ---- */

struct hint_row {
    enum reason reason; /* REASON_COUNT: any */
    /* returns  false: it does not apply, and out is as it was */
    bool (*say)(const struct hint_line *l, struct buf *out);
};

/* The rows are tried in their order. */
bool hint_first(const struct hint_row *rows, size_t n, const struct hint_line *l, struct buf *out);
bool hint_value(const struct hint_line *l, struct buf *out); /* hint_value.c */
bool hint_shape(const struct hint_line *l, struct buf *out); /* hint_shape.c */

/* Append "write NAME:value|type", with the name of the line; type NULL: with its type, too. */
void hint_put_line(const struct hint_line *l, struct slice value, const char *type,
                   struct buf *out);

/* Append a piece of the line, escaped (config/escape.h). */
void hint_put(struct slice s, struct buf *out);
void hint_put_number(double v, struct buf *out);

struct slice hint_trim(struct slice s);              /* without blanks at both ends */
bool hint_has(struct slice s, const char *part);     /* part: anywhere in s */
bool hint_starts(struct slice s, const char *chars); /* with one of chars */
bool hint_is_number(struct slice s);

/* Take what stands before the next '|' off the front of fields, or all of it.  returns  false:
 * there is no further field */
bool hint_next_field(struct slice *fields, struct slice *ret);

/* Whether s is one of the words; case does not matter. */
bool hint_is_word(struct slice s, const char *const *words, size_t n);

/* The number at the front of s.  returns  its length in bytes; 0: there is none */
size_t hint_number(struct slice s, double *ret);

/**
 * hint_type(word):
 *   word     a type by its letter or another name: "C", "counter", "timing"; case does not matter
 *   returns  its letter; NULL: it is none
 */
const char *hint_type(struct slice word);

#endif
