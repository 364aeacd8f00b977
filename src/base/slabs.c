#include "base/slabs.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"

static struct slab *slab_for(struct slabs *s, size_t bytes)
{
    assert(bytes > 0 && bytes <= SLABS_LARGEST);
    return &s->of[(bytes - 1) / SLABS_STEP];
}

void slabs_init(struct slabs *s)
{
    for (size_t i = 0; i < SLABS_LARGEST / SLABS_STEP; i++)
        slab_init_small(&s->of[i], (uint32_t)(i + 1) * SLABS_STEP);
}

void slabs_release(struct slabs *s)
{
    for (size_t i = 0; i < SLABS_LARGEST / SLABS_STEP; i++)
        slab_release(&s->of[i]);
}

void *slabs_alloc(struct slabs *s, size_t bytes)
{
    if (bytes > SLABS_LARGEST)
        return mem_alloc(bytes);
    void *object;
    while ((object = slab_alloc(slab_for(s, bytes))) == NULL) {
        if (!mem_reserve_helps(bytes))
            mem_exhausted(bytes);
    }
    return object;
}

void slabs_free(struct slabs *s, void *object, size_t bytes)
{
    if (object == NULL)
        return;
    if (bytes <= SLABS_LARGEST)
        slab_free(slab_for(s, bytes), object);
    else
        free(object);
}
