#include "base/schedule.h"

#include <assert.h>

int64_t schedule_start_ms(int64_t now_ms, int64_t interval_ms)
{
    assert(interval_ms > 0 && now_ms >= 0);
    return now_ms - now_ms % interval_ms;
}

uint64_t schedule_wait_ms(int64_t now_ms, int64_t interval_ms)
{
    int64_t wait_ms = schedule_start_ms(now_ms, interval_ms) + interval_ms - now_ms;
    assert(wait_ms > 0 && wait_ms <= interval_ms);
    return (uint64_t)wait_ms;
}
