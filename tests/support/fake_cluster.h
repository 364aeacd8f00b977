/**
 * fake_cluster: a model of a Redis Cluster, as listeners on 127.0.0.1 in the loop of the test.
 *
 * Nodes answer a greeting, CLUSTER SLOTS and ROLE, and to commands with a key as a cluster does:
 * by who owns its slot, and where that is on its way to.  Nothing is stored; `log` says what was
 * taken by whom.
 */
#ifndef SUPPORT_FAKE_CLUSTER_H
#define SUPPORT_FAKE_CLUSTER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

enum { FAKE_NODES = 4, FAKE_SLOTS = 16384, FAKE_NOBODY = 255, FAKE_LOG = 1024 };

struct fake_cluster;

struct fake_node {
    struct fake_cluster *of;
    uv_tcp_t listener;
    uint16_t port;
    bool frozen;        /* it answers nothing */
    bool flushed;       /* it has no script until the next SCRIPT LOAD */
    bool forgets;       /* .. and not after it */
    bool is_replica;    /* by ROLE */
    const char *error;  /* of commands with a key; NULL: none */
    const char *map;    /* the error of CLUSTER SLOTS; NULL: none */
    const char *master; /* of get-master-addr-by-name, in RESP; NULL: nil */
    unsigned slots_asked, loads, connections, asking;
};

struct fake_cluster {
    uv_loop_t *loop;
    struct fake_node nodes[FAKE_NODES];
    uint8_t owner[FAKE_SLOTS], to[FAKE_SLOTS]; /* index of a node, or FAKE_NOBODY */
    bool hostless;                             /* CLUSTER SLOTS and MOVED leave out the host */
    struct {
        uint8_t node;
        uint16_t slot;
    } log[FAKE_LOG];
    unsigned n_log;
};

/* All slots are node 0's. */
void fake_cluster_init(struct fake_cluster *c, uv_loop_t *loop);
void fake_cluster_release(struct fake_cluster *c); /* the loop must run once more */

/* What of the log is of a node. */
unsigned fake_cluster_taken(const struct fake_cluster *c, uint8_t node);
/* Ends every connection of a node, as when it dies; and it listens no more. */
void fake_cluster_kill(struct fake_cluster *c, uint8_t node);

#endif
