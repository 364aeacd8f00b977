/*
 * What the ledger holds: batches that wait, and batches that are kept.
 *
 *   interval k      holds: shards 3 7 41 ..          sent: 3 ..
 *                             |  |
 *   shard 3  queue: [k in flight] [k] [k+1] ..        oldest first
 *   shard 7  queue: [k] [k+1] ..
 *            kept:  [k-2] [k-1]                       in the order of answers
 */
#include "sinks/redis/ledger.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sinks/redis/carry.h"
#include "sinks/redis/ledger_priv.h"

enum { KEPT_STEP = 4 }; /* batches of age that go with an answer */

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

void redis_ledger_queue_insert(struct redis_ledger *l, struct redis_batch *before,
                               struct redis_batch *b)
{
    list_insert(&l->shards[b->shard].queue, before, b);
    l->queue_bytes += redis_bale_memory(b);
    l->packed_bytes += redis_bale_packed(b);
    l->queue_batches += redis_bale_batches(b);
}

static void queue_remove(struct redis_ledger *l, struct redis_batch *b)
{
    list_remove(&l->shards[b->shard].queue, b);
    l->queue_bytes -= redis_bale_memory(b);
    l->packed_bytes -= redis_bale_packed(b);
    l->queue_batches -= redis_bale_batches(b);
}

void redis_ledger_discard(struct redis_ledger *l, struct redis_batch *b)
{
    queue_remove(l, b);
    if (b->bale != NULL && b->bale->at.len > 0)
        spool_file_drop(l->file, b->bale->at);
    redis_batch_free(b);
}

void redis_ledger_kept_remove(struct redis_ledger *l, struct redis_batch *b)
{
    list_remove(&l->shards[b->shard].kept, b);
    l->kept_bytes -= redis_bale_memory(b);
}

void redis_ledger_kept_forget(struct redis_ledger *l, unsigned shard)
{
    struct redis_batch *b = l->shards[shard].kept.head;
    assert(b->interval == NULL && !b->in_flight);
    redis_ledger_kept_remove(l, b);
    redis_batch_free(b);
}

/*
 * By the clock of answers: while a node is away, however long its replica takes to follow, nothing
 * of its shards ages.  A few with each answer, as a whole interval comes of age at once.
 */
static void evict_aged(struct redis_ledger *l, const struct redis_batch *newest)
{
    const struct batch_list *kept = &l->shards[newest->shard].kept;
    const struct redis_batch *b;
    for (int i = 0; i < KEPT_STEP && (b = kept->head) != NULL; i++) {
        if (newest->acked_ms <= b->acked_ms + l->opts.keep_ms)
            return;
        redis_ledger_kept_forget(l, newest->shard);
    }
}

void redis_ledger_keep(struct redis_ledger *l, struct redis_batch *b, uint64_t now_ms)
{
    assert(b->bale == NULL);
    queue_remove(l, b);
    list_insert(&l->shards[b->shard].kept, NULL, b);
    l->kept_bytes += redis_bale_memory(b);
    b->acked_ms = now_ms;
    evict_aged(l, b);
}

void redis_ledger_check(const struct redis_ledger *l)
{
    uint32_t by_shard = 0, by_node = 0;
    for (int i = 0; i < REDIS_SHARDS; i++) {
        shard_check(&l->shards[i]);
        by_shard += l->shards[i].in_flight;
    }
    for (int i = 0; i < REDIS_NODES_MAX; i++) {
        const struct window *w = &l->windows[i];
        assert(w->batches <= REDIS_LEDGER_WINDOW + REDIS_SHARDS);
        assert((w->batches == 0) == (w->bytes == 0));
        by_node += w->batches;
    }
    assert(by_shard == l->in_flight && by_node == l->in_flight);
    assert(l->in_flight <= l->queue_batches);
    assert((l->queue_batches == 0) == (l->queue_bytes == 0));
    assert(*l->intervals_end == NULL);
    assert(l->intervals == NULL || l->intervals->nth <= l->nth);
}

/* ---- intervals ---- */

void redis_ledger_forget_interval(struct redis_ledger *l, struct redis_interval *iv)
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
    assert(iv->left == 0 && iv != l->filling);
    l->stats.intervals_applied += !iv->dropped;
    redis_ledger_forget_interval(l, iv);
}

void redis_ledger_begin(struct redis_ledger *l, int64_t start_s, uint64_t now_ms,
                        uint64_t not_before_ms)
{
    assert(l->filling == NULL);
    if (l->file != NULL)
        (void)spool_file_open(l->file); /* its first use tells why not */
    struct redis_interval *iv = mem_zalloc(sizeof *iv);
    iv->start_s = start_s;
    iv->queued_ms = now_ms;
    iv->not_before_ms = not_before_ms;
    l->opts.draw(iv->token, REDIS_TOKEN_DIGITS);
    iv->nth = ++l->nth;
    *l->intervals_end = iv;
    l->intervals_end = &iv->next;
    l->filling = iv;
    l->expected_bytes = 0;
    l->stats.intervals_queued++;
}

void redis_ledger_take(struct redis_ledger *l, struct redis_batch *b)
{
    assert(l->filling != NULL);
    assert(b->shard < REDIS_SHARDS && b->len > 0);
    assert(b->seq == 0 && !b->in_flight && b->interval == NULL); /* fresh from redis_encode */
    struct shard *sh = &l->shards[b->shard];
    sh->used |= b->series > 0;
    l->used |= sh->used;
    if (!(b->last ? l->used : sh->used)) {
        redis_batch_free(b); /* there is nothing in Redis that could be lost */
        return;
    }
    redis_batch_brand(b, l->filling->token);
    b->interval = l->filling;
    l->filling->left++;
    l->filling->weight += redis_batch_weight(b);
    l->filling->holds |= redis_ledger_bit(b->shard);
    b->order = ++l->order;
    redis_ledger_queue_insert(l, NULL, b);
}

