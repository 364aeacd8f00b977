#include "listen/gather.h"

#include <assert.h>
#include <stdbool.h>

/* Bytes of receive buffer for a burst of one millisecond; more of them where a wait is longer. */
enum { SHORT_BURST_A_MS = 2 << 20, LONG_BURST_A_MS = 3 << 20, ROUND_LOOKS = 16 };

static unsigned smaller(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static unsigned larger(unsigned a, unsigned b)
{
    return a > b ? a : b;
}

static unsigned first_ms(const struct gather *g)
{
    return smaller(GATHER_MS_FIRST, g->most_ms);
}

static void gather_check(const struct gather *g)
{
    assert(g->most_ms > 0 && g->most_ms <= GATHER_MS_MAX);
    assert(g->wait_ms >= first_ms(g) && g->wait_ms <= g->most_ms);
    assert(g->looks < ROUND_LOOKS && g->fullest <= g->found);
}

unsigned gather_most_ms(uint64_t rcvbuf_granted)
{
    uint64_t few = rcvbuf_granted / SHORT_BURST_A_MS, many = rcvbuf_granted / LONG_BURST_A_MS;
    if (many > GATHER_MS_MAX)
        return GATHER_MS_MAX;
    return larger((unsigned)many, few < GATHER_MS_FIRST ? (unsigned)few : GATHER_MS_FIRST);
}

static void begin_round(struct gather *g, unsigned wait_ms)
{
    *g = (struct gather){ .most_ms = g->most_ms, .wait_ms = wait_ms };
    gather_check(g);
}

unsigned gather_begin(struct gather *g, unsigned most_ms)
{
    g->most_ms = most_ms;
    begin_round(g, first_ms(g));
    return g->wait_ms;
}

/* This look found `found` datagrams.  returns  the wait after which a look finds GATHER_ENOUGH */
static unsigned wait_for(const struct gather *g, unsigned found)
{
    unsigned ms = found > 0 ? g->wait_ms * GATHER_ENOUGH / found : g->most_ms;
    return smaller(larger(ms, first_ms(g)), g->most_ms);
}

unsigned gather_look(struct gather *g, unsigned found)
{
    gather_check(g);
    if (found >= GATHER_FULL)
        return 0;
    g->looks++;
    g->passed_ms += g->wait_ms;
    g->found += found;
    g->fullest = larger(g->fullest, found);
    if (found > 2 * GATHER_ENOUGH && wait_for(g, found) < g->wait_ms) {
        begin_round(g, wait_for(g, found));
    } else if (g->looks == ROUND_LOOKS) {
        bool thin = g->found < g->passed_ms; /* less than a datagram a millisecond */
        if (thin)
            return 0;
        begin_round(g, smaller(wait_for(g, g->fullest), 2 * g->wait_ms));
    }
    return g->wait_ms;
}
