#include "aggregate/cells.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const uint32_t cell_bytes[SERIES_KIND_COUNT] = {
    [SERIES_COUNTER] = sizeof(struct counter_cell),
    [SERIES_GAUGE] = (sizeof(struct gauge_cell) + 31) / 32 * 32,
    [SERIES_TIMER] = sizeof(struct timer_cell),
    [SERIES_SET] = (sizeof(struct set_cell) + 31) / 32 * 32,
};

void cells_init(struct cells *cs, int sketch_schema, uint32_t n_buckets)
{
    *cs = (struct cells){ .sketch_schema = sketch_schema, .n_buckets = n_buckets };
    for (int k = 0; k < SERIES_KIND_COUNT; k++)
        slab_init(&cs->slabs[k], cell_bytes[k]);
    slab_init(&cs->aliases, (sizeof(struct alias) + 31) / 32 * 32);
}

void cells_release(struct cells *cs)
{
    for (int k = 0; k < SERIES_KIND_COUNT; k++)
        slab_release(&cs->slabs[k]);
    slab_release(&cs->aliases);
}

static bool timer_init(const struct cells *cs, struct timer_cell *t)
{
    sketch_init(&t->part[0].sketch, cs->sketch_schema);
    sketch_init(&t->part[1].sketch, cs->sketch_schema);
    if (cs->n_buckets == 0)
        return true;
    t->le[0] = calloc(2 * ((size_t)cs->n_buckets + 1), sizeof *t->le[0]);
    if (t->le[0] == NULL)
        return false;
    t->le[1] = t->le[0] + cs->n_buckets + 1;
    return true;
}

struct cell *cells_new(struct cells *cs, uint8_t type)
{
    enum series_kind kind = cell_kind(type);
    struct cell *c = slab_alloc(&cs->slabs[kind]);
    if (c == NULL)
        return NULL;
    memset(c, 0, cell_bytes[kind]);
    c->type = type;
    if (kind == SERIES_TIMER && !timer_init(cs, (struct timer_cell *)c)) {
        slab_free(&cs->slabs[kind], c);
        return NULL;
    }
    return c;
}

void cells_free(struct cells *cs, struct cell *c)
{
    enum series_kind kind = cell_kind(c->type);
    if (kind == SERIES_TIMER) {
        struct timer_cell *t = (struct timer_cell *)c;
        sketch_release(&t->part[0].sketch);
        sketch_release(&t->part[1].sketch);
        free(t->le[0]);
    } else if (kind == SERIES_GAUGE) {
        free(((struct gauge_cell *)c)->recent[0]);
        free(((struct gauge_cell *)c)->recent[1]);
    } else if (kind == SERIES_SET) {
        members_release(&((struct set_cell *)c)->part[0].members);
        members_release(&((struct set_cell *)c)->part[1].members);
    }
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

static void gauge_begin(struct gauge_cell *g, unsigned p)
{
    g->part[p] = (struct gauge_part){ 0 };
    gauge_value_recent_clear(g->recent[p]);
}

void cells_begin(const struct cells *cs, struct cell *c, unsigned p)
{
    c->samples[p] = 0;
    switch (cell_kind(c->type)) {
    case SERIES_COUNTER:
        ((struct counter_cell *)c)->part[p] = (struct counter_part){ .up = -0.0 };
        break;
    case SERIES_GAUGE:
        gauge_begin((struct gauge_cell *)c, p);
        break;
    case SERIES_TIMER: {
        struct timer_cell *t = (struct timer_cell *)c;
        sketch_clear(&t->part[p].sketch, cs->sketch_schema);
        if (t->le[p] != NULL)
            memset(t->le[p], 0, (cs->n_buckets + 1) * sizeof *t->le[p]);
        break;
    }
    case SERIES_SET:
        members_clear(&((struct set_cell *)c)->part[p].members);
        break;
    case SERIES_KIND_COUNT:
        break;
    }
}
