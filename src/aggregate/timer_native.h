/**
 * timer_native: the native histogram of a timer, for profiles that ask for one.  Private to
 * aggregate/.
 *
 * It holds values as they are shown, since ever.  The bucket bounds of a value in milliseconds and
 * of the same value in seconds are no bounds of each other (1000 is no power of two), so a sketch
 * of what was sent cannot be turned into one of what is shown.  Where the two differ, a worker's
 * cell has a second sketch, of what is shown; it is of the native schema, which is in most cases
 * the coarser one, and small.  Where they do not (h and d), the cell's own sketch serves both, as
 * finer buckets turn into coarser ones exactly.  A wide zero bucket asks for a second sketch, too:
 * its bound is a bound of no bucket.
 *
 * Nothing in it ever falls: buckets only grow, and the schema only goes down, by which two buckets
 * become one that holds what both held.
 */
#ifndef AGGREGATE_TIMER_NATIVE_H
#define AGGREGATE_TIMER_NATIVE_H

#include <math.h>
#include <stdbool.h>

#include "aggregate/profile.h"
#include "aggregate/sketch.h"

/* Does a cell of that profile need a second sketch?   factor: what is sent is shown times this */
static inline bool timer_native_apart(const struct profile *p, double factor)
{
    return profile_native(p) && (factor != 1 || p->native_zero_threshold > SKETCH_ZERO_MAX);
}

/*
 * Two sketches, one for each part of a cell; NULL where it needs none.
 *   returns  false: no memory
 */
bool timer_native_open(struct sketch **ret, const struct profile *p, double factor);
void timer_native_close(struct sketch *parts); /* NULL is fine */

/* To one of them.  Add a value as it is shown; one without memory is in no bucket. */
static inline void timer_native_add(struct sketch *k, const struct profile *p, double shown,
                                    double weight)
{
    (void)sketch_add(k, fabs(shown) <= p->native_zero_threshold ? 0 : shown, weight);
}

/**
 * timer_native_take(to, p, shown, sent, factor), timer_native_merge(to, p, from):
 * Add a part of a cell; what another exposed has.  Then go coarser until no more buckets are in use
 * than the profile allows, and until both signs are of one schema.
 *   to       NULL until first used; the exposed owns it
 *   p        of the exposed
 *   shown    the cell's sketch of values as shown; NULL: it has none
 *   sent     the cell's sketch of values as sent, each of which is shown times factor.  Where it
 *            cannot stand for the other (the cell's profile is not p, and asks for no native
 *            histogram), values count as the middle of their bucket, and may come to be in the one
 *            beside theirs
 */
void timer_native_take(struct sketch **to, const struct profile *p, const struct sketch *shown,
                       const struct sketch *sent, double factor);
void timer_native_merge(struct sketch **to, const struct profile *p, const struct sketch *from);

/* As struct exposed_view has it: NULL, where there was no memory to bring both signs together. */
const struct sketch *timer_native_view(struct sketch **k, const struct profile *p);

void timer_native_free(struct sketch *k); /* NULL is fine */

#endif
