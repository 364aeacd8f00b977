/*
 *   redis_route_send, _send_entry, _ask    open_node of the place -> transmit
 *   on_turn                                by time: the map, places that waited, nodes that leave
 *
 * A connection whose first batch is not answered yet gets no entries: what the node says to that
 * batch decides whether the connection stays (redis_route_thrive).
 */
#include "sinks/redis/route.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/now.h"
#include "sinks/redis/route_priv.h"
#include "sinks/redis/script.h"

/* ---- by time ---- */

static void on_turn(uv_timer_t *t)
{
    struct redis_route *r = t->data;
    uint64_t now_ms = now_mono_ms();
    bool freed = r->leave_ms <= now_ms, wakes = r->wake_ms <= now_ms;
    if (freed)
        redis_route_reap(r, now_ms);
    if (r->map_due_ms <= now_ms)
        redis_route_ask_map(r, now_ms);
    if (wakes)
        r->wake_ms = UINT64_MAX;
    if (freed || wakes)
        r->opts.ready(r->opts.cookie);
    redis_route_arm(r);
    redis_route_check(r);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void redis_route_arm(struct redis_route *r)
{
    uint64_t at_ms = earlier(r->map_due_ms, earlier(r->wake_ms, r->leave_ms));
    uint64_t now_ms = now_mono_ms();
    uv_update_time(r->loop);
    if (at_ms == UINT64_MAX || r->closed)
        uv_timer_stop(&r->turn);
    else
        uv_timer_start(&r->turn, on_turn, at_ms > now_ms ? at_ms - now_ms : 0, 0);
}

void redis_route_pause(struct redis_route *r, uint8_t place, uint64_t ms)
{
    uint64_t at_ms = now_mono_ms() + ms;
    r->places[place].not_before_ms = at_ms;
    if (at_ms < r->wake_ms)
        r->wake_ms = at_ms;
    redis_route_arm(r);
}

/* ---- out ---- */

/* The node that takes the next command of a place; NULL: none does now. */
static struct route_node *open_node(struct redis_route *r, uint8_t place)
{
    assert(place < REDIS_PLACES);
    struct route_place *p = &r->places[place];
    uint8_t i = p->asked != REDIS_NODE_NONE ? p->asked : r->node_of[place];
    if (p->not_before_ms != 0 && p->not_before_ms > now_mono_ms())
        return NULL;
    p->not_before_ms = 0;
    return redis_route_usable(r, i) ? &r->nodes[i] : NULL;
}

bool redis_route_takes(struct redis_route *r, uint8_t shard)
{
    return open_node(r, shard) != NULL;
}

static bool transmit(struct route_node *node, uint8_t place, struct slice bytes, void *tag)
{
    struct redis_route *r = node->route;
    bool asking = r->places[place].asked != REDIS_NODE_NONE;
    if (asking && !redis_route_question(node, ROUTE_ASKING))
        return false;
    r->places[place].asked = REDIS_NODE_NONE;
    if (!redis_link_send(node->link, bytes.ptr, bytes.len, tag))
        return false;
    node->in_flight++;
    return true;
}

bool redis_route_send(struct redis_route *r, struct redis_batch *b)
{
    struct route_node *node = open_node(r, b->shard);
    if (node == NULL)
        return false;
    redis_batch_sha(b, redis_link_sha(node->link));
    buf_clear(&r->wire);
    redis_batch_wire(b, &r->wire);
    b->wire_len = r->wire.len;
    b->node = (uint8_t)(node - r->nodes);
    if (!transmit(node, b->shard, buf_slice(&r->wire), b))
        return false;
    node->batches++;
    return true;
}

bool redis_route_send_entry(struct redis_route *r, struct redis_entry *e)
{
    struct route_node *node = open_node(r, e->place);
    if (node == NULL || (node->batches > 0 && !node->thrives))
        return false;
    return transmit(node, e->place, slice_of(e->bytes, e->len), e);
}

const char *redis_route_sha(const struct redis_route *r, uint8_t place)
{
    uint8_t i = r->node_of[place];
    return redis_route_usable(r, i) ? redis_link_sha(r->nodes[i].link) : NULL;
}

bool redis_route_ask(struct redis_route *r, struct redis_ask *a)
{
    a->redirects = 0;
    return redis_route_ask_again(r, a);
}

bool redis_route_ask_again(struct redis_route *r, struct redis_ask *a)
{
    assert(a->cargo == REDIS_CARGO_ASK);
    struct route_node *node = open_node(r, a->place);
    return node != NULL && transmit(node, a->place, slice_of(a->bytes, a->len), a);
}

static struct route_asked questions[] = {
    [ROUTE_ASKING] = { REDIS_CARGO_ROUTE, ROUTE_ASKING, "*1\r\n$6\r\nASKING\r\n" },
    [ROUTE_SLOTS] = { REDIS_CARGO_ROUTE, ROUTE_SLOTS, "*2\r\n$7\r\nCLUSTER\r\n$5\r\nSLOTS\r\n" },
    [ROUTE_ROLE] = { REDIS_CARGO_ROUTE, ROUTE_ROLE, "*1\r\n$4\r\nROLE\r\n" },
    [ROUTE_SCRIPT] = { REDIS_CARGO_ROUTE, ROUTE_SCRIPT, NULL },
};

bool redis_route_question(struct route_node *node, enum route_question what)
{
    struct route_asked *q = &questions[what];
    struct buf b = { 0 };
    if (q->bytes != NULL) {
        buf_append_str(&b, q->bytes);
    } else {
        struct buf script = { 0 };
        redis_script_append(&script);
        buf_printf(&b, "*3\r\n$6\r\nSCRIPT\r\n$4\r\nLOAD\r\n$%zu\r\n", script.len);
        buf_append(&b, script.ptr, script.len);
        buf_append_str(&b, "\r\n");
        buf_release(&script);
    }
    bool sent = redis_link_send(node->link, b.ptr, b.len, q);
    buf_release(&b);
    node->in_flight += sent;
    return sent;
}

/* ---- the rest ---- */

const uint8_t *redis_route_nodes(const struct redis_route *r)
{
    return r->node_of;
}

bool redis_route_is_ready(const struct redis_route *r)
{
    for (int place = 0; place < REDIS_PLACES; place++)
        if (!redis_route_usable(r, r->node_of[place]))
            return false;
    return true;
}

bool redis_route_reaches(const struct redis_route *r, uint8_t place)
{
    assert(place < REDIS_PLACES);
    return redis_route_usable(r, r->node_of[place]);
}

void redis_route_missing(const struct redis_route *r, uint8_t place, struct buf *out)
{
    assert(place < REDIS_PLACES);
    uint8_t i = r->node_of[place];
    const char *trouble = i == REDIS_NODE_NONE || r->nodes[i].link == NULL
                              ? redis_route_trouble(r)
                              : redis_link_trouble(r->nodes[i].link);
    if (i != REDIS_NODE_NONE && r->mode == ROUTE_CLUSTER) {
        const struct redis_addr *at = &r->nodes[i].at;
        bool v6 = strchr(at->host, ':') != NULL;
        buf_printf(out, v6 ? "[%s]:%u: " : "%s:%u: ", at->host, (unsigned)at->port);
    } else if (r->mode == ROUTE_CLUSTER && trouble == NULL) {
        trouble = "no node of the cluster has its slot";
    }
    buf_append_str(out, trouble != NULL ? trouble : "it does not answer");
}

const char *redis_route_trouble(const struct redis_route *r)
{
    const char *trouble = NULL;
    for (int i = 0; i < REDIS_NODES_MAX && trouble == NULL; i++)
        if (r->nodes[i].link != NULL && !redis_link_is_ready(r->nodes[i].link))
            trouble = redis_link_trouble(r->nodes[i].link);
    if (trouble == NULL && r->sentinel != NULL)
        trouble = redis_sentinel_trouble(r->sentinel);
    return trouble;
}

void redis_route_stats(const struct redis_route *r, struct redis_stats *ret)
{
    struct redis_link_stats sum = r->gone;
    ret->nodes = ret->redirects = 0;
    for (uint8_t i = 0; i < (uint8_t)REDIS_NODES_MAX; i++) {
        struct redis_link_stats one;
        if (r->nodes[i].link == NULL)
            continue;
        redis_link_stats(r->nodes[i].link, &one);
        sum.connects += one.connects;
        sum.disconnects += one.disconnects;
        sum.failures += one.failures;
        ret->nodes += memchr(r->node_of, i, sizeof r->node_of) != NULL;
    }
    ret->connects = sum.connects;
    ret->disconnects = sum.disconnects;
    ret->connect_failures = sum.failures;
    memcpy(ret->redirects_of, r->redirects, sizeof ret->redirects_of);
    for (int k = 0; k < REDIS_REDIRECT_COUNT; k++)
        ret->redirects += r->redirects[k];
    ret->map_refreshes = r->refreshes;
    ret->connected = redis_route_is_ready(r);
}

struct redis_route *redis_route_new(uv_loop_t *loop, const struct redis_route_opts *opts)
{
    uint16_t slots[REDIS_PLACES];
    struct redis_route *r = mem_zalloc(sizeof *r);
    r->opts = *opts;
    r->instance = mem_strdup(opts->instance);
    r->opts.instance = r->opts.prefix = NULL;
    r->loop = loop;
    r->map_due_ms = r->wake_ms = r->leave_ms = UINT64_MAX;
    r->master = REDIS_NODE_NONE;
    redis_slots_of_places(opts->prefix, slots);
    for (int place = 0; place < REDIS_PLACES; place++) {
        r->places[place] = (struct route_place){ .slot = slots[place], .asked = REDIS_NODE_NONE };
        r->node_of[place] = REDIS_NODE_NONE;
    }
    uv_timer_init(loop, &r->turn);
    r->turn.data = r;
    redis_route_begin(r);
    return r;
}

static void on_closed(uv_handle_t *h)
{
    struct redis_route *r = h->data;
    buf_release(&r->wire);
    free(r->instance);
    free(r);
}

void redis_route_free(struct redis_route *r)
{
    if (r == NULL)
        return;
    r->closed = true;
    redis_sentinel_free(r->sentinel);
    for (int i = 0; i < REDIS_NODES_MAX; i++)
        redis_link_free(r->nodes[i].link);
    uv_close((uv_handle_t *)&r->turn, on_closed);
}
