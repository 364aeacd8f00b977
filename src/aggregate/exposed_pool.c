#include "aggregate/exposed_pool.h"

#include <assert.h>

#include "aggregate/kind.h"

void exposed_pool_init(struct exposed_pool *pool, bool births)
{
    pool->births = births;
    exposed_exemplars_init(&pool->exemplars);
    for (int k = 0; k < SERIES_KIND_COUNT; k++)
        slab_init_small(&pool->slabs[k],
                        kind_rows[k]->exposed_bytes + (births ? (uint32_t)sizeof(uint64_t) : 0));
}

void exposed_pool_release(struct exposed_pool *pool)
{
    for (int k = 0; k < SERIES_KIND_COUNT; k++)
        slab_release(&pool->slabs[k]);
    exposed_exemplars_release(&pool->exemplars);
}

struct exposed *exposed_pool_new(struct exposed_pool *pool, enum series_kind kind,
                                 const struct profile *profile, uint64_t now_ns)
{
    assert(profile != NULL && kind < SERIES_KIND_COUNT);
    struct exposed *e = slab_zalloc(&pool->slabs[kind]);
    e->profile = profile;
    e->kind = (unsigned)kind & 3;
    e->series = 1;
    e->negative = kind == SERIES_TIMER && profile->histogram && profile->n_buckets > 0 &&
                  profile->buckets[0] < 0;
    uint64_t *birth = exposed_pool_birth(pool, e);
    if (birth != NULL)
        *birth = now_ns;
    return e;
}

uint64_t *exposed_pool_birth(const struct exposed_pool *pool, struct exposed *e)
{
    uint32_t bytes = kind_rows[e->kind]->exposed_bytes;
    return pool->births ? (uint64_t *)(void *)((char *)e + bytes) : NULL;
}

void exposed_pool_free(struct exposed_pool *pool, struct exposed *e)
{
    /* Nobody finds it any more but the series that lets it go. */
    assert(e->series == 1 && e->family == NULL && !e->behind && exposed_other(e) == NULL);
    exposed_drop_labels(e);
    exposed_exemplars_forget(&pool->exemplars, e);
    kind_rows[e->kind]->exposed_release(e);
    slab_free(&pool->slabs[e->kind], e);
}
