/*
 * redis_state_load   get_ledger, get_shard, get_interval, get_batch
 *   leave_out          what would break a promise of the ledger: counted, and the rest goes on
 * redis_ledger_loaded
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/pack.h"
#include "sinks/redis/ledger_priv.h"
#include "sinks/redis/state.h"
#include "sinks/redis/stored.h"

/* What their places in a batch hold. */
static const uint64_t SEQ_MAX = 999999999999, SERIES_MAX = 999999999999999;

/* returns  false */
static bool leave_out(struct redis_ledger *l, const char *why, uint8_t shard)
{
    struct unloaded *u = &l->unloaded;
    if (u->records++ == 0) {
        u->why = why;
        u->shard = shard;
    }
    return false;
}

/* Exactly n characters, or none where that may be. */
static bool get_digits(struct unpack *in, char *ret, size_t n, bool may_be_none)
{
    struct slice s = unpack_text(in);
    if (memchr(s.ptr, '\0', s.len) != NULL)
        return false;
    if (in->bad || (s.len != n && !(may_be_none && s.len == 0)))
        return false;
    memcpy(ret, s.ptr, s.len);
    ret[s.len] = '\0';
    return true;
}

static bool get_ledger(struct redis_ledger *l, const char *prefix, struct unpack *in)
{
    struct slice of = unpack_text(in);
    l->left_out = !slice_eq(of, slice_str(prefix));
    if (l->left_out) {
        LOG(LOG_WARN, "redis.prefix is another: what was saved for redis is left out",
            F_SLICE("saved", of), F_STR("prefix", prefix));
        return true;
    }
    l->nth = unpack_u32(in);
    l->order = unpack_u32(in);
    l->lost_upto_nth = unpack_u32(in);
    l->used = unpack_u8(in) != 0;
    bool good = get_digits(in, l->logged, REDIS_TOKEN_DIGITS, true) && unpack_done(in);
    return good || leave_out(l, "its first record makes no sense", 0);
}

static bool get_birth(struct unpack *in, struct redis_totals *ret)
{
    struct slice birth = unpack_text(in);
    ret->writes = unpack_u64(in);
    if (in->bad || birth.len > REDIS_BIRTH_MAX || memchr(birth.ptr, '\0', birth.len) != NULL)
        return false;
    memcpy(ret->birth, birth.ptr, birth.len);
    ret->birth[birth.len] = '\0';
    return true;
}

static bool get_producer(struct redis_producer *p, struct unpack *in)
{
    p->epoch = unpack_u64(in);
    p->generation = unpack_u32(in) + 1;
    if (!get_digits(in, p->id, REDIS_ID_DIGITS, p->epoch == 0))
        return false;
    p->seq = unpack_u64(in);
    p->series = unpack_u64(in);
    p->nth = unpack_u32(in);
    if (!get_digits(in, p->token, REDIS_TOKEN_DIGITS, p->epoch == 0))
        return false;
    p->answered = unpack_u8(in) != 0;
    bool begun = p->seq > 0 || (p->series == 0 && p->nth == 0);
    return get_birth(in, &p->totals) && unpack_done(in) && p->seq < SEQ_MAX && begun &&
           p->series < SERIES_MAX && p->generation > 0 && p->generation <= REDIS_GENERATION_MAX;
}

/* Without it the shard begins a new producer. */
static bool get_shard(struct redis_ledger *l, struct unpack *in)
{
    struct redis_producer p = { .epoch = 0 };
    uint8_t shard = unpack_u8(in);
    uint8_t flags = unpack_u8(in);
    if (shard >= REDIS_SHARDS || l->shards[shard].producer.epoch != 0 || !get_producer(&p, in))
        return leave_out(l, "a producer makes no sense", shard);
    l->shards[shard].used = (flags & 1) != 0;
    l->shards[shard].stranded = (flags & 2) != 0;
    l->shards[shard].producer = p;
    return true;
}

