/**
 * history: what the server did in each of the last HISTORY_ROWS seconds, for charts.
 *
 * The owner adds a row once a second: columns that are rates get the counter as it stands, and the
 * row holds how much it grew a second; the others (gauges) are held as they are.
 *
 * The counters of the workers are as of the last page turn, and turns may be further apart than
 * rows: a row that is added between two turns is not fresh.  When a fresh row follows, the growth
 * since the last fresh one is spread evenly over all rows since then, which so are true on average:
 *
 *     turn          turn                      rows since the last turn have rates of 0
 *      |--r--r--r--r--|      -> r is 1/5 of what the second turn brought, in all 5 rows
 *
 * While somebody streams (http.max_streams) the server makes a turn each second, and all rows are
 * fresh.
 *
 *   thread   control        cost   HISTORY_BYTES of memory; a row: nothing
 */
#ifndef API_HISTORY_H
#define API_HISTORY_H

#include <stddef.h>
#include <stdint.h>

enum { HISTORY_ROWS = 900 };

/* X(name, kind): the columns, with the names that they have in JSON; RATE: a second. */
/* clang-format off */
#define HISTORY_COLUMNS(X)              \
    X(at_s, GAUGE)                      \
    X(datagrams, RATE)                  \
    X(bytes, RATE)                      \
    X(lines, RATE)                      \
    X(aggregated, RATE)                 \
    X(events, RATE)                     \
    X(checks, RATE)                     \
    X(rejected, RATE)                   \
    X(refused, RATE)                    \
    X(dropped, RATE)                    \
    X(kernel_dropped, RATE)             \
    X(series, GAUGE)                    \
    X(exposed, GAUGE)                   \
    X(redis_spool_batches, GAUGE)       \
    X(redis_lag_s, GAUGE)               \
    X(cpu_percent, GAUGE)               \
    X(rss_bytes, GAUGE)                 \
    X(streams, GAUGE)
/* clang-format on */

enum history_column {
#define X(name, kind) HISTORY_##name,
    HISTORY_COLUMNS(X)
#undef X
        HISTORY_COLUMN_COUNT
};

/* of[HISTORY_at_s] is when it was taken, in Unix seconds. */
struct history_row {
    double of[HISTORY_COLUMN_COUNT];
};

struct history {
    struct history_row rows[HISTORY_ROWS];
    uint64_t n;                /* rows that were ever added; the last is number n */
    uint64_t fresh;            /* number of the last fresh one */
    struct history_row totals; /* as given with it */
    double counted_s;          /* as given with it */
};

enum { HISTORY_BYTES = sizeof(struct history) };

const char *history_name(enum history_column c);

/**
 * history_add(h, now, counted_s):
 *   now      rates: the counters as they stand; the first row, and one after a counter that went
 *            down, has rates of 0
 *   counted_s   when the last page turn was over, which is what the counters have; as at the last
 *               row: there was none since
 */
void history_add(struct history *h, const struct history_row *now, double counted_s);

/* The number of the oldest row that is kept, and of the last; equal to 1 and 0 while empty. */
uint64_t history_first(const struct history *h);
uint64_t history_last(const struct history *h);

/* A row that is kept, by its number; valid until the next add. */
const struct history_row *history_at(const struct history *h, uint64_t number);

#endif
