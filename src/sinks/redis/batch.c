#include "sinks/redis/batch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sinks/redis/resp.h"

_Static_assert(offsetof(struct redis_batch, cargo) == 0, "an answer looks there");
_Static_assert(REDIS_CARGO_BATCH == 0, "what is zeroed is a batch");

void redis_batch_free(struct redis_batch *b)
{
    if (b == NULL)
        return;
    free(b->bytes);
    free(b);
}

void redis_batch_address(struct redis_batch *b, const struct redis_address *a)
{
    assert(a->seq > 0 && !b->in_flight); /* what is under way is sent again byte for byte */
    memcpy(b->bytes + b->id_at, a->id, REDIS_ID_DIGITS);
    memcpy(b->bytes + b->before_at, a->before, REDIS_TOKEN_DIGITS);
    redis_resp_digits(b->bytes + b->seq_at, REDIS_SEQ_DIGITS, a->seq);
    char *mark = b->bytes + b->mark_at;
    redis_resp_digits(mark, REDIS_MARK_SERIES_DIGITS, a->series);
    redis_resp_digits(mark + REDIS_MARK_SERIES_DIGITS + 1, REDIS_MARK_NTH_DIGITS, a->nth);
    redis_batch_generation(b, a->generation);
}

void redis_batch_generation(struct redis_batch *b, uint32_t generation)
{
    assert(generation > 0);
    redis_resp_digits(b->bytes + b->generation_at, REDIS_GENERATION_DIGITS, generation);
}

void redis_batch_brand(struct redis_batch *b, const char *token)
{
    memcpy(b->bytes + b->token_at, token, REDIS_TOKEN_DIGITS);
}

struct slice redis_batch_token(const struct redis_batch *b)
{
    return slice_of(b->bytes + b->token_at, REDIS_TOKEN_DIGITS);
}

void redis_batch_sha(struct redis_batch *b, const char *sha40)
{
    memcpy(b->bytes + b->sha_at, sha40, REDIS_SHA_DIGITS);
}

void redis_batch_stale(struct redis_batch *b, bool stale)
{
    b->bytes[b->stale_at] = stale ? '1' : '0';
}
