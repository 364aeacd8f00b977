#include "aggregate/cells.h"

#include <string.h>

void cells_init(struct cells *cs, const struct profile *profile)
{
    *cs = (struct cells){ .profile = profile };
    for (int k = 0; k < SERIES_KIND_COUNT; k++)
        slab_init(&cs->slabs[k], kind_rows[k]->cell_bytes);
    slab_init(&cs->aliases, (sizeof(struct alias) + 31) / 32 * 32);
}

void cells_release(struct cells *cs)
{
    for (int k = 0; k < SERIES_KIND_COUNT; k++)
        slab_release(&cs->slabs[k]);
    slab_release(&cs->aliases);
}

struct cell *cells_new(struct cells *cs, uint8_t type)
{
    enum series_kind kind = kind_of(type);
    const struct kind_ops *ops = kind_rows[kind];
    struct cell *c = slab_alloc(&cs->slabs[kind]);
    if (c == NULL)
        return NULL;
    memset(c, 0, ops->cell_bytes);
    c->type = type;
    if (ops->cell_init != NULL && !ops->cell_init(c, cs->profile)) {
        slab_free(&cs->slabs[kind], c);
        return NULL;
    }
    return c;
}

void cells_free(struct cells *cs, struct cell *c)
{
    enum series_kind kind = kind_of(c->type);
    if (kind_rows[kind]->cell_release != NULL)
        kind_rows[kind]->cell_release(c);
    slab_free(&cs->slabs[kind], c);
}

struct alias *cells_alias_new(struct cells *cs)
{
    struct alias *a = slab_alloc(&cs->aliases);
    if (a != NULL)
        *a = (struct alias){ .cell.type = CELL_ALIAS };
    return a;
}

void cells_alias_free(struct cells *cs, struct alias *a)
{
    slab_free(&cs->aliases, a);
}

void cells_begin(const struct cells *cs, struct cell *c, unsigned p)
{
    c->samples[p] = 0;
    kind_rows[kind_of(c->type)]->cell_begin(c, cs->profile, p);
}
