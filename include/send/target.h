/**
 * target: where datagrams are sent to; one row per kind of socket.
 *
 *   udp://127.0.0.1:8125   udp://[::1]:8125   127.0.0.1:8125   unixgram:///run/statsd/dsd.sock   unixgram://@abstract
 *
 * To add one (tcp, unix): a row in target.c with its open and its send.
 *   thread   a socket belongs to one sender
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
    uint16_t port;             /* 0 where there is none */
    bool here;                 /* an address of this machine: its /proc and its pids speak of the server */
    char text[160];            /* for reports */
};

/**
 * Messages that went and were answered by ICMP: their host or port cannot be reached.  This machine
 * answers each one, others as few as one a second.
 */
struct target_unreachable {
    size_t messages;
    int error;                 /* errno of the last one (ECONNREFUSED: nobody listens on the port), 0 without one */
};

/* What one call did: the first `datagrams` went, the `failed` ones behind them did not, the rest was
 * not tried. */
struct target_sent {
    size_t datagrams;          /* handed to the kernel, */
    size_t messages;           /* as this number of messages: fewer where the kernel cuts them up */
    size_t failed;             /* refused by the kernel for good: full queue, nobody there */
    int error;                 /* errno of the failure, 0 without one */
    struct target_unreachable unreachable;   /* learned in the call, of what went before */
};

struct target_kind {
    const char *name;
    size_t datagram_max;       /* bytes */
    bool gso;                  /* UDP_SEGMENT is possible */
    bool kernel_drops;         /* /proc/net/udp knows the losses */
    /* returns  0; -errno */
    int (*resolve)(struct target *t, const char *address);
    /* returns  a connected socket or -errno */
    int (*open)(const struct target *t, int send_buffer_bytes);
    /**
     * send(fd, b, first, n, segments):
     * Send datagrams first .. first + n - 1 of b (n up to TARGET_BATCH_MAX), up to `segments` of
     * equal length in one message, which the kernel cuts up (1: a message each).  May wait for room
     * for up to 100 ms.
     */
    struct target_sent (*send)(int fd, const struct send_block *b, size_t first, size_t n,
                               unsigned segments);
    /* What was learned since send was called last; does not wait.  NULL: a datagram that nobody
     * takes fails in send. */
    struct target_unreachable (*unreachable)(int fd);
};

/* returns  0; -EINVAL: unknown scheme or malformed address; -ENOENT: the name has no address */
int target_parse(const char *text, struct target *ret);

#endif
