/**
 * now: the clocks.
 *
 * Only the outer layers call these; everything below takes the time as an argument, so that a test
 * can run an hour of flushes in a millisecond.
 *   thread   any
 */
#ifndef BASE_NOW_H
#define BASE_NOW_H

#include <stdint.h>

int64_t now_wall_ms(void);  /* CLOCK_REALTIME, ms since 1970: for names of intervals and for logs */
uint64_t now_wall_ns(void); /* the same in ns: comparable with the kernel's receive timestamps */
uint64_t now_mono_ns(void); /* CLOCK_MONOTONIC: for timeouts and for order */

static inline uint64_t now_mono_ms(void)
{
    return now_mono_ns() / 1000000;
}

#endif
