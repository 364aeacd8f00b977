/**
 * taker: a new server that takes over from the one that runs (giver.h has the whole picture).
 *
 *     taker_connect  ── control socket ──>  the old one
 *                                   daemon
 *     prepare ────────────────────> adopt the sockets, make workers and sinks: all that can fail,
 *                                   and nothing that is polled, connects or is seen from outside
 *     taker_ready <────────────────
 *     adopt ──────────────────────> an accepted stream, not to be read yet
 *     load ───────────────────────> read and check the state
 *     taker_loaded <───────────────
 *     own ────────────────────────> read, serve: all is ours
 *  or give_up ────────────────────> exit; nothing has been read, and the old one goes on
 *
 * Until `own` nothing may be read from any of the descriptors, and none connected, shut down or
 * unlinked: they are the old one's sockets.
 *
 *   thread   control
 */
#ifndef TAKEOVER_TAKER_H
#define TAKEOVER_TAKER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#include "base/slice.h"
#include "takeover/takeover.h"

struct taker;

struct taker_opts {
    uv_loop_t *loop;
    uid_t uid;                       /* whose server is taken over: geteuid() */
    struct takeover_deadlines waits; /* 0: the defaults */
    struct takeover_hello hello;     /* at most TAKEOVER_WANTED_MAX wanted; lives for the call */
    /*
     * The old one's descriptors, n of them, close-on-exec: the daemon's from here on.  Names and
     * array live until taker_close.  What they are of is the old one's until `own`: it goes on with
     * it where this comes to nothing.  taker_ready or taker_refuse is to follow, now or later.
     */
    void (*prepare)(void *cookie, const struct takeover_fd *fds, size_t n);
    /* A connection of that listener, and what came of a line so far; fd is the daemon's. */
    void (*adopt)(void *cookie, int fd, struct slice listener, struct slice begun);
    /* fd: the daemon's, a memfd of `bytes` bytes.  taker_loaded or taker_refuse is to follow. */
    void (*load)(void *cookie, int fd, uint64_t bytes);
    void (*own)(void *cookie);
    void (*give_up)(void *cookie, const char *why); /* why: lives for the call */
    void *cookie;
};

/**
 * taker_connect(opts, path, ret):
 *   path     server.control_socket
 *   returns  0; -ENOENT, -ECONNREFUSED: no server is there; -EPERM: it is another user's;
 *            -EMSGSIZE: the hello is too long; or another -errno
 */
int taker_connect(const struct taker_opts *opts, const char *path, struct taker **ret);

/* The same on a socket that is connected.  fd is taken over, also on failure. */
int taker_start(const struct taker_opts *opts, int fd, struct taker **ret);

/* What the daemon answers.  Without effect after give_up. */
void taker_ready(struct taker *t);
void taker_loaded(struct taker *t);
void taker_refuse(struct taker *t, const char *why);

/* In own: the old one's control socket, for giver_adopt; the caller's from here on.  -1: none */
int taker_take_control(struct taker *t);

/* Freed by the loop.  NULL is fine. */
void taker_close(struct taker *t);

#endif
