/**
 * set: distinct members (members.h), of an interval for the sinks and of a window of intervals for
 * /metrics (set_window.h).  Private to aggregate/.
 *
 * A set that shows members is in the list of those: when an interval ends its window may move,
 * though nothing came.  A large one's takes long, so not all move at the end of the interval.
 */
#ifndef AGGREGATE_SET_H
#define AGGREGATE_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "aggregate/cell.h"
#include "aggregate/kind.h"
#include "aggregate/members.h"
#include "aggregate/series.h"
#include "aggregate/set_window.h"

struct set_part {
    struct members members;
};

struct set_cell {
    struct cell cell;
    struct set_part part[2];
};

struct set_series {
    struct series series;
    struct members members; /* since the interval began, for the sinks */
};

/*
 * With a window (profile.set_steps) its members are shown; without, those of the last closed
 * interval.
 */
struct set_exposed {
    struct gauge_line line;
    struct set_window window; /* with: what is shown */
    struct members members;   /* without: of the open interval */
    uint64_t last;            /* without: how many the last closed interval had */
    bool shown;               /* there is something to show */
    bool counted;             /* it is `last`, a total's, whatever the window is */
    uint8_t odd;              /* while listed: 1 when its window has moved on to an interval of odd
                                 number last, 0: of even */
    uint32_t listed;          /* place in the list, from 1; 0: in none */
    struct set_list *list;
};

struct set_list {
    struct set_exposed **at;
    size_t n, cap;
    size_t behind;     /* at[behind..n): their windows have moved on to `interval` */
    uint64_t interval; /* the open one */
};

void set_list_release(struct set_list *l); /* the sets are their series' */

/*
 * The next interval begins: windows move on, and sets that have nothing to show any more leave the
 * list.  That is done with a set before it is read or changed; with the others by set_list_go_on,
 * which takes it from *most.   returns  true: there are more.  All before the next interval
 */
void set_list_next(struct set_list *l);
bool set_list_go_on(struct set_list *l, size_t *most);

/*
 * Intervals go by in which no window moves on: so many, `most` at most, and an even number.  All
 * sets have gone on to the one before them.   returns  how many; 0: there are not two
 */
uint64_t set_list_skip(struct set_list *l, uint64_t most);

extern const struct kind_ops set_ops;

/* As kind_merge and kind_next. */
bool set_merge(struct series *s, struct exposed *e, const struct cell *c, unsigned p,
               struct kind_now *now);
void set_next(struct series *s, const struct kind_now *now);

#endif
