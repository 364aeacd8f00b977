#include "aggregate/generation.h"

int generation_init(struct generation *g, const struct profiles *profiles,
                    const struct mapping *mapping)
{
    *g = (struct generation){ .profiles = profiles,
                              .mapping = mapping,
                              .least_ttl_s = profiles_least_ttl_s(profiles) };
    int rc = table_init(&g->table);
    if (rc < 0)
        return rc;
    cells_init(&g->cells, profiles);
    if (mapping != NULL)
        g->scratch = mapping_scratch_new(mapping);
    return 0;
}

void generation_each(const struct generation *g, void (*fn)(void *cookie, struct cell *c),
                     void *cookie)
{
    for (uint64_t i = 0; i <= g->table.mask; i++) {
        struct cell *c = g->table.slots[i].cell;
        if (c != NULL && cell_type(c) < SAMPLE_TYPE_COUNT)
            fn(cookie, c);
    }
}

static void free_cell(struct cells *cs, struct cell *c)
{
    if (cell_type(c) == CELL_ALIAS)
        cells_alias_free(cs, (struct alias *)c);
    else if (cell_type(c) == CELL_DROPPED)
        cells_dropped_free(cs, c);
    else
        cells_free(cs, c);
}

void generation_release(struct generation *g)
{
    for (uint64_t i = 0; i <= g->table.mask; i++)
        if (g->table.slots[i].cell != NULL)
            free_cell(&g->cells, g->table.slots[i].cell);
    cells_release(&g->cells);
    table_release(&g->table);
    mapping_scratch_free(g->scratch);
}
