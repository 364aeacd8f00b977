/**
 * gauge_value: absolute values and relative changes of one gauge, put in the order in which they
 * arrived.  Private to aggregate/.
 *
 * A gauge is its latest absolute value plus the relative changes that arrived after it.  Two cells
 * of one gauge (of two workers, or of two names that are one line on /metrics) each see only a part
 * of them, and a value of one may belong between two changes of the other:
 *
 *     one cell      +1            +1        is 6: the first change came before the value
 *     the other            5
 *
 * So the changes since the latest value are kept apart with their stamps, in a list of at most
 * GAUGE_RECENT_MAX steps.  When it is full, neighbours are added up into steps of at most a
 * sixteenth of all changes, each at the stamp of its last one: a value of another cell that arrived
 * within such a step comes before all of it.
 *
 *   stamps   ns of the monotonic clock, never 0; equal stamps: the call decides the order
 *   thread   one owner at a time
 *   cost     a few ns; the list is allocated on first use and doubles
 */
#ifndef AGGREGATE_GAUGE_VALUE_H
#define AGGREGATE_GAUGE_VALUE_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GAUGE_RECENT_MAX = 64 };

struct gauge_part {
    double value;     /* the latest absolute value */
    double delta;     /* changes after it that are in no list, as there was no memory for one,
                         or they settled; the last of them at last_ns at the latest */
    uint64_t set_ns;  /* when value arrived; 0: none did */
    uint64_t last_ns; /* when the latest value or change arrived; 0: nothing did */
};

/* Changes after set_ns and after those in delta, by stamp. */
struct gauge_recent {
    uint32_t n, cap;
    double sum; /* of all steps */
    struct gauge_step {
        uint64_t ns; /* when the last of its changes arrived */
        double delta;
        uint32_t changes;
    } at[];
};

/*
 * An absolute value; one that arrived before the latest changes nothing.
 *   value    finite
 *   recent   may be NULL
 *   returns  how many later changes were dropped, because value and their sum would not be finite:
 *            0 but for numbers near 1e308
 */
uint32_t gauge_value_set(struct gauge_part *g, struct gauge_recent *recent, double value,
                         uint64_t ns);

enum gauge_added {
    GAUGE_ADDED,
    GAUGE_SUPERSEDED, /* an absolute value arrived after it: it changes nothing */
    GAUGE_NOT_FINITE  /* the value, or the sum of its changes, would leave the finite
                                 doubles: refused */
};

/*
 * A relative change.
 *   delta    finite
 *   recent   where the list is kept, *recent NULL at first; NULL: no list.  Without one, or memory
 *            for one, the change is added to g->delta
 */
enum gauge_added gauge_value_add(struct gauge_part *g, struct gauge_recent **recent, double delta,
                                 uint64_t ns);

struct gauge_merged {
    double added;     /* sum of the changes that count */
    uint32_t refused; /* values and changes that would have left the finite doubles */
};

/*
 * Fold what another thread or page brought into `into`, times scale.  A product that is not finite
 * is refused.
 */
struct gauge_merged gauge_value_merge(struct gauge_part *into, struct gauge_recent **recent,
                                      const struct gauge_part *from,
                                      const struct gauge_recent *from_recent, double scale);

/*
 * Changes at or before ns need no place of their own any more: they go into delta, and an empty
 * list is freed.
 */
void gauge_value_settle(struct gauge_part *g, struct gauge_recent **recent, uint64_t ns);

/* What is to be added to value. */
double gauge_value_delta(const struct gauge_part *g, const struct gauge_recent *recent);

/* Empty again, keeping its memory.  NULL is fine. */
void gauge_value_recent_clear(struct gauge_recent *recent);

/* Bytes of a list. */
size_t gauge_value_recent_bytes(uint32_t cap);

#endif
