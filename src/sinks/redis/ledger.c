#include "sinks/redis/ledger.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sinks/redis/ledger_priv.h"

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

void redis_ledger_queue_insert(struct redis_ledger *l, struct redis_batch *before, struct redis_batch *b)
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

void redis_ledger_keep(struct redis_ledger *l, struct redis_batch *b, uint64_t now_ms)
{
    queue_remove(l, b);
    list_insert(&l->kept, NULL, b);
    l->kept_bytes += batch_bytes(b);
    b->acked_ms = now_ms;
}

void redis_ledger_kept_remove(struct redis_ledger *l, struct redis_batch *b)
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

void redis_ledger_settle_interval(struct redis_ledger *l, struct redis_interval *iv)
{
    assert(iv->left == 0);
    l->stats.intervals_applied++;
    interval_unlink(l, iv);
}

void redis_ledger_begin(struct redis_ledger *l, int64_t start_s, uint64_t now_ms, uint64_t not_before_ms)
{
    assert(l->filling == NULL);
    struct redis_interval *iv = mem_zalloc(sizeof *iv);
    iv->start_s = start_s;
    iv->queued_ms = now_ms;
    iv->not_before_ms = not_before_ms;
    l->opts.draw(iv->token, REDIS_TOKEN_DIGITS);
    iv->nth = ++l->nth;
    *l->intervals_end = iv;
    l->intervals_end = &iv->next;
    l->filling = iv;
    l->stats.intervals_queued++;
}

void redis_ledger_take(struct redis_ledger *l, struct redis_batch *b)
{
    assert(l->filling != NULL && b->seq == 0);
    struct shard *sh = &l->shards[b->shard];
    sh->used |= b->series > 0;
    l->used |= sh->used;
    if (!(b->last ? l->used : sh->used)) {
        redis_batch_free(b);    /* there is nothing in Redis that could be lost */
        return;
    }
    redis_batch_brand(b, l->filling->token);
    b->interval = l->filling;
    l->filling->left++;
    l->filling->series += b->series;
    redis_ledger_queue_insert(l, NULL, b);
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
    if (log_gate(&l->drop_gate, REDIS_LEDGER_LOG_MS, now_ms, &suppressed))
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
    redis_ledger_kept_remove(l, b);
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
    struct redis_interval *iv = l->filling;
    l->filling = NULL;
    if (iv->left == 0)
        redis_ledger_settle_interval(l, iv);
    enforce_limits(l, now_ms);
}

void redis_ledger_hurry(struct redis_ledger *l)
{
    for (struct redis_interval *iv = l->intervals; iv != NULL; iv = iv->next)
        iv->not_before_ms = 0;
}

/* ---- sending ---- */

/* Number it, if it has none.  returns  whether it had none */
static bool address(struct redis_ledger *l, struct redis_batch *b, uint64_t now_ms)
{
    struct redis_producer *p = &l->shards[b->shard].producer;
    if (b->seq != 0) {
        redis_batch_stale(b, now_ms - b->first_sent_ms > (uint64_t)b->life_s * 1000 / 2);
        return false;
    }
    if (p->epoch == 0)
        redis_producer_begin(p, l->opts.id);
    redis_producer_address(p, b, b->interval ? b->interval->nth : b->nth);
    redis_batch_stale(b, false);
    b->first_sent_ms = now_ms;
    return true;
}

static bool send_batch(struct redis_ledger *l, struct redis_batch *b, uint64_t now_ms)
{
    struct shard *sh = &l->shards[b->shard];
    bool first = address(l, b, now_ms);
    if (!l->opts.send(l->opts.cookie, b)) {
        if (first)
            b->seq = 0;
        return false;
    }
    if (first)
        redis_producer_advance(&sh->producer, b);
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

static uint64_t send_allowed(struct redis_ledger *l, uint64_t now_ms)
{
    for (struct redis_batch *b = l->queue.head; b != NULL; b = b->next) {
        if (l->in_flight >= REDIS_LEDGER_WINDOW || l->in_flight_bytes >= REDIS_LEDGER_WINDOW_BYTES)
            return 0;
        if (b->in_flight || l->shards[b->shard].held)
            continue;
        if (b->interval != NULL && b->interval->not_before_ms > now_ms)
            return b->interval->not_before_ms;
        if (must_wait(b) || !send_batch(l, b, now_ms))
            return 0;
    }
    return 0;
}

uint64_t redis_ledger_pump(struct redis_ledger *l, uint64_t now_ms)
{
    assert(l->filling == NULL);
    enforce_limits(l, now_ms);
    uint64_t send_ms = send_allowed(l, now_ms), report_ms = redis_repair_report(l, now_ms);
    return send_ms == 0 || (report_ms != 0 && report_ms < send_ms) ? report_ms : send_ms;
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
    redis_repair_report(l, UINT64_MAX);
    free_list(&l->queue);
    free_list(&l->kept);
    while (l->intervals != NULL)
        interval_unlink(l, l->intervals);
    free(l);
}
