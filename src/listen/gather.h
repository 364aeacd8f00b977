/**
 * gather: how long datagrams are left in a socket's queue, from one look at it to the next.
 * Private to listen/.
 *
 * A look that follows idle milliseconds begins with cold caches, which costs as much as reading
 * some dozen datagrams.  So a stream is looked at as seldom as leaves GATHER_ENOUGH datagrams for
 * each look, but at least every GATHER_MS_MAX, and never so seldom that the receive buffer could
 * not hold a burst meanwhile (gather_most_ms).
 *
 *     gather_begin                     looks begin GATHER_MS_FIRST apart
 *     gather_look(g, found) -> ms      after each look: when to look again
 *                                      0: not at all; the stream is too thin, or comes too fast
 *
 * The wait grows slowly, by what the fullest of a round of looks found, and shrinks at once.
 *
 *   thread   one at a time
 *   cost     a few additions
 */
#ifndef LISTEN_GATHER_H
#define LISTEN_GATHER_H

#include <stdint.h>

enum {
    GATHER_MS_FIRST = 4,
    GATHER_MS_MAX = 32,
    GATHER_ENOUGH = 256, /* datagrams */
    GATHER_FULL = 1024   /* datagrams: more than a look reads, so what comes is better awaited */
};

struct gather {
    unsigned most_ms; /* the longest wait; 0: never gathers */
    unsigned wait_ms;
    /* Of this round: */
    unsigned looks, passed_ms; /* looks, and the sum of the waits before them */
    unsigned found, fullest;   /* datagrams found by all of them, and by the one that found most */
};

/* The longest wait for a receive buffer of that size (as granted). */
unsigned gather_most_ms(uint64_t rcvbuf_granted);

/* most_ms: not 0.  returns  the wait before the first look, in ms */
unsigned gather_begin(struct gather *g, unsigned most_ms);

/**
 * gather_look(g, found):
 *   found     datagrams that this look found
 *   returns   the wait before the next look, in ms; 0: gather no more
 */
unsigned gather_look(struct gather *g, unsigned found);

#endif
