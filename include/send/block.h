/**
 * block: datagrams that are ready to be sent, one behind the other in one piece of memory.
 *
 * The maker of a block owns its memory and leaves it unchanged while it is sent.  What is in the
 * datagrams is the maker's business: the senders never look.  On a stream a "datagram" is what a
 * client writes at once, and what tells one from the next (enum send_framing) is part of it.
 *
 *   thread   read-only, so any
 */
#ifndef SEND_BLOCK_H
#define SEND_BLOCK_H

#include <stddef.h>
#include <stdint.h>

enum send_framing {
    SEND_DATAGRAMS, /* the kernel keeps them apart */
    SEND_LINES,     /* a stream: each ends with a line feed */
    SEND_FRAMES     /* a stream: each begins with the length of the rest, 4 bytes little-endian */
};

struct send_datagram {
    size_t at; /* its first byte in send_block.bytes */
    uint32_t len;
    uint32_t amount; /* of what the shape counts, such as its lines */
};

struct send_block {
    const char *bytes;
    const struct send_datagram *datagrams;
    size_t n;        /* > 0 */
    uint64_t amount; /* of all datagrams together */
};

#endif
