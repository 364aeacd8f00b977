/**
 * refusals_priv: the worker's side of refusals.  Private to listen/.
 *
 * The two hooks are called while what was read last is still in its buffers.  They know nothing of
 * these: who brought them (refusals_from) says which datagram a line is in, and who sent it.
 *   thread   worker
 *   cost     no lock, clock or system call; once a kind has its examples, the parser does not call
 *            for it any more
 */
#ifndef LISTEN_REFUSALS_PRIV_H
#define LISTEN_REFUSALS_PRIV_H

#include <stdatomic.h>

#include "aggregate/lane.h"
#include "base/mem.h"
#include "base/slice.h"
#include "listen/refusals.h"

/* What is known of bytes that were refused. */
struct refusal_origin {
    struct slice text;           /* the datagram, or the piece of a stream, that they are in */
    char from[ADDRESS_TEXT_MAX]; /* as in struct refusal */
    bool not_asked;              /* the sender is not known because this read did not ask for it */
};

/**
 * refusals_find(at_hand, ptr, ret):
 *   at_hand  as in struct refusals_from
 *   ret      zeroed
 *   returns  false: ptr is not in what was read last (the parser has copied the line); *ret is as
 *            it was
 */
typedef bool (*refusals_find)(const void *at_hand, const char *ptr, struct refusal_origin *ret);

/* Where what is read next comes from. */
struct refusals_from {
    uint16_t socket;     /* place of the source at the worker */
    refusals_find find;  /* NULL: nothing is known of the bytes */
    const void *at_hand; /* borrowed until the next refusals_begin */
};

/* Written by both, but for refused lines alone. */
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
    /* The worker's: */
    _Alignas(MEM_APART) struct refusals_from from; /* what is at hand */
    uint32_t wanted;                               /* bit k: kind k has room for an example */
    uint32_t all_senders;  /* this many reads more ask for every datagram's sender */
    uint64_t changes_seen; /* of `changes` */
    /* Written by control, and looked at before each read, so on lines of their own: */
    _Alignas(MEM_APART) _Atomic uint64_t changes; /* of a round or keep_lines: how many so far */
    _Atomic bool keep_lines;
    struct refusal_kind kinds[REFUSAL_KINDS];
};
static_assert(sizeof(struct refusals) % MEM_APART == 0, "nor does it share its ends");

void refusals_init(struct refusals *r);

/* Hooks of a lane, whose reasons are &r->wanted and whose cookie is the struct refusals. */
void refusals_on_rejected(void *refusals, const struct parse_error *e);
void refusals_on_refused(void *refusals, const struct sample *s, enum reason why);

/**
 * refusals_begin(r, from):
 * To be called before each read.
 */
void refusals_begin(struct refusals *r, struct refusals_from from);

/**
 * refusals_senders(r, busy):
 * Where senders are asked for datagram by datagram, and asking costs; after refusals_begin.
 *   busy     datagrams come so fast that asking for many senders would cost noticeably
 *   returns  of how many datagrams this read is to ask: few on a busy socket, more on a quiet one.
 *            After a refused line whose sender is not known: UINT_MAX, until a kind has its
 *            examples, or for the next 65,536 reads
 */
unsigned refusals_senders(struct refusals *r, bool busy);

#endif
