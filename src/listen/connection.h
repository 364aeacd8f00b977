/**
 * connection: one connection of a stream listener, and how it goes from control to a worker and
 * back.  Private to listen/.
 *
 *     acceptor (control)                       stream source (worker)
 *     ------------------                       ----------------------
 *     accepts, worker_adopt    ------------>   reads it until it ends, and closes it
 *     counts it as closed,     <------------   connection_push(c->back, c)
 *     frees it
 *
 * It belongs to one side at a time.
 *   thread   control or worker, as above; a stack: any may push, one takes
 */
#ifndef LISTEN_CONNECTION_H
#define LISTEN_CONNECTION_H

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/address.h"
#include "base/buf.h"
#include "listen/channel.h"
#include "listen/stream_counts.h"
#include "protocol/framing.h"

union connection_peer {
    struct sockaddr any; /* AF_UNSPEC: not known by address */
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

struct connection;

struct connection_stack {
    _Atomic(struct connection *) top;
};

struct connection {
    struct connection *next;       /* in a stack, or of those that were taken from one */
    struct connection_stack *back; /* where it goes when it has ended */
    /* Written by control before it hands it over: */
    void *door;      /* the acceptor's */
    unsigned worker; /* who reads it */
    union connection_peer peer;
    pid_t pid; /* of a Unix socket; 0: not known */
    struct channel channel;
    struct buf begun; /* from another process: as worker_each_stream gave it there */
    /* The worker's: */
    struct framing framing;
    char *room; /* of an unfinished line or frame; NULL: there is none */
    uint32_t room_bytes;
    uint32_t events;                  /* what the epoll set waits for */
    struct connection *older, *newer; /* by their last byte, or their beginning */
    uint64_t quiet_since_ms;          /* that */
    uint64_t turn;                    /* the last page turn that has read it */
    bool began;                       /* a byte has come */
    bool greeting;                    /* its handshake is not done */
    const char *tls_error;            /* when that failed: why, static */
    enum stream_end end;              /* when it has ended */
};

void connection_push(struct connection_stack *s, struct connection *c);

/* returns  all of them, the one pushed last first; NULL: none */
struct connection *connection_take_all(struct connection_stack *s);

/* Is rc, of accept, about one that came and went before it was accepted? */
bool connection_was_lost(int rc);

/* The client's process of a Unix socket; 0: not known. */
pid_t connection_pid_of(int fd);

/* Who sends: "127.0.0.1:51234", "pid:4711", or "": not known. */
void connection_print_peer(const struct connection *c, char out[ADDRESS_TEXT_MAX]);

#endif
