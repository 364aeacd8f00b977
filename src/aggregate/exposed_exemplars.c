#include "aggregate/exposed_exemplars.h"

#include <assert.h>
#include <stdlib.h>

#include "aggregate/exposed_priv.h"
#include "base/mem.h"

struct item {
    const struct exposed *of;
    uint32_t n;
    char **texts;         /* what labels of `at` point to, behind it */
    struct exemplar at[]; /* n of them */
};

static uint64_t hash_of(const struct exposed *e)
{
    uint64_t h = (uint64_t)(uintptr_t)e * 0x9E3779B97F4A7C15ull;
    return h ^ h >> 32;
}

static uint64_t item_hash(const void *item)
{
    return hash_of(((const struct item *)item)->of);
}

static bool item_is(const void *item, const void *exposed)
{
    return ((const struct item *)item)->of == exposed;
}

static struct item *find(const struct exposed_exemplars *x, const struct exposed *e)
{
    return x->by_exposed.n > 0 ? index_find(&x->by_exposed, hash_of(e), item_is, e) : NULL;
}

void exposed_exemplars_init(struct exposed_exemplars *x)
{
    index_init(&x->by_exposed, item_hash);
}

void exposed_exemplars_release(struct exposed_exemplars *x)
{
    assert(x->by_exposed.n == 0);
    index_release(&x->by_exposed);
}

static struct item *item_new(struct exposed_exemplars *x, const struct exposed *e)
{
    uint32_t n = e->kind == SERIES_TIMER ? e->profile->n_buckets + 1 : 1;
    struct item *item = mem_zalloc(sizeof *item + n * (sizeof item->at[0] + sizeof item->texts[0]));
    item->of = e;
    item->n = n;
    item->texts = (char **)(void *)&item->at[n];
    index_put(&x->by_exposed, item);
    return item;
}

void exposed_exemplars_put(struct exposed_exemplars *x, const struct exposed *e, uint32_t place,
                           const struct exemplar *copied)
{
    struct item *item = find(x, e);
    if (item == NULL)
        item = item_new(x, e);
    assert(place < item->n && copied->labels.len > 0);
    struct exemplar *to = &item->at[place];
    if (to->labels.len > 0 && to->at_ns > copied->at_ns)
        return;
    free(item->texts[place]);
    item->texts[place] = mem_strndup(copied->labels.ptr, copied->labels.len);
    *to = *copied;
    to->labels.ptr = item->texts[place];
}

const struct exemplar *exposed_exemplars_of(const struct exposed_exemplars *x,
                                            const struct exposed *e)
{
    const struct item *item = find(x, e);
    return item != NULL ? item->at : NULL;
}

void exposed_exemplars_forget(struct exposed_exemplars *x, const struct exposed *e)
{
    struct item *item = find(x, e);
    if (item == NULL)
        return;
    index_remove(&x->by_exposed, item);
    for (uint32_t i = 0; i < item->n; i++)
        free(item->texts[i]);
    free(item);
}
