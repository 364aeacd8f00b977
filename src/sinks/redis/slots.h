/**
 * redis_slots: which node of a Redis Cluster has which place, from an answer to CLUSTER SLOTS.
 *
 *   place --crc16(hash tag) % 16384--> slot --CLUSTER SLOTS--> master, as host and port
 *
 * Nodes that have none of our places are left out, so there are at most REDIS_PLACES of them.  What
 * of an answer is odd is left out: a place that nobody has then waits.
 *   thread   any (no state)
 */
#ifndef SINKS_REDIS_SLOTS_H
#define SINKS_REDIS_SLOTS_H

#include <assert.h>
#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>

#include "sinks/redis/keys.h"
#include "sinks/redis/redirect.h"

struct redis_slots {
    uint8_t n;
    uint8_t node_of[REDIS_PLACES]; /* index into nodes, or REDIS_NODE_NONE */
    struct redis_addr nodes[REDIS_PLACES];
};

static inline void redis_slots_check(const struct redis_slots *s)
{
    assert(s->n <= REDIS_PLACES);
    for (int place = 0; place < REDIS_PLACES; place++)
        assert(s->node_of[place] < s->n || s->node_of[place] == REDIS_NODE_NONE);
}

/* The slot of every place, by the prefix of all keys. */
void redis_slots_of_places(const char *prefix, uint16_t ret[REDIS_PLACES]);

/**
 * redis_slots_read(reply, slot_of, asked, ret):
 *   reply    of any shape, from anybody, not NULL
 *   slot_of  as of redis_slots_of_places
 *   asked    the node that answered: an answer may leave out its host
 *   returns  false: that is no answer to CLUSTER SLOTS; *ret is undefined
 *   cost     ranges x places
 */
bool redis_slots_read(const redisReply *reply, const uint16_t slot_of[REDIS_PLACES],
                      const struct redis_addr *asked, struct redis_slots *ret);

#endif
