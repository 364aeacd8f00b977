#include "sinks/redis/pending.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"

static void grow(struct redis_pending *p)
{
    size_t cap = p->cap > 0 ? 2 * p->cap : 64;
    void **tags = mem_alloc(cap * sizeof(void *));
    assert(p->n <= p->cap);
    for (size_t i = 0; i < p->n; i++)
        tags[i] = p->tags[(p->first + i) % p->cap];
    free(p->tags);
    p->tags = tags;
    p->cap = cap;
    p->first = 0;
}

void redis_pending_add(struct redis_pending *p, void *tag)
{
    if (p->n == p->cap)
        grow(p);
    p->tags[(p->first + p->n++) & (p->cap - 1)] = tag;
}

void *redis_pending_take(struct redis_pending *p)
{
    assert(p->n > 0);
    void *tag = p->tags[p->first];
    p->first = (p->first + 1) & (p->cap - 1);
    p->n--;
    return tag;
}

void redis_pending_release(struct redis_pending *p)
{
    assert(p->n == 0);
    free(p->tags);
    *p = (struct redis_pending){ 0 };
}
