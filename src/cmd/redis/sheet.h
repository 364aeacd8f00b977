/**
 * redis_sheet: rows under heads, for people; and objects of JSON, for programs.
 *   thread   one owner
 */
#ifndef CMD_REDIS_SHEET_H
#define CMD_REDIS_SHEET_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

enum { SHEET_COLUMNS_MAX = 12 };

struct sheet {
    const char *heads[SHEET_COLUMNS_MAX]; /* the first column is to the left, others to the right */
    size_t columns;
    unsigned optional; /* bits of columns that are left out, the last first, where room is short */
    struct sheet_cell {
        size_t at, len, width; /* of text; width: columns on a terminal */
    } * cells;                 /* row by row */
    size_t n, cap;
    struct buf text;
};

/* The next cell.  Bytes that a terminal should not get are shown as \xNN. */
void sheet_text(struct sheet *t, struct slice s);
/* A number: a whole one with all its digits, others with up to 12, as those behind them are noise
 * in a sum of many. */
void sheet_number(struct sheet *t, double v);
/* One that is an estimate: up to six digits. */
void sheet_estimate(struct sheet *t, double v);
/* "5s ago" of a time in Unix s; "?" where it is not known, as it is below 0. */
void sheet_ago(struct sheet *t, int64_t then_s, int64_t now_ms);

/* On a terminal (columns > 0) that is too narrow even so, each row becomes lines that fit. */
void sheet_print(const struct sheet *t, unsigned columns, struct buf *out);
/* Each row on a line of its own, with the heads in it: "api.requests sum 12 rate 1.2". */
void sheet_print_lines(const struct sheet *t, struct buf *out);
void sheet_release(struct sheet *t);

/* An object on a line: begin, members, end. */
void object_begin(struct buf *out);
void object_text(struct buf *out, const char *name, struct slice s);
void object_number(struct buf *out, const char *name, double v);
void object_int(struct buf *out, const char *name, int64_t v);
/* A member whose value the caller writes behind it. */
void object_name(struct buf *out, const char *name);
void object_end(struct buf *out); /* "}" */
/* A string alone.  What is not UTF-8 becomes U+FFFD, a character for each byte. */
void object_string(struct buf *out, struct slice s);

#endif
