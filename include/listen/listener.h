/**
 * listener: the sockets behind one `[listen] socket`.
 *
 * UDP: one socket for each worker, all bound to the same address with SO_REUSEPORT, so that workers
 * share nothing.  Which socket gets a datagram:
 *
 *     source    the kernel's own choice, a hash of the sender's address: one busy sender keeps one
 *               worker busy, and the others idle
 *     payload   a hash of the name of the datagram's first line, its bytes up to the first ':', at
 *               most 64 (src/listen/spread.c).  Datagrams that begin with one name go to one worker
 *               and keep their order.  Lines of a name that stand behind others in a datagram may
 *               be read by different workers, and so may those sent while the choice changes
 *     auto      source, until listener_is_hot; payload from then on
 *
 * Unix datagrams: one socket, one worker.  A socket file without a server behind it is removed when
 * the listener is opened; servers that start together look at the file one after the other.  When
 * the file goes while the server runs (removed, or replaced by another program's), listener_look
 * says so and listener_bind_again makes a new one.
 *
 * Streams: one listening socket, which control accepts from (listen/acceptor.h) for all workers.
 *
 * Sockets may have been there before this process (listen/adopt.h), and may stay when it ends: then
 * they are `kept`.  Kept sockets are never refused, nor is their file removed.
 *
 *   thread   control
 */
#ifndef LISTEN_LISTENER_H
#define LISTEN_LISTENER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/inherited.h"
#include "listen/socket_url.h"
#include "listen/stranger_counts.h"
#include "listen/stream_counts.h"

enum { LISTEN_WORKERS_MAX = 64 };

/* What one worker has read of one listener since it was opened; never goes down. */
struct socket_stats {
    uint64_t datagrams, bytes;
    uint64_t kernel_drops; /* datagrams that found the receive buffer full */
    uint64_t not_allowed;  /* of datagrams: those from senders that the listener does not allow */
    uint64_t errors;       /* receive calls that failed for another reason than an empty socket */
    uint64_t frames;       /* of dsd streams */
    uint64_t cut;          /* lines and frames of streams whose end never came */
    uint64_t odd;          /* connections that begin as if they were of the other framing */
    uint64_t odd_tls;      /* connections that begin TLS where none is spoken */
    uint64_t tls_ok, tls_failed, tls_timeout; /* handshakes */
    uint64_t queued_bytes;        /* no counter: kernel memory of the queue when the turn began */
    struct sockaddr_in6 stranger; /* who sent the last of not_allowed; may be a sockaddr_in */
    uint32_t socket_drops; /* of kernel_drops: what the socket had counted, in its whole life */
};

struct listener {
    struct listen_address address; /* name has the real port */
    int fds[LISTEN_WORKERS_MAX];   /* the sockets: n of them, owned */
    unsigned n;                    /* 0: closed */
    uint64_t rcvbuf_granted;       /* bytes, from getsockopt: Linux doubles what was asked for */
    bool by_payload;               /* spread by the name of the first line */
    /*
     * Who reads: n_readers places at workers, from `reader` on.  Of datagrams, worker reader + i
     * reads fds[i]; where there are more sockets than workers, it reads every stride-th from there.
     */
    unsigned reader, n_readers;
    unsigned stride; /* 0: a worker reads one socket at most */
    /*
     * Of sockets that outlive us (see below).  kept: somebody else has them open.  own: this server
     * opened them, in this run or an earlier one.  n_before of them were inherited.
     */
    bool kept, own;
    unsigned n_before;
    bool in_use; /* inherited from a process that reads them for now: until adopt_own */
    char kept_as[INHERITED_NAME_MAX]; /* own sockets: under which name a manager keeps them */
    /* Indexed from the first reader on: */
    uint16_t places[LISTEN_WORKERS_MAX];            /* what worker_add_socket returned */
    struct socket_stats stats[LISTEN_WORKERS_MAX];  /* as of the last page turn */
    struct socket_stats before[LISTEN_WORKERS_MAX]; /* at the last listener_is_hot */
    struct stream_counts streams;                   /* of a stream listener: the acceptor counts */
    /* Of a Unix socket: */
    uint64_t file_dev, file_ino; /* its file when it was bound; 0: it has none */
    struct strangers strangers;  /* what the log has told of those that are not allowed */
    int lost; /* the last failure of listener_bind_again; 0 once the file is there again */
};

