/**
 * redis_pending: the tags of commands without an answer, oldest first.
 *   thread   the owner's
 */
#ifndef SINKS_REDIS_PENDING_H
#define SINKS_REDIS_PENDING_H

#include <stddef.h>

struct redis_pending {
    void **tags; /* a ring */
    size_t cap;  /* 0, or a power of two */
    size_t first, n;
};

void redis_pending_add(struct redis_pending *p, void *tag);
/* The oldest one, which goes; p has one. */
void *redis_pending_take(struct redis_pending *p);
void redis_pending_release(struct redis_pending *p); /* has none */

#endif
