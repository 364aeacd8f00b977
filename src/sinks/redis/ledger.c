/*
 * What the ledger holds: batches that wait, batches that are kept, and when that is too much.
 *
 *   interval k      holds: shards 3 7 41 ..          sent: 3 ..
 *                             |  |
 *   shard 3  queue: [k in flight] [k] [k+1] ..        oldest first
 *   shard 7  queue: [k] [k+1] ..
 *   kept:    [shard 41: k-1] [shard 3: k-1] ..        in the order of answers
 */
#include "sinks/redis/ledger.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sinks/redis/ledger_priv.h"

enum { KEPT_STEP = 64 }; /* batches of age that go at a time */

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

void redis_ledger_queue_insert(struct redis_ledger *l, struct redis_batch *before,
                               struct redis_batch *b)
{
    list_insert(&l->shards[b->shard].queue, before, b);
    l->queue_bytes += batch_bytes(b);
    l->queue_batches++;
}

static void queue_remove(struct redis_ledger *l, struct redis_batch *b)
{
    list_remove(&l->shards[b->shard].queue, b);
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
    batch_list_check(&l->kept);
    assert((l->kept.head == NULL) == (l->kept_bytes == 0));
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
    l->filling->holds |= redis_ledger_bit(b->shard);
    b->order = ++l->order;
    redis_ledger_queue_insert(l, NULL, b);
}

/* ---- limits ---- */

/* returns  how many series were in it */
static uint64_t drop_from_shard(struct redis_ledger *l, const struct redis_interval *iv,
                                unsigned shard)
{
    uint64_t series = 0;
    struct redis_batch *next;
    for (struct redis_batch *b = l->shards[shard].queue.head; b != NULL; b = next) {
        next = b->next;
        if (b->interval != iv)
            continue;
        assert(!b->in_flight && b->seq == 0); /* a number that is given stays in use */
        series += b->series;
        b->interval->left--;
        queue_remove(l, b);
        redis_batch_free(b);
    }
    return series;
}

static void drop(struct redis_ledger *l, struct redis_interval *iv, uint64_t shards,
                 const char *why, uint64_t now_ms)
{
    redis_interval_check(iv);
    assert((iv->sent & shards) == 0 && (iv->holds & shards) != 0);
    uint64_t series = 0;
    for (unsigned i = 0; i < REDIS_SHARDS; i++)
        if ((iv->holds & shards & redis_ledger_bit(i)) != 0)
            series += drop_from_shard(l, iv, i);
    iv->holds &= ~shards;
    l->stats.intervals_dropped += !iv->dropped;
    l->stats.series_dropped += series;
    iv->dropped = true;
    uint64_t suppressed;
    if (log_gate(&l->drop_gate, REDIS_LEDGER_LOG_MS, now_ms, &suppressed))
        LOG(LOG_WARN, "redis spool full: interval dropped", F_STR("limit", why),
            F_I64("start_s", iv->start_s), F_U64("series", series),
            F_U64("spool_bytes", l->queue_bytes), F_U64("suppressed", suppressed));
    if (iv->left == 0)
        redis_ledger_forget_interval(l, iv);
}

static uint8_t lowest(uint64_t shards)
{
    return (uint8_t)__builtin_ctzll(shards);
}

/* The oldest interval of which some node was sent nothing.  *ret_shards: the shards on that node */
static struct redis_interval *oldest_unsent(const struct redis_ledger *l, uint64_t *ret_shards)
{
    for (struct redis_interval *iv = l->intervals; iv != NULL; iv = iv->next) {
        for (uint64_t rest = iv->holds; rest != 0; rest &= ~*ret_shards) {
            *ret_shards = redis_ledger_neighbours(l, lowest(rest));
            if ((iv->sent & *ret_shards) == 0)
                return iv;
        }
    }
    return NULL;
}

static uint64_t waiting_bytes(const struct redis_ledger *l)
{
    return l->queue_bytes + l->expected_bytes;
}

