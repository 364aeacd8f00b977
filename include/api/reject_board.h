/**
 * reject_board: of each reason for which lines are rejected, how many are and the latest examples.
 *   thread   control
 */
#ifndef API_REJECT_BOARD_H
#define API_REJECT_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum { REJECT_EXAMPLES = 5, REJECT_TEXT_MAX = 200, REJECT_FROM_MAX = 128, REJECT_REASONS = 32 };

struct reject_example {
    int64_t at_ms;
    char from[REJECT_FROM_MAX]; /* "": not known */
    const char *listener;       /* borrowed as long as the board lives */
    char text[REJECT_TEXT_MAX]; /* any bytes */
    uint16_t len;
    uint32_t whole_len; /* of the line that text is the beginning of */
    int32_t at;         /* offset in the line of the first byte that is wrong; -1: not known */
};

struct reject_row {
    const char *reason; /* static */
    uint64_t count;
    double per_second; /* over the last ten seconds about */
    struct reject_example at[REJECT_EXAMPLES];
    unsigned n, last; /* at[last] is the newest of n */
};

struct reject_board {
    bool shown; /* http.show_lines: examples are kept */
    struct reject_row rows[REJECT_REASONS];
    size_t n;
    int64_t ticked_ms;
};

/* The row of that reason, made where there is none; NULL: there are REJECT_REASONS others. */
struct reject_row *reject_board_row(struct reject_board *b, const char *reason);

/* Copied.  Nothing is kept where lines are not to be shown. */
void reject_board_add(struct reject_board *b, const char *reason, const struct reject_example *e);

/* Once a second about: how many of that reason there were so far, for each of them; then _ticked. */
void reject_board_count(struct reject_board *b, const char *reason, uint64_t count, int64_t now_ms);
void reject_board_ticked(struct reject_board *b, int64_t now_ms);

/* The i-th newest, i < row->n. */
const struct reject_example *reject_row_at(const struct reject_row *row, unsigned i);

#endif
