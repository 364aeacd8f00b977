/**
 * timeline: what happened lately: closed intervals, Redis that came and went, datagrams that the
 * kernel dropped.  The last TIMELINE_MAX of each, and none that is older than TIMELINE_S when it is
 * shown.
 *   thread   control
 */
#ifndef API_TIMELINE_H
#define API_TIMELINE_H

#include <stddef.h>
#include <stdint.h>

enum { TIMELINE_MAX = 100, TIMELINE_S = 900, TIMELINE_TEXT_MAX = 120 };

struct timeline_flush {
    double start_s; /* of the interval, Unix time */
    uint64_t series, samples;
    double closed_ms; /* how long the control thread took to close it and give it to the sinks */
};

struct timeline_redis {
    double at_s;
    const char *what; /* connected, lost, dropped ...; static */
    char text[TIMELINE_TEXT_MAX];
};

struct timeline_drop {
    double at_s;
    uint64_t dropped; /* datagrams, since the one before */
    char addr[TIMELINE_TEXT_MAX];
};

/* Of each kind number i, from 0 on, is at i % TIMELINE_MAX; n were ever added. */
struct timeline {
    struct timeline_flush flushes[TIMELINE_MAX];
    struct timeline_redis redis[TIMELINE_MAX];
    struct timeline_drop drops[TIMELINE_MAX];
    uint64_t n_flushes, n_redis, n_drops;
};

void timeline_add_flush(struct timeline *t, const struct timeline_flush *f);
void timeline_add_redis(struct timeline *t, double at_s, const char *what, const char *text);
void timeline_add_drop(struct timeline *t, double at_s, const char *addr, uint64_t dropped);

/* The number of the oldest of n that is kept. */
static inline uint64_t timeline_first(uint64_t n)
{
    return n > TIMELINE_MAX ? n - TIMELINE_MAX : 0;
}

#endif
