#include "api/reject_board.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum { SMOOTH_S = 10 };

struct reject_row *reject_board_row(struct reject_board *b, const char *reason)
{
    for (size_t i = 0; i < b->n; i++)
        if (strcmp(b->rows[i].reason, reason) == 0)
            return &b->rows[i];
    if (b->n == REJECT_REASONS)
        return NULL;
    b->rows[b->n] = (struct reject_row){ .reason = reason };
    return &b->rows[b->n++];
}

void reject_board_add(struct reject_board *b, const char *reason, const struct reject_example *e)
{
    struct reject_row *row = b->shown ? reject_board_row(b, reason) : NULL;
    if (row == NULL)
        return;
    assert(e->len <= REJECT_TEXT_MAX);
    row->last = row->n == 0 ? 0 : (row->last + 1) % REJECT_EXAMPLES;
    row->at[row->last] = *e;
    row->n += row->n < REJECT_EXAMPLES;
}

const struct reject_example *reject_row_at(const struct reject_row *row, unsigned i)
{
    assert(i < row->n);
    return &row->at[(row->last + REJECT_EXAMPLES - i) % REJECT_EXAMPLES];
}

void reject_board_count(struct reject_board *b, const char *reason, uint64_t count, int64_t now_ms)
{
    struct reject_row *row = reject_board_row(b, reason);
    double passed_s = (double)(now_ms - b->ticked_ms) / 1000;
    if (row == NULL)
        return;
    if (b->ticked_ms != 0 && passed_s > 0 && count >= row->count) {
        double weight = 1 - exp(-passed_s / SMOOTH_S);
        row->per_second += ((double)(count - row->count) / passed_s - row->per_second) * weight;
    }
    row->count = count;
}

void reject_board_ticked(struct reject_board *b, int64_t now_ms)
{
    b->ticked_ms = now_ms;
}