static void evict_kept(struct redis_ledger *l)
{
    struct redis_batch *b = l->kept.head;
    assert(b->interval == NULL && !b->in_flight);
    redis_ledger_kept_remove(l, b);
    redis_batch_free(b);
}

static bool kept_is_too_much(const struct redis_ledger *l)
{
    const struct redis_ledger_opts *o = &l->opts;
    return l->kept_bytes > o->max_bytes / 4 || waiting_bytes(l) + l->kept_bytes > o->max_bytes;
}

/* A whole interval comes of age at once, so it goes in steps. */
static void evict_aged(struct redis_ledger *l, uint64_t now_ms)
{
    for (int i = 0; i < KEPT_STEP && l->kept.head != NULL; i++) {
        if (now_ms - l->kept.head->acked_ms <= l->opts.keep_ms)
            return;
        evict_kept(l);
    }
}

static void enforce_limits(struct redis_ledger *l, uint64_t now_ms)
{
    const struct redis_ledger_opts *o = &l->opts;
    while (l->kept.head != NULL && kept_is_too_much(l))
        evict_kept(l);
    evict_aged(l, now_ms);
    struct redis_interval *iv;
    uint64_t shards;
    while (waiting_bytes(l) > o->max_bytes && (iv = oldest_unsent(l, &shards)) != NULL)
        drop(l, iv, shards, "spool_max_bytes", now_ms);
    while ((iv = oldest_unsent(l, &shards)) != NULL && now_ms - iv->queued_ms > o->max_age_ms)
        drop(l, iv, shards, "spool_max_age", now_ms);
}

void redis_ledger_expect(struct redis_ledger *l, const struct redis_batch *b, uint64_t now_ms)
{
    l->expected_bytes += batch_bytes(b);
    enforce_limits(l, now_ms);
}

void redis_ledger_end(struct redis_ledger *l, uint64_t now_ms)
{
    assert(l->filling != NULL);
    struct redis_interval *iv = l->filling;
    l->filling = NULL;
    if (iv->left == 0)
        redis_ledger_settle_interval(l, iv);
    enforce_limits(l, now_ms);
    redis_ledger_check(l);
}

void redis_ledger_hurry(struct redis_ledger *l)
{
    for (struct redis_interval *iv = l->intervals; iv != NULL; iv = iv->next)
        iv->not_before_ms = 0;
}

uint64_t redis_ledger_pump(struct redis_ledger *l, uint64_t now_ms)
{
    assert(l->filling == NULL);
    enforce_limits(l, now_ms);
    uint64_t send_ms = redis_ledger_send(l, now_ms), report_ms = redis_settle_report(l, now_ms);
    redis_ledger_check(l);
    return send_ms == 0 || (report_ms != 0 && report_ms < send_ms) ? report_ms : send_ms;
}

/* ---- the rest ---- */

bool redis_ledger_idle(const struct redis_ledger *l)
{
    return l->queue_batches == 0 || l->saved;
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
}

void redis_ledger_stats(const struct redis_ledger *l, uint64_t now_ms, struct redis_stats *ret)
{
    *ret = l->stats;
    ret->spool_bytes = waiting_bytes(l) + l->kept_bytes;
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
    for (int i = 0; i < REDIS_SHARDS; i++)
        free_list(&l->shards[i].queue);
    free_list(&l->kept);
    while (l->intervals != NULL)
        redis_ledger_forget_interval(l, l->intervals);
}

void redis_ledger_unload(struct redis_ledger *l)
{
    const struct redis_ledger_opts opts = l->opts;
    free_all(l);
    *l = (struct redis_ledger){ .opts = opts };
    l->intervals_end = &l->intervals;
}

void redis_ledger_free(struct redis_ledger *l)
{
    if (l == NULL)
        return;
    redis_settle_report(l, UINT64_MAX);
    free_all(l);
    free(l);
}
