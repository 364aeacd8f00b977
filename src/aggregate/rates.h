/**
 * rates: how many samples each metric name has had at this worker in this second.  Private to
 * aggregate/.
 *
 * A name's entry is in one of the four places of the set that its hash chooses, which are a cache
 * line.  An entry of an earlier second is free.  Where all four are of this second, the one with
 * the fewest samples gives way, and its name begins at 0 again: so a name that floods keeps its
 * place among any number of others.  Where more than 4,000 flood one worker in a second, five meet
 * in one set here and there, and some have more than their samples: all together a tenth more at
 * 4,000, half as much again at 8,000.
 *
 *   thread   worker
 *   cost     a hash of the name, one cache line of 256 KiB; no memory after rates_new
 */
#ifndef AGGREGATE_RATES_H
#define AGGREGATE_RATES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"

enum { RATES_SETS = 4096, RATES_WAYS = 4 };

struct rates {
    struct rates_entry {
        uint64_t name;
        uint32_t second, n;
    } at[RATES_SETS][RATES_WAYS];
    uint32_t most; /* samples of a name in a second */
};

/* One more sample of the name.  false: it has had all of this second */
static inline bool rates_take(struct rates *r, const char *name, uint32_t name_len, uint32_t now_s)
{
    const uint64_t hash = hash64_bytes(name, name_len);
    struct rates_entry *set = r->at[hash % RATES_SETS], *to = NULL;
    uint32_t least = UINT32_MAX;
    for (unsigned i = 0; i < RATES_WAYS; i++) {
        struct rates_entry *e = &set[i];
        const uint32_t n = e->second == now_s ? e->n : 0;
        if (e->name == hash && e->second == now_s) {
            e->n += n < r->most;
            return n < r->most;
        }
        if (n < least) {
            least = n;
            to = e;
        }
    }
    *to = (struct rates_entry){ hash, now_s, 1 };
    return true;
}

#endif
