/**
 * redis_intervals: which intervals there are, by the logs of all instances.
 *   thread   main
 */
#ifndef CMD_REDIS_INTERVALS_H
#define CMD_REDIS_INTERVALS_H

#include <stddef.h>
#include <stdint.h>

#include "cmd/redis/session.h"

struct intervals {
    int64_t *t; /* their starts in Unix s, ascending, each once */
    size_t n, cap;
    int64_t length_s; /* of one: the least distance of two; of one alone, what is configured */
};

/**
 * intervals_read(s, most, ret):
 * Of the nodes that are there; of the others it is said that they are not.
 *   most     entries of each log, the newest; an instance writes one for each interval
 *   returns  false: it failed, and was said.  *ret is to be released anyway
 */
bool intervals_read(struct session *s, size_t most, struct intervals *ret);
void intervals_release(struct intervals *v);

/* The last that every instance had the time to write, as flushes spread over a quarter of an
 * interval and take a while, whatever one writes whose clock is fast; else the first.  n > 0 */
size_t intervals_last_closed(const struct intervals *v, int64_t now_ms);

/* That none of them is of the time that was asked for; where there is none at all, under which
 * prefix. */
void intervals_say_none(const struct session *s, const struct intervals *v);

#endif
