/*
 * Which node has which place, and how that is found out.
 *
 *   redis_route_begin      a Unix socket or a database: one Redis.  Else whoever of the URL's hosts
 *                          is ready first is asked: CLUSTER SLOTS, or the Sentinels
 *   redis_route_want_map   after each MOVED, CLUSTERDOWN and end of a connection, and every minute
 *     redis_route_ask_map  any node that is ready, in turn; with none, the hosts of the URL
 *     redis_route_on_slots apply: places to nodes, new nodes, and nodes that leave
 *     on_master, redis_route_on_role    the same with Sentinels
 *
 * While a place is without a node that is ready, the question is repeated, ever more slowly up to
 * GAP_MAX_MS; not more than once in GAP_MIN_MS in any case.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/now.h"
#include "sinks/redis/reply.h"
#include "sinks/redis/route_priv.h"

enum { GAP_MIN_MS = 100, GAP_MAX_MS = 1000, PERIOD_MS = 45000, LOG_PERIOD_MS = 10000 };

void redis_route_assign(struct redis_route *r, uint8_t place, uint8_t node)
{
    r->node_of[place] = node;
    r->places[place].asked = REDIS_NODE_NONE;
}

void redis_route_want_map(struct redis_route *r)
{
    uint64_t now_ms = now_mono_ms(), at_ms = r->map_asked_ms + r->gap_ms;
    if (at_ms < now_ms)
        at_ms = now_ms;
    if (at_ms < r->map_due_ms)
        r->map_due_ms = at_ms;
    redis_route_arm(r);
}

static void reset_gap(struct redis_route *r)
{
    redis_backoff_reset(&r->backoff);
    r->gap_ms = GAP_MIN_MS;
}

/* Any node that is ready; those that leave know the cluster, too. */
static uint8_t someone(struct redis_route *r)
{
    for (int n = 0; n < REDIS_NODES_MAX; n++) {
        r->next = (uint8_t)((r->next + 1) % REDIS_NODES_MAX);
        if (redis_route_usable(r, r->next))
            return r->next;
    }
    return REDIS_NODE_NONE;
}

void redis_route_ask_map(struct redis_route *r, uint64_t now_ms)
{
    bool well = r->mode != ROUTE_UNKNOWN && redis_route_is_ready(r);
    if (now_ms - r->map_asked_ms >= PERIOD_MS)
        reset_gap(r);
    uint64_t gap_ms = redis_backoff_next(&r->backoff);
    r->gap_ms = gap_ms < GAP_MIN_MS ? GAP_MIN_MS : gap_ms > GAP_MAX_MS ? GAP_MAX_MS : gap_ms;
    r->map_asked_ms = now_ms;
    r->map_due_ms = now_ms + (well ? PERIOD_MS + gap_ms : r->gap_ms);
    if (r->mode == ROUTE_SENTINEL) {
        r->refreshes++;
        redis_sentinel_ask(r->sentinel, !well);
        return;
    }
    uint8_t i = someone(r);
    if (i == REDIS_NODE_NONE)
        redis_route_seeds(r);
    else
        r->refreshes += redis_route_question(&r->nodes[i], ROUTE_SLOTS);
}

/* ---- a cluster ---- */

static void say_uncovered(struct redis_route *r)
{
    uint64_t suppressed, n = 0;
    for (int place = 0; place < REDIS_PLACES; place++)
        n += r->slots.node_of[place] == REDIS_NODE_NONE;
    if (n > 0 && log_gate(&r->uncovered_gate, LOG_PERIOD_MS, now_mono_ms(), &suppressed))
        LOG(LOG_ERROR, "redis slots uncovered", F_U64("shards", n),
            F_STR("remedy", "what belongs there waits: give the slots a node (CLUSTER SLOTS)"),
            F_U64("suppressed", suppressed));
}

