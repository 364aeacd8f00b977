/*
 *   redis_route_send, _send_entry, _ask         node_of the place -> redis_link_send
 *   on_ready, on_reply                          a link's news, on to who sent the cargo
 *
 * A connection whose first batch is not answered yet gets no entries: what the node says to that
 * batch decides whether the connection stays (redis_route_thrive).
 */
#include "sinks/redis/route.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct node {
    struct redis_route *route;
    struct redis_link *link;
    uint32_t batches; /* in flight */
    bool thrives;     /* it took a batch on this connection */
};

struct redis_route {
    void *cookie;
    void (*ready)(void *cookie);
    void (*reply)(void *cookie, struct redis_batch *b, const redisReply *reply);
    void (*reply_entry)(void *cookie, struct redis_entry *e, const redisReply *reply);
    void (*reply_ask)(void *cookie, struct redis_ask *a, const redisReply *reply);
    uint8_t node_of[REDIS_PLACES];
    uint8_t n;
    struct buf wire; /* the command being sent */
    struct node nodes[];
};

static void on_ready(void *cookie)
{
    struct node *node = cookie;
    assert(node->batches == 0);
    node->thrives = false;
    node->route->ready(node->route->cookie);
}

static void on_reply(void *cookie, void *tag, const redisReply *reply)
{
    struct node *node = cookie;
    struct redis_route *r = node->route;
    assert(tag != NULL);
    const enum redis_cargo *cargo = tag;
    if (*cargo == REDIS_CARGO_ENTRY) {
        r->reply_entry(r->cookie, tag, reply);
        return;
    }
    if (*cargo == REDIS_CARGO_ASK) {
        r->reply_ask(r->cookie, tag, reply);
        return;
    }
    assert(*cargo == REDIS_CARGO_BATCH && node->batches > 0);
    node->batches--;
    r->reply(r->cookie, tag, reply);
}

static void opts_check(const struct redis_route_opts *opts)
{
    assert(opts->n_nodes > 0 && opts->n_nodes <= REDIS_NODES_MAX);
    for (int place = 0; place < REDIS_PLACES; place++)
        assert(opts->node_of[place] < opts->n_nodes);
}

struct redis_route *redis_route_new(uv_loop_t *loop, const struct redis_route_opts *opts)
{
    opts_check(opts);
    struct redis_route *r = mem_zalloc(sizeof *r + opts->n_nodes * sizeof r->nodes[0]);
    r->cookie = opts->cookie;
    r->ready = opts->ready;
    r->reply = opts->reply;
    r->reply_entry = opts->reply_entry;
    r->reply_ask = opts->reply_ask;
    r->n = opts->n_nodes;
    memcpy(r->node_of, opts->node_of, sizeof r->node_of);
    struct redis_link_opts link = {
        .greets = opts->greets,
        .reply_bytes_max = opts->reply_bytes_max,
        .reply_depth_max = opts->reply_depth_max,
        .instance = opts->instance,
        .connect_timeout_ms = opts->connect_timeout_ms,
        .reply_timeout_ms = opts->reply_timeout_ms,
        .ready = on_ready,
        .reply = on_reply,
    };
    for (uint8_t i = 0; i < r->n; i++) {
        link.url = &opts->nodes[i];
        link.at = link.url->path == NULL ? &link.url->hosts[0] : NULL;
        link.cookie = &r->nodes[i];
        r->nodes[i].route = r;
        r->nodes[i].link = redis_link_new(loop, &link);
    }
    return r;
}

void redis_route_free(struct redis_route *r)
{
    if (r == NULL)
        return;
    for (uint8_t i = 0; i < r->n; i++)
        redis_link_free(r->nodes[i].link);
    buf_release(&r->wire);
    free(r);
}

const uint8_t *redis_route_nodes(const struct redis_route *r)
{
    return r->node_of;
}

static struct node *node_of(struct redis_route *r, uint8_t place)
{
    assert(place < REDIS_PLACES && r->node_of[place] < r->n);
    return &r->nodes[r->node_of[place]];
}

bool redis_route_send(struct redis_route *r, struct redis_batch *b)
{
    struct node *node = node_of(r, b->shard);
    if (!redis_link_is_ready(node->link))
        return false;
    redis_batch_sha(b, redis_link_sha(node->link));
    buf_clear(&r->wire);
    redis_batch_wire(b, &r->wire);
    b->wire_len = r->wire.len;
    if (!redis_link_send(node->link, r->wire.ptr, r->wire.len, b))
        return false;
    node->batches++;
    return true;
}

bool redis_route_send_entry(struct redis_route *r, struct redis_entry *e)
{
    struct node *node = node_of(r, e->place);
    if (node->batches > 0 && !node->thrives)
        return false;
    return redis_link_send(node->link, e->bytes, e->len, e);
}

bool redis_route_ask(struct redis_route *r, struct redis_ask *a)
{
    assert(a->cargo == REDIS_CARGO_ASK);
    return redis_link_send(node_of(r, a->place)->link, a->bytes, a->len, a);
}

void redis_route_retry(struct redis_route *r, uint8_t place, const char *why)
{
    redis_link_retry(node_of(r, place)->link, why);
}

void redis_route_thrive(struct redis_route *r, uint8_t place)
{
    struct node *node = node_of(r, place);
    bool batch = place < REDIS_SHARDS;
    node->thrives |= batch;
    if (batch || node->batches == 0)
        redis_link_thrive(node->link);
}

bool redis_route_is_ready(const struct redis_route *r)
{
    bool ready = true;
    for (uint8_t i = 0; i < r->n; i++)
        ready &= redis_link_is_ready(r->nodes[i].link);
    return ready;
}

const char *redis_route_trouble(const struct redis_route *r)
{
    const char *trouble = NULL;
    for (uint8_t i = 0; i < r->n && trouble == NULL; i++)
        if (!redis_link_is_ready(r->nodes[i].link))
            trouble = redis_link_trouble(r->nodes[i].link);
    return trouble;
}

void redis_route_stats(const struct redis_route *r, struct redis_link_stats *ret)
{
    *ret = (struct redis_link_stats){ 0 };
    for (uint8_t i = 0; i < r->n; i++) {
        struct redis_link_stats one;
        redis_link_stats(r->nodes[i].link, &one);
        ret->connects += one.connects;
        ret->disconnects += one.disconnects;
        ret->failures += one.failures;
    }
}
