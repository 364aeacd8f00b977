/**
 * refusals_priv: the worker's side of refusals.  Private to listen/.
 *
 * The two hooks are called while the datagrams of the last dgram_read are still in their buffers.
 *   thread   worker
 *   cost     no lock, clock or system call; once a kind has its examples, the parser does not call
 *            for it any more
 */
#ifndef LISTEN_REFUSALS_PRIV_H
#define LISTEN_REFUSALS_PRIV_H

#include <stdatomic.h>

#include "aggregate/lane.h"
#include "listen/dgram.h"
#include "listen/refusals.h"

struct refusal_kind {
    /* Written by the worker: */
    uint64_t current; /* the round that it keeps examples of */
    unsigned n;       /* examples of that round in `at` */
    struct refusal at[REFUSALS_A_ROUND];
    _Atomic uint64_t whole; /* for control: current << 8 | the number of examples written whole */
    /* Written by control: */
    _Atomic uint64_t round; /* the round that control wants */
    unsigned taken;         /* examples of the round that refusals_next has returned */
};

struct refusals {
    const struct dgram_buffers *dgram; /* the datagrams at hand */
    uint16_t socket;                   /* place of the socket that brought them */
    uint32_t wanted;                   /* bit k: kind k has room for an example */
    uint32_t all_senders;              /* this many reads more ask for every datagram's sender */
    uint64_t changes_seen;             /* of `changes`, by the worker */
    _Atomic uint64_t changes;          /* how often control changed a round or keep_lines */
    _Atomic bool keep_lines;           /* written by control */
    struct refusal_kind kinds[REFUSAL_KINDS];
};

void refusals_init(struct refusals *r, const struct dgram_buffers *dgram);

/* Hooks of a lane, whose reasons are &r->wanted and whose cookie is the struct refusals. */
void refusals_on_rejected(void *refusals, const struct parse_error *e);
void refusals_on_refused(void *refusals, const struct sample *s, enum reason why);

/**
 * refusals_begin(r, socket, busy):
 * To be called before each dgram_read.
 *   socket   place of the socket at the worker
 *   busy     datagrams come so fast that asking for many senders would cost noticeably
 *   returns  dgram_ask.senders for this read: few on a busy socket, more on a quiet one.  After a
 *            refused line whose sender is not known: all, until a kind has its examples, or for
 *            the next 65,536 reads
 */
unsigned refusals_begin(struct refusals *r, uint16_t socket, bool busy);

#endif
