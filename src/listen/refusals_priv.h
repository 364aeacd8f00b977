/**
 * refusals_priv: the worker's side of refusals.  Private to listen/.
 *
 * The two hooks are called while the datagrams of the last dgram_read are still in their buffers.
 *   thread   worker
 *   cost     no lock, no clock, no system call ever; once a kind has enough, its lines are not
 *            looked at any more
 */
#ifndef LISTEN_REFUSALS_PRIV_H
#define LISTEN_REFUSALS_PRIV_H

#include <stdatomic.h>

#include "aggregate/lane.h"
#include "listen/dgram.h"
#include "listen/refusals.h"

struct refusal_kind {
    /* worker */
    uint64_t current; /* the round that it fills */
    unsigned n;       /* examples in it */
    /* For control: the round, and in the low byte how many of its examples are whole. */
    _Atomic uint64_t whole;
    /* control */
    _Atomic uint64_t round;
    unsigned taken; /* examples of the round that it has had */
    struct refusal at[REFUSALS_A_ROUND];
};

struct refusals {
    const struct dgram_buffers *dgram; /* where the lines are */
    uint16_t socket;                   /* that is being read */
    uint32_t wanted;                   /* bit k: kind k has room */
    uint32_t curious;                  /* reads left that ask for the sender of each datagram */
    uint64_t news_seen;
    _Atomic uint64_t news; /* grows when control has changed a round or keep_lines */
    _Atomic bool keep_lines;
    struct refusal_kind kinds[REFUSAL_KINDS];
};

void refusals_init(struct refusals *r, const struct dgram_buffers *dgram);

/* Hooks of a lane, whose reasons are &r->wanted and whose cookie is the struct refusals. */
void refusals_on_rejected(void *refusals, const struct parse_error *e);
void refusals_on_refused(void *refusals, const struct sample *s, enum reason why);

/**
 * refusals_begin(r, socket, busy):
 * Before each dgram_read.
 *   socket   its place among the worker's sockets
 *   busy     it brings so much that asking for many senders would show
 *   returns  of how many datagrams the sender is to be asked for: few of a busy socket, more of a
 *            quiet one; and after a refused line whose sender was not asked for all of them, for a
 *            while or until enough lines of its kind are kept, so that the next one has a sender
 */
unsigned refusals_begin(struct refusals *r, uint16_t socket, bool busy);

#endif
