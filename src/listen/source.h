/**
 * source: what a worker reads: one for each listener that it reads.  Private to listen/.
 *
 *     worker                       source
 *     ------                       ------
 *     its loop runs       ----->   reads whatever comes, into the worker's lane, by its own handles
 *     a page turn: look   ----->   notes how much the kernel has queued, and what it dropped
 *                  drain  ----->   reads what was queued
 *     adopt               ----->   reads connections that control has accepted
 *     renew               ----->   reads another socket beside the one that it has
 *     close               ----->   leaves the loop
 *
 * A kind of source is a file with its source_ops (source_dgram.c, source_stream.c).
 * transport_ops.source_new makes a source of the kind that reads the transport's sockets.
 *
 *   thread   worker; before it starts and after it ended: control
 */
#ifndef LISTEN_SOURCE_H
#define LISTEN_SOURCE_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/mem.h"
#include "listen/listener.h"

struct connection;
struct dgram_buffers;
struct lane;
struct refusals;
struct taps;
struct worker_order;

/* What the sources of one worker share; the worker owns all of it.  All else is a source's own. */
struct source_env {
    uv_loop_t *loop;
    struct lane *lane;
    struct refusals *refusals;
    struct taps *taps;
    struct worker_order *order;  /* as in struct worker_opts */
    bool senders;                /* the lane is told who sent each datagram */
    struct dgram_buffers *dgram; /* shared because it is large; made by dgram_share */
};

struct source;

/* As worker_stream_fn. */
typedef void (*source_stream_fn)(void *cookie, unsigned at, int fd, struct slice begun);

struct source_ops {
    /* Writes queued_bytes, kernel_drops and socket_drops of s->stats. */
    void (*look)(struct source *s);

    /*
     * Called after look.  Read what the sockets held then, but not for ever what comes meanwhile.
     * last: whatever comes later is not read any more; where the listener is not kept,
     * listener_refuse was called.
     */
    void (*drain)(struct source *s, bool last);

    /*
     * Read nothing until go_on, and end what no other process could go on with: TLS, and a socket
     * that was replaced.
     */
    void (*rest)(struct source *s);
    void (*go_on)(struct source *s);

    /* Of streams, else NULL: as worker_each_stream. */
    void (*each)(struct source *s, source_stream_fn fn, void *cookie);

    /* Where control accepts connections, else NULL: read these, which are now the source's. */
    void (*adopt)(struct source *s, struct connection *list);

    /*
     * Where sockets may be inherited, else NULL: nobody else reads the only one so far, and the
     * worker is about to.
     */
    void (*own)(struct source *s);
    void (*take_over)(struct source *s, uint32_t drops); /* as worker_take_over */

    /*
     * Where the worker's sockets are bound again, else NULL: as worker_renew_socket.
     * returns  0, or -errno with nothing changed: may be tried again
     */
    int (*renew)(struct source *s, int fd);

    /*
     * Leave the loop, and close the sockets that belong to the worker; own: the newest one does
     * too.  After the loop has run until it ended, the worker frees the source by free(3).
     */
    void (*close)(struct source *s, bool own);
};

/* Counted in for every read, so it is made by mem_zalloc_apart. */
struct source {
    const struct source_ops *ops;
    const struct source_env *env;
    uint16_t place;            /* index among the worker's sources */
    struct socket_stats stats; /* the source's own counting */
};

/* Of a source that is not closed yet. */
static inline void source_check(const struct source *s)
{
    assert(s != NULL && s->ops != NULL);
    assert(s->env != NULL && s->env->loop != NULL && s->env->lane != NULL);
    assert((uintptr_t)s % MEM_APART == 0);
}

#endif
