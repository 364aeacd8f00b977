/*
 * What the ledger makes of answers.
 *
 *   redis_ledger_answer
 *     applied, duplicate, dropped, failed -> settle: into kept, and its interval counts it
 *     fenced, of a saved state            -> left out
 *     gap, foreign, fenced                -> hold the shard; repair when nothing is in flight
 *   repair
 *     foreign        -> a new producer, from the first batch on that was not applied
 *     key forgotten  -> a new producer; what is in the totals stays there
 *     gap            -> kept batches back into the queue; when some are lost, a new producer
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "sinks/redis/ledger_priv.h"

enum { FAILURES_MAX = 2, REPORT_MS = 1000, RIVAL_LOG_MS = 600000 };

/* ---- log ---- */

static void log_error(struct redis_ledger *l, const char *msg, const struct redis_batch *b,
                      const char *text, uint64_t now_ms)
{
    uint64_t suppressed;
    const char *remedy = redis_reply_remedy(text);
    if (log_gate(&l->error_gate, REDIS_LEDGER_LOG_MS, now_ms, &suppressed))
        LOG(LOG_ERROR, msg, F_STR("error", text), F_U64("shard", b->shard),
            F_U64("series", b->series), F_STR("remedy", remedy ? remedy : ""),
            F_U64("suppressed", suppressed));
}

static void log_refused(struct redis_ledger *l, const struct redis_verdict *v, uint64_t now_ms)
{
    uint64_t suppressed;
    if (log_gate(&l->refused_gate, REDIS_LEDGER_LOG_MS, now_ms, &suppressed))
        LOG(LOG_WARN, "redis refused a value: the sum would not be finite",
            F_SLICE("field", v->field), F_U64("values", v->refused),
            F_U64("suppressed", suppressed));
}

static void note_loss(struct redis_ledger *l, uint64_t batches, uint64_t series, uint64_t intervals,
                      uint64_t now_ms)
{
    struct loss *x = &l->loss;
    x->batches += batches;
    x->series += series;
    x->intervals += intervals;
    if (x->since_ms == 0)
        x->since_ms = now_ms;
    l->stats.lost_batches += batches;
    l->stats.lost_series += series;
    l->stats.lost_intervals += intervals;
}

uint64_t redis_repair_report(struct redis_ledger *l, uint64_t now_ms)
{
    struct loss *x = &l->loss;
    if (x->since_ms == 0)
        return 0;
    if (!redis_ledger_idle(l) && now_ms < x->since_ms + REPORT_MS)
        return x->since_ms + REPORT_MS;
    LOG(LOG_ERROR, "redis lost acknowledged writes that are not kept any more",
        F_U64("batches", x->batches), F_U64("series", x->series), F_U64("intervals", x->intervals),
        F_STR("remedy", "appendonly yes, and no FLUSHALL; what was kept was sent again"));
    *x = (struct loss){ 0 };
    return 0;
}

void redis_repair_give_up(struct redis_ledger *l, const struct redis_batch *b)
{
    if (b->interval != NULL)
        l->stats.series_dropped += b->series;
    else if (b->failures == 0)
        note_loss(l, 1, b->series, 0, b->first_sent_ms);
}

/* ---- settling ---- */

/* The batch needs no more sending: into kept, and off its interval's account. */
static void settle(struct redis_ledger *l, struct redis_batch *b, uint64_t refused,
                   uint64_t dropped, uint64_t now_ms)
{
    redis_ledger_keep(l, b, now_ms);
    struct redis_interval *iv = b->interval;
    b->interval = NULL;
    if (iv == NULL)
        return; /* counted when it was settled first; Redis lost it since */
    assert(iv->left > 0);
    redis_interval_check(iv);
    assert(refused + dropped <= b->series);
    l->stats.series_applied += b->series - refused - dropped;
    l->stats.series_refused += refused;
    l->stats.series_dropped += dropped;
    if (--iv->left == 0)
        redis_ledger_settle_interval(l, iv);
}

