/**
 * server_takeover: one server takes the place of another one while both run (takeover/giver.h,
 * takeover/taker.h).  Private to app/.
 *
 *     the one that runs: server_hand_on.c        the new one: server_take.c
 *       offer   descriptors, by name               prepare   makes all its parts, runs none
 *       pause   HTTP ends, the last turn,
 *               its events are delivered,
 *               the open interval is closed,
 *               the state is written               load      opens the sinks, loads the state
 *       leave   ends; or resume                    own       runs; or give_up
 *
 * Nothing stops before the other one has all its parts, and then for as long as the last turn and
 * the state take: what comes meanwhile waits in the sockets.  HTTP has ended by then, so nobody is
 * shown numbers that are older than the next server's; connections wait at its socket.
 *
 * Between load and own the new server's loop does not run, so its sinks send nothing that is not
 * its own to send.
 *
 *   thread   control
 */
#ifndef APP_SERVER_TAKEOVER_H
#define APP_SERVER_TAKEOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/inherited.h"
#include "takeover/giver.h"
#include "takeover/taker.h"

/* The name of what is offered beside sockets. */
#define TAKEOVER_STATE_DIR "state-dir"

struct server;

struct hand_on {
    struct giver *giver; /* NULL: server.control_socket is not set */
    struct takeover_fd *fds;
    size_t n;
    char http_name[INHERITED_NAME_MAX];
    int http_fd;             /* a copy of the listening socket while it is offered; else -1 */
    uint64_t paused_ms;      /* HANDING_ON: since when */
    uint64_t turn;           /* the last one; 0: not asked for, or over */
    uint64_t turned_ms;      /* when it was over */
    uint64_t last_events_ms; /* how long its events may take; 0: those before were not taken */
    int signum;              /* came while HANDING_ON: to be heeded when that came to nothing */
    bool reload;             /* HUP came, likewise */
};

/* A connection that was handed on: not read before the server owns it. */
struct taken_stream {
    int fd;
    struct buf listener, begun;
};

/* On a server that was asked to take over; else all of it is 0. */
struct taking {
    bool asked;
    struct taker *taker; /* until it has come to an end */
    bool same_dir;       /* server.state_dir is the same */
    struct taken_stream *streams;
    size_t n_streams, cap_streams;
};

/* ---- the one that runs ---- */

/* Wait for who takes over, at server.control_socket, or at fd, where that is not -1.
 * returns  0 (also when it is not set), or -errno, logged */
int server_hand_on_open(struct server *s, int fd);

/* Has another server been told of the sockets? */
bool server_hand_on_offers(const struct server *s);

/* A turn is over. */
void server_hand_on_turned(struct server *s);

/* A signal to stop.  returns  false: the server has ended, or will stop when it may */
bool server_hand_on_cancel(struct server *s, int signum);
void server_hand_on_close(struct server *s);

/* ---- the new one ---- */

/* Find the one that runs; all else comes by the loop.   returns  0, or -errno, logged */
int server_take(struct server *s);

/* Do the listeners suit a takeover?   returns  0 (also without one), or -errno, logged */
int server_take_check(const struct server *s);

/* A signal to stop while the server is STARTING. */
void server_take_cancel(struct server *s);
void server_take_close(struct server *s);

#endif
