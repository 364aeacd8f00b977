#include "sinks/redis.h"

#include <string.h>

static const size_t member[] = {
#define X(id, name, kind, labels, help) offsetof(struct redis_stats, id),
    REDIS_COUNTERS(X)
#undef X
};

static void put_row(const void *of, size_t row, struct counter_lines *to)
{
    uint64_t v;
    memcpy(&v, (const char *)of + member[row], sizeof v);
    counter_put(to, NULL, row == REDIS_COUNTER_spool_age_ms ? (double)v / 1000 : (double)v);
}

const struct counter_table redis_counters = COUNTERS_TABLE(REDIS_COUNTERS, put_row);