/*
 * The batch is settled without being applied.  If it was applied once, and Redis lost it, it is
 * counted as applied already: it counts as lost then; and at its first failure only.
 */
static void write_off(struct redis_ledger *l, struct redis_batch *b, uint64_t now_ms)
{
    if (b->interval == NULL && b->failures == 0)
        note_loss(l, 1, b->series, 0, now_ms);
    b->failures++;
    settle(l, b, 0, b->series, now_ms);
}

static bool in_list(const struct batch_list *list, struct slice token)
{
    const struct redis_batch *b = list->head;
    while (b != NULL && !(b->last && slice_eq(token, redis_batch_token(b))))
        b = b->next;
    return b != NULL;
}

/* After Redis lost writes, the token it has may be that of a batch that is sent again. */
static bool token_of_ours(const struct redis_ledger *l, struct slice token)
{
    bool ours = slice_eq(token, slice_str(l->logged)) || in_list(&l->kept, token);
    for (int i = 0; i < REDIS_SHARDS && !ours; i++)
        ours = in_list(&l->shards[i].queue, token);
    return ours;
}

/* Every log entry leaves its writer's token.  Another's token where ours was: another live server
 * has our instance name. */
static void look_for_rival(struct redis_ledger *l, struct slice holder, uint64_t now_ms)
{
    if (l->logged[0] == '\0' || slice_eq(holder, SLICE_LIT("-")) || token_of_ours(l, holder))
        return;
    l->stats.rivals++;
    uint64_t suppressed;
    if (log_gate(&l->rival_gate, RIVAL_LOG_MS, now_ms, &suppressed))
        LOG(LOG_WARN, "another live server writes to redis under this instance name",
            F_U64("intervals", l->stats.rivals),
            F_STR("remedy",
                  "nothing is lost; give each server its own server.instance to tell them apart"),
            F_U64("suppressed", suppressed));
}

static void applied(struct redis_ledger *l, struct redis_batch *b, const struct redis_verdict *v,
                    uint64_t now_ms)
{
    struct redis_producer *p = &l->shards[b->shard].producer;
    l->stats.batches_applied++;
    p->answered = true;
    p->totals = v->totals;
    if (v->refused > 0)
        log_refused(l, v, now_ms);
    if (v->dropped > 0 || v->unlogged) {
        char text[128] = "";
        size_t n = v->field.len < sizeof text - 1 ? v->field.len : sizeof text - 1;
        memcpy(text, v->field.ptr, n);
        l->stats.errors++;
        const char *msg =
            v->unlogged ? "redis has no place for the log entry" : "redis dropped sets of a batch";
        log_error(l, msg, b, text, now_ms);
    }
    if (b->last)
        look_for_rival(l, v->holder, now_ms);
    uint64_t refused = v->refused < b->series ? v->refused : b->series, rest = b->series - refused;
    settle(l, b, refused, v->dropped < rest ? v->dropped : rest, now_ms);
}

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
    l->shards[shard].missing = (struct given_up){ 0 };
    for (struct redis_batch *b = l->shards[shard].queue.head; b != NULL; b = b->next) {
        if (b->seq < from)
            continue;
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
        write_off(l, b, now_ms);
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
        note_loss(l, batches - failed.batches, series, intervals, now_ms);
}

/* Redis has everything of the producer up to gap.last, and nothing more: kept batches after it are
 * sent again. */
