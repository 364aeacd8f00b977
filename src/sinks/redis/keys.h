/**
 * redis_keys: which shard a metric lives in, by the hash function of Redis Cluster, and which other
 * places there are.
 *
 * NN = crc16(metric name) % 64.  Every key begins with {prefix:NN}: the whole shard is one hash
 * tag, so that one script touches one slot only.  The streams of events and checks,
 * {prefix:events}:log and {prefix:checks}:log, are two places more.
 *   thread   any (no state), but for redis_keys_shard_of
 */
#ifndef SINKS_REDIS_KEYS_H
#define SINKS_REDIS_KEYS_H

#include <stdint.h>

#include "aggregate/event_log.h"
#include "base/slice.h"

enum {
    REDIS_SHARDS = 64,
    REDIS_PLACES = REDIS_SHARDS + EVENT_KINDS, /* what has a slot, hence a node, of its own */
    /* Those that have a place, and as many that come or go. */
    REDIS_NODES_MAX = 2 * REDIS_PLACES,
    REDIS_NODE_NONE = 255 /* a place that no node has: what belongs there waits */
};

/* CRC-16/XMODEM (polynomial 0x1021, start 0) of the Redis Cluster specification: 0x31c3 for
 * "123456789". */
uint16_t redis_keys_crc16(struct slice s);

static inline uint32_t redis_keys_shard(struct slice name)
{
    return redis_keys_crc16(name) % REDIS_SHARDS;
}

/* The shards of names that came lately: the hash of a name takes as long as its whole key. */
enum { REDIS_KEYS_NOTES = 256, REDIS_KEYS_NOTE_NAME = 62 };

struct redis_keys_memo {
    struct redis_keys_note {
        uint8_t len, shard; /* 0: empty */
        char name[REDIS_KEYS_NOTE_NAME];
    } at[REDIS_KEYS_NOTES]; /* by a hash of the name */
};

/* As redis_keys_shard; { 0 } remembers nothing so far.   thread  one owner */
uint32_t redis_keys_shard_of(struct redis_keys_memo *m, struct slice name);

/* The place of the stream of a kind; that of a shard is its number. */
static inline uint8_t redis_keys_stream(enum event_kind k)
{
    return (uint8_t)(REDIS_SHARDS + k);
}

#endif
