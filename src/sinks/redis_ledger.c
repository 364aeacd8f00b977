#include "sinks/redis_ledger.h"

#include <assert.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "sinks/redis_keys.h"

enum { LOG_PERIOD_MS = 10000, FAILURES_MAX = 2 };

struct redis_interval {
    struct redis_interval *next;
    int64_t start_s;
    uint64_t queued_ms, not_before_ms;
    uint64_t series;
    uint32_t left;          /* batches not settled */
    bool sent;              /* some batch of it has a number */
};

struct batch_list {
    struct redis_batch *head, *tail;
};

struct shard {
    uint64_t epoch, seq;    /* of the batch numbered last */
    uint32_t in_flight;
    bool gap;               /* nothing of it is sent until all in flight are answered and the gap is repaired */
    uint64_t gap_last;      /* the last number Redis has */
};

struct redis_ledger {
    struct redis_ledger_opts opts;
    struct batch_list queue, kept;
    struct redis_interval *intervals, **intervals_end;
    struct redis_interval *filling;     /* between begin and end */
    struct shard shards[REDIS_SHARDS];
    uint64_t queue_bytes, kept_bytes;
    uint64_t queue_batches;
    uint32_t in_flight;
    uint64_t in_flight_bytes;
    struct redis_stats stats;
    struct log_gate drop_gate, gap_gate, error_gate;
};

/* ---- lists ---- */

static void list_insert(struct batch_list *list, struct redis_batch *before, struct redis_batch *b)
{
    b->next = before;
    b->prev = before ? before->prev : list->tail;
    *(b->prev ? &b->prev->next : &list->head) = b;
    *(before ? &before->prev : &list->tail) = b;
}

static void list_remove(struct batch_list *list, struct redis_batch *b)
{
    *(b->prev ? &b->prev->next : &list->head) = b->next;
    *(b->next ? &b->next->prev : &list->tail) = b->prev;
    b->next = b->prev = NULL;
}

static uint64_t batch_bytes(const struct redis_batch *b)
{
    return b->len + sizeof *b;
}

static void queue_insert(struct redis_ledger *l, struct redis_batch *before, struct redis_batch *b)
{
    list_insert(&l->queue, before, b);
    l->queue_bytes += batch_bytes(b);
    l->queue_batches++;
}

static void queue_remove(struct redis_ledger *l, struct redis_batch *b)
{
    list_remove(&l->queue, b);
    l->queue_bytes -= batch_bytes(b);
    l->queue_batches--;
}

static void kept_remove(struct redis_ledger *l, struct redis_batch *b)
{
    list_remove(&l->kept, b);
    l->kept_bytes -= batch_bytes(b);
}

/* ---- intervals ---- */

static void interval_unlink(struct redis_ledger *l, struct redis_interval *iv)
{
    struct redis_interval **at = &l->intervals;
    while (*at != iv)
        at = &(*at)->next;
    *at = iv->next;
    if (iv->next == NULL)
        l->intervals_end = at;
    free(iv);
}

void redis_ledger_begin(struct redis_ledger *l, int64_t start_s, uint64_t now_ms, uint64_t not_before_ms)
{
    assert(l->filling == NULL);
    struct redis_interval *iv = mem_zalloc(sizeof *iv);
    iv->start_s = start_s;
    iv->queued_ms = now_ms;
    iv->not_before_ms = not_before_ms;
    *l->intervals_end = iv;
    l->intervals_end = &iv->next;
    l->filling = iv;
    l->stats.intervals_queued++;
}

void redis_ledger_take(struct redis_ledger *l, struct redis_batch *b)
{
    assert(l->filling != NULL && b->seq == 0);
    b->interval = l->filling;
    l->filling->left++;
    l->filling->series += b->series;
    queue_insert(l, NULL, b);
}

static void drop_interval(struct redis_ledger *l, struct redis_interval *iv, const char *why, uint64_t now_ms)
{
    assert(!iv->sent);
    struct redis_batch *next;
    for (struct redis_batch *b = l->queue.head; b != NULL; b = next) {
        next = b->next;
        if (b->interval != iv)
            continue;
        queue_remove(l, b);
        redis_batch_free(b);
    }
    l->stats.intervals_dropped++;
    l->stats.series_dropped += iv->series;
    uint64_t suppressed;
    if (log_gate(&l->drop_gate, LOG_PERIOD_MS, now_ms, &suppressed))
        LOG(LOG_WARN, "redis spool full: interval dropped", F_STR("limit", why), F_I64("start_s", iv->start_s),
            F_U64("series", iv->series), F_U64("spool_bytes", l->queue_bytes), F_U64("suppressed", suppressed));
    interval_unlink(l, iv);
}

static struct redis_interval *oldest_unsent(const struct redis_ledger *l)
{
    struct redis_interval *iv = l->intervals;
    while (iv != NULL && iv->sent)
        iv = iv->next;
    return iv;
}

