/**
 * block: datagrams that are ready to go, one behind the other in one piece of memory.
 *
 * Whoever makes one keeps it unchanged while it is sent.  What the datagrams hold is for the maker
 * alone to know.
 *   thread   read-only, so any
 */
#ifndef SEND_BLOCK_H
#define SEND_BLOCK_H

#include <stddef.h>
#include <stdint.h>

struct send_datagram {
    size_t at;         /* its first byte in send_block.bytes */
    uint32_t len;
    uint32_t amount;   /* what it counts in the unit that the pace is given in, such as its lines */
};

struct send_block {
    const char *bytes;
    const struct send_datagram *datagrams;
    size_t n;          /* > 0 */
    uint64_t amount;   /* of all datagrams together */
};

#endif
