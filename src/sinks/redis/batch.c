/*
 * redis_batch_wire     the head, and put_section for each section
 * redis_batch_sound    read_section: the same way, and nothing is made of it
 * redis_batch_address  and the others: what has a place in the head
 */
#include "sinks/redis/batch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sinks/redis/bale_parts.h"
#include "sinks/redis/pack.h"
#include "sinks/redis/resp.h"

_Static_assert(offsetof(struct redis_batch, cargo) == 0, "an answer looks there");
_Static_assert(REDIS_CARGO_BATCH == 0, "what is zeroed is a batch");

enum { WIRE_MOST = 4 * REDIS_BATCH_BYTES };

void redis_batch_free(struct redis_batch *b)
{
    if (b == NULL)
        return;
    if (b->bale != NULL) { /* what is in the file stays there */
        free(b->bale->bytes);
        free(b->bale->start);
        free(b->bale);
    }
    free(b->bytes);
    free(b);
}

void redis_batch_places(struct redis_batch *b, uint32_t *ret[REDIS_BATCH_PLACES])
{
    uint32_t *const places[REDIS_BATCH_PLACES] = { &b->sha_at,   &b->id_at,         &b->seq_at,
                                                   &b->token_at, &b->before_at,     &b->mark_at,
                                                   &b->stale_at, &b->generation_at, &b->only_at };
    memcpy(ret, places, sizeof places);
}

const uint8_t redis_batch_widths[REDIS_BATCH_PLACES] = {
    REDIS_SHA_DIGITS,
    REDIS_ID_DIGITS,
    REDIS_SEQ_DIGITS,
    REDIS_TOKEN_DIGITS,
    REDIS_TOKEN_DIGITS,
    REDIS_MARK_SERIES_DIGITS + 1 + REDIS_MARK_NTH_DIGITS,
    1,
    REDIS_GENERATION_DIGITS,
    1,
};

/* What stands in a section for each series, beside the key: letters of `put_section`. */
static const char *const contents[REDIS_SECTION_COUNT] = {
    [REDIS_SET_KEYS] = "k",       [REDIS_COUNTERS] = "kn", [REDIS_GAUGES] = "kni",
    [REDIS_GAUGE_DELTAS] = "kni", [REDIS_TIMERS] = "kb",   [REDIS_TIMERS_NEGATIVE] = "kb",
    [REDIS_GAUGES_OWN] = "knib",  [REDIS_SETS] = "b",
};

static void put_number(struct redis_number n, struct buf *out)
{
    if (n.is_whole)
        redis_resp_arg_i64(out, n.whole);
    else
        redis_resp_arg_double(out, n.real);
}

static void put_section(struct redis_unpack *u, enum redis_section section, uint32_t ops,
                        struct buf *out)
{
    int64_t stamp = 0;
    redis_unpack_begin(u);
    for (; ops > 0; ops--) {
        for (const char *c = contents[section]; *c != '\0'; c++) {
            if (*c == 'k')
                redis_resp_arg(out, redis_unpack_key(u));
            else if (*c == 'n')
                put_number(redis_unpack_number(u), out);
            else if (*c == 'i')
                redis_resp_arg_i64(out, stamp += redis_unpack_int(u));
            else
                redis_resp_arg(out, redis_unpack_bytes(u));
        }
    }
}

size_t redis_batch_wire(const struct redis_batch *b, struct buf *out)
{
    struct redis_unpack u = { .rest = slice_of(b->bytes + b->head_len, b->len - b->head_len) };
    buf_append(out, b->bytes, b->split_at);
    size_t before = out->len;
    put_section(&u, REDIS_SET_KEYS, b->ops[REDIS_SET_KEYS], out);
    size_t inserted = out->len - before;
    buf_append(out, b->bytes + b->split_at, b->head_len - b->split_at);
    for (int s = REDIS_COUNTERS; s < REDIS_SECTION_COUNT; s++)
        put_section(&u, (enum redis_section)s, b->ops[s], out);
    assert(!u.bad && u.rest.len == 0);
    redis_unpack_release(&u);
    return inserted;
}

/* returns  how many bytes of keys and the like `ops` of them become */
static uint64_t read_section(struct redis_unpack *u, enum redis_section section, uint32_t ops)
{
    uint64_t bytes = 0;
    redis_unpack_begin(u);
    for (; ops > 0 && !u->bad && bytes <= WIRE_MOST; ops--) {
        for (const char *c = contents[section]; *c != '\0'; c++) {
            if (*c == 'k')
                bytes += redis_unpack_key(u).len;
            else if (*c == 'n')
                (void)redis_unpack_number(u);
            else if (*c == 'i')
                (void)redis_unpack_int(u);
            else
                bytes += redis_unpack_bytes(u).len;
        }
    }
    return bytes;
}

bool redis_batch_sound(const struct redis_batch *b)
{
    uint32_t *places[REDIS_BATCH_PLACES];
    struct redis_batch copy = *b;
    bool sound = b->head_len <= b->len && b->split_at <= b->head_len;
    redis_batch_places(&copy, places);
    for (int i = 0; i < REDIS_BATCH_PLACES && sound; i++)
        sound = (uint64_t)*places[i] + redis_batch_widths[i] <= b->head_len;
    if (!sound)
        return false;
    struct redis_unpack u = { .rest = slice_of(b->bytes + b->head_len, b->len - b->head_len) };
    uint64_t bytes = 0;
    for (int s = 0; s < REDIS_SECTION_COUNT && sound; s++) {
        sound = b->ops[s] <= REDIS_BATCH_SERIES;
        bytes += sound ? read_section(&u, (enum redis_section)s, b->ops[s]) : 0;
        sound = sound && !u.bad && bytes <= WIRE_MOST;
    }
    sound = sound && u.rest.len == 0;
    redis_unpack_release(&u);
    return sound;
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
    const char *token = b->bale != NULL ? b->bale->token : b->bytes + b->token_at;
    return slice_of(token, REDIS_TOKEN_DIGITS);
}

void redis_batch_sha(struct redis_batch *b, const char *sha40)
{
    memcpy(b->bytes + b->sha_at, sha40, REDIS_SHA_DIGITS);
}

void redis_batch_stale(struct redis_batch *b, bool stale)
{
    b->bytes[b->stale_at] = stale ? '1' : '0';
}

void redis_batch_totals_only(struct redis_batch *b)
{
    assert(b->seq == 0 && !b->in_flight);
    b->bytes[b->only_at] = '1';
}
