/**
 * tap_budget: which datagrams a tap takes so that they are about as many bytes a second as it may
 * have, and each datagram that comes at a moment has the same chance.  Private to listen/.
 *
 * Chance is drawn twice: for a read, before it is known what it brings (whether to ask for senders
 * has to be known then), and for each datagram of a read that was drawn, if the share is small: so
 * that few reads of large datagrams do not stand for all.
 *
 *     share = read's chance * datagram's chance
 *
 * The share follows what came in the last periods (of a tenth of a second): a surge at once, calm
 * within a second.  Where a period brings more than its part of the budget, the share is halved on
 * the spot, and again with each further part; and what was too much is made up for later.
 *
 *   thread   worker
 */
#ifndef LISTEN_TAP_BUDGET_H
#define LISTEN_TAP_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#define TAP_BUDGET_PERIOD_NS 100000000ull

struct tap_budget {
    uint64_t allowed;      /* bytes a period */
    uint64_t chance;       /* xorshift's state, not 0 */
    uint32_t of_reads;     /* a read's chance, of 2^32 - 1 */
    uint32_t of_datagrams; /* the same of a datagram */
    double share;
    double usual; /* bytes that come in a period, of late */
    double owed;  /* bytes that were taken beyond the budget, and not made up for */
    /* Of the period at hand: */
    uint64_t began_ns, came, took, halve_at;
};

/* budget: bytes a second, above 0.  seed: any */
void tap_budget_init(struct tap_budget *b, uint64_t budget, uint64_t seed);

static inline bool tap_budget_draws(struct tap_budget *b, uint32_t chance)
{
    b->chance ^= b->chance << 13;
    b->chance ^= b->chance >> 7;
    b->chance ^= b->chance << 17;
    return (uint32_t)(b->chance >> 32) <= chance;
}

/* Is the next read one of those that are looked at? */
static inline bool tap_budget_read(struct tap_budget *b)
{
    return tap_budget_draws(b, b->of_reads);
}

/* Is this datagram of such a read taken? */
static inline bool tap_budget_datagram(struct tap_budget *b)
{
    return b->of_datagrams == UINT32_MAX || tap_budget_draws(b, b->of_datagrams);
}

/* The period is over: the share follows what came. */
void tap_budget_renew(struct tap_budget *b, uint64_t now_ns);

/* More was taken than the share was made for. */
void tap_budget_halve(struct tap_budget *b);

/* A read brought so many bytes, of which so many were taken. */
static inline void tap_budget_note(struct tap_budget *b, uint64_t came, uint64_t took,
                                   uint64_t now_ns)
{
    b->came += came;
    b->took += took;
    if (b->took > b->halve_at)
        tap_budget_halve(b);
    /* signed: the readings of two sources may come in another order than they were made in */
    if ((int64_t)(now_ns - b->began_ns) >= (int64_t)TAP_BUDGET_PERIOD_NS)
        tap_budget_renew(b, now_ns);
}

#endif
