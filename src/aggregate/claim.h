/**
 * claim: may a new family stand under its name?  Private to aggregate/.
 *
 * Not where one of its lines would have a reserved name, or a name that another family makes lines
 * of; unless that family is idle: then it gives way.
 */
#ifndef AGGREGATE_CLAIM_H
#define AGGREGATE_CLAIM_H

#include <stdbool.h>
#include <stdint.h>

#include "aggregate/families.h"
#include "aggregate/off_page_list.h"
#include "base/buf.h"
#include "aggregate/counters.h"

/* The families to ask, and where to count and note what is refused. */
struct claim_desk {
    const struct symbols *symbols;
    struct families *families;
    uint64_t type_idle_s; /* as in registry_opts */
    struct off_page_list *notes;
    void (*on_off_page)(void *cookie, const struct off_page_note *n); /* may be NULL */
    void *cookie;
    struct registry_counters *stats; /* REGISTRY_TYPE_CONFLICTS, REGISTRY_RESERVED_NAMES */
    struct buf scratch;              /* owned */
};

/* A series asks for a place under a name that has no family of its type yet. */
struct claim {
    struct slice name; /* as exposed */
    struct slice sent; /* as the series sent it */
    enum series_kind kind;
    enum family_type type;
    uint32_t now_s, samples; /* of the series, which wait for the answer */
};

/**
 * claim_name(d, c):
 *   returns  true: there may be a family of that name and type now.  false: something keeps it off
 *            /metrics, and its samples are counted and noted
 */
bool claim_name(struct claim_desk *d, const struct claim *c);

#endif
