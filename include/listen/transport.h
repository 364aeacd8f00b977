/**
 * transport: the ways to receive, one row each.
 *
 * What differs between them stands in the row (src/listen/transport.c) and in the functions that it
 * names; nothing else in the server asks which transport a socket has.  A further one is a file
 * with its functions and a row.
 *
 *   thread   any; the rows never change
 */
#ifndef LISTEN_TRANSPORT_H
#define LISTEN_TRANSPORT_H

#include <stdbool.h>

enum listen_transport { LISTEN_UDP, LISTEN_UNIXGRAM, LISTEN_TRANSPORT_COUNT };

/* Options in the query of a socket's URL, in the order in which they are listed to people. */
enum listen_option {
    LISTEN_GAUGE_SIGN,
    LISTEN_RCVBUF,
    LISTEN_SPREAD,
    LISTEN_MODE,
    LISTEN_OPTION_COUNT
};

/* What became of a Unix socket's file: see listener_look. */
enum listener_file { LISTENER_FILE_THERE, LISTENER_FILE_GONE, LISTENER_FILE_REPLACED };

struct transport {
    const char *scheme; /* "udp": begins its URLs, and is proto= in the log */
    const char *form;   /* how its URLs look: "udp://HOST:PORT" */
    unsigned options;   /* bit o: its URLs may have enum listen_option o */
    bool per_worker;    /* a listener has a socket for each worker; else one, at one worker */
    /*
     * What waits is held by the receive buffer of each socket: its bytes bound the queue, and the
     * kernel tells how much waits and what it dropped.  Without, datagrams are held by their
     * senders, few of them (net.unix.max_dgram_qlen), and a sender that finds no room waits.
     */
    bool own_queue;
    bool sender_pid; /* the kernel tells who sent a datagram by process, not by address */
    const struct transport_ops *ops; /* src/listen/transport_priv.h */
};

const struct transport *transport_of(enum listen_transport t);

#endif
