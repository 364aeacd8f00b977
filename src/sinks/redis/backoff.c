#include "sinks/redis/backoff.h"

#include <assert.h>

enum { MIN_MS = 100, MAX_MS = 5000 };

static void backoff_check(const struct redis_backoff *b)
{
    assert(b->chance != 0); /* xorshift would stay at 0 */
    assert(b->next_ms >= MIN_MS && b->next_ms <= MAX_MS);
}

void redis_backoff_init(struct redis_backoff *b, uint64_t seed)
{
    *b = (struct redis_backoff){ .next_ms = MIN_MS, .chance = seed | 1 };
}

uint64_t redis_backoff_next(struct redis_backoff *b)
{
    backoff_check(b);
    const uint32_t ms = b->next_ms;
    b->next_ms = ms * 2 < MAX_MS ? ms * 2 : MAX_MS;
    b->chance ^= b->chance << 13;
    b->chance ^= b->chance >> 7;
    b->chance ^= b->chance << 17;
    return ms / 2 + b->chance % (ms + 1);
}

void redis_backoff_reset(struct redis_backoff *b)
{
    b->next_ms = MIN_MS;
}
