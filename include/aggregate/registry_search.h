/**
 * registry_search: series by their names and tags, looked for in slices, between which pages are
 * merged and series come and go.
 *
 *     s = registry_search_new(r, &opts)
 *     while (registry_search_some(s, 64)) ...
 *     for (i = 0; i < s->n_found; i++)
 *         if (registry_search_row(s, i, now_ns, &row)) ...      false: it has gone
 *     registry_search_free(s)
 *
 * A series that is there from the begin to the end is looked at.  Found are the first `limit` in
 * the order of their keys, then types, behind `after`: so pages one after another show each series
 * once, whatever comes and goes in between.
 *
 * With `remove` each match leaves /metrics at once and forgets what it brought; what its interval
 * brought still goes to the sinks.  If it comes back it starts at 0.
 *
 *   thread   control
 *   cost     0.1 to 0.3 us a series; a thousand keys are kept at most
 */
#ifndef AGGREGATE_REGISTRY_SEARCH_H
#define AGGREGATE_REGISTRY_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregate/exposed.h"
#include "aggregate/family.h"
#include "aggregate/series_pattern.h"
#include "base/buf.h"
#include "protocol/sample.h"

struct mapping_rule;
struct mapping_scratch;
struct registry;

enum { SEARCH_LIMIT_MAX = 1000, SEARCH_ANY_TYPE = SAMPLE_TYPE_COUNT };

struct registry_search_opts {
    struct series_pattern *pattern; /* taken */
    uint8_t type;                   /* enum sample_type, or SEARCH_ANY_TYPE */
    size_t limit;                   /* 1 to SEARCH_LIMIT_MAX */
    struct slice after;             /* a key, copied; ptr NULL: from the first on */
    uint8_t after_type;
    bool remove; /* nothing is found but removed */
};

struct found {
    uint64_t hash; /* of the identity */
    uint32_t len;
    uint8_t type;
    char key[];
};

struct registry_search {
    struct registry *registry;
    struct registry_search_opts opts;
    struct buf after, key;
    size_t at;            /* index of what was looked at last, in the registry's list */
    struct found **found; /* the largest first; from the end of the walk on in their order */
    size_t n_found;
    size_t matched, behind, scanned, removed; /* behind: matched behind `after` */
    bool done;
    /* Of each name, by its symbol's number: looked at, and with what result.  NULL: not kept */
    uint8_t *names;
    size_t cap_names;
    uint64_t names_gone;
    struct mapping_scratch *scratch; /* of the mapping whose profiles are of set `mapped` */
    uint64_t mapped;
};

struct registry_search *registry_search_new(struct registry *r,
                                            const struct registry_search_opts *opts);
void registry_search_free(struct registry_search *s); /* NULL is fine */

/**
 * registry_search_some(s, most):
 *   most     series to look at; a regex or long text counts as several (series_pattern_counts), a
 *            removed one as four
 *   returns  false: all were looked at.  true: call again, perhaps without anything done (nothing
 *            is removed while a page is being merged)
 */
bool registry_search_some(struct registry_search *s, size_t most);

/* Valid until the registry changes. */
struct series_row {
    struct slice key, name;
    enum sample_type type;
    const void *series; /* for registry_row_tag */
    unsigned n_tags;
    uint64_t idle_s; /* since the last sample */
    bool shown;      /* view is filled in */
    struct exposed_view view;
    enum family_type family; /* FAMILY_TYPE_COUNT: on no page */
    struct slice exposed;    /* its name */
    bool alone; /* in its family: no other series has the name, as far as /metrics shows */
};

bool registry_search_row(struct registry_search *s, size_t i, uint64_t now_ns,
                         struct series_row *ret);

/* The rule of the mapping in force that the series goes by; NULL: none. */
const struct mapping_rule *registry_search_rule(struct registry_search *s,
                                                const struct series_row *row);

/* Append `k:v` of tag i. */
void registry_row_tag(const struct registry_search *s, const struct series_row *row, unsigned i,
                      struct buf *out);

#endif
