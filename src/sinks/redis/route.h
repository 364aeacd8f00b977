/**
 * redis_route: which connection the batches of a shard take, and the entries of a stream.
 *
 *   place 0 .. 65  --node_of-->  node 0 .. n - 1  -->  one redis_link each
 *
 * A place is a shard or a stream (keys.h).  All keys of a place are in one slot of Redis Cluster,
 * hence on one node.  A standalone Redis is a cluster of one node, which has all places.  Each link
 * connects, breaks and comes back for itself.
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
#include "sinks/redis/url.h"

struct redis_route;

struct redis_route_opts {
    const struct redis_url *nodes; /* n_nodes of them, which outlive the route */
    uint8_t n_nodes;               /* 1 .. REDIS_NODES_MAX */
    uint8_t node_of[REDIS_PLACES]; /* each < n_nodes */
    const char *instance;          /* these: as struct redis_link_opts */
    enum redis_greets greets;
    uint32_t connect_timeout_ms, reply_timeout_ms;
    uint32_t reply_bytes_max;
    uint8_t reply_depth_max;
    void *cookie;
    void (*ready)(void *cookie); /* a node became ready */
    /* As redis_link's, for a batch of redis_route_send. */
    void (*reply)(void *cookie, struct redis_batch *b, const redisReply *reply);
    void (*reply_entry)(void *cookie, struct redis_entry *e, const redisReply *reply);
    void (*reply_ask)(void *cookie, struct redis_ask *a, const redisReply *reply);
};

/* Starts to connect at once, and never fails. */
struct redis_route *redis_route_new(uv_loop_t *loop, const struct redis_route_opts *opts);
/* As redis_link_free: calls reply(NULL) for what is under way; the loop has to run once more. */
void redis_route_free(struct redis_route *r);

/* The node of each shard: REDIS_SHARDS bytes, for the ledger; they live as long as the route. */
const uint8_t *redis_route_nodes(const struct redis_route *r);

/* Sends b, with the sha1 of the script at its node.  returns  false: the node is not ready */
bool redis_route_send(struct redis_route *r, struct redis_batch *b);

/**
 * redis_route_send_entry(r, e):
 *   returns  false: the node is not ready; or it has batches in flight, and took none since the
 *            connection began.  Were they refused, the connection would end and take the answer of
 *            e with it, so that e came into its stream once more at each attempt
 */
bool redis_route_send_entry(struct redis_route *r, struct redis_entry *e);

/* returns  false: the node is not ready */
bool redis_route_ask(struct redis_route *r, struct redis_ask *a);

/* redis_link_retry for the node of the place. */
void redis_route_retry(struct redis_route *r, uint8_t place, const char *why);
/* redis_link_thrive for the node of the place, where a batch was taken; where an entry was, if no
 * batch is in flight there, as that may be refused. */
void redis_route_thrive(struct redis_route *r, uint8_t place);

/* redis_link_trouble of a node that is not ready; NULL where all are, or none has failed so far. */
const char *redis_route_trouble(const struct redis_route *r);
/* Are all nodes ready?  And the sums over them. */
bool redis_route_is_ready(const struct redis_route *r);
void redis_route_stats(const struct redis_route *r, struct redis_link_stats *ret);

#endif
