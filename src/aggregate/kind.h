/**
 * kind: what a metric kind has to do, as a row of operations.  Private to aggregate/.
 *
 * A kind is one file (counter.c, gauge.c, timer.c, set.c) and its row in kinds.c.  It lives in
 * three places:
 *
 *     cell       a worker's: two parts, filled by turns          bytes, init, begin, release
 *     series     control's: what the interval brought, for the   close, release, kind_next
 *                sinks
 *     exposed    control's: what /metrics shows                  absorb, view, release, reshape,
 *                                                                carry, save, load, put_total
 *
 * and kind_merge takes a cell's part to the other two.  Cells and series keep values as they were
 * sent; what goes to an exposed is multiplied by profile->scale.
 *
 * The addition of a value to a cell is
 * inlined into ingest_batch.c and therefore no operation: it is a function of the kind's header.
 */
#ifndef AGGREGATE_KIND_H
#define AGGREGATE_KIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregate/exposed.h"
#include "aggregate/family.h"
#include "aggregate/profile.h"
#include "aggregate/snapshot.h"
#include "protocol/sample.h"

struct buf;
struct cell;
struct kind_saved;
struct series;
struct registry_counters;
struct set_list;
struct sketch;
struct total;
struct unpack;

/* What follows from a sample's type alone. */
struct kind_type {
    uint8_t kind;         /* enum series_kind */
    uint8_t milliseconds; /* values are sent in milliseconds and shown in seconds */
    const char *suffix;   /* of the output name, with prometheus.suffixes */
};

static const struct kind_type kind_types[SAMPLE_TYPE_COUNT] = {
    [SAMPLE_COUNTER] = { SERIES_COUNTER, 0, "_total" },
    [SAMPLE_GAUGE] = { SERIES_GAUGE, 0, "" },
    [SAMPLE_TIMING] = { SERIES_TIMER, 1, "_seconds" },
    [SAMPLE_HISTOGRAM] = { SERIES_TIMER, 0, "" },
    [SAMPLE_DISTRIBUTION] = { SERIES_TIMER, 0, "" },
    [SAMPLE_SET] = { SERIES_SET, 0, "" },
};

static inline enum series_kind kind_of(uint8_t type)
{
    return (enum series_kind)kind_types[type].kind;
}

/* What all merges of one page, or all series of one closing interval, have in common. */
struct kind_now {
    uint64_t now_ns;                 /* monotonic */
    uint64_t interval;               /* number of the open interval */
    const struct profiles *profiles; /* in force */
    bool keep_intervals;             /* there is a sink: keep the interval's values */
    struct set_list *sets;           /* the sets that show members (set.h) */
    struct registry_counters *stats; /* counted there: REGISTRY_DECREMENTS */
    const struct profile *period_of; /* timer.c: the profile for which ... */
    uint64_t period;                 /* ... the period of now_ns was worked out last */
};

struct kind_ops {
    enum family_type (*family_type)(const struct profile *p);

    uint32_t cell_bytes; /* a multiple of 32 */
    /* c is zeroed but for its head.  false: no memory */
    bool (*cell_init)(struct cell *c, const struct profile *p);
    /* Empty the part. */
    void (*cell_begin)(struct cell *c, const struct profile *p, unsigned part);
    void (*cell_release)(struct cell *c);

    /* Does the part, of a series of profile p, make a line of /metrics?  NULL: always */
    bool (*makes_line)(const struct cell *c, const struct profile *p, unsigned part);

    uint32_t series_bytes; /* of one that is not bare */
    /* What the interval brought.  end_ns, wall_ms: when it closed, by both clocks. */
    void (*close)(const struct series *s, uint64_t end_ns, int64_t wall_ms,
                  struct closed_series *ret);
    void (*series_release)(struct series *s); /* as if new */

    uint32_t exposed_bytes;
    /*
     * Add all of `from` to `to`, which is of the same kind.  What would leave the finite doubles
     * stops at the last of them.
     */
    void (*absorb)(struct exposed *to, struct exposed *from, struct kind_now *now);
    void (*view)(struct exposed *e, uint64_t now_ns, struct sketch *scratch,
                 struct exposed_view *ret);
    void (*exposed_release)(struct exposed *e); /* as if new */

    /* ---- another mapping is in force ---- */

    /* May an exposed of profile a go on as one of b, with nothing of it changed?  NULL: any may */
    bool (*same_shape)(const struct profile *a, const struct profile *b);
    /*
     * e is of p from now on, which is of another shape, and keeps what p has a place for.
     * returns  false: that is nothing, and it starts at 0.  NULL without same_shape
     */
    bool (*reshape)(struct exposed *e, const struct profile *p, struct kind_now *now);
    /*
     * A series goes over from `from` to `to`, which is new: what does it take along?  Where several
     * take the same along and meet again, it is there once.  NULL: nothing
     */
    void (*carry)(struct exposed *to, struct exposed *from, struct kind_now *now);

    /* Append what e shows (registry_state.h); and read it back into e, which is new: false, when no
     * save has written that, and what came of it is to be released. */
    void (*save)(struct exposed *e, const struct kind_saved *at, struct buf *out);
    bool (*load)(struct exposed *e, const struct kind_saved *at, struct unpack *in);

    /* e, which is new, shows the total. */
    void (*put_total)(struct exposed *e, const struct total *t, struct kind_now *now);
};

/*
 * A row for each kind (kinds.c).  cell_init, cell_release and series_release are NULL where there
 * is nothing to do.
 */
extern const struct kind_ops *const kind_rows[SERIES_KIND_COUNT];

/*
 * Two operations that are no pointers in the row, but functions named after the kind:
 * counter_merge, counter_next and so on.  They are called for every cell of a page and every
 * series of an interval, where kinds come in any order, and a processor would mispredict every
 * other call by pointer.
 */

/**
 * kind_merge(s, e, c, part, now):
 * Add a cell's part to the interval of its series s, and to the exposed e of s.
 *   e        NULL: nothing to show (a counter that only went down)
 *   returns  false when a sum would have left the finite doubles: that sum is as it was, all else
 *            is added
 */
bool kind_merge(struct series *s, struct exposed *e, const struct cell *c, unsigned part,
                struct kind_now *now);

/* The next interval begins: s has brought nothing to it yet. */
void kind_next(struct series *s, const struct kind_now *now);

#endif
