#include "aggregate/registry.h"

static void read_registry(const void *of, size_t row, struct counter_lines *to)
{
    const struct registry *r = of;
    if (row == REGISTRY_RESTORED) {
        counter_put(to, NULL, (double)registry_restored(r));
        return;
    }
    if (row != REGISTRY_SERIES) {
        counter_put(to, NULL, (double)registry_stats(r)->v[row]);
        return;
    }
    for (unsigned i = 0; i < SERIES_KIND_COUNT; i++) {
        const char *kind = series_kind_name((enum series_kind)i);
        counter_put(to, &kind, (double)registry_count(r, (enum series_kind)i));
    }
}

const struct counter_table registry_counters = COUNTERS_TABLE(REGISTRY_COUNTERS, read_registry);
