/**
 * carried: the server's own counters over a restart: what they had come to before is added to what
 * they count now.
 *
 * A line is known by the name of its row and the values of its labels.  What the state brought for
 * a line that is not there any more (a listener that was closed) is not shown, and not saved again;
 * but for that of a socket that another worker reads now: the sum over its workers goes on.
 * Gauges are of this process, and so is process_cpu_seconds_total.
 *
 *   thread   control
 */
#ifndef STATE_CARRIED_H
#define STATE_CARRIED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/counters.h"
#include "base/records.h"
#include "base/slice.h"
#include "core/counter_tables.h"

struct carried_line {
    const struct counter_row *row;
    struct buf labels; /* the values, each with its length in front */
    double value;
};

struct carried {
    struct carried_line *at;
    size_t n, cap;
};

void carried_release(struct carried *c); /* { 0 } has nothing */

/* One record `type` for each line of a counter, with what it shows: text name, labels, f64 */
void carried_save(const struct carried *c, const struct counter_source *sources, size_t n,
                  uint8_t type, struct records_writer *to);

/* returns  false: no save has written that.  A row that is no more is left out */
bool carried_load(struct carried *c, struct slice body);

/* A source that shows what `of` does with what c has added: its table is in the room. */
struct carried_source {
    const struct carried *carried;
    struct counter_source of;
    struct counter_table table;
};
struct counter_source carried_wrap(struct carried_source *room, const struct carried *c,
                                   const struct counter_source *of);

#endif
