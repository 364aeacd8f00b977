/**
 * registry: every series the server knows, merged from all workers: what /metrics shows and what the sinks get.
 *
 * A series is an identity (type, name, sorted tags).  Raw spellings and workers meet here: registry_merge folds the touched
 * cells of a sealed page into their series.  Each series keeps what /metrics shows (cumulative sums, gauges, the sliding
 * window of a summary) and, apart from it, what came in during the current interval, for the sinks.
 *
 * Series gather in families: one Prometheus name, one type.  The first type a name gets is its type; series of another
 * type under that name, or under the `_sum`, `_count`, `_bucket` names that a summary or histogram makes, are left out
 * of /metrics and counted, and still go to the sinks; so are those whose name is reserved (off_page.h).  Two identities
 * that Prometheus spells alike (a.b and a-b) are twins: one line, added up.
 *
 * A name changes hands when no series of its family has had a sample for type_idle_s and one of another type comes: the
 * family's series leave /metrics, and the newcomer shows all it has brought since it was first seen.
 *
 *   thread   control
 */
#ifndef AGGREGATE_REGISTRY_H
#define AGGREGATE_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregate/limit.h"
#include "aggregate/snapshot.h"
#include "base/buf.h"
#include "aggregate/counters.h"

struct off_page_note;
struct page;
struct registry;
struct series;

/* X(id, word): how Prometheus types a family. */
#define FAMILY_TYPES(X) \
    X(COUNTER, "counter") X(GAUGE, "gauge") X(SUMMARY, "summary") X(HISTOGRAM, "histogram") X(RESERVED, "untyped")

enum family_type {
#define X(id, word) FAMILY_##id,
    FAMILY_TYPES(X)
#undef X
    FAMILY_TYPE_COUNT
};

const char *family_type_word(enum family_type t);

struct family {
    char *name;                /* as exposed, suffixes included; NUL-terminated */
    uint32_t name_len;
    enum family_type type;     /* FAMILY_RESERVED: a name of our own, never rendered here */
    struct series **series;    /* n heads, in no order */
    size_t n, cap;
    size_t at;                 /* place in the registry's list */
    uint64_t hash;
    uint64_t born;             /* which one it was of all families, for walks: 1, 2, ... */
    uint64_t busy_until_s;     /* until then it is not idle, as far as looked at (claim.c); monotonic seconds */
};

enum { SET_STEPS_MAX = 12 };

struct registry_opts {
    bool suffixes;                  /* counters end in _total, timings (ms) in _seconds */
    bool histograms;                /* timers are histograms, not summaries */
    const double *buckets;          /* `le` bounds, ascending */
    uint32_t n_buckets;
    const double *quantiles;        /* of summaries, ascending */
    uint32_t n_quantiles;
    uint32_t summary_max_age_ms;    /* up to 49 days */
    uint32_t summary_age_buckets;
    uint32_t set_steps;             /* a set shows the open step and this many before it; 0: the last closed interval */
    uint32_t set_step_intervals;    /* intervals in a step, >= 1 where there are steps */
    int sketch_schema;
    uint64_t ttl_s;                 /* a series idle for longer is removed; 0: never */
    uint64_t type_idle_s;           /* a family idle for longer gives its name to a newcomer; 0: never */
    bool several_sources;           /* as in ingest_opts */
    bool keep_intervals;            /* there is a sink: keep the interval's values apart */
    const char *const *reserved;    /* names of our own metrics */
    size_t n_reserved;
    struct series_limit *limit;     /* shared with the workers */
    /* Called by registry_merge once for each new note (off_page.h); must not call the registry.  NULL: nobody asks. */
    void (*on_off_page)(void *cookie, const struct off_page_note *n);
    void *cookie;
};

/* opts is copied; the arrays it points to are borrowed for the registry's life. */
struct registry *registry_new(const struct registry_opts *opts);
void registry_free(struct registry *r);

