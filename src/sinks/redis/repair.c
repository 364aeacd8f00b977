/*
 * What the ledger makes of answers.
 *
 *   redis_ledger_answer
 *     applied, duplicate, dropped, failed -> settled (settle.c)
 *     fenced, of a saved state            -> left out
 *     gap, foreign, fenced                -> hold the shard; repair when nothing is in flight
 *   repair
 *     foreign        -> a new producer, from the first batch on that was not applied
 *     stranded       -> the same, without what a saved state held
 *     key forgotten  -> a new producer; what is in the totals stays there
 *     gap            -> kept batches back into the queue; when some are lost, a new producer
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "sinks/redis/ledger_priv.h"
#include "sinks/redis/settle.h"

enum { FAILURES_MAX = 2 };

/* ---- repair ---- */

/*
 * Two processes may go on from one state, and both find that its numbers cannot go on.  What it
 * held, `first` and what follows, has to be under one producer in both, so that it is added once.
 */
static void id_of_state(const struct redis_producer *p, const struct redis_batch *first, char *ret)
{
    char from[REDIS_ID_DIGITS + REDIS_TOKEN_DIGITS];
    memcpy(from, p->id, REDIS_ID_DIGITS);
    memcpy(from + REDIS_ID_DIGITS, redis_batch_token(first).ptr, REDIS_TOKEN_DIGITS);
    XXH128_hash_t h = XXH3_128bits(from, sizeof from);
    snprintf(ret, REDIS_ID_DIGITS + 1, "%016llx%016llx", (unsigned long long)h.high64,
             (unsigned long long)h.low64);
}

/* The shard's batches from number `from` on get new numbers, of a new producer. */
static void next_producer(struct redis_ledger *l, uint8_t shard, uint64_t from)
{
    char id[REDIS_ID_DIGITS + 1];
    const struct redis_batch *first = l->shards[shard].queue.head;
    while (first != NULL && first->seq < from)
        first = first->next;
    if (first != NULL && first->restored)
        id_of_state(&l->shards[shard].producer, first, id);
    else
        l->opts.draw(id, REDIS_ID_DIGITS);
    redis_producer_begin(&l->shards[shard].producer, id);
    l->shards[shard].stranded = false;
    l->shards[shard].missing = (struct given_up){ 0 };
    for (struct redis_batch *b = l->shards[shard].queue.head; b != NULL; b = b->next) {
        if (b->seq < from)
            continue;
        if (b->bale != NULL)
            redis_bale_unnumber(b);
        b->seq = 0;
        b->unsure = false;
    }
}

/* Redis lost the producer's key alone.  A batch that may be in the totals is dropped, unless nobody
 * wrote to them since. */
static void go_on_after_forgotten(struct redis_ledger *l, uint8_t shard, uint64_t now_ms)
{
    struct shard *sh = &l->shards[shard];
    bool untouched = redis_producer_untouched(&sh->producer, &sh->gap);
    uint64_t unsure = 0;
    struct redis_batch *next;
    for (struct redis_batch *b = sh->queue.head; b != NULL && !untouched; b = next) {
        next = b->next;
        if (!b->unsure)
            continue;
        unsure++;
        /* Kept, it belongs to a producer that ends: it is not sent again. */
        redis_settle_write_off(l, b, now_ms);
    }
    l->stats.forgotten++;
    next_producer(l, shard, 1);
    uint64_t suppressed;
    if (log_gate(&l->forgotten_gate, REDIS_LEDGER_LOG_MS, now_ms, &suppressed))
        LOG(LOG_ERROR, "redis lost a producer's key while the totals stayed", F_U64("shard", shard),
            F_U64("batches_dropped_in_doubt", unsure),
            F_STR("remedy", "maxmemory-policy noeviction; never delete {..}:p: keys"),
            F_U64("suppressed", suppressed));
}

/* The batches between the last one that Redis has and `first` are lost, but for those that were
 * given up before. */
static void count_lost(struct redis_ledger *l, const struct redis_verdict *gap,
                       const struct redis_batch *first, struct given_up failed, uint64_t now_ms)
{
    assert(first->seq > gap->last + 1 && first->series_upto >= first->series);
    uint64_t before = first->series_upto - first->series, there = gap->series + failed.series;
    uint64_t series = before > there ? before - there : 0, batches = first->seq - gap->last - 1;
    /* Each interval once, whichever of its shards are lost. */
    uint32_t from = gap->nth > l->lost_upto_nth ? gap->nth : l->lost_upto_nth;
    uint64_t intervals = 0;
    if (series > 0 && first->nth_before > from) {
        intervals = first->nth_before - from;
        l->lost_upto_nth = first->nth_before;
    }
    l->stats.epochs++;
    if (batches > failed.batches)
        redis_settle_note_loss(l, batches - failed.batches, series, intervals, now_ms);
}

/* In the order of numbers.  Mostly that is before `at`; but while some met the gap a copy of this
 * server may have filled it, and those behind them were duplicates. */
