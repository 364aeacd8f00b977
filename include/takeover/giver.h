/**
 * giver: the server that runs, waiting for one that takes over its sockets and its state.
 *
 *     statsd --takeover  ── control socket ──>  giver      daemon
 *                                               offer ───> which descriptors, by name
 *       (makes its parts: nothing stops)
 *                                               pause ───> workers stop polling, last turn,
 *                                                          HTTP is quiet, the state written
 *                              giver_stream, giver_paused <──
 *                                               leave ───> exit: the other one owns the sockets
 *                                            or resume ──> read and serve again
 *
 * Exactly one of the two owns the sockets at any time: who has read the one byte of a pipe
 * (src/takeover/steps.h).  Whatever fails, before the byte is read by the other one, ends in
 * resume, or in nothing at all where nothing was paused.  After `leave` this server's numbers may
 * be older than what was scraped: it never comes back, even if the other one dies at once.
 *
 * One at a time, of the same user (SO_PEERCRED); others are told why not.
 *
 *   thread   control
 */
#ifndef TAKEOVER_GIVER_H
#define TAKEOVER_GIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#include "base/slice.h"
#include "takeover/takeover.h"

struct giver;

struct giver_opts {
    uv_loop_t *loop;
    uid_t uid;                       /* who may take over: geteuid() */
    struct takeover_deadlines waits; /* 0: the defaults */
    /**
     * offer(cookie, hello, ret):
     * Somebody wants to take over.  Nothing is to stop yet.
     *   hello    lives for the call
     *   ret      descriptors and their names, borrowed until failed or leave; names of at most 255
     *            bytes, none begins with '@'
     *   returns  NULL, or why not, for people at the other end
     */
    const char *(*offer)(void *cookie, const struct takeover_hello *hello,
                         struct takeover_offer *ret);
    /*
     * The other one is ready: stop reading, then take the last turn, write the state; giver_paused
     * or giver_cannot is to follow, in the call or later.
     */
    void (*pause)(void *cookie);
    void (*resume)(void *cookie); /* after pause was answered: read and serve again */
    void (*leave)(void *cookie);  /* after giver_paused: nothing is ours any more; exit */
    /* It came to nothing; before resume.  why: may be what the other one said; for the call */
    void (*failed)(void *cookie, const char *why);
    void *cookie;
};

/**
 * giver_listen(opts, path, ret):
 * Wait at server.control_socket, made with mode 0600; a file without a server behind it is
 * replaced.  To be called after the sockets for metrics are open, which tell two servers apart.
 *   returns  0; -EADDRINUSE (a server answers there), -ENOTSOCK, -ENAMETOOLONG or another -errno
 */
int giver_listen(const struct giver_opts *opts, const char *path, struct giver **ret);

/* The same on the socket that another server listened on: taker_take_control.  fd is taken over,
 * also on failure. */
int giver_adopt(const struct giver_opts *opts, int fd, struct giver **ret);

/* Talk to whoever is at the other end of fd, as if it had come by the control socket.  fd is taken
 * over. */
void giver_accept(struct giver *g, int fd);

/**
 * giver_stream(g, fd, listener, begun):
 * Between pause and giver_paused: an accepted connection, and what it sent of a line so far.
 *   fd       borrowed until failed or leave
 *   begun    copied
 *   returns  0; -EMSGSIZE: too long to be handed on
 */
int giver_stream(struct giver *g, int fd, struct slice listener, struct slice begun);

/**
 * giver_paused(g, state_fd):
 * Nothing is read or served any more, and the state is whole.  From here on the other one may own
 * the sockets at any moment.
 *   state_fd  a memfd; taken over
 */
void giver_paused(struct giver *g, int state_fd);
void giver_cannot(struct giver *g, const char *why); /* the pause failed; resume follows */

/**
 * giver_cancel(g):
 * The daemon wants to stop: no takeover from now on.  One that is under way ends: with resume or
 * leave in the call, or with resume once the pause is answered, or, where nothing was paused, at
 * once.
 *   returns  true: nothing is under way any more (see giver_left); false: resume will come
 */
bool giver_cancel(struct giver *g);
bool giver_left(const struct giver *g); /* leave was called */

/* The process has become another user, of opts->uid: who connects from now on sees that one. */
void giver_show_user(struct giver *g);

/* After giver_cancel, and the resume that it may bring.  Removes the socket file, unless the other
 * one owns it.  Freed by the loop.  NULL is fine. */
void giver_close(struct giver *g);

#endif