static bool get_interval(struct redis_ledger *l, struct unpack *in, uint64_t now_ms,
                         uint64_t age_ms)
{
    struct redis_interval *iv = mem_zalloc(sizeof *iv);
    uint32_t before = l->intervals != NULL ? l->newest_loaded->nth : 0;
    iv->nth = unpack_u32(in);
    iv->start_s = (int64_t)unpack_u64(in);
    iv->queued_ms = now_ms - age_ms - unpack_u64(in);
    bool good = get_digits(in, iv->token, REDIS_TOKEN_DIGITS, false);
    iv->dropped = unpack_u8(in) != 0;
    if (!good || !unpack_done(in) || iv->nth <= before || iv->nth > l->nth) {
        free(iv);
        return leave_out(l, "an interval makes no sense", 0);
    }
    *l->intervals_end = iv;
    l->intervals_end = &iv->next;
    l->newest_loaded = iv;
    return true;
}

/* ---- batches ---- */

/* The interval of that ordinal, from `iv` on; in a shard they come in order. */
static struct redis_interval *interval_of(struct redis_interval *iv, uint32_t nth)
{
    while (iv != NULL && iv->nth < nth)
        iv = iv->next;
    return iv != NULL && iv->nth == nth ? iv : NULL;
}

/*
 * Did the shard's producer number it, or one before: of those some may wait, as they were given a
 * number before the next one began.  Their generation is as it was sent: nobody claims them.
 */
static bool is_numbered(const struct redis_ledger *l, const struct redis_batch *b)
{
    const struct redis_producer *p = &l->shards[b->shard].producer;
    uint64_t last = redis_bale_last_seq(b);
    return b->epoch > 0 && (b->epoch < p->epoch || (b->epoch == p->epoch && last <= p->seq));
}

static void claim(const struct redis_ledger *l, struct redis_batch *b)
{
    const struct redis_producer *p = &l->shards[b->shard].producer;
    if (b->epoch == p->epoch && b->bale != NULL)
        b->bale->start->generation = p->generation;
    else if (b->epoch == p->epoch)
        redis_batch_generation(b, p->generation);
}

/* Its place behind those of its shard that were loaded before it.   returns  NULL, or why not */
static const char *queue_batch(struct redis_ledger *l, struct redis_batch *b, bool of_interval)
{
    const struct redis_batch *before = l->shards[b->shard].queue.tail;
    struct redis_interval *from =
        before != NULL && before->interval != NULL ? before->interval : l->intervals;
    struct redis_interval *iv = of_interval ? interval_of(from, b->nth) : NULL;
    if (of_interval && iv == NULL)
        return "its interval is missing";
    if (!is_numbered(l, b) ||
        (before != NULL && b->epoch == before->epoch && b->seq <= redis_bale_last_seq(before)))
        return "its number is not its producer's";
    b->interval = iv;
    if (iv != NULL) {
        iv->left += redis_bale_batches(b);
        iv->weight += redis_batch_weight(b);
        iv->holds |= redis_ledger_bit(b->shard);
        iv->sent |= redis_ledger_bit(b->shard);
    }
    claim(l, b);
    redis_ledger_queue_insert(l, NULL, b);
    return NULL;
}

static const char *keep_batch(struct redis_ledger *l, struct redis_batch *b)
{
    uint64_t acked_ms = b->acked_ms;
    if (!is_numbered(l, b))
        return "its number is not its producer's";
    claim(l, b);
    redis_ledger_queue_insert(l, NULL, b);
    redis_ledger_keep(l, b, acked_ms);
    return NULL;
}

/* Its number is given: Redis misses it, and those behind it go on under a new producer. */
static void miss(struct redis_ledger *l, const struct redis_batch *b, uint64_t series)
{
    struct shard *sh = &l->shards[b->shard];
    if (b->epoch != sh->producer.epoch)
        return;
    sh->missing.batches += redis_bale_batches(b);
    sh->missing.series += series;
}