static void say_masters(struct redis_route *r)
{
    if (r->n_masters != r->slots.n)
        LOG(LOG_INFO, "redis cluster", F_U64("masters", r->slots.n));
    r->n_masters = r->slots.n;
}

static void say_moved(struct redis_route *r, uint32_t n, uint8_t place)
{
    uint64_t suppressed;
    const struct redis_addr none = { "nowhere", 0 };
    uint8_t i = r->node_of[place];
    const struct redis_addr *to = i == REDIS_NODE_NONE ? &none : &r->nodes[i].at;
    if (log_gate(&r->moved_gate, LOG_PERIOD_MS, now_mono_ms(), &suppressed))
        LOG(LOG_INFO, "redis shard moved", F_U64("shards", n), F_U64("shard", place),
            F_STR("to", to->host), F_U64("port", to->port), F_U64("suppressed", suppressed));
}

static void apply(struct redis_route *r)
{
    bool first = r->mode != ROUTE_CLUSTER;
    uint8_t index[REDIS_PLACES], last = 0;
    uint32_t changed = 0;
    for (uint8_t i = 0; i < r->slots.n; i++)
        index[i] = redis_route_node(r, &r->slots.nodes[i]);
    for (uint8_t place = 0; place < (uint8_t)REDIS_PLACES; place++) {
        uint8_t i = r->slots.node_of[place];
        uint8_t node = i == REDIS_NODE_NONE ? i : index[i];
        if (node == r->node_of[place])
            continue;
        redis_route_assign(r, place, node);
        last = place;
        changed++;
    }
    r->mode = ROUTE_CLUSTER;
    say_masters(r);
    say_uncovered(r);
    redis_route_sweep(r);
    if (changed == 0)
        return;
    reset_gap(r);
    if (!first) {
        say_moved(r, changed, last);
        redis_route_want_map(r); /* once more soon: the node may have known half of it */
    }
    r->opts.ready(r->opts.cookie);
}

/* One Redis has it all. */
static void settle_on(struct redis_route *r, uint8_t node)
{
    for (uint8_t place = 0; place < (uint8_t)REDIS_PLACES; place++)
        redis_route_assign(r, place, node);
    redis_route_sweep(r);
}

void redis_route_is_cluster(struct redis_route *r)
{
    if (r->mode == ROUTE_ALONE || r->mode == ROUTE_UNKNOWN)
        r->mode = ROUTE_CLUSTER;
    redis_route_want_map(r);
}

static bool has_no_cluster(const char *error)
{
    return strstr(error, "cluster support disabled") != NULL ||
           strstr(error, "unknown command") != NULL || strstr(error, "unknown subcommand") != NULL;
}

/* Without the right to ask, MOVED alone tells of a cluster, shard by shard. */
static bool is_denied(struct redis_route *r, const char *error)
{
    uint64_t suppressed;
    if (strncmp(error, "NOPERM", 6) != 0)
        return false;
    if (r->mode == ROUTE_CLUSTER &&
        log_gate(&r->denied_gate, LOG_PERIOD_MS, now_mono_ms(), &suppressed))
        LOG(LOG_WARN, "redis does not tell who has which slots", F_STR("error", error),
            F_STR("remedy", "give the user the right +cluster|slots"),
            F_U64("suppressed", suppressed));
    return true;
}

/* Several hosts that are no cluster would each get a part, by who is ready first. */
static bool should_be_cluster(const struct redis_route *r)
{
    return r->opts.url->master == NULL && r->opts.url->n_hosts > 1;
}

static void on_slots_error(struct route_node *node, const char *error)
{
    struct redis_route *r = node->route;
    if (has_no_cluster(error) && r->mode == ROUTE_UNKNOWN && should_be_cluster(r)) {
        char why[REDIS_GREETING_WHY_BYTES];
        snprintf(why, sizeof why, "CLUSTER SLOTS: %s", error);
        redis_link_retry(node->link, why);
        return;
    }
    if ((!is_denied(r, error) && !has_no_cluster(error)) || r->mode != ROUTE_UNKNOWN)
        return; /* LOADING and the like: another one is asked soon */
    r->mode = ROUTE_ALONE;
    r->map_due_ms = UINT64_MAX;
    settle_on(r, (uint8_t)(node - r->nodes));
    r->opts.ready(r->opts.cookie);
}

