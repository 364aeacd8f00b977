/*
 * What is counted and said of a batch that is done with.
 *
 *   redis_settle              into kept; its interval counts it, and is over with the last of them
 *   redis_settle_applied      .. as the answer tells; and who wrote the log entry before
 *   redis_settle_write_off    .. as dropped, or as lost if it was applied once
 *   redis_settle_report       what was lost, in the log
 */
#include "sinks/redis/settle.h"

#include <assert.h>
#include <string.h>

enum { REPORT_MS = 1000, RIVAL_LOG_MS = 600000 };

/* ---- log ---- */

void redis_settle_log_error(struct redis_ledger *l, const char *msg, const struct redis_batch *b,
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

void redis_settle_note_loss(struct redis_ledger *l, uint64_t batches, uint64_t series,
                            uint64_t intervals, uint64_t now_ms)
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
    l->logged[0] = '\0'; /* the log may be older than any token that is remembered here */
}

uint64_t redis_settle_report(struct redis_ledger *l, uint64_t now_ms)
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

void redis_settle_give_up(struct redis_ledger *l, const struct redis_batch *b)
{
    if (b->interval != NULL)
        l->stats.series_dropped += b->series;
    else if (b->failures == 0)
        redis_settle_note_loss(l, 1, b->series, 0, b->first_sent_ms);
}

/* ---- settling ---- */

void redis_settle(struct redis_ledger *l, struct redis_batch *b, uint64_t refused, uint64_t dropped,
                  uint64_t now_ms)
{
    struct redis_interval *iv = b->interval;
    const uint32_t batches = redis_bale_batches(b), series = b->series;
    b->interval = NULL;
    if (b->bale != NULL)
        redis_ledger_discard(l, b); /* left out, and never sent from here */
    else
        redis_ledger_keep(l, b, now_ms);
    if (iv == NULL)
        return; /* counted when it was settled first; Redis lost it since */
    assert(iv->left >= batches);
    redis_interval_check(iv);
    assert(refused + dropped <= series);
    l->stats.series_applied += series - refused - dropped;
    l->stats.series_refused += refused;
    l->stats.series_dropped += dropped;
    iv->left -= batches;
    if (iv->left == 0)
        redis_ledger_settle_interval(l, iv);
}

void redis_settle_write_off(struct redis_ledger *l, struct redis_batch *b, uint64_t now_ms)
{
    if (b->interval == NULL && b->failures == 0)
        redis_settle_note_loss(l, 1, b->series, 0, now_ms);
    b->failures++;
    redis_settle(l, b, 0, b->series, now_ms);
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
    bool ours = slice_eq(token, slice_str(l->logged));
    for (int i = 0; i < REDIS_SHARDS && !ours; i++)
        ours = in_list(&l->shards[i].kept, token) || in_list(&l->shards[i].queue, token);
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

void redis_settle_applied(struct redis_ledger *l, struct redis_batch *b,
                          const struct redis_verdict *v, uint64_t now_ms)
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
        redis_settle_log_error(l, msg, b, text, now_ms);
    }
    if (b->last)
        look_for_rival(l, v->holder, now_ms);
    uint64_t refused = v->refused < b->series ? v->refused : b->series, rest = b->series - refused;
    redis_settle(l, b, refused, v->dropped < rest ? v->dropped : rest, now_ms);
}
