/**
 * kind: what a kind of target can do, and what is known of each target and of its sockets.
 *
 * To add a kind: a file with its functions (dgram.c, stream.c), and its row in target.c.
 *
 *   thread   a struct target: read-only, so any; a socket: one sender
 */
#ifndef SEND_KIND_H
#define SEND_KIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "send/block.h"

enum { TARGET_BATCH_MAX = 1024, TARGET_SEGMENTS_MAX = 64 };

struct target_kind;

struct target {
    const struct target_kind *kind;
    enum send_framing framing;
    struct sockaddr_storage addr;
    socklen_t addr_len;
    uint16_t port;  /* 0 where there is none */
    bool here;      /* an address of this machine: the server is in its /proc */
    char text[160]; /* the address as a URL, for reports */
};

/*
 * Messages that were sent, and of which ICMP said that their host or port cannot be reached.  This
 * machine answers each one, other hosts as few as one a second.
 */
struct target_unreachable {
    size_t messages;
    int error; /* errno of the last one (ECONNREFUSED: nobody listens on the port); 0: none */
};

/*
 * What one call did: the first `datagrams` went, the `failed` ones behind them did not, and the
 * rest was not tried.
 */
struct target_sent {
    size_t datagrams; /* handed to the kernel wholly, in ... */
    size_t messages;  /* ... that many messages: fewer where the kernel cuts them up */
    size_t failed;    /* refused by the kernel for good: a full queue, or nobody there */
    int error;        /* errno of the failure; 0: none */
    /* Streams: of the datagram behind them a part went, so this socket has to send the rest next */
    bool begun;
    bool reconnected;                      /* streams: the connection had broken, and is anew */
    struct target_unreachable unreachable; /* heard of during the call, about earlier messages */
};

/* An open socket of a target. */
struct target_socket {
    const struct target *target;
    int fd; /* -1: none now (a stream that broke); to be closed by the owner */
    int send_buffer_bytes;
    uint32_t begun;     /* streams: bytes that went of the datagram to be sent next */
    uint64_t opened_ns; /* streams: when it was connected, or that was tried, last */
};

struct target_kind {
    const char *name;
    size_t datagram_max; /* bytes; see target_datagram_max */
    bool gso;            /* the kernel can cut up messages (UDP_SEGMENT) */
    bool kernel_drops;   /* /proc/net/udp has the receiver's losses */
    bool stream;
    /*
     * Read the address behind scheme:// into t.  names: look them up.
     * returns  0 or -errno, as target_parse
     */
    int (*resolve)(struct target *t, const char *address, bool names);
    /* Connect.  returns  0; -errno with ret->fd -1 */
    int (*open)(const struct target *t, int send_buffer_bytes, struct target_socket *ret);
    /**
     * send(s, b, first, n, segments):
     * Send datagrams first .. first + n - 1 of b (n up to TARGET_BATCH_MAX), up to `segments` of
     * equal length in one message, which the kernel cuts up (1: a message each).  May wait for room
     * for up to 100 ms, and for up to 1 s to connect a stream anew.
     *
     * What a full stream did not take did not fail, it is to be tried again.  Where a stream breaks
     * the datagram that was begun has failed; while it cannot be connected anew, all n have.
     */
    struct target_sent (*send)(struct target_socket *s, const struct send_block *b, size_t first,
                               size_t n, unsigned segments);
    /*
     * What ICMP answered since the last call of send; does not wait.  NULL: there is no ICMP, a
     * datagram that nobody takes fails in send.
     */
    struct target_unreachable (*unreachable)(int fd);
    /**
     * complete(s, b, first):
     * Streams, NULL for others.  Nothing more is to be sent, but datagram `first` was begun
     * (s->begun > 0).  A Unix socket cannot be reset: its peer would take half of a line for a
     * whole one.  So the rest goes although the socket is full, which gets more room for it.
     * Does not wait.
     *   returns  true: it is whole; false: it is not (TCP, which finish resets; a Unix socket that
     *            broke, or had all the room that net.core.wmem_max allows)
     */
    bool (*complete)(struct target_socket *s, const struct send_block *b, size_t first);
    /*
     * Streams, NULL for others.  finish: tell the peer that no more comes; the connection is reset
     * where a datagram was begun, so that no half of a line is taken for a whole one (a Unix socket
     * cannot: complete).  finished: wait until the peer has read all and closed its end.
     *   returns  0; -ETIMEDOUT; -errno: it closed, or broke, with something unread
     */
    void (*finish)(struct target_socket *s);
    int (*finished)(struct target_socket *s, int timeout_ms);
};

#endif
