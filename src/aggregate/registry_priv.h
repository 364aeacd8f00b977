/**
 * registry_priv: the registry's inside, shared by registry.c, registry_merge.c, registry_births.c,
 * registry_interval.c, registry_expire.c, registry_walk.c, registry_remap.c and
 * registry_exemplars.c, registry_save.c, registry_load.c, registry_search.c and registry_totals.c.
 * Private to aggregate/.
 */
#ifndef AGGREGATE_REGISTRY_PRIV_H
#define AGGREGATE_REGISTRY_PRIV_H

#include <assert.h>

#include "aggregate/deleted.h"
#include "aggregate/output.h"
#include "aggregate/page.h"
#include "aggregate/places.h"
#include "aggregate/registry.h"
#include "aggregate/restored.h"
#include "aggregate/series.h"
#include "aggregate/set.h"

enum { BIRTH_STEPS = 3 }; /* in which a birth to come is prepared */

/* The page that is being merged: how far. */
struct merging {
    struct page *page;                         /* NULL: none is */
    const struct birth *birth;                 /* the next one */
    const struct birth *ahead_at[BIRTH_STEPS]; /* the next one of each step; NULL: no more */
    size_t touched, deaths;
    const struct cell_exemplar *exemplar; /* the next one */
};

/* The interval that is over: its series, as far as they are given to the sinks. */
struct closing {
    struct series **at; /* n of them; NULL: all are given */
    size_t n, next;
    struct interval_end end;
};

struct registry {
    struct registry_opts opts;
    struct output output;   /* what /metrics shows */
    struct symbols symbols; /* of all tuples */
    struct slabs memory;    /* for series */
    struct series **all;    /* every series */
    uint64_t *hashes;       /* of the identity of each, likewise */
    size_t n_all, cap_all, cap_hashes;
    struct places by_identity; /* in all */
    struct series **touched;   /* in the current interval */
    size_t n_touched, cap_touched;
    struct set_list sets; /* sets that show members */
    uint64_t interval;    /* number of the open interval */
    uint64_t by_kind[SERIES_KIND_COUNT];
    uint64_t next_expire_ns;
    size_t expire_at;     /* index in all where the sweep goes on */
    bool expiring;        /* a sweep is under way */
    uint64_t least_ttl_s; /* of all profiles; 0: no series ever expires */
    struct restored restored;
    struct deleted *deleted; /* series to which cells point, as is not told so far; NULL: none */
    bool forget_due;         /* the last cell of an expired series went: a sweep forgets it */
    size_t n_dropped;        /* series that go when their interval is over: a reload dropped them */
    struct registry_counters stats;
    struct merging merging;
    struct closing closing;
    struct sketch scratch;
    struct buf exemplar_labels; /* scratch */
    struct buf key;             /* of the series that is given: scratch */
};

static inline void registry_check(const struct registry *r)
{
    assert(r->n_all <= r->cap_all && r->n_all <= r->cap_hashes);
    assert(r->by_identity.n == r->n_all);
    assert(r->n_touched <= r->n_all && r->n_touched <= r->cap_touched);
    assert(r->sets.n <= r->sets.cap && r->n_dropped <= r->n_all);
    assert(r->closing.next <= r->closing.n && (r->closing.at != NULL || r->closing.n == 0));
}

/* The state of series touched in the open interval, and of those that are still to be given. */
static inline unsigned registry_open(const struct registry *r)
{
    return r->interval % 2 == 0 ? SERIES_IN_EVEN : SERIES_IN_ODD;
}

static inline unsigned registry_closing(const struct registry *r)
{
    bool even = (r->interval % 2 == 0) == r->closing.end.goes_on;
    return even ? SERIES_IN_EVEN : SERIES_IN_ODD;
}

struct kind_now registry_kind_now(struct registry *r, uint64_t now_ns);

/* r->all, for r->by_identity. */
struct places_array registry_series(const struct registry *r);

bool registry_knows(const struct registry *r, const struct identity *id);

/* A page begins to be merged: all its births are to come. */
void registry_adopt_begin(struct registry *r);

/* The next of them, while *most is above 0: each cell leads to its series from now on. */
void registry_adopt(struct registry *r, size_t *most);

/* A series that is closing: its sinks get what its interval brought, and the next one begins. */
void registry_give_series(struct registry *r, struct series *s);

/* A series appears: for the first time, or again after it had expired. */
void registry_appear(struct registry *r, struct series *s);

/* Without an exposed from now on. */
void registry_leave_page(struct registry *r, struct series *s);

/* It leaves the page and forgets its values; its interval is over. */
void registry_expire_series(struct registry *r, struct series *s);

/*
 * r->all[i] is not wanted any more, whether idle or not: it is as if it had never come, but that
 * the sinks still get what its interval brought.  Not while a page is being merged.
 */
void registry_remove(struct registry *r, size_t i);

/* r->all[i], which has expired, and which no worker's cell points to: it is gone. */
void registry_forget(struct registry *r, size_t i);

/*
 * Put the exemplars of the page, whose cells are merged, beside what those are exposed as: the next
 * of them, while *most is above 0.
 */
void registry_take_exemplars(struct registry *r, size_t *most);

#endif
