/**
 * transport: the ways to receive, one row each.
 *
 * All that differs between them is in their rows (src/listen/transport.c) and in the functions that
 * a row points to; nothing else in the server asks which transport a socket has.  A new transport
 * is a file with its functions, and a row.
 *
 *   thread   any; the rows never change
 */
#ifndef LISTEN_TRANSPORT_H
#define LISTEN_TRANSPORT_H

#include <stdbool.h>
#include <stdint.h>

enum listen_transport {
    LISTEN_UDP,
    LISTEN_TCP,
    LISTEN_UNIXGRAM,
    LISTEN_UNIX,
    LISTEN_TRANSPORT_COUNT
};

/* Options in the query of a socket's URL, in the order in which they are listed to people. */
enum listen_option {
    LISTEN_GAUGE_SIGN,
    LISTEN_RCVBUF,
    LISTEN_SPREAD,
    LISTEN_ALLOW,
    LISTEN_FRAMING,
    LISTEN_IDLE_TIMEOUT,
    LISTEN_MAX_CONNECTIONS,
    LISTEN_MAX_PER_ADDRESS,
    LISTEN_TLS_CERT,
    LISTEN_TLS_KEY,
    LISTEN_TLS_CLIENT_CA,
    LISTEN_MODE,
    LISTEN_OWNER,
    LISTEN_OPTION_COUNT
};

/* What became of a Unix socket's file: see listener_look. */
enum listener_file { LISTENER_FILE_THERE, LISTENER_FILE_GONE, LISTENER_FILE_REPLACED };

struct transport {
    const char *scheme; /* "udp": its URLs begin with it, and it is proto= in the log */
    const char *alias;  /* another scheme that means the same; NULL: none */
    const char *form;   /* of its URLs, for messages: "udp://HOST:PORT" */
    unsigned options;   /* bit o: its URLs may have enum listen_option o */
    bool per_worker;    /* a listener has a socket for each worker; else one */
    /* Streams: control accepts connections from its one socket, and every worker reads some. */
    bool accepts;
    /*
     * true: queued datagrams count against the receive buffer of the socket; when it is full the
     * kernel drops, and counts what it dropped.  false: they count against their senders' buffers,
     * the queue is short (net.unix.max_dgram_qlen), and a sender that finds it full waits.
     */
    bool own_queue;
    /* Senders are known by process id, not by address. */
    bool sender_pid;
    /* What it takes beside its sockets: of each worker that reads it, and of each connection. */
    unsigned reader_descriptors;
    uint32_t reader_bytes;
    uint32_t connection_bytes;       /* at most */
    const struct transport_ops *ops; /* src/listen/transport_priv.h */
};

const struct transport *transport_of(enum listen_transport t);

#endif
