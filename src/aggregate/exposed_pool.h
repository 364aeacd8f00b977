/**
 * exposed_pool: memory for what is exposed, packed by kind.  Private to aggregate/.
 *   thread   control; without memory the process ends (base/mem.h)
 */
#ifndef AGGREGATE_EXPOSED_POOL_H
#define AGGREGATE_EXPOSED_POOL_H

#include "aggregate/exposed_exemplars.h"
#include "aggregate/exposed_priv.h"
#include "aggregate/profile.h"
#include "aggregate/snapshot.h"
#include "base/slab.h"

struct exposed_pool {
    bool births; /* the time of birth of each is kept, 8 bytes behind it */
    struct slab slabs[SERIES_KIND_COUNT];
    struct exposed_exemplars exemplars;
};

void exposed_pool_init(struct exposed_pool *pool, bool births);
void exposed_pool_release(struct exposed_pool *pool); /* all were freed */

/* Off the page, empty, with one series that points to it; born now. */
struct exposed *exposed_pool_new(struct exposed_pool *pool, enum series_kind kind,
                                 const struct profile *profile, uint64_t now_ns);
/* Since when e counts, monotonic nanoseconds; NULL: births are not kept. */
uint64_t *exposed_pool_birth(const struct exposed_pool *pool, struct exposed *e);

void exposed_pool_free(struct exposed_pool *pool, struct exposed *e);

#endif
