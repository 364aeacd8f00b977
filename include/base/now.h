/**
 * now: what time it is.
 *
 * Only the edges call this; everything below takes the time as an argument, so that an hour of flushes is a millisecond of test.
 *   thread   any
 */
#ifndef BASE_NOW_H
#define BASE_NOW_H

#include <stdint.h>

int64_t now_wall_ms(void);     /* CLOCK_REALTIME, ms since 1970: for names of intervals and for logs */
uint64_t now_wall_ns(void);    /* the same in ns: to set against the kernel's stamps */
uint64_t now_mono_ns(void);    /* CLOCK_MONOTONIC: for waiting and for order */

static inline uint64_t now_mono_ms(void)
{
    return now_mono_ns() / 1000000;
}

#endif
