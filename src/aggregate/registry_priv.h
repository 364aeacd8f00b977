/**
 * registry_priv: the registry's inside, shared by registry.c, family.c, claim.c, walk.c and exposed.c.  Private to
 * aggregate/.
 */
#ifndef AGGREGATE_REGISTRY_PRIV_H
#define AGGREGATE_REGISTRY_PRIV_H

#include "aggregate/index.h"
#include "aggregate/off_page_list.h"
#include "aggregate/registry.h"
#include "aggregate/series.h"

struct registry {
    struct registry_opts opts;
    struct index by_identity;        /* every series */
    struct index by_labels;          /* heads, by family and label text */
    struct index by_name;            /* families */
    struct family **families;        /* all, the first n_sorted in order; NULL where one was dropped */
    size_t n_families, n_sorted, n_dropped, cap_families;
    uint64_t order;                  /* goes up when families change their places */
    uint64_t n_born;                 /* families since ever */
    struct registry_walk *walks;     /* under way */
    struct series **all;             /* every series, for expiry */
    size_t n_all, cap_all;
    struct series **touched;         /* in the current interval */
    size_t n_touched, cap_touched;
    struct set_series **sets;        /* sets that show members: see registry_next */
    uint64_t interval;               /* number of the open interval */
    size_t n_sets, cap_sets;
    uint64_t by_kind[SERIES_KIND_COUNT];
    uint64_t next_expire_ns;
    struct registry_counters stats;
    struct off_page_list off_page;
    struct interval_end end;         /* of the interval just closed */
    struct buf text, name;           /* scratch */
    struct sketch window;            /* scratch */
    double *le;                      /* scratch */
};

/*
 * family.c: put a series into the family of its name and type; or leave it out, so that s->family stays NULL, and count
 * its samples as kept off /metrics.
 */
void family_attach(struct registry *r, struct series *s, uint32_t now_s, uint32_t samples);
void family_detach(struct registry *r, struct series *s);
/* Its name goes to another: its series leave /metrics, their values stay.  f is gone. */
void family_evict(struct registry *r, struct family *f);
void family_reserve(struct registry *r, const char *name);
void family_release_all(struct registry *r);
/* The first of the twins of s, which has a family. */
struct series *family_head(struct registry *r, struct series *s);

struct family *family_find(const struct registry *r, struct slice name);   /* NULL: there is none */

/* A series asks for a place under a name that has no family of its type yet. */
struct claim {
    const struct series *series;
    struct slice name;               /* as exposed; not in r->text */
    enum family_type type;
    uint32_t now_s, samples;         /* of the series, which wait for the answer */
};

/**
 * claim_name(r, c):
 * May there be a new family of that name and type?  Families in its way that are idle give way.  (claim.c)
 *   returns  true; false: something is in its way, and the samples are counted as kept off /metrics
 */
bool claim_name(struct registry *r, const struct claim *c);

/* walk.c: f goes away. */
void walks_forget(struct registry *r, const struct family *f);
/* f->series[hole] is gone: fill its place so that no series passes a bound of a walk. */
void walks_close_hole(struct registry *r, struct family *f, size_t hole);

uint64_t family_index_hash(const void *family);
uint64_t family_labels_hash(const void *series);

#endif
