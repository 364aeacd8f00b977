/**
 * tap_priv: the worker's side of taps.  Private to listen/.
 *
 *     taps_begin     before a read: what control wants now, which taps look at this read
 *     (the lane)     each datagram: into the rings of those
 *     taps_end       after the read: the consumers may see them
 *
 *   thread   worker, but for taps_want and taps_done: control
 */
#ifndef LISTEN_TAP_PRIV_H
#define LISTEN_TAP_PRIV_H

#include <stdatomic.h>
#include <sys/types.h>

#include "aggregate/lane.h"
#include "base/mem.h"
#include "listen/tap.h"

/* Where what is read next comes from. */
struct taps_from {
    uint16_t listener; /* place of the source at the worker */
    uint8_t flags;     /* enum tap_flags, of each datagram */
    /* The process that sent the datagram at ptr, 0: not known.  NULL: of none */
    pid_t (*pid)(const void *at_hand, const char *ptr);
    const void *at_hand; /* borrowed until taps_end */
};

struct taps {
    /* The worker's: */
    _Alignas(MEM_APART) struct lane *lane;
    struct tap *on[TAP_KINDS];
    uint64_t seen;    /* of `changes` */
    uint32_t any;     /* bit k: there is a tap of kind k */
    uint32_t looking; /* bit k: and it looks at this read */
    bool hooked;      /* the lane calls for each datagram */
    uint64_t wall_ns; /* of this read; 0: not asked for yet */
    struct taps_from from;
    /* Written by control, and looked at before each read, so on lines of their own: */
    _Alignas(MEM_APART) _Atomic uint64_t changes; /* of `wanted`: how many so far */
    _Atomic(struct tap *) wanted[TAP_KINDS];
    /* Written by the worker when there was a change: */
    _Alignas(MEM_APART) _Atomic uint64_t done; /* of `changes` */
};
static_assert(sizeof(struct taps) % MEM_APART == 0, "nor does it share its ends");

void taps_init(struct taps *t, struct lane *lane); /* zeroed memory */

/* Go by what control wants now. */
void taps_catch_up(struct taps *t, uint64_t changes);

static inline void taps_look(struct taps *t)
{
    /* acquire: pairs with the release in taps_want */
    uint64_t changes = atomic_load_explicit(&t->changes, memory_order_acquire);
    if (__builtin_expect(changes != t->seen, 0))
        taps_catch_up(t, changes);
}

/* returns  whether senders are wanted */
bool taps_choose(struct taps *t, struct taps_from from);
void taps_note(struct taps *t, uint64_t bytes, uint64_t now_ns);

/**
 * taps_begin(t, from):
 * To be called before each read, when the lane is flushed.
 *   returns  whether this read is to ask who sent its datagrams
 */
static inline bool taps_begin(struct taps *t, struct taps_from from)
{
    taps_look(t);
    return t->any != 0 && taps_choose(t, from);
}

/* To be called after it.  bytes: what it brought, now_ns: monotonic */
static inline void taps_end(struct taps *t, uint64_t bytes, uint64_t now_ns)
{
    if (t->any != 0)
        taps_note(t, bytes, now_ns);
}

/* As worker_tap, worker_tapped. */
void taps_want(struct taps *t, enum tap_kind k, struct tap *tap);
bool taps_done(const struct taps *t);

#endif
