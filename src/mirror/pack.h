/**
 * pack: lines into datagrams that are ready to be sent.  Private to mirror/.
 *
 * Lines are joined until the next one would make a datagram longer than mtu; one that is longer
 * itself goes alone.  A datagram that is to stay as it came goes whole, byte for byte.  What tells
 * datagrams of a stream from each other is added (enum send_framing): a line feed where none is.
 *
 *   thread   the owner's; no allocation after pack_new
 */
#ifndef MIRROR_PACK_H
#define MIRROR_PACK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "send/block.h"

enum {
    PACK_DATAGRAMS = 64,
    PACK_MTU = 1432,            /* of Ethernet, less the headers of IPv6, UDP and a tunnel */
    PACK_BYTES = 2 * 65536 + 64 /* two of the longest, so there is room for one when one is open */
};

struct pack {
    char *bytes;
    struct send_datagram at[PACK_DATAGRAMS];
    uint32_t n, used; /* closed datagrams, and their bytes */
    uint32_t open;    /* bytes of the one behind them, with what tells it from others; 0: none */
    uint32_t lines;   /* in it */
    uint64_t amount;  /* lines of those that are closed */
    enum send_framing framing;
    uint32_t mtu;
};

struct pack *pack_new(enum send_framing framing, uint32_t mtu);
void pack_free(struct pack *p);

/*
 * bytes: not empty, at most DATAGRAM_MAX; lines without their LF.
 * returns  false: there is no room; send what there is, clear, call again
 */
bool pack_line(struct pack *p, struct slice line);
bool pack_whole(struct pack *p, struct slice datagram);

/* Close the open one.  returns  false: there is none at all; else ret lives until pack_clear */
bool pack_block(struct pack *p, struct send_block *ret);
void pack_clear(struct pack *p);

#endif
