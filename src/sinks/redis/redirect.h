/**
 * redis_redirect: errors of Redis Cluster that say where a command belongs, or that its place is on
 * the way.  None of them leaves anything applied.
 *
 *   MOVED 3999 127.0.0.1:6381    the slot is there, for good
 *   ASK 3999 127.0.0.1:6381      this command alone, after ASKING: the slot is on its way there
 *   TRYAGAIN ..                  the slot is on its way, and the keys are on both sides
 *   CLUSTERDOWN ..               nobody has the slot now
 *   NOSCRIPT ..                  the node does not have our script: load it, send again
 *
 *   thread   any (no state)
 */
#ifndef SINKS_REDIS_REDIRECT_H
#define SINKS_REDIS_REDIRECT_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "sinks/redis.h"

enum { REDIS_SLOTS = 16384, REDIS_ADDR_HOST_MAX = 255 };

/* Where a node listens: a name or an address, without [ ]. */
struct redis_addr {
    char host[REDIS_ADDR_HOST_MAX + 1]; /* "": not known */
    uint16_t port;                      /* 0: not known */
};

struct redis_redirect {
    enum redis_redirect_kind kind;
    /* MOVED, ASK.  A host left out is that of `asked`; one that the node does not know is "". */
    uint16_t slot;
    struct redis_addr to;
};

/**
 * redis_redirect_of(reply, asked):
 *   reply    of any shape, from anybody; NULL is NONE
 *   asked    the node that answered
 *   returns  NONE as well where MOVED or ASK is not well-formed
 */
struct redis_redirect redis_redirect_of(const redisReply *reply, const struct redis_addr *asked);

/**
 * redis_addr_set(ret, host, port, asked):
 * What a node said of a node.
 *   host     "": that of asked; "?" or no host's text: *ret is { 0 }
 *   returns  is it known?
 */
bool redis_addr_set(struct redis_addr *ret, struct slice host, int64_t port,
                    const struct redis_addr *asked);
bool redis_addr_is(const struct redis_addr *a, const struct redis_addr *b);

#endif
