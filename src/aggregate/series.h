/**
 * series: the input side of what is aggregated: an identity as it came in, and what its interval
 * brought for the sinks.  Private to aggregate/.
 *
 * Behind the head, each kind keeps the interval's value (counter.h, gauge.h, timer.h, set.h), and
 * behind that lies the tuple.  Where there is no sink, a series is bare: the head, then the tuple.
 */
#ifndef AGGREGATE_SERIES_H
#define AGGREGATE_SERIES_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "aggregate/exposed_priv.h"
#include "aggregate/profile.h"
#include "aggregate/snapshot.h"
#include "aggregate/tuple.h"
#include "base/slabs.h"

enum { SERIES_CELLS_MAX = (1 << 26) - 1 };

/*
 * Whether its interval's value is to reach the sinks.  Odd and even intervals have states of their
 * own, so that closing one changes no series: the state of those touched is that of those closing
 * from then on (registry_priv.h).
 */
enum series_state {
    SERIES_QUIET,   /* nothing came that the sinks have not got */
    SERIES_IN_EVEN, /* touched in an interval of even number */
    SERIES_IN_ODD,  /* .. of odd number */
    SERIES_EXPIRED  /* kept only because cells point here */
};

struct series {
    struct exposed *exposed; /* NULL: nothing to show so far, or expired.  May be off
                                          the page: exposed_priv.h */
    uint32_t last_s;         /* monotonic seconds of the last merge that touched it */
    uint32_t cells : 26;     /* workers' cells that point here; SERIES_CELLS_MAX: or more */
    uint32_t kind : 2;       /* enum series_kind */
    uint32_t state : 2;      /* enum series_state */
    uint32_t dropped : 1;    /* kept only for what its interval brought */
    uint32_t bare : 1;       /* no more than the head: no sink wants the interval's value */
};

static_assert(SERIES_KIND_COUNT <= 4, "two bits hold a kind");
static_assert(sizeof(struct series) == 16, "there are a million of them");

static inline void series_check(const struct series *s)
{
    assert(s != NULL);
    assert(s->state != SERIES_EXPIRED || (s->exposed == NULL && !s->dropped));
    assert(!s->dropped || s->exposed == NULL);
    assert(s->exposed == NULL || s->exposed->kind == s->kind);
}

/*
 * One cell more, or less, points here.  A stranger can send more spellings than can be counted:
 * from then on nobody knows when the last one goes, and the series stays until a reload takes all.
 */
static inline void series_cell_comes(struct series *s)
{
    if (s->cells < SERIES_CELLS_MAX)
        s->cells++;
}

static inline void series_cell_goes(struct series *s)
{
    assert(s->cells > 0);
    if (s->cells < SERIES_CELLS_MAX)
        s->cells--;
}

/* Every worker has let go of all its cells. */
static inline void series_cells_gone(struct series *s)
{
    assert(s->cells == 0 || s->cells == SERIES_CELLS_MAX);
    s->cells = 0;
}

/* Of that identity, without any cell; its tuple uses the symbols. */
struct series *series_new(struct slabs *memory, struct symbols *ss, const struct identity *id,
                          uint8_t profile, bool bare);

/* As if its interval had brought nothing. */
void series_clear(struct series *s);

/* s left the page; what it holds of its interval is released. */
void series_free(struct series *s, struct slabs *memory, struct symbols *ss);

const struct tuple *series_tuple(const struct series *s);

/* Its profile, of those that are in force; series_set_profile takes the number. */
const struct profile *series_profile(const struct series *s, const struct profiles *ps);
void series_set_profile(struct series *s, uint8_t profile);

#endif
