/**
 * registry: every series the server knows, merged from all workers: what /metrics shows, and what
 * the sinks get.
 *
 *     input side                                         output side
 *     ----------                                         -----------
 *     cells of a worker's page  --registry_merge-->      exposed: a line of /metrics, cumulative
 *            |                                              ^            |
 *            +----------------->  series, an identity ------+          family: one name, one type
 *                                 and its interval                       |
 *                                       |                           registry_walk, registry_view
 *                                 registry_give                          |
 *                                       v                                v
 *                                     sinks                           /metrics
 *
 * A series is an identity as it came in (type, name, sorted tags); the spellings of an identity and
 * the workers meet there.  It keeps what its interval brought, when there is a sink, and points to
 * its exposed (exposed.h), which several series may share.  A series that expires leaves what it
 * brought; the exposed goes with its last series, and starts at 0 if it comes back.
 *
 * What would stand on /metrics under another family's name, or under a reserved one, stays off it
 * and still goes to the sinks (off_page.h).  It goes on collecting: a name changes hands when
 * nothing in its family has had a sample for type_idle_s and a series of another type comes.  The
 * family then leaves /metrics, and the newcomer shows all it has brought since it was first seen.
 *
 *   thread   control
 */
#ifndef AGGREGATE_REGISTRY_H
#define AGGREGATE_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregate/exposed.h"
#include "aggregate/family.h"
#include "aggregate/limit.h"
#include "aggregate/snapshot.h"
#include "aggregate/counters.h"
#include "base/slice.h"

struct deleted;
struct mapping;
struct off_page_note;
struct page;
struct registry;

struct registry_opts {
    bool suffixes;                   /* counters end in _total, timings (ms) in _seconds */
    const struct profiles *profiles; /* those of the workers; borrowed until registry_remap */
    const struct mapping *mapping;   /* likewise; NULL: names and labels are as sent */
    uint64_t type_idle_s;            /* a family idle for longer gives its name to a newcomer; 0:
                                        never */
    bool births;                     /* keep since when each exposed counts (8 bytes each) */
    const char *exemplar_tag;        /* whose values the exemplars of the pages are; borrowed.
                                        NULL, "": there are none */
    bool keep_intervals;             /* there is a sink: keep what an interval brings */
    const char *const *reserved;     /* names of our own metrics */
    size_t n_reserved;
    struct series_limit *limit; /* shared with the workers */
    /*
     * Called by registry_merge once for each new note (off_page.h); must not call the registry.
     * May be NULL.
     */
    void (*on_off_page)(void *cookie, const struct off_page_note *n);
    void *cookie;
};

/* opts is copied; what else it points to is borrowed for the registry's life. */
struct registry *registry_new(const struct registry_opts *opts);
void registry_free(struct registry *r);

/**
 * registry_merge(r, p, now_ns):
 * Add a sealed page to the series and exposed.  The caller gives it back afterwards
 * (ingest_give).  What would carry a total out of the finite doubles is left out of that total and
 * counted (statsd_sums_refused_total); the interval's sum, for the sinks, is judged on its own.
 *   cost     O(series touched)
 */
void registry_merge(struct registry *r, struct page *p, uint64_t now_ns);

/**
 * registry_merge_some(r, p, now_ns, most):
 * The same in slices, between which the registry may be read, and give (registry_interval.h).  One
 * page at a time; no interval closes and no mapping changes before it is done, and what is idle
 * stays.
 *   now_ns   no earlier than the slice before
 *   most     cells of the page to work off, > 0: a timer counts as four, a set as sixteen
 *   returns  false: all of it is merged
 */
bool registry_merge_some(struct registry *r, struct page *p, uint64_t now_ns, size_t most);

/**
 * registry_expire(r, now_ns):
 * Remove what is idle.  A sweep over all series begins at most once a second, or ten times per ttl
 * when that is less often; each call is a slice of it.  A series leaves /metrics, and is counted as
 * expired, when its slice comes.  While a page is merged a sweep begins, and waits for its end.
 *   returns  true: the sweep has more to do, call again soon
 *   cost     32,768 series looked at, 1,024 removed at most
 */
bool registry_expire(struct registry *r, uint64_t now_ns);

/*
 * What was deleted (registry_search.h) since the call before, and workers have cells of: for
 * ingest_forget of each.  NULL: nothing.  The caller's reference
 */
struct deleted *registry_take_deleted(struct registry *r);
bool registry_has_deleted(const struct registry *r);

/**
 * registry_remap(r, profiles, mapping, now_ns):
 * Another mapping is in force.  Every worker has been renewed (ingest_renew), and the pages of the
 * old mapping are merged.
 *     dropped now       the series leaves /metrics at once, and goes when its interval is over
 *     the line is the   same name, labels and type: it keeps its value; where the bounds of a
 *     same              histogram differ it starts at 0; a summary's window takes over what fits
 *     another line      the series leaves the old one, which goes with its last series; on the new
 *                       one, unless that is there already, counters and timers start at 0, gauges
 *                       and sets show what they showed
 * What is kept off the page goes on collecting.  Help texts are those of the new rules.  The old
 * profiles and mapping are no longer referred to.
 *   cost     O(series): for each of them as much as for a new one
 */
struct registry_remapped {
    size_t moved, dropped; /* series */
};
struct registry_remapped registry_remap(struct registry *r, const struct profiles *profiles,
                                        const struct mapping *mapping, uint64_t now_ns);

/* All families, the reserved ones too, sorted by name; valid until the next merge or expiry. */
struct family *const *registry_families(struct registry *r, size_t *ret_n);

/* The type of the family of that name; FAMILY_TYPE_COUNT: there is none. */
enum family_type registry_family_type(const struct registry *r, struct slice name);

/*
 * Counters of the control thread (TYPE_CONFLICTS .. SERIES_EXPIRED), and how many series there are.
 */
const struct registry_counters *registry_stats(const struct registry *r);
uint64_t registry_count(const struct registry *r, enum series_kind kind);

/* Lines of /metrics, a timer's counted as one. */
size_t registry_exposed(const struct registry *r);

/* Lines of a saved state (registry_state.h) for which no sample has come, as of the last sweep. */
size_t registry_restored(const struct registry *r);

/* The family with the most exposed, which the log names at the limit.  NULL when there is none. */
const struct family *registry_largest(const struct registry *r, size_t *ret_series);

/* Append e's labels, `k="v",k2="v2"`: no braces, nothing without labels. */
void registry_labels(const struct registry *r, const struct exposed *e, struct buf *out);

/* What e shows now.  The view's arrays are valid until the next call, merge or expiry. */
void registry_view(struct registry *r, struct exposed *e, uint64_t now_ns,
                   struct exposed_view *ret);

/* All notes of what is kept off the page (off_page.h), in no order; valid until the next merge. */
const struct off_page_note *const *registry_off_page(const struct registry *r, size_t *ret_n);

#endif