/**
 * listener_open_all(a, n, n_workers, ret, error):
 * Open the n listeners of one config, ret[i] on a[i]: all of them, or on failure none.
 *
 * No other server shares a port with us: of two that start at the same moment, one is refused.
 * Only a foreign program of the same user that sets SO_REUSEPORT before each bind can join a port
 * of several workers.
 *
 * A twin ([::1] of a localhost) comes right after its localhost in a, and gets the same port, also
 * where that is 0.  It stays closed (n = 0) on a machine without IPv6.  When another server has its
 * port, that is a failure: clients would send to one or the other, as they resolve the name.
 *   ret      n of them; on failure each is closed (n = 0)
 *   error    on failure gets what is wrong and the remedy, for people
 *   returns  0 or -errno
 */
int listener_open_all(const struct listen_address *a, size_t n, unsigned n_workers,
                      struct listener *ret, struct buf *error);

/*
 * As listener_open_all, for those of ret that are closed.  A UDP address whose inherited sockets
 * are our own gets further ones if there are fewer than workers.
 */
int listener_open_rest(const struct listen_address *a, size_t n, unsigned n_workers,
                       struct listener *ret, struct buf *error);

/* The same for one. */
static inline int listener_open(const struct listen_address *a, unsigned n_workers,
                                struct listener *ret, struct buf *error)
{
    return listener_open_all(a, 1, n_workers, ret, error);
}

/*
 * Close what is still open and remove the socket file, unless another one has taken its place, or
 * somebody keeps the socket.
 */
void listener_close(struct listener *l);

/*
 * Is the file of a Unix socket there, and ours?  One stat.  Of a socket without a file, and where
 * stat does not say: LISTENER_FILE_THERE.
 */
enum listener_file listener_look(const struct listener *l);

/**
 * listener_bind_again(l, error):
 * A new socket at the path of a Unix listener, bound as by listener_open_all; a path on which
 * another server listens is left to that server.  The new descriptor replaces the old one in l,
 * for worker_renew_socket; the old one stays open at its worker.
 *   returns  0, or -errno with l->lost set to it and *error for people
 */
int listener_bind_again(struct listener *l, struct buf *error);

/* Index in places and stats of what this worker reads first; -1: nothing. */
static inline int listener_place_of(const struct listener *l, unsigned worker)
{
    bool reads = worker >= l->reader && worker - l->reader < l->n_readers;
    return reads && (l->stride == 0 || worker < l->stride) ? (int)(worker - l->reader) : -1;
}

/* Index of what the worker that reads `at` reads next; -1: nothing. */
static inline int listener_place_after(const struct listener *l, int at)
{
    unsigned next = (unsigned)at + l->stride;
    return l->stride > 0 && next < l->n_readers ? (int)next : -1;
}

/* Of n listeners, the one that has that place at that worker, or NULL. */
const struct listener *listener_at(const struct listener *l, size_t n, unsigned worker,
                                   uint16_t place);

/* At a page turn: copy this worker's counters, which are indexed by places, into l->stats. */
void listener_take_stats(struct listener *l, unsigned worker, const struct socket_stats *of_worker);

/* What a listener received since the last listener_is_hot. */
struct listener_heat {
    uint64_t datagrams;    /* at all workers */
    uint64_t kernel_drops; /* at the worker that got most of the datagrams */
};

/**
 * listener_is_hot(l, ret):
 * To be called once a second: did one worker get nearly all datagrams, many of them, and did its
 * socket drop some?
 */
bool listener_is_hot(struct listener *l, struct listener_heat *ret);

/*
 * Spread by payload from now on.
 * returns  0, also where there is one socket alone; -errno: the kernel does not take the program
 */
int listener_spread_payload(struct listener *l);

/**
 * listener_refuse(l):
 * Have the kernel take no new datagrams, while what the sockets hold can still be read.  UDP
 * sockets are connected to the discard port, after which the kernel refuses everybody else (their
 * next send sees ECONNREFUSED); where connect fails, they go on taking datagrams.  Unix sockets are
 * shut down.  Where somebody keeps the sockets, nothing happens: what arrives is for the next one.
 */
void listener_refuse(const struct listener *l);

#endif
