/**
 * link: the way to the target, which may not be there.  Private to mirror/.
 *
 *     closed ── the name is looked up, a socket connected ──> open
 *       ^  │                                                   │
 *       │  └─ failed ─┐                                        │ nobody is there: an error of the
 *       └─────────────┴────────────────────────────────────────┘ send, or ICMP
 *       unreachable, until 0.1 s, 0.2 s ... 10 s later it is tried again
 *
 * While it is closed everything is dropped and counted.  A name is looked up again once a minute,
 * too, and followed to another address.
 *
 *   thread   the mirror's; counts and state: any
 *   cost     a send may wait 0.1 s for room, a connection 5 s, a lookup as long as the resolver
 */
#ifndef MIRROR_LINK_H
#define MIRROR_LINK_H

#include <stdatomic.h>

#include "mirror/opts.h"
#include "mirror/stats.h"

/* Written by the mirror's thread alone, or by control while there is none: a relaxed load and
 * store, no locked instruction. */
struct mirror_counts {
    _Atomic int state; /* enum mirror_state */
    _Atomic uint64_t lines, datagrams, bytes;
    _Atomic uint64_t dropped[MIRROR_DROP_COUNT];
};

static inline void mirror_count(_Atomic uint64_t *of, uint64_t more)
{
    uint64_t was = atomic_load_explicit(of, memory_order_relaxed);
    atomic_store_explicit(of, was + more, memory_order_relaxed);
}

struct mirror_link {
    char to[MIRROR_TO_MAX];
    const struct mirror_own *own; /* borrowed: where it must not lead to */
    size_t n_own;
    struct mirror_counts *counts; /* borrowed */
    struct target target;         /* from the start on, but for its address */
    struct target_socket socket;
    bool open;
    bool named;          /* the host is a name */
    uint64_t retry_ns;   /* when it is opened again; 0: it works */
    uint64_t pause_ns;   /* between attempts */
    uint64_t looked_ns;  /* when the name was looked up last */
    uint64_t trouble_ns; /* when something failed last */
    size_t at;           /* of the block at hand: the next datagram */
};

void mirror_link_init(struct mirror_link *l, const char *to, const struct mirror_own *own,
                      size_t n_own, struct mirror_counts *counts);
/* Of a stream: the peer is told that no more comes. */
void mirror_link_release(struct mirror_link *l);

/**
 * mirror_link_ready(l):
 * Open it, if it is time to.  To be called between blocks.
 */
void mirror_link_ready(struct mirror_link *l);

/**
 * mirror_link_send(l, b):
 *   returns  true: all of b is sent, or dropped and counted; false: a stream is full, call again
 *            with the same b, which begins in the middle of a datagram
 */
bool mirror_link_send(struct mirror_link *l, const struct send_block *b);

/* What is left of b is dropped, and counted; nothing more is sent.  A datagram that a Unix socket
 * has a part of is completed, see struct target_kind. */
void mirror_link_give_up(struct mirror_link *l, const struct send_block *b);

#endif
