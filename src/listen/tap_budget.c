#include "listen/tap_budget.h"

#include <assert.h>

/* Below the first, reads are drawn more often and their datagrams less, down to the second. */
#define READS_ALONE     (1 / 32.0)
#define DATAGRAMS_LEAST (1 / 8.0)

/* So small a share takes nothing of any traffic there is, and still is no 0 to divide by. */
#define SHARE_LEAST 1e-6

/* In periods: after so many nothing is known of the traffic any more, a debt is at most so large,
 * and it is made up for in about so many. */
enum { FORGOTTEN = 32, OWED_MOST = 32, MADE_UP_IN = 8 };

static uint32_t chance_of(double share)
{
    return share >= 1 ? UINT32_MAX : (uint32_t)(share * UINT32_MAX);
}

static void set_share(struct tap_budget *b, double share)
{
    b->share = share > 1 ? 1 : share < SHARE_LEAST ? SHARE_LEAST : share;
    double reads = b->share;
    if (reads < READS_ALONE)
        reads = reads / DATAGRAMS_LEAST < READS_ALONE ? reads / DATAGRAMS_LEAST : READS_ALONE;
    b->of_reads = chance_of(reads);
    b->of_datagrams = chance_of(b->share / reads);
}

void tap_budget_init(struct tap_budget *b, uint64_t budget, uint64_t seed)
{
    assert(budget > 0);
    const uint64_t allowed = budget / (1000000000 / TAP_BUDGET_PERIOD_NS);
    *b = (struct tap_budget){ .allowed = allowed > 0 ? allowed : 1, .chance = seed | 1 };
    b->halve_at = b->allowed;
    set_share(b, 1);
}

void tap_budget_halve(struct tap_budget *b)
{
    double share = b->share;
    for (; b->took > b->halve_at; b->halve_at += b->allowed)
        share /= 2;
    set_share(b, share);
}

static double usual(double before, double came, double periods)
{
    if (periods > FORGOTTEN)
        return came;
    for (unsigned n = (unsigned)periods; n > 0 && before > came; n--)
        before /= 2;
    return before > came ? before : came;
}

static double owed(double before, double took, double allowed)
{
    const double now = before + took - allowed;
    return now > 0 ? now : 0;
}

/* Bytes for the next period: something, whatever is owed. */
static double room(const struct tap_budget *b)
{
    const double allowed = (double)b->allowed, left = allowed - b->owed / MADE_UP_IN;
    return left > allowed / MADE_UP_IN ? left : allowed / MADE_UP_IN;
}

void tap_budget_renew(struct tap_budget *b, uint64_t now_ns)
{
    const double periods = (double)(now_ns - b->began_ns) / (double)TAP_BUDGET_PERIOD_NS;
    const double allowed = (double)b->allowed, most = OWED_MOST * allowed;
    b->usual = usual(b->usual, (double)b->came / periods, periods);
    b->owed = owed(b->owed, (double)b->took, allowed * periods);
    if (b->owed > most)
        b->owed = most;
    set_share(b, b->usual > room(b) ? room(b) / b->usual : 1);
    b->began_ns = now_ns;
    b->came = b->took = 0;
    b->halve_at = 2 * b->allowed; /* chance may well bring more than it should */
}
