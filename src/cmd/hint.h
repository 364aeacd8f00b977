/**
 * hint: what the sender of a line probably meant.  Private to cmd/, for `statsd explain`.
 *
 * A hint is a row of a table: a reason, and a function that looks at the line and appends a sentence, or nothing.
 * hint_value.c and hint_shape.c have the rows for what was refused (the first that applies speaks), hint_accepted.c those
 * for lines that are right and yet mean something else than they seem to (all that apply speak).
 *   thread   any (no state)
 */
#ifndef CMD_HINT_H
#define CMD_HINT_H

#include "base/buf.h"
#include "config/config.h"
#include "protocol/reason.h"

/* A line, taken apart as far as it goes: name ':' value '|' type '|' fields.  What is missing is empty. */
struct hint_line {
    const struct config *config;
    struct slice line, name, value, type, fields;
    struct slice bad;   /* of a refused line: from where it went wrong to the next '|' */
    enum reason reason; /* REASON_NONE: accepted */
};

/* line is borrowed; at: of the error, as in struct parse_error, SIZE_MAX: nowhere in particular. */
void hint_line_cut(const struct config *c, struct slice line, enum reason reason, size_t at, struct hint_line *ret);

/* Append one hint (no LF) about a refused line.  returns  false: there is nothing to say */
bool hint_error(const struct hint_line *l, struct buf *out);

/* Append "  hint: ..." lines. */
void hint_accepted(const struct hint_line *l, struct buf *out);

/* ---- for the rows ---- */

struct hint_row {
    enum reason reason;                                      /* REASON_COUNT: any */
    bool (*say)(const struct hint_line *l, struct buf *out); /* false: it does not apply, and out is as it was */
};

bool hint_first(const struct hint_row *rows, size_t n, const struct hint_line *l, struct buf *out);
bool hint_value(const struct hint_line *l, struct buf *out); /* hint_value.c */
bool hint_shape(const struct hint_line *l, struct buf *out); /* hint_shape.c */

/* "write name:value|type", with the name, and for NULL the type, of the line. */
void hint_put_line(const struct hint_line *l, struct slice value, const char *type, struct buf *out);

/* Append a piece of the line for a terminal, in quotes or bare. */
void hint_put(struct slice s, struct buf *out);
void hint_put_number(double v, struct buf *out);

struct slice hint_trim(struct slice s); /* blanks off both ends */
bool hint_has(struct slice s, const char *part);
bool hint_starts(struct slice s, const char *chars); /* with one of chars */
bool hint_is_number(struct slice s);
bool hint_is_word(struct slice s, const char *const *words, size_t n); /* without regard to case */

/* The number at the front of s: its length in bytes, 0: there is none. */
size_t hint_number(struct slice s, double *ret);

/**
 * hint_type(word):
 *   returns  the type that is meant by another spelling ("C", "counter", "timing"), without regard to case; NULL: none
 */
const char *hint_type(struct slice word);

#endif
