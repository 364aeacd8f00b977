#include "sinks/redis.h"

#include <string.h>

static const size_t member[] = {
#define X(id, name, kind, labels, help) offsetof(struct redis_stats, id),
    REDIS_COUNTERS(X)
#undef X
};

static void put_redirects(const struct redis_stats *s, struct counter_lines *to)
{
    static const char *const kinds[] = {
#define X(id, word, label) label,
        REDIS_REDIRECTS(X)
#undef X
    };
    for (int k = 0; k < REDIS_REDIRECT_COUNT; k++)
        counter_put(to, &kinds[k], (double)s->redirects_of[k]);
}

static void put_row(const void *of, size_t row, struct counter_lines *to)
{
    uint64_t v;
    if (row == REDIS_COUNTER_redirects) {
        put_redirects(of, to);
        return;
    }
    memcpy(&v, (const char *)of + member[row], sizeof v);
    counter_put(to, NULL, row == REDIS_COUNTER_spool_age_ms ? (double)v / 1000 : (double)v);
}

const struct counter_table redis_counters = COUNTERS_TABLE(REDIS_COUNTERS, put_row);
