/**
 * input: the StatsD datagrams in a capture file, as tcpdump, Wireshark and this server write them:
 * pcap and pcapng, every byte order and resolution, every link type of enum frame_link.
 *
 * Taken is UDP to one port, whole or in fragments.  In a capture that the server itself made, whose
 * first packets say so, every datagram is taken, unless a port is asked for.
 *
 *   source   strangers: any file
 *   thread   one
 */
#ifndef CAPTURE_INPUT_H
#define CAPTURE_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum { INPUT_PORT_USUAL = 8125 };

/* X(id, name, what it means): why packets of a file are not datagrams for us. */
#define INPUT_SKIPS(X)                                                                             \
    X(NOT_IP, "not_ip", "neither IPv4 nor IPv6")                                                   \
    X(TCP, "tcp", "TCP, which is not put together")                                                \
    X(OTHER_PROTOCOL, "other_protocol", "neither UDP nor TCP")                                     \
    X(OTHER_PORT, "other_port", "UDP to another port")                                             \
    X(OUTGOING, "outgoing", "left the machine, where others came in")                              \
    X(TRUNCATED, "truncated", "captured in part")                                                  \
    X(MALFORMED, "malformed", "lengths contradict each other")                                     \
    X(EMPTY, "empty", "datagrams without a byte")                                                  \
    X(OVERLAP, "overlap", "fragments that overlap")                                                \
    X(REPEATED, "repeated", "fragments seen before, or of a packet that was dropped")              \
    X(DESCRIPTION, "description", "what the server wrote about its sockets")

enum input_skip {
#define X(id, name, text) INPUT_##id,
    INPUT_SKIPS(X)
#undef X
        INPUT_SKIP_COUNT
};

extern const char *const input_skip_names[INPUT_SKIP_COUNT];
extern const char *const input_skip_texts[INPUT_SKIP_COUNT];

struct input_counts {
    uint64_t packets;    /* of the file; those that the filter left out are in no figure */
    uint64_t fragments;  /* that wait for their rest, or were put together */
    uint64_t incomplete; /* packets of which not all fragments were there; final at the end */
    uint64_t datagrams;
    uint64_t large; /* of them, not put together and over INPUT_LARGE: several, maybe */
    uint64_t skipped[INPUT_SKIP_COUNT];
};

/* The longest payload in a packet of the usual MTU; over the loopback any length is usual. */
enum { INPUT_LARGE = 1472 };

struct input_opts {
    const char *path;            /* "-": standard input */
    const char *filter;          /* an expression of pcap-filter(7), or NULL */
    uint16_t port;               /* 0: INPUT_PORT_USUAL, or any with a filter */
    bool truncated;              /* take what is there of a datagram that was captured in part */
    bool outgoing;               /* take what left the machine, too */
    struct input_counts *counts; /* added to */
    /* Asked where a read has to wait (standard input, a FIFO: every INPUT_WAIT_MS), and now and then
     * while nothing for us comes.  false: that is the end.  NULL: nobody is asked. */
    bool (*go_on)(void *arg);
    void *arg;
};

enum { INPUT_WAIT_MS = 50 };

struct input;

/**
 * input_open(opts, ret, error):
 *   opts     copied; what it points to must outlive the input
 *   returns  0; -errno with what is wrong appended to error: a text without LF that names the file
 *   cost     a capture of all interfaces is read as far as the first packet that came in; waits for
 *            the head of a pipe
 */
int input_open(const struct input_opts *opts, struct input **ret, struct buf *error);
void input_close(struct input *in); /* NULL is fine */

struct input_datagram {
    uint64_t at_ns; /* when it was captured, since 1970 */
    const char *ptr;
    size_t len; /* > 0 */
    bool outgoing;
};

/**
 * input_next(in, ret, error):
 *   ret      borrowed until the next call
 *   returns  1; 0 at the end, or go_on said so; -EIO: it ends within a packet, or is damaged from here on, with a
 *            text appended to error
 */
int input_next(struct input *in, struct input_datagram *ret, struct buf *error);

/* How much of the file was read, 0 .. 1; NaN where its length is not known. */
double input_part(const struct input *in);

#endif
