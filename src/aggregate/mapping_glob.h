/**
 * mapping_glob: of many globs, the one that a name falls under.
 *
 * A glob's *shape* is which of its components are `*`.  Of one shape with k components at most one
 * glob matches a name, and it is found by a single look-up, with the components that are not `*` as
 * the key:
 *
 *     shape        globs                         key of api.v2.login.time
 *     l * l *      api.*.login.*, db.*.read.*    api   login
 *     * * l l      *.*.read.time                 login time
 *
 * So there is no tree to walk and no way back from a branch that ends, whatever the rules are.  A
 * name is not looked up in each shape of its length either: for each component there is a word of
 * 64 bits, one for each shape (or for a run of them, if there are more than 64), which is set where
 * a glob of that shape has `*` or this text in this place.  The words of all the components,
 * and-ed, leave the few shapes that are worth a look-up, mostly none or the right one.
 *
 * Shapes are tried in the order in which they win: with `unordered` a literal wins over `*` at the
 * leftmost component in which two shapes differ, so the first hit is the answer; else the shape
 * with the earliest rule comes first, and the search ends where all that are left are later.
 *
 *   thread   any, each with places of its own
 *   cost     a look-up for each component, and one for each shape left over: of those there are at
 *            most as many as the rules of this length have shapes (a dozen in files that are used;
 *            where 8,000 rules were made to have 8,000 shapes and look alike, 10 ns each)
 */
#ifndef AGGREGATE_MAPPING_GLOB_H
#define AGGREGATE_MAPPING_GLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum { MAPPING_GLOB_CLASSES = 3 };

#define MAPPING_GLOB_NONE UINT32_MAX

/* Room for the components of a name. */
struct mapping_place {
    struct slice text;
    uint64_t hash;
};

struct mapping_globs;

struct mapping_glob {
    const char *text; /* borrowed */
    uint32_t rule;    /* its number: the lower was declared earlier */
    uint8_t classes;  /* bit 1 << class */
};

/* globs is sorted. */
struct mapping_globs *mapping_globs_new(struct mapping_glob *globs, size_t n, bool unordered);
void mapping_globs_free(struct mapping_globs *g); /* NULL is fine */

/* How many places a search needs. */
size_t mapping_globs_longest(const struct mapping_globs *g);
size_t mapping_globs_memory(const struct mapping_globs *g);

/* returns  the number of the rule; MAPPING_GLOB_NONE */
uint32_t mapping_globs_find(const struct mapping_globs *g, struct mapping_place *places,
                            struct slice name, unsigned class);

/*
 * What the `*` of glob stand for in name, which it matches.
 *   captures  room for one more than glob has components; [0] is name
 *   returns   how many
 */
size_t mapping_glob_captures(const char *glob, struct slice name, struct slice *captures);

/*
 * Takes the first component off; the last one leaves rest with a NULL ptr.  While rest->ptr is not
 * NULL there is one, maybe empty.
 */
static inline struct slice mapping_glob_component(struct slice *rest)
{
    struct slice head = *rest;
    if (!slice_cut(rest, '.', &head))
        *rest = slice_of(NULL, 0);
    return head;
}

static inline bool mapping_glob_is_star(struct slice component)
{
    return component.len == 1 && component.ptr[0] == '*';
}

#endif
