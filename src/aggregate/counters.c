#include "aggregate/counters.h"

#include "aggregate/registry.h"

static void read_ingest(const void *of, size_t row, struct counter_lines *to)
{
    const struct ingest_totals *t = of;
    if (row != INGEST_REJECTED) {
        counter_put(to, NULL, (double)t->counters.v[row]);
        return;
    }
    for (unsigned i = 0; i < REASON_COUNT; i++) {
        const char *reason = reason_name((enum reason)i);
        counter_put(to, &reason, (double)t->rejected[i]);
    }
}

static void read_registry(const void *of, size_t row, struct counter_lines *to)
{
    const struct registry *r = of;
    if (row != REGISTRY_SERIES) {
        counter_put(to, NULL, (double)registry_stats(r)->v[row]);
        return;
    }
    for (unsigned i = 0; i < SERIES_KIND_COUNT; i++) {
        const char *kind = series_kind_name((enum series_kind)i);
        counter_put(to, &kind, (double)registry_count(r, (enum series_kind)i));
    }
}

const struct counter_table ingest_counters = COUNTERS_TABLE(INGEST_COUNTERS, read_ingest);
const struct counter_table registry_counters = COUNTERS_TABLE(REGISTRY_COUNTERS, read_registry);
