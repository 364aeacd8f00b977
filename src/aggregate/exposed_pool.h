/**
 * exposed_pool: memory for what is exposed, packed by kind.  Private to aggregate/.
 *   thread   control; without memory the process ends (base/mem.h)
 */
#ifndef AGGREGATE_EXPOSED_POOL_H
#define AGGREGATE_EXPOSED_POOL_H

#include "aggregate/exposed_priv.h"
#include "aggregate/profile.h"
#include "aggregate/snapshot.h"
#include "base/slab.h"

struct exposed_pool {
    struct slab slabs[SERIES_KIND_COUNT];
};

void exposed_pool_init(struct exposed_pool *pool);
void exposed_pool_release(struct exposed_pool *pool); /* all were freed */

/* Off the page, empty, with one series that points to it. */
struct exposed *exposed_pool_new(struct exposed_pool *pool, enum series_kind kind,
                                 const struct profile *profile);
void exposed_pool_free(struct exposed_pool *pool, struct exposed *e);

#endif