static void evict_kept(struct redis_ledger *l)
{
    struct redis_batch *b = l->kept.head;
    kept_remove(l, b);
    redis_batch_free(b);
}

static void enforce_limits(struct redis_ledger *l, uint64_t now_ms)
{
    const struct redis_ledger_opts *o = &l->opts;
    while (l->kept.head != NULL && (now_ms - l->kept.head->acked_ms > o->keep_ms || l->kept_bytes > o->max_bytes / 4 ||
                                    l->queue_bytes + l->kept_bytes > o->max_bytes))
        evict_kept(l);
    struct redis_interval *iv;
    while (l->queue_bytes > o->max_bytes && (iv = oldest_unsent(l)) != NULL)
        drop_interval(l, iv, "spool_max_bytes", now_ms);
    while ((iv = oldest_unsent(l)) != NULL && now_ms - iv->queued_ms > o->max_age_ms)
        drop_interval(l, iv, "spool_max_age", now_ms);
}

void redis_ledger_end(struct redis_ledger *l, uint64_t now_ms)
{
    assert(l->filling != NULL);
    l->filling = NULL;
    enforce_limits(l, now_ms);
}

void redis_ledger_hurry(struct redis_ledger *l)
{
    for (struct redis_interval *iv = l->intervals; iv != NULL; iv = iv->next)
        iv->not_before_ms = 0;
}

/* ---- sending ---- */

static bool send_batch(struct redis_ledger *l, struct redis_batch *b)
{
    struct shard *sh = &l->shards[b->shard];
    bool first = b->seq == 0;
    if (first)
        redis_batch_address(b, sh->epoch, sh->seq + 1);
    if (!l->opts.send(l->opts.cookie, b)) {
        if (first)
            b->seq = 0;
        return false;
    }
    if (first)
        sh->seq++;
    else
        l->stats.batches_resent++;
    if (b->interval != NULL)
        b->interval->sent = true;
    b->in_flight = true;
    sh->in_flight++;
    l->in_flight++;
    l->in_flight_bytes += b->len;
    l->stats.batches_sent++;
    l->stats.bytes_sent += b->len;
    return true;
}

/* The log entry says that the interval is complete, so it waits for the others' answers. */
static bool must_wait(const struct redis_batch *b)
{
    return b->last && b->interval != NULL && b->interval->left > 1;
}

uint64_t redis_ledger_pump(struct redis_ledger *l, uint64_t now_ms)
{
    assert(l->filling == NULL);
    enforce_limits(l, now_ms);
    for (struct redis_batch *b = l->queue.head; b != NULL; b = b->next) {
        if (l->in_flight >= REDIS_LEDGER_WINDOW || l->in_flight_bytes >= REDIS_LEDGER_WINDOW_BYTES)
            return 0;
        if (b->in_flight || l->shards[b->shard].gap)
            continue;
        if (b->interval != NULL && b->interval->not_before_ms > now_ms)
            return b->interval->not_before_ms;
        if (must_wait(b) || !send_batch(l, b))
            return 0;
    }
    return 0;
}

/* ---- answers ---- */

/* The batch needs no more sending: into kept, and off its interval's account. */
static void settle(struct redis_ledger *l, struct redis_batch *b, uint64_t now_ms)
{
    queue_remove(l, b);
    list_insert(&l->kept, NULL, b);
    l->kept_bytes += batch_bytes(b);
    b->acked_ms = now_ms;
    struct redis_interval *iv = b->interval;
    b->interval = NULL;
    if (iv == NULL)
        return;    /* it was applied before, and Redis had lost it */
    if (b->failures == 0)
        l->stats.series_applied += b->series;
    else
        l->stats.series_dropped += b->series;
    if (--iv->left == 0) {
        l->stats.intervals_applied++;
        interval_unlink(l, iv);
    }
}

static void new_epoch(struct redis_ledger *l, uint8_t shard, uint64_t last, uint64_t now_ms)
{
    struct shard *sh = &l->shards[shard];
    sh->epoch++;
    sh->seq = 0;
    l->stats.epochs++;
    for (struct redis_batch *b = l->queue.head; b != NULL; b = b->next)
        if (b->shard == shard && b->seq > last)
            b->seq = 0;
    uint64_t suppressed;
    if (log_gate(&l->gap_gate, LOG_PERIOD_MS, now_ms, &suppressed))
        LOG(LOG_WARN, "redis lost writes that are not kept any more", F_U64("shard", shard), F_U64("last_seq", last),
            F_U64("suppressed", suppressed));
}

