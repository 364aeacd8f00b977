/**
 * target: where datagrams are sent to, and how: a row for each kind of socket.
 *
 *   udp://127.0.0.1:8125   udp://[::1]:8125   127.0.0.1:8125
 *   unixgram:///run/statsd/dsd.sock           unixgram://@abstract
 *
 * To add a kind (tcp, unix): a row in target.c with its functions.
 *
 *   thread   a struct target: read-only, so any; a socket: one sender
 */
#ifndef SEND_TARGET_H
#define SEND_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "send/block.h"

enum { TARGET_BATCH_MAX = 1024, TARGET_SEGMENTS_MAX = 64 };

struct target_kind;

struct target {
    const struct target_kind *kind;
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
    size_t datagrams; /* handed to the kernel, in ... */
    size_t messages;  /* ... that many messages: fewer where the kernel cuts them up */
    size_t failed;    /* refused by the kernel for good: a full queue, or nobody there */
    int error;        /* errno of the failure; 0: none */
    struct target_unreachable unreachable; /* heard of during the call, about earlier messages */
};

struct target_kind {
    const char *name;
    size_t datagram_max; /* bytes */
    bool gso;            /* the kernel can cut up messages (UDP_SEGMENT) */
    bool kernel_drops;   /* /proc/net/udp has the receiver's losses */
    /* Read the address behind scheme:// into t.  returns  0 or -errno, as target_parse */
    int (*resolve)(struct target *t, const char *address);
    /* returns  a connected socket, to be closed by the caller, or -errno */
    int (*open)(const struct target *t, int send_buffer_bytes);
    /**
     * send(fd, b, first, n, segments):
     * Send datagrams first .. first + n - 1 of b (n up to TARGET_BATCH_MAX), up to `segments` of
     * equal length in one message, which the kernel cuts up (1: a message each).  May wait for room
     * for up to 100 ms.
     */
    struct target_sent (*send)(int fd, const struct send_block *b, size_t first, size_t n,
                               unsigned segments);
    /*
     * What ICMP answered since the last call of send; does not wait.  NULL: there is no ICMP, a
     * datagram that nobody takes fails in send.
     */
    struct target_unreachable (*unreachable)(int fd);
};

/* returns  0; -EINVAL: unknown scheme or malformed address; -ENOENT: the name has no address */
int target_parse(const char *text, struct target *ret);

#endif
