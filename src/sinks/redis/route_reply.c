/*
 * What nodes answer.
 *
 *   redis_route_on_reply    a link's answer, on to who sent the cargo
 *     redirected            MOVED, ASK ..: who is to have it, and when; it is returned
 *     on_question           answers to the route itself
 *   redis_route_retry, redis_route_thrive    what the owner makes of an answer
 */
#include <assert.h>
#include <string.h>

#include "base/now.h"
#include "sinks/redis/reply.h"
#include "sinks/redis/route_priv.h"

enum {
    LOG_PERIOD_MS = 10000,
    TRYAGAIN_MS = 20,
    PAUSE_MS = 100,
    PAUSE_DOUBLINGS = 7, /* 20 ms .. 1.3 s */
    MOVES_AT_ONCE = 3,
    LOADS_MAX = 3,
    ASK_REDIRECTS_MAX = 5
};

/* ---- redirects ---- */

/* With all taken, those that have no place leave: without the right to ask for the map nobody else
 * says so.   returns  REDIS_NODE_NONE: not now */
static uint8_t node_named(struct redis_route *r, const struct redis_redirect *d)
{
    uint8_t i = d->to.port != 0 ? redis_route_node(r, &d->to) : REDIS_NODE_NONE;
    if (i == REDIS_NODE_NONE && d->to.port != 0)
        redis_route_sweep(r);
    return i;
}

static void moved(struct route_node *from, uint8_t place, const struct redis_redirect *d)
{
    struct redis_route *r = from->route;
    struct route_place *p = &r->places[place];
    uint8_t to = node_named(r, d);
    redis_route_is_cluster(r);
    if (to == REDIS_NODE_NONE || &r->nodes[to] == from) {
        redis_route_pause(r, place, PAUSE_MS);
        return;
    }
    if (r->node_of[place] == to)
        return; /* the rest of what was in flight */
    for (unsigned i = 0; i < REDIS_PLACES; i++)
        if (r->places[i].slot == d->slot)
            redis_route_assign(r, (uint8_t)i, to);
    redis_route_assign(r, place, to);
    redis_route_sweep(r);
    /* Nodes may send a place to and fro until they agree. */
    if (p->moves < UINT8_MAX)
        p->moves++;
    if (p->moves > MOVES_AT_ONCE)
        redis_route_pause(r, place, PAUSE_MS);
}

static void nobody_has(struct route_node *from, uint8_t place, const char *error)
{
    struct redis_route *r = from->route;
    struct route_place *p = &r->places[place];
    uint64_t suppressed;
    redis_route_is_cluster(r);
    if (p->not_before_ms > now_mono_ms())
        return; /* the rest of what was in flight */
    if (p->downs < PAUSE_DOUBLINGS)
        p->downs++;
    redis_route_pause(r, place, (uint64_t)(TRYAGAIN_MS / 2) << p->downs);
    if (log_gate(&r->down_gate, LOG_PERIOD_MS, now_mono_ms(), &suppressed))
        LOG(LOG_ERROR, "redis cluster has no node for a shard", F_U64("shard", place),
            F_STR("addr", from->at.host), F_U64("port", from->at.port), F_STR("error", error),
            F_STR("remedy", redis_reply_remedy(error)), F_U64("suppressed", suppressed));
}

static void load_script(struct route_node *node)
{
    if (node->loads || !redis_route_question(node, ROUTE_SCRIPT))
        return;
    node->loads = true;
    node->n_loads++;
}