static struct redis_batch *place_of(const struct shard *sh, struct redis_batch *at,
                                    const struct redis_batch *b)
{
    while (at != NULL && at->seq != 0 && at->seq < b->seq)
        at = at->next;
    struct redis_batch *before = at != NULL ? at->prev : sh->queue.tail;
    for (; before != NULL && before->seq > b->seq; before = before->prev)
        at = before;
    return at;
}

/* Redis has everything of the producer up to gap.last, and nothing more: kept batches after it are
 * sent again. */
static void send_kept_again(struct redis_ledger *l, uint8_t shard, uint64_t now_ms)
{
    struct shard *sh = &l->shards[shard];
    struct redis_batch *front = sh->queue.head, *next;
    struct given_up failed = sh->missing;
    for (struct redis_batch *b = sh->kept.head; b != NULL; b = next) {
        next = b->next;
        if (b->epoch != sh->producer.epoch || b->seq <= sh->gap.last)
            continue;
        redis_ledger_kept_remove(l, b);
        if (b->failures < FAILURES_MAX) {
            redis_ledger_queue_insert(l, place_of(sh, front, b), b);
            continue;
        }
        failed.batches++;
        failed.series += b->series;
        redis_batch_free(b); /* it fails before its number is set, so it would come back for ever */
    }
    const struct redis_batch *first = NULL;
    for (struct redis_batch *b = sh->queue.head; b != NULL; b = b->next) {
        if (b->seq <= sh->gap.last)
            continue;
        b->first_sent_ms = now_ms; /* it is not stale: that it was not applied is known now */
        first = first ? first : b;
    }
    if (first == NULL || first->seq == sh->gap.last + 1)
        return;
    count_lost(l, &sh->gap, first, failed, now_ms);
    next_producer(l, shard, sh->gap.last + 1);
}

static void log_fenced(struct redis_ledger *l, const char *msg, uint8_t shard, uint64_t now_ms)
{
    uint64_t suppressed;
    if (log_gate(&l->fenced_gate, REDIS_LEDGER_LOG_MS, now_ms, &suppressed))
        LOG(LOG_WARN, msg, F_U64("shard", shard), F_U64("series", l->stats.fenced),
            F_U64("suppressed", suppressed));
}

static void leave_out(struct redis_ledger *l, struct redis_batch *b, uint64_t now_ms)
{
    const uint8_t shard = b->shard; /* a bale is freed */
    l->stats.fenced += b->series;
    if (b->interval != NULL) /* else it was counted as applied: settle counts nothing */
        l->stats.series_dropped -= b->series;
    redis_settle(l, b, 0, b->series, now_ms);
    log_fenced(l, "another process went on from a later state: what was saved is not sent again",
               shard, now_ms);
}

/* Others that hold the same may have gone on with it under another producer, and where is not known
 * any more: it is left out.  What came since goes on. */
static void go_on_stranded(struct redis_ledger *l, uint8_t shard, uint64_t now_ms)
{
    struct shard *sh = &l->shards[shard];
    struct redis_batch *next;
    for (struct redis_batch *b = sh->queue.head; b != NULL; b = next) {
        next = b->next;
        if (!b->restored)
            continue;
        bool is_kept = b->bale == NULL;
        bool unsent = b->seq == 0;
        leave_out(l, b, now_ms);
        if (is_kept && unsent) { /* never sent under this producer, so it is not kept */
            redis_ledger_kept_remove(l, b);
            redis_batch_free(b);
        }
    }
    next_producer(l, shard, sh->held_from);
}

/* Nothing of the shard is in flight. */
static void repair(struct redis_ledger *l, uint8_t shard, uint64_t now_ms)
{
    struct shard *sh = &l->shards[shard];
    assert(sh->held && sh->in_flight == 0);
    /* Batches before the first one refused are missing: Redis went back between the answers, or a
     * copy of this server came first.  The same is sent again, to see how it is now. */
    bool moved = sh->gap.kind == REDIS_VERDICT_GAP && sh->gap.last + 1 < sh->held_from;
    if (sh->foreign && moved)
        ;
    else if (sh->foreign && sh->stranded)
        go_on_stranded(l, shard, now_ms);
    else if (sh->foreign)
        next_producer(l, shard, sh->held_from);
    else if (redis_producer_forgotten(&sh->producer, &sh->gap))
        go_on_after_forgotten(l, shard, now_ms);
    else
        send_kept_again(l, shard, now_ms);
    sh->held = sh->foreign = false;
    sh->gap = (struct redis_verdict){ 0 };
}

/* b is the first batch of the shard that was not applied. */
static void hold(struct shard *sh, const struct redis_batch *b)
{
    if (sh->held)
        return;
    sh->held = true;
    sh->held_from = b->seq;
}

/*
 * The number of b was taken so long ago that Redis cannot tell by what.  What may be there, of a
 * saved state or sent before, is never added twice.
 * returns  that settles b; else it is not there
 */
