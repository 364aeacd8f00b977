#include "expose/counters.h"

static void put_row(const void *of, size_t row, struct counter_lines *to)
{
    const struct expose_stats *s = of;
    const double values[] = {
        [EXPOSE_COUNTER_CUT] = (double)s->cut,
        [EXPOSE_COUNTER_REFUSED] = (double)s->refused,
        [EXPOSE_COUNTER_SECONDS] = s->seconds,
        [EXPOSE_COUNTER_BYTES] = s->bytes,
    };
    counter_put(to, NULL, values[row]);
}

const struct counter_table expose_counters = COUNTERS_TABLE(EXPOSE_COUNTERS, put_row);
