#include "core/cluster_counters.h"

static const char *const results[] = {
#define X(id, word) word,
    CLUSTER_RESULTS(X)
#undef X
};

static const char *const reasons[] = {
#define X(id, word) word,
    CLUSTER_LEFT_OUTS(X)
#undef X
};

const char *cluster_result_word(enum cluster_result r)
{
    return results[r];
}

static void put_row(const void *of, size_t row, struct counter_lines *to)
{
    const struct cluster_stats *s = of;
    switch ((enum cluster_counter)row) {
    case CLUSTER_FILLINGS:
        for (int i = 0; i < CLUSTER_RESULT_COUNT; i++)
            counter_put(to, &results[i], (double)s->fillings[i]);
        break;
    case CLUSTER_FILL_SECONDS:
        counter_put(to, NULL, s->fill_seconds);
        break;
    case CLUSTER_FILL_TIME:
        counter_put(to, NULL, s->fill_time);
        break;
    case CLUSTER_SERIES:
        counter_put(to, NULL, (double)s->series);
        break;
    case CLUSTER_INSTANCES:
        counter_put(to, NULL, (double)s->instances);
        break;
    case CLUSTER_LEFT_OUT:
        for (int i = 0; i < CLUSTER_LEFT_OUT_COUNT; i++)
            counter_put(to, &reasons[i], (double)s->left_out[i]);
        break;
    }
}

const struct counter_table cluster_counters = COUNTERS_TABLE(CLUSTER_COUNTERS, put_row);
