#include "sinks/redis/stored.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sinks/redis/keys.h"

void redis_stored_put_amount(struct buf *out, const struct sink_amount *a)
{
    for (int i = 0; i < SERIES_KIND_COUNT; i++)
        pack_u64(out, a->series[i]);
    pack_double(out, a->counted);
    pack_double(out, a->timed);
}

bool redis_stored_get_amount(struct unpack *in, struct sink_amount *ret)
{
    for (int i = 0; i < SERIES_KIND_COUNT; i++)
        ret->series[i] = unpack_u64(in);
    ret->counted = unpack_double(in);
    ret->timed = unpack_double(in);
    return isfinite(ret->counted) && isfinite(ret->timed);
}

void redis_stored_put(struct buf *out, const struct redis_batch *b, struct redis_stored how,
                      uint64_t now_ms)
{
    uint32_t *places[REDIS_BATCH_PLACES];
    struct redis_batch copy = *b;
    redis_batch_places(&copy, places);
    pack_u8(out, REDIS_BATCH_FORMAT);
    pack_u8(out, how.kept);
    pack_u8(out, b->shard);
    pack_u8(out, b->last);
    pack_u8(out, b->unsure || b->in_flight);
    pack_u8(out, b->failures);
    pack_u8(out, how.of_interval);
    pack_u64(out, b->epoch);
    pack_u64(out, b->seq);
    pack_u64(out, b->series_upto);
    pack_u32(out, b->nth);
    pack_u32(out, b->nth_before);
    pack_u32(out, b->order);
    pack_u32(out, b->life_s);
    pack_u32(out, b->series);
    pack_u64(out, b->seq != 0 ? now_ms - b->first_sent_ms : 0);
    pack_u64(out, how.kept ? now_ms - b->acked_ms : 0);
    for (int i = 0; i < REDIS_BATCH_PLACES; i++)
        pack_u32(out, *places[i]);
    pack_u32(out, b->head_len);
    pack_u32(out, b->split_at);
    for (int i = 0; i < REDIS_SECTION_COUNT; i++)
        pack_u16(out, b->ops[i]);
    redis_stored_put_amount(out, &b->amount);
    pack_text(out, slice_of(b->bytes, b->len));
}

/* Everything but the bytes and the interval. */
static bool get_fields(struct redis_batch *b, struct unpack *in, uint64_t then_ms)
{
    uint32_t *places[REDIS_BATCH_PLACES];
    b->epoch = unpack_u64(in);
    b->seq = unpack_u64(in);
    b->series_upto = unpack_u64(in);
    b->nth = unpack_u32(in);
    b->nth_before = unpack_u32(in);
    b->order = unpack_u32(in);
    b->life_s = unpack_u32(in);
    b->series = unpack_u32(in);
    /* An age may go back before the clock's 0: differences are right all the same. */
    b->first_sent_ms = then_ms - unpack_u64(in);
    b->acked_ms = then_ms - unpack_u64(in);
    redis_batch_places(b, places);
    for (int i = 0; i < REDIS_BATCH_PLACES; i++)
        *places[i] = unpack_u32(in);
    b->head_len = unpack_u32(in);
    b->split_at = unpack_u32(in);
    for (int i = 0; i < REDIS_SECTION_COUNT; i++)
        b->ops[i] = unpack_u16(in);
    return redis_stored_get_amount(in, &b->amount) && b->series <= REDIS_BATCH_SERIES &&
           b->shard < REDIS_SHARDS;
}

static bool get_bytes(struct redis_batch *b, struct unpack *in)
{
    struct slice bytes = unpack_text(in);
    if (!unpack_done(in))
        return false;
    b->bytes = mem_alloc(bytes.len);
    memcpy(b->bytes, bytes.ptr, bytes.len);
    b->len = bytes.len;
    return redis_batch_sound(b);
}

const char *redis_stored_get(struct unpack *in, uint64_t then_ms, struct redis_batch *b,
                             struct redis_stored *ret)
{
    uint8_t format = unpack_u8(in);
    ret->kept = unpack_u8(in) != 0;
    b->shard = unpack_u8(in);
    b->last = unpack_u8(in) != 0;
    b->unsure = unpack_u8(in) != 0;
    b->failures = unpack_u8(in);
    ret->of_interval = unpack_u8(in) != 0;
    bool good = get_fields(b, in, then_ms);
    if (good && format != REDIS_BATCH_FORMAT)
        return "it is for the script of another version";
    return good && get_bytes(b, in) ? NULL : "it makes no sense";
}
