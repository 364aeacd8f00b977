/**
 * encode_priv: what the files of redis_encode share.
 *
 *   encode.c          the interval, and drafts into batches
 *   encode_series.c   one series into the draft of its shard
 */
#ifndef SINKS_REDIS_ENCODE_PRIV_H
#define SINKS_REDIS_ENCODE_PRIV_H

#include "base/buf.h"
#include "sinks/redis/encode.h"
#include "sinks/redis/keys.h"
#include "sinks/redis/pack.h"

/* What waits to become the next batch of a shard. */
struct draft {
    struct redis_pack section[REDIS_SECTION_COUNT];
    uint16_t ops[REDIS_SECTION_COUNT];
    uint32_t args; /* in all sections but that of the keys */
    uint32_t series;
    uint32_t wire_bytes; /* of all sections, about */
    int64_t stamp[3];    /* the last of GAUGES, of GAUGE_DELTAS and of GAUGES_OWN */
    struct sink_amount amount;
};

struct redis_encode {
    char *prefix, *instance;
    char writer[9]; /* of gauges: a hash of the instance */
    char *own;      /* the instance in the names of fields */
    bool has_own, all_own;
    uint32_t alive_ms;
    uint32_t retention_s;
    uint32_t log_shard;
    uint64_t refused;
    struct draft drafts[REDIS_SHARDS];
    struct buf key, blob; /* scratch */
    struct redis_keys_memo shards;
    /* of the interval being encoded */
    struct snapshot snap;
    uint32_t life_s;
    redis_encode_take_fn take; /* NULL: between intervals */
    void *cookie;
};

/* {prefix:NN}:what, in e->key */
struct slice redis_encode_shard_key(struct redis_encode *e, uint32_t nn, const char *what);

/* s into d, but for what is not finite. */
void redis_encode_series(struct redis_encode *e, struct draft *d, const struct closed_series *s);

#endif
