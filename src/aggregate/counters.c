#include "aggregate/counters.h"

static void read_ingest(const void *of, size_t row, struct counter_lines *to)
{
    const struct ingest_totals *t = of;
    static const char *const drops[] = {
#define X(id, word) word,
        INGEST_DROPS(X)
#undef X
    };
    for (unsigned i = 0; row == INGEST_SAMPLES_DROPPED && i < INGEST_DROP_COUNT; i++)
        counter_put(to, &drops[i], (double)t->counters.dropped[i]);
    if (row == INGEST_SAMPLES_DROPPED)
        return;
    if (row != INGEST_REJECTED) {
        counter_put(to, NULL, (double)t->counters.v[row]);
        return;
    }
    for (unsigned i = 0; i < REASON_COUNT; i++) {
        const char *reason = reason_name((enum reason)i);
        counter_put(to, &reason, (double)t->rejected[i]);
    }
}

const struct counter_table ingest_counters = COUNTERS_TABLE(INGEST_COUNTERS, read_ingest);