/**
 * registry_merge(r, p, now_ns):
 * Fold a sealed page in.  Afterwards the page is given back (ingest_give).  What would carry a total out of the
 * finite doubles is left out of that total and counted (statsd_sums_refused_total); the interval's sum, for the
 * sinks, is judged on its own.
 *   cost     O(series touched)
 */
void registry_merge(struct registry *r, struct page *p, uint64_t now_ns);

/* The counters that the worker sealed into the page: totals since its start.  rejected: REASON_COUNT numbers. */
const struct ingest_counters *page_stats(const struct page *p);
const uint64_t *page_rejected(const struct page *p);

/**
 * registry_close(r, start_s, interval_ms, now_ns, now_wall_ms, ret):  ... sinks read ret ...  registry_next(r):
 * The interval is over: *ret shows what came in.  registry_next then begins the next one; ret is invalid from there on.
 */
struct interval_end {
    int64_t start_s, interval_ms;
    uint64_t now_ns;
    int64_t now_wall_ms;
};
void registry_close(struct registry *r, const struct interval_end *end, struct snapshot *ret);
void registry_next(struct registry *r);

/* Remove what is idle; looks at the series at most once a second, or ten times per ttl when that is less often. */
void registry_expire(struct registry *r, uint64_t now_ns);

/* All families, the reserved ones too, sorted by name; valid until the next merge or expiry. */
struct family *const *registry_families(struct registry *r, size_t *ret_n);

/**
 * A walk over what /metrics shows, in pieces, between which the registry goes on: families by name, and of each its series.
 * A series that is there from the walk's begin to its end is met exactly once; one that comes or goes meanwhile at most once.
 * A family made after the walk's begin is not met, for it may have taken over the name of one that was.
 *
 *     registry_walk_begin(r, &w);
 *     while ((f = registry_walk_family(&w)) != NULL)
 *         while ((s = registry_walk_series(&w)) != NULL)
 *             ...                     merges and expiries may come in here, between any two calls
 *     registry_walk_end(&w);
 *
 *   cost     a family: a copy of its name, and a binary search where families came or went
 */
struct registry_walk {
    struct registry *registry;
    struct registry_walk *next;     /* of those under way */
    struct family *family;          /* at hand; NULL: between two, or it was dropped */
    size_t at;                      /* so many of its series were met: they stand first */
    size_t until;                   /* behind it: those that came later, not to be met (they may be old ones that went) */
    size_t place;                   /* of the next family in the sorted list ... */
    uint64_t order;                 /* ... as long as the list is of this order */
    uint64_t begun;                 /* how many families had been born */
    struct buf name;                /* of the last family begun */
};

void registry_walk_begin(struct registry *r, struct registry_walk *w);
void registry_walk_end(struct registry_walk *w);

/* The next family that is not reserved; NULL: that was all. */
const struct family *registry_walk_family(struct registry_walk *w);

/* The next series (a head) of the family at hand; NULL: that was all of it. */
struct series *registry_walk_series(struct registry_walk *w);

/* Counters of the control thread (TYPE_CONFLICTS .. SERIES_EXPIRED), and how many series there are. */
const struct registry_counters *registry_stats(const struct registry *r);
uint64_t registry_count(const struct registry *r, enum series_kind kind);

/* The family with the most series: what to blame at the limit.  NULL when there is none. */
const struct family *registry_largest(const struct registry *r, size_t *ret_series);

/* ---- a series as /metrics shows it: s is a head (of family->series); its twins are added in ---- */

/* Append `k="v",k2="v2"`: no braces, nothing without labels. */
void series_labels(const struct series *s, struct buf *out);

double series_counter(const struct series *s);

/* returns  false when there is nothing to show yet (with set_steps 0, a set before its first interval closed) */
bool series_gauge(const struct series *s, double *ret);

struct timer_view {
    double count, sum;
    const double *quantiles;    /* summary: n_quantiles values, NaN when the window is empty */
    const double *le;           /* histogram: n_buckets + 1 counts, not cumulative, the last past all bounds */
};
/* The view's arrays are valid until the next call for any series. */
void series_timer(struct registry *r, struct series *head, uint64_t now_ns, struct timer_view *ret);

#endif
