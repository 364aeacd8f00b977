/**
 * redis_route_priv: the route's parts, for route.c (what is sent), route_reply.c (answers),
 * route_nodes.c (links come and go) and route_map.c (which node has what).
 *   thread   the loop's
 */
#ifndef SINKS_REDIS_ROUTE_PRIV_H
#define SINKS_REDIS_ROUTE_PRIV_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/log.h"
#include "sinks/redis/backoff.h"
#include "sinks/redis/redirect.h"
#include "sinks/redis/route.h"
#include "sinks/redis/sentinel.h"
#include "sinks/redis/slots.h"

enum route_mode {
    ROUTE_UNKNOWN, /* nobody has answered so far whether this is a cluster */
    ROUTE_ALONE,   /* one Redis has it all */
    ROUTE_CLUSTER,
    ROUTE_SENTINEL /* one Redis has it all, and Sentinels tell which */
};

struct route_node {
    struct redis_route *route;
    struct redis_link *link; /* NULL: an entry that is free */
    struct redis_addr at;    /* without a host: the URL's Unix socket */
    uint32_t in_flight;      /* commands, the route's own included */
    uint32_t batches;        /* of them */
    bool thrives;            /* it took a batch on this connection */
    bool is_master;          /* by ROLE, on this connection; asked for with Sentinels only */
    bool loads;              /* SCRIPT LOAD is under way */
    uint8_t n_loads;         /* .. and how many there were since it took a batch */
    uint64_t leave_ms;       /* it has no place any more: freed then at the latest; 0: it stays */
};

struct route_place {
    uint16_t slot;
    uint8_t asked;          /* the node that the next command goes to, after ASKING; or none */
    uint8_t moves, downs;   /* since it took something: MOVED to another node; CLUSTERDOWN */
    uint64_t not_before_ms; /* 0: at once */
};

struct redis_route {
    struct redis_route_opts opts;
    char *instance;
    uv_loop_t *loop;
    uv_timer_t turn;                        /* at the earliest of the next three */
    uint64_t map_due_ms, wake_ms, leave_ms; /* UINT64_MAX: not by time */
    uint64_t map_asked_ms;
    uint64_t gap_ms; /* between two questions for the map */
    struct redis_backoff backoff;
    struct redis_sentinel *sentinel;
    enum route_mode mode;
    uint8_t next;      /* who is asked for the map next */
    uint8_t master;    /* with Sentinels: the node that they name; or none */
    uint8_t n_masters; /* as the log said last */
    bool closed;
    struct route_node *answering; /* within its reply: the node */
    uint8_t node_of[REDIS_PLACES];
    struct route_place places[REDIS_PLACES];
    struct route_node nodes[REDIS_NODES_MAX];
    struct redis_link_stats gone; /* of links that were freed */
    uint64_t redirects[REDIS_REDIRECT_COUNT], refreshes;
    struct log_gate moved_gate, down_gate, uncovered_gate, denied_gate;
    struct buf wire;          /* the command being sent */
    struct redis_slots slots; /* the answer being read */
};

static inline void redis_route_check(const struct redis_route *r)
{
    for (int place = 0; place < REDIS_PLACES; place++) {
        uint8_t i = r->node_of[place], asked = r->places[place].asked;
        assert(i == REDIS_NODE_NONE || (i < REDIS_NODES_MAX && r->nodes[i].link != NULL));
        assert(i == REDIS_NODE_NONE || r->nodes[i].leave_ms == 0);
        assert(asked == REDIS_NODE_NONE ||
               (asked < REDIS_NODES_MAX && r->nodes[asked].link != NULL));
    }
}

/* What the route sends for itself. */
enum route_question { ROUTE_ASKING, ROUTE_SLOTS, ROUTE_ROLE, ROUTE_SCRIPT };

struct route_asked {
    enum redis_cargo cargo; /* first */
    enum route_question what;
    const char *bytes; /* NULL: of the script */
};

/* route.c */
bool redis_route_question(struct route_node *node, enum route_question q);
void redis_route_arm(struct redis_route *r); /* after a change of one of the times */
bool redis_route_ask_again(struct redis_route *r, struct redis_ask *a); /* after a redirect */
void redis_route_pause(struct redis_route *r, uint8_t place, uint64_t ms);

/* route_reply.c: of a link */
void redis_route_on_reply(void *cookie, void *tag, const redisReply *reply);

/* route_nodes.c */
/* The node of an address, new if need be.  returns  its index; none: the table is full */
uint8_t redis_route_node(struct redis_route *r, const struct redis_addr *at);
uint8_t redis_route_socket(struct redis_route *r); /* the same, of the URL's Unix socket */
void redis_route_seeds(struct redis_route *r);     /* nodes of all hosts of the URL */
/* May it be sent to? */
bool redis_route_usable(const struct redis_route *r, uint8_t node);
/* Nodes without a place begin to leave; those that are due are freed. */
void redis_route_sweep(struct redis_route *r);
void redis_route_reap(struct redis_route *r, uint64_t now_ms);

/* route_map.c */
void redis_route_begin(struct redis_route *r);
void redis_route_assign(struct redis_route *r, uint8_t place, uint8_t node);
/* An answer that only a cluster gives, though CLUSTER SLOTS may be denied: want_map. */
void redis_route_is_cluster(struct redis_route *r);
/* The map may be an old one: ask for it soon, or now, if it is time. */
void redis_route_want_map(struct redis_route *r);
void redis_route_ask_map(struct redis_route *r, uint64_t now_ms);
void redis_route_on_slots(struct route_node *node, const redisReply *reply);
void redis_route_on_role(struct route_node *node, const redisReply *reply);

#endif
