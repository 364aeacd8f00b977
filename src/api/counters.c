#include "api/counters.h"

static void put_row(const void *of, size_t row, struct counter_lines *to)
{
    static const char *const statuses[] = {
#define X(status) #status,
        API_STATUSES(X)
#undef X
    };
    const struct api_stats *s = of;
    for (int i = 0; row == API_COUNTER_REQUESTS && i < API_STATUS_COUNT; i++)
        counter_put(to, (const char *const[]){ statuses[i] }, (double)s->answered[i]);
}

const struct counter_table api_counters = COUNTERS_TABLE(API_COUNTERS, put_row);
