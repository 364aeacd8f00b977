/**
 * registry_walk: over what /metrics shows, in pieces, between which the registry goes on: families
 * by name, and of each its lines.
 *
 * An exposed that is there from the walk's begin to its end is visited exactly once; one that comes
 * or goes meanwhile at most once.  A family made after the walk's begin is not visited, for it may
 * have taken over the name of one that was.
 *
 *     registry_walk_begin(r, &w);
 *     while ((f = registry_walk_family(&w)) != NULL)
 *         while ((e = registry_walk_exposed(&w)) != NULL)
 *             ...                     merges and expiries may come in here, between any two calls
 *     registry_walk_end(&w);
 *
 *   thread   control
 *   cost     a family: a copy of its name and help, and a binary search where families came or went
 */
#ifndef AGGREGATE_REGISTRY_WALK_H
#define AGGREGATE_REGISTRY_WALK_H

#include <stddef.h>
#include <stdint.h>

#include "aggregate/exposed.h"
#include "aggregate/family.h"
#include "base/buf.h"

struct families;
struct registry;

struct registry_walk {
    struct registry *registry;
    struct families *families;
    struct family_cursor cursor;
    size_t place;    /* of the next family in the sorted list ... */
    uint64_t order;  /* ... as long as the list is of this order */
    uint64_t begun;  /* the number of the youngest family at the begin */
    struct buf name; /* of the family last entered */
    struct buf help; /* of it, NUL-terminated; empty where it has none */
};

void registry_walk_begin(struct registry *r, struct registry_walk *w);
void registry_walk_end(struct registry_walk *w);

/* The next family that is not reserved; NULL: that was all. */
const struct family *registry_walk_family(struct registry_walk *w);

/* Visit what is in the family at hand once more. */
void registry_walk_again(struct registry_walk *w);

/* The next of the family at hand; NULL: that was all of it. */
struct exposed *registry_walk_exposed(struct registry_walk *w);

#endif
