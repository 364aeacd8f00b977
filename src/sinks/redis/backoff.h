/**
 * redis_backoff: how long a link waits until its next attempt.
 *
 * 100 ms, 200 ms .. 5 s, each between half and one and a half of it by chance, so that a fleet does
 * not return in step.
 *   thread   one owner
 */
#ifndef SINKS_REDIS_BACKOFF_H
#define SINKS_REDIS_BACKOFF_H

#include <stdint.h>

struct redis_backoff {
    uint32_t next_ms;
    uint64_t chance; /* state of the jitter, never 0 */
};

/* seed: another one in each process */
void redis_backoff_init(struct redis_backoff *b, uint64_t seed);

/* returns  the wait, in ms; the next one is twice as long */
uint64_t redis_backoff_next(struct redis_backoff *b);

/* From the shortest wait again. */
void redis_backoff_reset(struct redis_backoff *b);

#endif
