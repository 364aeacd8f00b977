/**
 * redis_route: which connection the batches of a shard take, and the entries of a stream.
 *
 *   place 0 .. 65  --node_of-->  node  -->  one redis_link each
 *
 * A place is a shard or a stream (keys.h).  All keys of a place are in one slot of Redis Cluster,
 * hence on one node.  The route finds out by itself whether the URL is of one Redis, which has all
 * places, of a cluster, or of Sentinels that know the one.  Nodes come and go while it runs; each
 * link connects, breaks and comes back for itself.
 *
 * What a node answers with MOVED, ASK, TRYAGAIN, CLUSTERDOWN or NOSCRIPT was not applied and is
 * given back to be sent again (returned).  Only that place waits, for as long as it takes; others
 * on the node go on.
 *
 *   thread   the loop's
 */
#ifndef SINKS_REDIS_ROUTE_H
#define SINKS_REDIS_ROUTE_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "sinks/redis/ask.h"
#include "sinks/redis/batch.h"
#include "sinks/redis/entry.h"
#include "sinks/redis/keys.h"
#include "sinks/redis/link.h"
#include "sinks/redis/redirect.h"
#include "sinks/redis/url.h"

struct redis_route;

struct redis_route_opts {
    const struct redis_url *url;     /* outlives the route */
    const struct redis_login *login; /* as struct redis_link_opts */
    const char *prefix;              /* of the keys: tells their slots */
    const char *instance;            /* these: as struct redis_link_opts */
    enum redis_greets greets;
    uint32_t connect_timeout_ms, reply_timeout_ms;
    uint32_t reply_bytes_max;
    uint8_t reply_depth_max;
    void *cookie;
    /* A node became ready, or a place may be sent to again. */
    void (*ready)(void *cookie);
    /* As redis_link's, for a batch of redis_route_send. */
    void (*reply)(void *cookie, struct redis_batch *b, const redisReply *reply);
    void (*reply_entry)(void *cookie, struct redis_entry *e, const redisReply *reply);
    void (*reply_ask)(void *cookie, struct redis_ask *a, const redisReply *reply);
    /* In place of reply: it was not applied, and is to be sent again, in the order of its place. */
    void (*returned)(void *cookie, struct redis_batch *b);
    void (*returned_entry)(void *cookie, struct redis_entry *e);
};

/* Starts to connect at once, and never fails. */
struct redis_route *redis_route_new(uv_loop_t *loop, const struct redis_route_opts *opts);
/* As redis_link_free: calls reply(NULL) for what is under way; the loop has to run once more. */
void redis_route_free(struct redis_route *r);

/* The node of each place, or REDIS_NODE_NONE: REDIS_PLACES bytes, the shards first, for the ledger;
 * they live as long as the route. */
const uint8_t *redis_route_nodes(const struct redis_route *r);

/* Would redis_route_send take a batch of the shard now? */
bool redis_route_takes(struct redis_route *r, uint8_t shard);

/* Sends b, with the sha1 of the script at its node, and writes b->node.
 * returns  false: its shard can't be sent to now */
bool redis_route_send(struct redis_route *r, struct redis_batch *b);

/**
 * redis_route_send_entry(r, e):
 *   returns  false: its stream can't be sent to now; or the node has batches in flight, and took
 *            none since the connection began.  Were they refused, the connection would end and take
 *            the answer of e with it, so that e came into its stream once more at each attempt
 */
bool redis_route_send_entry(struct redis_route *r, struct redis_entry *e);

/* The sha1 of the script at the node of the place; NULL: it is not ready. */
const char *redis_route_sha(const struct redis_route *r, uint8_t place);

/* MOVED, ASK and NOSCRIPT are followed a few times before they are the answer.
 * returns  false: its place can't be sent to now */
bool redis_route_ask(struct redis_route *r, struct redis_ask *a);

/* Within reply or reply_entry: redis_link_retry for the node that answered. */
void redis_route_retry(struct redis_route *r, const char *why);
/* The same for redis_link_thrive, where a batch of the place was taken; where an entry was, if no
 * batch is in flight there, as that may be refused. */
void redis_route_thrive(struct redis_route *r, uint8_t place);

/* redis_link_trouble of a node that is not ready; NULL where all are, or none has failed so far. */
const char *redis_route_trouble(const struct redis_route *r);
/* Is every place on a node that is ready? */
bool redis_route_is_ready(const struct redis_route *r);
/* Is this one? */
bool redis_route_reaches(const struct redis_route *r, uint8_t place);
/* Appends why it is not, for people; of a cluster, of which node: "10.0.0.7:6379: ..". */
void redis_route_missing(const struct redis_route *r, uint8_t place, struct buf *out);
/* Sets the members that count connections, nodes and redirects; sums over all nodes there ever
 * were. */
void redis_route_stats(const struct redis_route *r, struct redis_stats *ret);

#endif
