/**
 * pace: how much to send now, and how long to sleep.
 *
 * The load is open: how much should have been sent by now comes from the shape's integral, not from
 * how fast the server or this machine keeps up.  A sender that is late sends more at once, but only
 * what became due in the last PACE_DEBT_MAX_S seconds.  What is older is left out and counted as
 * forgiven: sent in one burst it would be another load than the one asked for.
 *
 *   thread   the owner's; time comes in as an argument
 */
#ifndef SEND_PACE_H
#define SEND_PACE_H

#include <stdbool.h>

#include "send/shape.h"

#define PACE_DEBT_MAX_S  0.1
#define PACE_SLEEP_MIN_S 0.0005
#define PACE_SLEEP_MAX_S 0.05

struct pace {
    const struct shape *shape; /* NULL: as fast as possible */
    double share;              /* this sender's part of the rate, 0 < share <= 1 */
    double phase;              /* 0 <= phase < 1: senders take turns instead of waking together */
    double unit;               /* the mean amount of a datagram: the lines in it, or 1; > 0 */
    double sent;               /* amount, 0 at first; see pace_sent */
    double forgiven;           /* amount that was due and is never sent, 0 at first */
};

/**
 * pace_due(p, elapsed_s):
 *   elapsed_s  since the start; never less than before
 *   returns    the amount that should be sent now, >= 0.  Datagrams are whole: pace_takes says
 *              whether the next one goes
 */
double pace_due(struct pace *p, double elapsed_s);

/**
 * pace_takes(p, due, amount):
 * Is so much due that a datagram of that amount is to be sent?  Half of it has to be; of one that
 * is larger than what may ever be due at once, 32 units.  What comes behind it waits the longer, so
 * that the rate is held.
 */
bool pace_takes(const struct pace *p, double due, double amount);

static inline void pace_sent(struct pace *p, double amount)
{
    p->sent += amount;
}

/* Seconds to sleep until a datagram of that amount is taken, within PACE_SLEEP_MIN_S ..
 * PACE_SLEEP_MAX_S. */
double pace_sleep(const struct pace *p, double elapsed_s, double amount);

#endif