static void send_kept_again(struct redis_ledger *l, uint8_t shard, uint64_t now_ms)
{
    struct shard *sh = &l->shards[shard];
    struct redis_batch *front = sh->queue.head, *next;
    struct given_up failed = sh->missing;
    for (struct redis_batch *b = l->kept.head; b != NULL; b = next) {
        next = b->next;
        if (b->shard != shard || b->epoch != sh->producer.epoch || b->seq <= sh->gap.last)
            continue;
        redis_ledger_kept_remove(l, b);
        if (b->failures < FAILURES_MAX) {
            redis_ledger_queue_insert(l, front, b);
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

/* Nothing of the shard is in flight. */
static void repair(struct redis_ledger *l, uint8_t shard, uint64_t now_ms)
{
    struct shard *sh = &l->shards[shard];
    assert(sh->held && sh->in_flight == 0);
    if (sh->foreign)
        next_producer(l, shard, sh->held_from);
    else if (redis_producer_forgotten(&sh->producer, &sh->gap))
        go_on_after_forgotten(l, shard, now_ms);
    else
        send_kept_again(l, shard, now_ms);
    sh->held = sh->foreign = false;
}

/* b is the first batch of the shard that was not applied. */
static void hold(struct shard *sh, const struct redis_batch *b)
{
    if (sh->held)
        return;
    sh->held = true;
    sh->held_from = b->seq;
}

static void log_fenced(struct redis_ledger *l, const char *msg, const struct redis_batch *b,
                       uint64_t now_ms)
{
    uint64_t suppressed;
    if (log_gate(&l->fenced_gate, REDIS_LEDGER_LOG_MS, now_ms, &suppressed))
        LOG(LOG_WARN, msg, F_U64("shard", b->shard), F_U64("series", l->stats.fenced),
            F_U64("suppressed", suppressed));
}

static void leave_out(struct redis_ledger *l, struct redis_batch *b, uint64_t now_ms)
{
    l->stats.fenced += b->series;
    if (b->interval != NULL) /* else it was counted as applied: settle counts nothing */
        l->stats.series_dropped -= b->series;
    settle(l, b, 0, b->series, now_ms);
    log_fenced(l, "another process went on from a later state: what was saved is not sent again", b,
               now_ms);
}

/*
 * The number of b was taken so long ago that Redis cannot tell by what.  What may be there, of a
 * saved state or sent before, is never added twice.
 * returns  that settles b; else it is not there
 */
static bool settle_unknown(struct redis_ledger *l, struct redis_batch *b, uint64_t now_ms)
{
    bool settled = b->restored || b->unsure; /* b may be gone when it is */
    if (b->restored) {
        leave_out(l, b, now_ms);
    } else if (b->unsure) {
        l->stats.errors++;
        log_error(l, "redis dropped a batch", b,
                  "in doubt: another server is far ahead under this id", now_ms);
        write_off(l, b, now_ms);
    }
    return settled;
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
    if (b->restored && v->fate != REDIS_FATE_TAKEN) {
        leave_out(l, b, now_ms);
        return;
    }
    if (v->fate == REDIS_FATE_THERE) {
        l->stats.batches_duplicate++;
        settle(l, b, 0, 0, now_ms);
        return;
    }
    if (v->fate == REDIS_FATE_UNKNOWN && settle_unknown(l, b, now_ms))
        return;
    hold(sh, b);
    sh->foreign = true;
    log_fenced(l, "another process went on from a later state: going on as a new producer", b,
               now_ms);
}

static void note_gap(struct redis_ledger *l, struct shard *sh, struct redis_batch *b,
                     const struct redis_verdict *v)
{
    if (v->known)
        b->unsure = false; /* it is not there */
    if (sh->held)
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
        applied(l, b, v, now_ms);
        break;
    case REDIS_VERDICT_DUPLICATE:
        l->stats.batches_duplicate++;
        settle(l, b, 0, 0, now_ms);
        break;
    case REDIS_VERDICT_DROPPED:
        l->stats.errors++;
        log_error(l, "redis dropped a batch", b, v->text, now_ms);
        write_off(l, b, now_ms);
        break;
    case REDIS_VERDICT_FAILED:
        l->stats.errors++;
        log_error(l, "redis refused a batch", b, v->text, now_ms);
        write_off(l, b, now_ms);
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
