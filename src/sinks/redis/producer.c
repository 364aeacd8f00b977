#include "sinks/redis/producer.h"

#include <assert.h>
#include <string.h>

static void producer_check(const struct redis_producer *p)
{
    assert(p->epoch > 0 && p->id[REDIS_ID_DIGITS] == '\0');
    assert(p->seq > 0 || (p->series == 0 && p->nth == 0));
}

void redis_producer_begin(struct redis_producer *p, const char *id)
{
    *p = (struct redis_producer){ .epoch = p->epoch + 1, .generation = 1 };
    memcpy(p->id, id, REDIS_ID_DIGITS);
    memset(p->token, '0', REDIS_TOKEN_DIGITS);
    producer_check(p);
}

void redis_producer_address(const struct redis_producer *p, struct redis_batch *b, uint32_t nth)
{
    producer_check(p);
    assert(b->seq == 0); /* a number that is given is never changed */
    b->epoch = p->epoch;
    b->seq = p->seq + 1;
    b->series_upto = p->series + b->series;
    b->nth = nth;
    b->nth_before = p->nth;
    const struct redis_address a = { .id = p->id,
                                     .before = p->token,
                                     .seq = b->seq,
                                     .series = b->series_upto,
                                     .nth = nth,
                                     .generation = p->generation };
    redis_batch_address(b, &a);
}

void redis_producer_advance(struct redis_producer *p, const struct redis_batch *b)
{
    assert(b->epoch == p->epoch && b->seq == p->seq + 1);
    p->seq = b->seq;
    p->series = b->series_upto;
    p->nth = b->nth;
    memcpy(p->token, redis_batch_token(b).ptr, REDIS_TOKEN_DIGITS);
}

static bool same_totals(const struct redis_producer *p, const struct redis_totals *t)
{
    return p->answered && strcmp(p->totals.birth, t->birth) == 0;
}

bool redis_producer_forgotten(const struct redis_producer *p, const struct redis_verdict *gap)
{
    if (gap->known)
        return false;
    /* Without an answer so far only the first batch can meet a gap, sent again long after: any
     * totals may have it. */
    if (!p->answered)
        return strcmp(gap->totals.birth, "-") != 0;
    return same_totals(p, &gap->totals) && gap->totals.writes >= p->totals.writes;
}

bool redis_producer_untouched(const struct redis_producer *p, const struct redis_verdict *gap)
{
    return same_totals(p, &gap->totals) && gap->totals.writes == p->totals.writes;
}
