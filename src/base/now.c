#include "base/now.h"

#include <assert.h>
#include <time.h>

static uint64_t now_ns(clockid_t clock)
{
    struct timespec t;
    int rc = clock_gettime(clock, &t);
    assert(rc == 0 && t.tv_sec >= 0);
    (void)rc;
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int64_t now_wall_ms(void)
{
    return (int64_t)(now_wall_ns() / 1000000);
}

uint64_t now_wall_ns(void)
{
    return now_ns(CLOCK_REALTIME);
}

uint64_t now_mono_ns(void)
{
    return now_ns(CLOCK_MONOTONIC);
}
