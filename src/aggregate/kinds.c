/* The rows: a new kind adds its file and a line here. */
#include "aggregate/counter.h"
#include "aggregate/gauge.h"
#include "aggregate/kind.h"
#include "aggregate/set.h"
#include "aggregate/timer.h"

const struct kind_ops *const kind_rows[SERIES_KIND_COUNT] = {
    [SERIES_COUNTER] = &counter_ops,
    [SERIES_GAUGE] = &gauge_ops,
    [SERIES_TIMER] = &timer_ops,
    [SERIES_SET] = &set_ops,
};

const char *series_kind_name(enum series_kind k)
{
    static const char *const names[] = {
#define X(id, name) name,
        SERIES_KINDS(X)
#undef X
    };
    return names[k];
}
