/**
 * ages: connections by age.  Private to listen/.
 *   thread   worker
 */
#ifndef LISTEN_AGES_H
#define LISTEN_AGES_H

#include <assert.h>
#include <stdint.h>
#include <uv.h>

#include "listen/connection.h"

struct ages {
    struct connection *oldest, *newest;
    uint64_t limit_ms; /* older ones are ended; 0: never */
    uv_timer_t timer;  /* runs as long as there are some */
};

static inline void ages_check(const struct ages *a)
{
    assert((a->oldest == NULL) == (a->newest == NULL));
    assert(a->oldest == NULL || (a->oldest->older == NULL && a->newest->newer == NULL));
}

/* c is one of a's. */
static inline void ages_remove(struct ages *a, struct connection *c)
{
    *(c->older != NULL ? &c->older->newer : &a->oldest) = c->newer;
    *(c->newer != NULL ? &c->newer->older : &a->newest) = c->older;
    c->older = c->newer = NULL;
}

/* The newest one, of now_ms. */
static inline void ages_append(struct ages *a, struct connection *c, uint64_t now_ms)
{
    c->older = a->newest;
    c->newer = NULL;
    *(a->newest != NULL ? &a->newest->newer : &a->oldest) = c;
    a->newest = c;
    c->quiet_since_ms = now_ms;
}

#endif