/* ---- the end of one, and what goes on ---- */

void redis_ledger_end(struct redis_ledger *l, uint64_t now_ms)
{
    assert(l->filling != NULL);
    struct redis_interval *iv = l->filling;
    l->filling = NULL;
    redis_pace_interval(&l->pace, iv->weight);
    if (iv->left == 0)
        redis_ledger_settle_interval(l, iv);
    redis_ledger_enforce(l, now_ms);
    redis_ledger_check(l);
}

void redis_ledger_hurry(struct redis_ledger *l)
{
    for (struct redis_interval *iv = l->intervals; iv != NULL; iv = iv->next)
        iv->not_before_ms = 0;
    l->pace = (struct redis_pace){ 0 };
}

/* 0 is never. */
static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

uint64_t redis_ledger_pump(struct redis_ledger *l, uint64_t now_ms)
{
    assert(l->filling == NULL);
    redis_ledger_enforce(l, now_ms);
    uint64_t wake_ms = redis_ledger_send(l, now_ms);
    wake_ms = earlier(wake_ms, redis_settle_report(l, now_ms));
    wake_ms = earlier(wake_ms, redis_spool_tend(l, now_ms));
    wake_ms = earlier(wake_ms, redis_ledger_overdue(l, now_ms));
    redis_ledger_check(l);
    return wake_ms;
}

/* ---- the rest ---- */

bool redis_ledger_idle(const struct redis_ledger *l)
{
    bool carries = l->carry != NULL && redis_carry_series(l->carry) > 0;
    return (l->queue_batches == 0 && !carries) || l->saved;
}

void redis_ledger_saved(struct redis_ledger *l)
{
    l->saved = true;
}

void redis_ledger_left(const struct redis_ledger *l, struct sink_amount *ret)
{
    *ret = (struct sink_amount){ 0 };
    if (l->saved)
        return;
    for (int i = 0; i < REDIS_SHARDS; i++) {
        for (const struct redis_batch *b = l->shards[i].queue.head; b != NULL; b = b->next) {
            sink_amount_add(ret, &b->amount);
            ret->unsure += b->seq != 0 ? b->series : 0;
        }
    }
    for (const struct redis_interval *iv = l->intervals; iv != NULL; iv = iv->next)
        ret->intervals++;
    if (l->carry != NULL)
        redis_carry_left(l->carry, ret);
}

void redis_ledger_give_up(struct redis_ledger *l)
{
    if (l->saved)
        return;
    for (int i = 0; i < REDIS_SHARDS; i++)
        for (const struct redis_batch *b = l->shards[i].queue.head; b != NULL; b = b->next)
            redis_settle_give_up(l, b);
    for (const struct redis_interval *iv = l->intervals; iv != NULL; iv = iv->next)
        l->stats.intervals_dropped += !iv->dropped;
    redis_spool_abandon(l);
}

void redis_ledger_stats(const struct redis_ledger *l, uint64_t now_ms, struct redis_stats *ret)
{
    *ret = l->stats;
    ret->spool_bytes = redis_ledger_waiting(l) + l->kept_bytes;
    redis_spool_stats(l, ret);
    ret->spool_batches = l->queue_batches;
    ret->spool_age_ms = l->intervals ? now_ms - l->intervals->queued_ms : 0;
}

uint64_t redis_ledger_neighbours(const struct redis_ledger *l, uint8_t shard)
{
    const uint8_t *node_of = l->opts.node_of;
    if (node_of == NULL)
        return UINT64_MAX;
    uint64_t set = 0;
    for (unsigned i = 0; i < REDIS_SHARDS; i++)
        set |= node_of[i] == node_of[shard] ? redis_ledger_bit(i) : 0;
    return set;
}

struct redis_ledger *redis_ledger_new(const struct redis_ledger_opts *opts)
{
    assert(opts->send != NULL && opts->draw != NULL);
    assert(opts->id[REDIS_ID_DIGITS] == '\0');
    struct redis_ledger *l = mem_zalloc(sizeof *l);
    l->opts = *opts;
    l->opts.carry = NULL; /* borrowed for this call alone */
    if (opts->carry != NULL)
        l->carry = redis_carry_new(opts->carry);
    l->pace.interval_ms = opts->interval_ms;
    if (opts->dir > 0)
        l->file = spool_file_new(opts->dir, opts->disk_max_bytes);
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

static void free_all(struct redis_ledger *l)
{
    assert(l->in_flight == 0);
    for (int i = 0; i < REDIS_SHARDS; i++) {
        free_list(&l->shards[i].queue);
        free_list(&l->shards[i].kept);
    }
    while (l->intervals != NULL)
        redis_ledger_forget_interval(l, l->intervals);
    squeeze_free(l->squeeze);
    l->squeeze = NULL;
}

void redis_ledger_unload(struct redis_ledger *l)
{
    const struct redis_ledger_opts opts = l->opts;
    struct spool_file *file = l->file;
    if (file != NULL)
        spool_file_forget(file);
    free_all(l);
    *l = (struct redis_ledger){ .opts = opts, .file = file, .carry = l->carry };
    l->pace.interval_ms = opts.interval_ms;
    l->intervals_end = &l->intervals;
}

void redis_ledger_free(struct redis_ledger *l)
{
    if (l == NULL)
        return;
    redis_settle_report(l, UINT64_MAX);
    free_all(l);
    spool_file_free(l->file);
    redis_carry_free(l->carry);
    free(l);
}
