#include "aggregate/cells.h"

#include <assert.h>
#include <string.h>

void cells_init(struct cells *cs, const struct profiles *profiles)
{
    *cs = (struct cells){ .profiles = profiles };
    for (int k = 0; k < SERIES_KIND_COUNT; k++)
        slab_init(&cs->slabs[k], kind_rows[k]->cell_bytes);
    slab_init(&cs->aliases, sizeof(struct alias));
    slab_init(&cs->dropped, sizeof(struct cell));
}

void cells_release(struct cells *cs)
{
    for (int k = 0; k < SERIES_KIND_COUNT; k++)
        slab_release(&cs->slabs[k]);
    slab_release(&cs->aliases);
    slab_release(&cs->dropped);
}

struct cell *cells_new(struct cells *cs, uint8_t type, uint8_t profile)
{
    assert(type < SAMPLE_TYPE_COUNT);
    enum series_kind kind = kind_of(type);
    const struct kind_ops *ops = kind_rows[kind];
    struct cell *c = slab_alloc(&cs->slabs[kind]);
    if (c == NULL)
        return NULL;
    memset(c, 0, ops->cell_bytes);
    c->type_errors = type;
    c->profile = profile;
    if (ops->cell_init != NULL && !ops->cell_init(c, profiles_at(cs->profiles, profile))) {
        slab_free(&cs->slabs[kind], c);
        return NULL;
    }
    return c;
}

void cells_free(struct cells *cs, struct cell *c)
{
    assert(cell_type(c) < SAMPLE_TYPE_COUNT);
    enum series_kind kind = kind_of(cell_type(c));
    if (kind_rows[kind]->cell_release != NULL)
        kind_rows[kind]->cell_release(c);
    slab_free(&cs->slabs[kind], c);
}

struct alias *cells_alias_new(struct cells *cs)
{
    struct alias *a = slab_alloc(&cs->aliases);
    if (a != NULL)
        *a = (struct alias){ .cell.type_errors = CELL_ALIAS };
    return a;
}

void cells_alias_free(struct cells *cs, struct alias *a)
{
    assert(cell_type(&a->cell) == CELL_ALIAS);
    slab_free(&cs->aliases, a);
}

struct cell *cells_dropped_new(struct cells *cs, uint8_t profile)
{
    struct cell *c = slab_alloc(&cs->dropped);
    if (c != NULL)
        *c = (struct cell){ .type_errors = CELL_DROPPED, .profile = profile };
    return c;
}

void cells_dropped_free(struct cells *cs, struct cell *c)
{
    assert(cell_type(c) == CELL_DROPPED);
    slab_free(&cs->dropped, c);
}

void cells_begin(const struct cells *cs, struct cell *c, unsigned p)
{
    c->samples[p] = 0;
    kind_rows[kind_of(cell_type(c))]->cell_begin(c, profiles_at(cs->profiles, c->profile), p);
}