/* Nothing of the shard is in flight, and Redis has everything up to sh->gap_last. */
static void repair(struct redis_ledger *l, uint8_t shard, uint64_t now_ms)
{
    struct shard *sh = &l->shards[shard];
    struct redis_batch *front = l->queue.head, *next;
    sh->gap = false;
    for (struct redis_batch *b = l->kept.head; b != NULL; b = next) {
        next = b->next;
        if (b->shard != shard || b->epoch != sh->epoch || b->seq <= sh->gap_last)
            continue;
        kept_remove(l, b);
        if (b->failures >= FAILURES_MAX)
            redis_batch_free(b);    /* it fails before its number is set, so it would come back for ever */
        else
            queue_insert(l, front, b);
    }
    uint64_t first = 0;
    for (struct redis_batch *b = l->queue.head; b != NULL && first == 0; b = b->next)
        if (b->shard == shard && b->seq > sh->gap_last)
            first = b->seq;
    if (first != sh->gap_last + 1)
        new_epoch(l, shard, sh->gap_last, now_ms);
}

static void log_failure(struct redis_ledger *l, const struct redis_batch *b, const char *text, uint64_t now_ms)
{
    uint64_t suppressed;
    if (log_gate(&l->error_gate, LOG_PERIOD_MS, now_ms, &suppressed))
        LOG(LOG_ERROR, "redis refused a batch", F_STR("error", text), F_U64("shard", b->shard), F_U64("series", b->series),
            F_U64("suppressed", suppressed));
}

void redis_ledger_answer(struct redis_ledger *l, struct redis_batch *b, const struct redis_verdict *v, uint64_t now_ms)
{
    struct shard *sh = &l->shards[b->shard];
    uint8_t shard = b->shard;
    assert(b->in_flight && sh->in_flight > 0);
    b->in_flight = false;
    sh->in_flight--;
    l->in_flight--;
    l->in_flight_bytes -= b->len;
    switch (v->kind) {
    case REDIS_VERDICT_APPLIED:
        l->stats.batches_applied++;
        settle(l, b, now_ms);
        break;
    case REDIS_VERDICT_DUPLICATE:
        l->stats.batches_duplicate++;
        settle(l, b, now_ms);
        break;
    case REDIS_VERDICT_FAILED:
        l->stats.errors++;
        b->failures++;
        log_failure(l, b, v->text, now_ms);
        settle(l, b, now_ms);
        break;
    case REDIS_VERDICT_GAP:
        l->stats.gaps += !sh->gap;
        sh->gap = true;
        sh->gap_last = v->last;
        break;
    default:    /* it waits in its place */
        l->stats.errors += v->kind == REDIS_VERDICT_LATER;
        break;
    }
    if (sh->gap && sh->in_flight == 0)
        repair(l, shard, now_ms);
}

/* ---- the rest ---- */

bool redis_ledger_idle(const struct redis_ledger *l)
{
    return l->queue.head == NULL;
}

void redis_ledger_left(const struct redis_ledger *l, struct sink_amount *ret)
{
    *ret = (struct sink_amount){ 0 };
    for (const struct redis_batch *b = l->queue.head; b != NULL; b = b->next) {
        sink_amount_add(ret, &b->amount);
        ret->unsure += b->seq != 0 ? b->series : 0;
    }
    for (const struct redis_interval *iv = l->intervals; iv != NULL; iv = iv->next)
        ret->intervals++;
}

void redis_ledger_give_up(struct redis_ledger *l)
{
    for (const struct redis_batch *b = l->queue.head; b != NULL; b = b->next)
        l->stats.series_dropped += b->series;
    for (const struct redis_interval *iv = l->intervals; iv != NULL; iv = iv->next)
        l->stats.intervals_dropped++;
}

void redis_ledger_stats(const struct redis_ledger *l, uint64_t now_ms, struct redis_stats *ret)
{
    *ret = l->stats;
    ret->spool_bytes = l->queue_bytes + l->kept_bytes;
    ret->spool_batches = l->queue_batches;
    ret->spool_age_ms = l->intervals ? now_ms - l->intervals->queued_ms : 0;
}

struct redis_ledger *redis_ledger_new(const struct redis_ledger_opts *opts)
{
    struct redis_ledger *l = mem_zalloc(sizeof *l);
    l->opts = *opts;
    l->intervals_end = &l->intervals;
    for (int i = 0; i < REDIS_SHARDS; i++)
        l->shards[i].epoch = opts->epoch;
    return l;
}

static void free_list(struct batch_list *list)
{
    struct redis_batch *next;
    for (struct redis_batch *b = list->head; b != NULL; b = next) {
        next = b->next;
        redis_batch_free(b);
    }
}

void redis_ledger_free(struct redis_ledger *l)
{
    if (l == NULL)
        return;
    assert(l->in_flight == 0);
    free_list(&l->queue);
    free_list(&l->kept);
    while (l->intervals != NULL)
        interval_unlink(l, l->intervals);
    free(l);
}
