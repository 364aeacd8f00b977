/**
 * source: what a worker reads, one for each listener that has a socket there.  Private to listen/.
 *
 *     worker                       source
 *     ------                       ------
 *     its loop runs       ----->   reads by itself whatever comes, into the worker's lane
 *     a page turn: look   ----->   notes what waits in the kernel, and what was dropped
 *                  drain  ----->   reads what has come until now
 *     renew               ----->   goes on with another socket beside the one it has
 *     close               ----->   leaves the loop
 *
 * Each kind of source is a file with its source_ops (source_dgram.c); a transport says which kind
 * reads its sockets.
 *
 *   thread   worker; before it starts and after it ended: control
 */
#ifndef LISTEN_SOURCE_H
#define LISTEN_SOURCE_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "listen/listener.h"

struct dgram_buffers;
struct lane;
struct refusals;
struct worker_order;

/* What the sources of one worker share; the worker's. */
struct source_env {
    uv_loop_t *loop;
    struct lane *lane;
    struct dgram_buffers *dgram;
    struct refusals *refusals;
    struct worker_order *order; /* NULL: one worker with one source reads everything */
};

struct source;

struct source_ops {
    /* Writes s->stats.queued_bytes and kernel_drops. */
    void (*look)(struct source *s);

    /*
     * Called after look.  Read what the sockets held then, but not for ever what comes meanwhile.
     * last: listener_refuse was called; whatever comes later is not read any more.
     */
    void (*drain)(struct source *s, bool last);

    /* As worker_renew_socket.  returns  0, or -errno with nothing changed: try again later */
    int (*renew)(struct source *s, int fd);

    /*
     * Leave the loop, and close the sockets that are the worker's.  own: the newest one is.  The
     * source may be freed (free(3)) once the loop has run.
     */
    void (*close)(struct source *s, bool own);
};

struct source {
    const struct source_ops *ops;
    const struct source_env *env;
    uint16_t place;            /* among the worker's sources */
    struct socket_stats stats; /* counted as datagrams are read; see look */
};

/* A source that is made and not closed. */
static inline void source_check(const struct source *s)
{
    assert(s != NULL && s->ops != NULL);
    assert(s->env != NULL && s->env->loop != NULL && s->env->lane != NULL);
}

#endif