void redis_route_on_slots(struct route_node *node, const redisReply *reply)
{
    struct redis_route *r = node->route;
    uint16_t slot_of[REDIS_PLACES];
    for (int place = 0; place < REDIS_PLACES; place++)
        slot_of[place] = r->places[place].slot;
    if (reply == NULL || r->mode == ROUTE_ALONE) {
        return; /* the end of a connection is a reason of its own to ask again */
    } else if (reply->type == REDIS_REPLY_ERROR) {
        on_slots_error(node, reply->str);
    } else if (redis_slots_read(reply, slot_of, &node->at, &r->slots)) {
        if (r->slots.n > 0)
            apply(r);
        else
            say_uncovered(r); /* it was taken out of its cluster, or is not in one yet */
    }
}

/* ---- Sentinels ---- */

static void on_master(void *cookie, const struct redis_addr *at)
{
    struct redis_route *r = cookie;
    r->master = redis_route_node(r, at);
    if (r->master != REDIS_NODE_NONE && redis_link_is_ready(r->nodes[r->master].link))
        redis_route_question(&r->nodes[r->master], ROUTE_ROLE);
}

void redis_route_on_role(struct route_node *node, const redisReply *reply)
{
    struct redis_route *r = node->route;
    uint8_t self = (uint8_t)(node - r->nodes);
    uint64_t suppressed;
    if (reply == NULL || self != r->master)
        return;
    if (reply->type == REDIS_REPLY_ERROR &&
        log_gate(&r->denied_gate, LOG_PERIOD_MS, now_mono_ms(), &suppressed))
        LOG(LOG_ERROR, "redis does not tell its role", F_STR("error", reply->str),
            F_STR("remedy", "give the user the right +role"), F_U64("suppressed", suppressed));
    bool is = reply->type == REDIS_REPLY_ARRAY && reply->elements > 0 &&
              reply->element[0]->type == REDIS_REPLY_STRING &&
              strcmp(reply->element[0]->str, "master") == 0;
    bool news = node->is_master != is || r->node_of[0] != self;
    node->is_master = is;
    if (!is) {
        redis_route_want_map(r); /* the Sentinels know before long */
        return;
    }
    if (!news)
        return;
    if (r->node_of[0] != self)
        LOG(LOG_INFO, "redis master", F_STR("name", r->opts.url->master),
            F_STR("addr", node->at.host), F_U64("port", node->at.port));
    reset_gap(r);
    settle_on(r, self);
    r->opts.ready(r->opts.cookie);
}

/* ---- the start ---- */

void redis_route_begin(struct redis_route *r)
{
    const struct redis_url *u = r->opts.url;
    redis_backoff_init(&r->backoff, now_mono_ns());
    reset_gap(r);
    r->map_asked_ms = 0;
    if (u->path != NULL || (u->master == NULL && u->db != 0)) {
        r->mode = ROUTE_ALONE;
        r->map_due_ms = UINT64_MAX;
        redis_route_seeds(r);
        settle_on(r, u->path != NULL ? redis_route_socket(r) : 0);
        return;
    }
    if (u->master == NULL) {
        redis_route_seeds(r);
        return;
    }
    const struct redis_sentinel_opts o = {
        .url = u,
        .login = r->opts.login,
        .instance = r->instance,
        .timeout_ms = r->opts.connect_timeout_ms,
        .cookie = r,
        .found = on_master,
    };
    r->mode = ROUTE_SENTINEL;
    r->sentinel = redis_sentinel_new(r->loop, &o);
    redis_route_ask_map(r, now_mono_ms());
    redis_route_arm(r);
}
