/**
 * pace: how much to send now, and how long to sleep.
 *
 * The load is open: what should have been sent by now comes from the shape's integral, not from how fast the server or this
 * machine keeps up.  A sender that fell behind sends faster until it is level again, but not more than PACE_DEBT_MAX_S
 * seconds' worth: what is older than that is forgiven and counted, because a burst of it would be another load than the
 * one asked for.
 *   thread   the owner's; time comes in as an argument
 */
#ifndef SEND_PACE_H
#define SEND_PACE_H

#include "send/shape.h"

#define PACE_DEBT_MAX_S  0.1
#define PACE_SLEEP_MIN_S 0.0005
#define PACE_SLEEP_MAX_S 0.05

struct pace {
    const struct shape *shape;   /* NULL: as fast as possible */
    double share;                /* this sender's part of the rate, 0 < share <= 1 */
    double phase;                /* 0 <= phase < 1: senders take turns instead of waking together */
    double unit;                 /* what one datagram counts on average: lines in it, or 1 */
    double sent;                 /* in the shape's unit */
    double forgiven;             /* not sent because it came too late */
};

/**
 * pace_due(p, elapsed_s):
 *   returns  how much of the shape's unit should be sent now, >= 0.  Datagrams are whole: send while it is >= the half of
 *            what the next one counts
 */
double pace_due(struct pace *p, double elapsed_s);

static inline void pace_sent(struct pace *p, double amount)
{
    p->sent += amount;
}

/* Seconds to sleep until one more datagram is due, within PACE_SLEEP_MIN_S .. PACE_SLEEP_MAX_S. */
double pace_sleep(const struct pace *p, double elapsed_s);

#endif
