/**
 * redis_filled: the interval that is coming in.  The ledger goes on with those before it, and gets
 * it whole, as its limits are about intervals.
 *   thread   the owner's
 */
#ifndef SINKS_REDIS_FILLED_H
#define SINKS_REDIS_FILLED_H

#include <stdbool.h>
#include <stdint.h>

#include "aggregate/snapshot.h"

struct redis_batch;
struct redis_ledger;
struct sink_amount;

/* { 0 } is none. */
struct redis_filled {
    bool open, final;
    int64_t start_s;
    uint64_t closed_ms;
    struct redis_batch *head, **end;
};

void redis_filled_begin(struct redis_filled *f, const struct snapshot *snap, bool final,
                        uint64_t now_ms);

/* b is owned from here on. */
void redis_filled_add(struct redis_filled *f, struct redis_batch *b);

/* All of it goes to the ledger, and is sent delay_ms after it closed at the earliest. */
void redis_filled_end(struct redis_filled *f, struct redis_ledger *l, uint64_t delay_ms,
                      uint64_t now_ms);

/* Adds what came in of one that has not ended, as far as it is a batch.   cost  a walk over them */
void redis_filled_left(const struct redis_filled *f, struct sink_amount *ret);

/* What came in of one that has not ended is gone. */
void redis_filled_release(struct redis_filled *f);

#endif
