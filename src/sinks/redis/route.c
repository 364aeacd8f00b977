#include "sinks/redis/route.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct redis_route {
    void *cookie;
    void (*ready)(void *cookie);
    void (*reply)(void *cookie, struct redis_batch *b, const redisReply *reply);
    uint8_t node_of[REDIS_SHARDS];
    uint8_t n;
    struct redis_link *links[]; /* by node */
};

static void on_ready(void *cookie)
{
    struct redis_route *r = cookie;
    r->ready(r->cookie);
}

static void on_reply(void *cookie, void *tag, const redisReply *reply)
{
    struct redis_route *r = cookie;
    assert(tag != NULL);
    r->reply(r->cookie, tag, reply);
}

static void opts_check(const struct redis_route_opts *opts)
{
    assert(opts->n_nodes > 0 && opts->n_nodes <= REDIS_NODES_MAX);
    for (int shard = 0; shard < REDIS_SHARDS; shard++)
        assert(opts->node_of[shard] < opts->n_nodes);
}

struct redis_route *redis_route_new(uv_loop_t *loop, const struct redis_route_opts *opts)
{
    opts_check(opts);
    struct redis_route *r = mem_zalloc(sizeof *r + opts->n_nodes * sizeof r->links[0]);
    r->cookie = opts->cookie;
    r->ready = opts->ready;
    r->reply = opts->reply;
    r->n = opts->n_nodes;
    memcpy(r->node_of, opts->node_of, sizeof r->node_of);
    struct redis_link_opts link = {
        .instance = opts->instance,
        .connect_timeout_ms = opts->connect_timeout_ms,
        .reply_timeout_ms = opts->reply_timeout_ms,
        .cookie = r,
        .ready = on_ready,
        .reply = on_reply,
    };
    for (uint8_t i = 0; i < r->n; i++) {
        link.url = &opts->nodes[i];
        r->links[i] = redis_link_new(loop, &link);
    }
    return r;
}

void redis_route_free(struct redis_route *r)
{
    if (r == NULL)
        return;
    for (uint8_t i = 0; i < r->n; i++)
        redis_link_free(r->links[i]);
    free(r);
}

const uint8_t *redis_route_nodes(const struct redis_route *r)
{
    return r->node_of;
}

static struct redis_link *link_of(const struct redis_route *r, uint8_t shard)
{
    assert(shard < REDIS_SHARDS && r->node_of[shard] < r->n);
    return r->links[r->node_of[shard]];
}

bool redis_route_send(struct redis_route *r, struct redis_batch *b)
{
    struct redis_link *link = link_of(r, b->shard);
    if (!redis_link_is_ready(link))
        return false;
    redis_batch_sha(b, redis_link_sha(link));
    return redis_link_send(link, b->bytes, b->len, b);
}

void redis_route_retry(struct redis_route *r, uint8_t shard, const char *why)
{
    redis_link_retry(link_of(r, shard), why);
}

void redis_route_thrive(struct redis_route *r, uint8_t shard)
{
    redis_link_thrive(link_of(r, shard));
}

bool redis_route_is_ready(const struct redis_route *r)
{
    bool ready = true;
    for (uint8_t i = 0; i < r->n; i++)
        ready &= redis_link_is_ready(r->links[i]);
    return ready;
}

void redis_route_stats(const struct redis_route *r, struct redis_link_stats *ret)
{
    *ret = (struct redis_link_stats){ 0 };
    for (uint8_t i = 0; i < r->n; i++) {
        struct redis_link_stats one;
        redis_link_stats(r->links[i], &one);
        ret->connects += one.connects;
        ret->disconnects += one.disconnects;
        ret->failures += one.failures;
    }
}
