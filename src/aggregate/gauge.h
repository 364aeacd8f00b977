/**
 * gauge: the latest absolute value and the changes after it (gauge_value.h).  Private to
 * aggregate/.
 *
 * The order of a gauge's changes matters, so all spellings of one gauge lead to one cell of a
 * worker, by way of aliases; and all series that share an exposed are put in order there by the
 * stamps of arrival, as are the workers.
 */
#ifndef AGGREGATE_GAUGE_H
#define AGGREGATE_GAUGE_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "aggregate/cell.h"
#include "aggregate/gauge_value.h"
#include "aggregate/kind.h"
#include "aggregate/series.h"

struct alias;

struct gauge_cell {
    struct cell cell;
    struct gauge_part part[2];
    struct gauge_recent *recent[2]; /* owned; NULL until there is a relative change whose place
                                         matters */
    struct alias *identity;         /* found by the identity's hash; NULL: the cell is (or
                                         there was no memory for it) */
    uint32_t aliases;               /* spellings that lead here, beside the cell's own */
};

/*
 * A spelling, or the identity itself, of a gauge that has a cell already.  The worker's alone: no
 * page lists it.
 */
struct alias {
    struct cell cell; /* of type CELL_ALIAS; check, last_s and the tag errors are used */
    struct gauge_cell *gauge;
    uint64_t lo; /* with check: the hash it is found by */
};

/*
 * For a sink.  Kept from interval to interval: whether a late page's value is the latest is known
 * from the one before.
 */
struct gauge_series {
    struct series series;
    struct gauge_part now;
    struct gauge_recent *recent; /* owned: a page still to come may bring a value that belongs
                                      between them */
    double delta;                /* changes since the interval began */
    uint64_t begun_set_ns;       /* now.set_ns when the interval began */
};

struct gauge_exposed {
    struct gauge_line line;
    struct gauge_part now;
    struct gauge_recent *recent; /* owned, as in gauge_series */
};

static_assert(sizeof(struct gauge_cell) <= 128, "a gauge is two cache lines");

extern const struct kind_ops gauge_ops;

/* As kind_merge and kind_next. */
bool gauge_merge(struct series *s, struct exposed *e, const struct cell *c, unsigned p,
                 struct kind_now *now);
void gauge_next(struct series *s, const struct kind_now *now);

#endif