/* It is not sent; those behind it are. */
static bool drop_batch(struct redis_ledger *l, struct redis_batch *b, struct redis_stored how,
                       const char *why)
{
    bool kept = how.kept, of_interval = how.of_interval;
    struct redis_interval *iv = of_interval && !kept ? interval_of(l->intervals, b->nth) : NULL;
    const uint32_t batches = redis_bale_batches(b);
    const uint64_t most = (uint64_t)batches * REDIS_BATCH_SERIES;
    const uint64_t series = b->series <= most ? b->series : 0;
    l->unloaded.batches += batches;
    l->unloaded.series += series;
    if (of_interval && !kept)
        l->stats.series_dropped += series; /* else it was counted as applied */
    if (!kept && b->shard < REDIS_SHARDS)
        miss(l, b, series);
    if (iv != NULL) {
        l->stats.intervals_dropped += !iv->dropped;
        iv->dropped = true;
    }
    (void)leave_out(l, why, b->shard);
    redis_batch_free(b);
    return false;
}

static bool get_batch(struct redis_ledger *l, struct unpack *in, uint64_t then_ms)
{
    struct redis_batch *b = mem_zalloc(sizeof *b);
    struct redis_stored how;
    const char *why = redis_stored_get(in, then_ms, b, &how);
    b->restored = true;
    if (why == NULL && (b->seq == 0 || b->seq >= SEQ_MAX || b->series_upto < b->series))
        why = "it makes no sense";
    if (why == NULL)
        why = how.kept ? keep_batch(l, b) : queue_batch(l, b, how.of_interval);
    return why == NULL || drop_batch(l, b, how, why);
}

/* Its piece of the disk is ours from now on. */
static bool adopt(struct redis_ledger *l, const struct redis_bale *x)
{
    return x->at.len == 0 || (l->file != NULL && spool_file_adopt(l->file, x->at));
}

static bool get_bale(struct redis_ledger *l, struct unpack *in, uint64_t then_ms)
{
    const struct redis_stored how = { .of_interval = true };
    struct redis_batch *b = mem_zalloc(sizeof *b);
    const char *why = redis_bale_get(in, then_ms, b);
    if (why == NULL && (redis_bale_last_seq(b) >= SEQ_MAX || b->series_upto >= SERIES_MAX))
        why = "it makes no sense";
    if (why == NULL && !adopt(l, b->bale))
        why = "it is on disk, and there is no such folder";
    if (why == NULL && (why = queue_batch(l, b, true)) != NULL && b->bale->at.len > 0)
        spool_file_drop(l->file, b->bale->at);
    return why == NULL || drop_batch(l, b, how, why);
}

bool redis_state_load(struct redis_ledger *l, const char *prefix, uint8_t type, struct slice body,
                      uint64_t now_ms, uint64_t age_ms)
{
    struct unpack in = unpack_of(body);
    if (l->left_out)
        return true;
    switch (type) {
    case REDIS_STATE_LEDGER:
        return get_ledger(l, prefix, &in);
    case REDIS_STATE_SHARD:
        return get_shard(l, &in);
    case REDIS_STATE_INTERVAL:
        return get_interval(l, &in, now_ms, age_ms);
    case REDIS_STATE_BATCH:
        return get_batch(l, &in, now_ms - age_ms);
    case REDIS_STATE_BALE:
        return get_bale(l, &in, now_ms - age_ms);
    default:
        return false;
    }
}

void redis_ledger_loaded(struct redis_ledger *l)
{
    struct redis_interval *next;
    const struct unloaded *u = &l->unloaded;
    for (struct redis_interval *iv = l->intervals; iv != NULL; iv = next) {
        next = iv->next;
        redis_pace_interval(&l->pace, iv->weight);
        if (iv->left == 0)
            redis_ledger_forget_interval(l, iv);
    }
    if (u->records > 0)
        LOG(LOG_ERROR, "a part of what was saved for redis is left out", F_STR("reason", u->why),
            F_U64("shard", u->shard), F_U64("records", u->records), F_U64("batches", u->batches),
            F_U64("series", u->series), F_U64("intervals", l->stats.intervals_dropped),
            F_STR("remedy", "all else of the state goes on; see docs/restart.md, Redis"));
    l->unloaded = (struct unloaded){ 0 };
    l->newest_loaded = NULL;
    l->left_out = false;
    redis_ledger_check(l);
}
