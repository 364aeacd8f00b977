#include "app/exposition.h"

static void put_row(const void *of, size_t row, struct counter_lines *to)
{
    const struct exposition_stats *s = of;
    const double values[] = {
        [EXPOSITION_CUT] = (double)s->cut,
        [EXPOSITION_REFUSED] = (double)s->refused,
        [EXPOSITION_SECONDS] = s->seconds,
        [EXPOSITION_BYTES] = s->bytes,
    };
    counter_put(to, NULL, values[row]);
}

const struct counter_table exposition_counters = COUNTERS_TABLE(EXPOSITION_COUNTERS, put_row);