static bool settle_unknown(struct redis_ledger *l, struct redis_batch *b, uint64_t now_ms)
{
    if (b->restored) {
        l->shards[b->shard].stranded = true;
        leave_out(l, b, now_ms);
    } else if (b->unsure) {
        l->stats.errors++;
        redis_settle_log_error(l, "redis dropped a batch", b,
                               "in doubt: another server is far ahead under this id", now_ms);
        redis_settle_write_off(l, b, now_ms);
    }
    return b->restored || b->unsure;
}

static void note_foreign(struct redis_ledger *l, struct shard *sh, struct redis_batch *b,
                         const struct redis_verdict *v, uint64_t now_ms)
{
    if (v->fate == REDIS_FATE_UNKNOWN && settle_unknown(l, b, now_ms))
        return;
    l->stats.foreign++;
    hold(sh, b);
    sh->foreign = true;
    uint64_t suppressed;
    if (log_gate(&l->foreign_gate, REDIS_LEDGER_LOG_MS, now_ms, &suppressed))
        LOG(LOG_WARN, "another server has this one's identity in redis: going on under a new one",
            F_U64("shard", b->shard),
            F_STR("remedy",
                  "nothing is lost; restart statsd on machines that were copied while they ran"),
            F_U64("suppressed", suppressed));
}

/*
 * Another process went on from a later state.  What this one's held was in that one, too, unless
 * its number has been given to something else: it is left out.  What came since goes on under a new
 * producer, but for what was applied before the other one spoke.
 */
static void note_fenced(struct redis_ledger *l, struct shard *sh, struct redis_batch *b,
                        const struct redis_verdict *v, uint64_t now_ms)
{
    if (b->restored && v->fate == REDIS_FATE_UNKNOWN) {
        (void)settle_unknown(l, b, now_ms);
        return;
    }
    if (b->restored && v->fate != REDIS_FATE_TAKEN) {
        leave_out(l, b, now_ms);
        return;
    }
    if (v->fate == REDIS_FATE_THERE) {
        l->stats.batches_duplicate++;
        redis_settle(l, b, 0, 0, now_ms);
        return;
    }
    if (v->fate == REDIS_FATE_UNKNOWN && settle_unknown(l, b, now_ms))
        return;
    hold(sh, b);
    sh->foreign = true;
    log_fenced(l, "another process went on from a later state: going on as a new producer",
               b->shard, now_ms);
}

static void note_gap(struct redis_ledger *l, struct shard *sh, struct redis_batch *b,
                     const struct redis_verdict *v)
{
    if (v->known)
        b->unsure = false; /* it is not there */
    if (sh->held && sh->gap.kind == REDIS_VERDICT_GAP)
        return;
    l->stats.gaps++;
    hold(sh, b);
    sh->gap = *v;
    sh->gap.text = NULL; /* it dies with the reply, as do the slices */
    sh->gap.field = sh->gap.holder = (struct slice){ 0 };
}

void redis_ledger_answer(struct redis_ledger *l, struct redis_batch *b,
                         const struct redis_verdict *v, uint64_t now_ms)
{
    struct shard *sh = &l->shards[b->shard];
    uint8_t shard = b->shard;
    redis_verdict_check(v);
    assert(b->in_flight && b->seq > 0 && sh->in_flight > 0 && l->windows[b->node].batches > 0);
    b->in_flight = false;
    sh->in_flight--;
    l->in_flight--;
    l->windows[b->node].batches--;
    l->windows[b->node].bytes -= b->wire_len;
    bool done = v->kind == REDIS_VERDICT_APPLIED || v->kind == REDIS_VERDICT_DUPLICATE;
    switch (v->kind) {
    case REDIS_VERDICT_APPLIED:
        redis_settle_applied(l, b, v, now_ms);
        break;
    case REDIS_VERDICT_DUPLICATE:
        l->stats.batches_duplicate++;
        redis_settle(l, b, 0, 0, now_ms);
        break;
    case REDIS_VERDICT_DROPPED:
        l->stats.errors++;
        redis_settle_log_error(l, "redis dropped a batch", b, v->text, now_ms);
        redis_settle_write_off(l, b, now_ms);
        break;
    case REDIS_VERDICT_FAILED:
        l->stats.errors++;
        redis_settle_log_error(l, "redis refused a batch", b, v->text, now_ms);
        redis_settle_write_off(l, b, now_ms);
        break;
    case REDIS_VERDICT_FOREIGN:
        note_foreign(l, sh, b, v, now_ms);
        break;
    case REDIS_VERDICT_FENCED:
        note_fenced(l, sh, b, v, now_ms);
        break;
    case REDIS_VERDICT_GAP:
        note_gap(l, sh, b, v);
        break;
    case REDIS_VERDICT_LOST:
        b->unsure = true;
        break;
    default: /* it waits in its place */
        l->stats.errors += v->kind == REDIS_VERDICT_LATER;
        break;
    }
    if (done && b->last)
        memcpy(l->logged, redis_batch_token(b).ptr, REDIS_TOKEN_DIGITS);
    if (sh->held && sh->in_flight == 0)
        repair(l, shard, now_ms);
    redis_ledger_check(l);
}