/* returns  does the command go again? */
static bool redirected(struct route_node *from, uint8_t place, const redisReply *reply)
{
    struct redis_route *r = from->route;
    struct redis_redirect d = redis_redirect_of(reply, &from->at);
    if (d.kind == REDIS_REDIRECT_NONE)
        return false;
    if (d.kind == REDIS_REDIRECT_NOSCRIPT && !from->loads && from->n_loads >= LOADS_MAX)
        return false; /* it does not keep it: an error like others */
    r->redirects[d.kind]++;
    switch (d.kind) {
    case REDIS_REDIRECT_MOVED:
        moved(from, place, &d);
        break;
    case REDIS_REDIRECT_ASK:
        r->places[place].asked = node_named(r, &d);
        if (r->places[place].asked == REDIS_NODE_NONE)
            redis_route_pause(r, place, PAUSE_MS);
        break;
    case REDIS_REDIRECT_TRYAGAIN:
        redis_route_pause(r, place, TRYAGAIN_MS);
        break;
    case REDIS_REDIRECT_CLUSTERDOWN:
        nobody_has(from, place, reply->str);
        break;
    default:
        load_script(from);
        break;
    }
    return true;
}

/* ---- answers ---- */

static void on_script(struct route_node *node, const redisReply *reply)
{
    node->loads = false;
    if (reply != NULL && reply->type == REDIS_REPLY_ERROR)
        redis_link_retry(node->link, reply->str);
}

static void on_question(struct route_node *node, const struct route_asked *q,
                        const redisReply *reply)
{
    switch (q->what) {
    case ROUTE_SLOTS:
        redis_route_on_slots(node, reply);
        break;
    case ROUTE_ROLE:
        redis_route_on_role(node, reply);
        break;
    case ROUTE_SCRIPT:
        on_script(node, reply);
        break;
    default: /* an error of ASKING makes one of the command behind it */
        break;
    }
}

static void on_batch(struct route_node *node, struct redis_batch *b, const redisReply *reply)
{
    struct redis_route *r = node->route;
    assert(node->batches > 0);
    node->batches--;
    if (redirected(node, b->shard, reply))
        r->opts.returned(r->opts.cookie, b);
    else
        r->opts.reply(r->opts.cookie, b, reply);
}

static void on_entry(struct route_node *node, struct redis_entry *e, const redisReply *reply)
{
    struct redis_route *r = node->route;
    if (redirected(node, e->place, reply))
        r->opts.returned_entry(r->opts.cookie, e);
    else
        r->opts.reply_entry(r->opts.cookie, e, reply);
}

static void on_ask(struct route_node *node, struct redis_ask *a, const redisReply *reply)
{
    struct redis_route *r = node->route;
    if (redirected(node, a->place, reply) && a->redirects < ASK_REDIRECTS_MAX) {
        a->redirects++;
        if (redis_route_ask_again(r, a))
            return;
    }
    r->opts.reply_ask(r->opts.cookie, a, reply);
}

void redis_route_on_reply(void *cookie, void *tag, const redisReply *reply)
{
    struct route_node *node = cookie;
    struct redis_route *r = node->route;
    assert(tag != NULL && node->in_flight > 0);
    node->in_flight--;
    if (node->in_flight == 0 && node->leave_ms != 0 && !r->closed) {
        r->leave_ms = now_mono_ms();
        redis_route_arm(r);
    }
    struct route_node *before = r->answering;
    r->answering = node;
    switch (*(const enum redis_cargo *)tag) {
    case REDIS_CARGO_BATCH:
        on_batch(node, tag, reply);
        break;
    case REDIS_CARGO_ENTRY:
        on_entry(node, tag, reply);
        break;
    case REDIS_CARGO_ASK:
        on_ask(node, tag, reply);
        break;
    case REDIS_CARGO_ROUTE:
        on_question(node, tag, reply);
        break;
    }
    r->answering = before;
}

void redis_route_retry(struct redis_route *r, const char *why)
{
    assert(r->answering != NULL);
    redis_link_retry(r->answering->link, why);
}

void redis_route_thrive(struct redis_route *r, uint8_t place)
{
    struct route_node *node = r->answering;
    bool batch = place < REDIS_SHARDS;
    assert(node != NULL);
    r->places[place].moves = r->places[place].downs = 0;
    if (batch)
        node->n_loads = 0;
    node->thrives |= batch;
    if (batch || node->batches == 0)
        redis_link_thrive(node->link);
}
