/*
 * The nodes that the route is connected to.
 *
 *   redis_route_node    found by its address, or a new link
 *   on_ready, on_lost   a link's news: on to the owner, and a reason to ask for the map
 *   redis_route_sweep   who has no place any more leaves: once all it was sent is answered, or
 *                       LEAVE_MS later (redis_route_reap)
 */
#include <assert.h>
#include <string.h>

#include "base/now.h"
#include "sinks/redis/route_priv.h"

enum { LEAVE_MS = 500, SLOTS_BYTES_MAX = 8 << 20, SLOTS_DEPTH = 4 };

static void on_ready(void *cookie)
{
    struct route_node *node = cookie;
    struct redis_route *r = node->route;
    assert(node->batches == 0);
    node->thrives = node->is_master = node->loads = false;
    if (r->mode == ROUTE_SENTINEL)
        redis_route_question(node, ROUTE_ROLE);
    else if (r->mode == ROUTE_UNKNOWN)
        redis_route_want_map(r);
    else
        r->opts.ready(r->opts.cookie);
    /* No map came while nobody was there to be asked. */
    if (r->mode == ROUTE_CLUSTER && !redis_route_is_ready(r))
        redis_route_want_map(r);
}

static void on_lost(void *cookie)
{
    struct route_node *node = cookie;
    struct redis_route *r = node->route;
    uint8_t self = (uint8_t)(node - r->nodes);
    node->is_master = false;
    for (int place = 0; place < REDIS_PLACES; place++)
        if (r->places[place].asked == self)
            r->places[place].asked = REDIS_NODE_NONE;
    if (r->mode != ROUTE_ALONE)
        redis_route_want_map(r);
}

static void connect_node(struct redis_route *r, struct route_node *node)
{
    const struct redis_route_opts *o = &r->opts;
    const struct redis_host host = { node->at.host, node->at.port };
    const struct redis_link_opts link = {
        .url = o->url,
        .login = o->login,
        .at = node->at.port != 0 ? &host : NULL,
        .greets = o->greets,
        .reply_bytes_max =
            o->reply_bytes_max > SLOTS_BYTES_MAX ? o->reply_bytes_max : SLOTS_BYTES_MAX,
        .reply_depth_max = o->reply_depth_max > SLOTS_DEPTH ? o->reply_depth_max : SLOTS_DEPTH,
        .instance = r->instance,
        .connect_timeout_ms = o->connect_timeout_ms,
        .reply_timeout_ms = o->reply_timeout_ms,
        .cookie = node,
        .ready = on_ready,
        .reply = redis_route_on_reply,
        .lost = on_lost,
    };
    node->route = r;
    node->link = redis_link_new(r->loop, &link);
}

uint8_t redis_route_node(struct redis_route *r, const struct redis_addr *at)
{
    uint8_t vacant = REDIS_NODE_NONE;
    for (uint8_t i = 0; i < (uint8_t)REDIS_NODES_MAX; i++) {
        struct route_node *node = &r->nodes[i];
        if (node->link == NULL) {
            vacant = vacant == REDIS_NODE_NONE ? i : vacant;
        } else if (redis_addr_is(&node->at, at)) {
            node->leave_ms = 0;
            return i;
        }
    }
    if (vacant == REDIS_NODE_NONE)
        return vacant;
    struct route_node *node = &r->nodes[vacant];
    *node = (struct route_node){ .at = *at };
    connect_node(r, node);
    return vacant;
}

uint8_t redis_route_socket(struct redis_route *r)
{
    return redis_route_node(r, &(struct redis_addr){ 0 });
}

void redis_route_seeds(struct redis_route *r)
{
    const struct redis_url *u = r->opts.url;
    struct redis_addr at;
    for (uint8_t i = 0; i < u->n_hosts; i++)
        if (redis_addr_set(&at, slice_str(u->hosts[i].host), u->hosts[i].port, &at))
            redis_route_node(r, &at);
}

bool redis_route_usable(const struct redis_route *r, uint8_t i)
{
    if (i == REDIS_NODE_NONE || r->nodes[i].link == NULL)
        return false;
    return redis_link_is_ready(r->nodes[i].link) &&
           (r->mode != ROUTE_SENTINEL || r->nodes[i].is_master);
}

static bool has_place(const struct redis_route *r, uint8_t i)
{
    for (int place = 0; place < REDIS_PLACES; place++)
        if (r->node_of[place] == i || r->places[place].asked == i)
            return true;
    return false;
}

void redis_route_sweep(struct redis_route *r)
{
    uint64_t now_ms = now_mono_ms();
    for (uint8_t i = 0; i < (uint8_t)REDIS_NODES_MAX; i++) {
        struct route_node *node = &r->nodes[i];
        if (node->link == NULL || node->leave_ms != 0 || has_place(r, i))
            continue;
        node->leave_ms = now_ms + LEAVE_MS;
        r->leave_ms = now_ms; /* to look whether it may go at once */
    }
    redis_route_arm(r);
}

static void free_node(struct redis_route *r, struct route_node *node)
{
    struct redis_link_stats s;
    redis_link_stats(node->link, &s);
    r->gone.connects += s.connects;
    r->gone.disconnects += s.disconnects;
    r->gone.failures += s.failures;
    redis_link_free(node->link);
    assert(node->in_flight == 0 && node->batches == 0);
    node->link = NULL;
}

void redis_route_reap(struct redis_route *r, uint64_t now_ms)
{
    r->leave_ms = UINT64_MAX;
    for (uint8_t i = 0; i < (uint8_t)REDIS_NODES_MAX; i++) {
        struct route_node *node = &r->nodes[i];
        if (node->link == NULL || node->leave_ms == 0)
            continue;
        if (has_place(r, i))
            node->leave_ms = 0; /* a redirect named it meanwhile */
        else if (node->in_flight == 0 || node->leave_ms <= now_ms)
            free_node(r, node);
        else if (node->leave_ms < r->leave_ms)
            r->leave_ms = node->leave_ms;
    }
}
