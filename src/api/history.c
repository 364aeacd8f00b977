#include "api/history.h"

#include <assert.h>

#include "base/mem.h"

enum kind { RATE, GAUGE };

static const struct {
    const char *name;
    enum kind kind;
} columns[] = {
#define X(name, kind) { #name, kind },
    HISTORY_COLUMNS(X)
#undef X
};

const char *history_name(enum history_column c)
{
    assert(c < HISTORY_COLUMN_COUNT);
    return columns[c].name;
}

static struct history_row *row_of(struct history *h, uint64_t number)
{
    return &h->rows[number % HISTORY_ROWS];
}

static double rate_of(const struct history *h, const struct history_row *now, double seconds,
                      int column)
{
    double more = now->of[column] - h->totals.of[column];
    return h->fresh > 0 && seconds > 0 && more > 0 ? more / seconds : 0;
}

/* The rows since the last fresh one share what now brought. */
static void spread(struct history *h, const struct history_row *now, double counted_s)
{
    uint64_t from = h->fresh + 1 > history_first(h) ? h->fresh + 1 : history_first(h);
    for (int c = 0; c < HISTORY_COLUMN_COUNT; c++) {
        if (columns[c].kind != RATE)
            continue;
        double rate = rate_of(h, now, counted_s - h->counted_s, c);
        for (uint64_t i = from; i <= h->n; i++)
            row_of(h, i)->of[c] = rate;
    }
    h->fresh = h->n;
    h->totals = *now;
    h->counted_s = counted_s;
}

void history_add(struct history *h, const struct history_row *now, double counted_s)
{
    h->n++;
    *row_of(h, h->n) = *now;
    for (int c = 0; c < HISTORY_COLUMN_COUNT; c++)
        if (columns[c].kind == RATE)
            row_of(h, h->n)->of[c] = 0;
    if (counted_s != h->counted_s)
        spread(h, now, counted_s);
}

uint64_t history_first(const struct history *h)
{
    return h->n < HISTORY_ROWS ? 1 : h->n - HISTORY_ROWS + 1;
}

uint64_t history_last(const struct history *h)
{
    return h->n;
}

const struct history_row *history_at(const struct history *h, uint64_t number)
{
    assert(number >= history_first(h) && number <= h->n);
    return &h->rows[number % HISTORY_ROWS];
}
