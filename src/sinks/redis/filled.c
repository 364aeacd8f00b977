#include "sinks/redis/filled.h"

#include <assert.h>

#include "sinks/redis/ledger.h"

void redis_filled_begin(struct redis_filled *f, const struct snapshot *snap, bool final,
                        uint64_t now_ms)
{
    assert(!f->open);
    *f = (struct redis_filled){
        .open = true, .final = final, .start_s = snap->start_s, .closed_ms = now_ms
    };
    f->end = &f->head;
}

void redis_filled_add(struct redis_filled *f, struct redis_batch *b)
{
    assert(f->open);
    *f->end = b;
    f->end = &b->next;
}

void redis_filled_end(struct redis_filled *f, struct redis_ledger *l, uint64_t delay_ms,
                      uint64_t now_ms)
{
    assert(f->open);
    redis_ledger_begin(l, f->start_s, f->closed_ms, f->closed_ms + delay_ms);
    struct redis_batch *next;
    for (struct redis_batch *b = f->head; b != NULL; b = next) {
        next = b->next;
        b->next = NULL;
        redis_ledger_take(l, b);
    }
    redis_ledger_end(l, now_ms);
    f->open = false;
}

void redis_filled_left(const struct redis_filled *f, struct sink_amount *ret)
{
    ret->intervals += f->open;
    for (const struct redis_batch *b = f->open ? f->head : NULL; b != NULL; b = b->next)
        sink_amount_add(ret, &b->amount);
}

void redis_filled_release(struct redis_filled *f)
{
    struct redis_batch *next;
    for (struct redis_batch *b = f->open ? f->head : NULL; b != NULL; b = next) {
        next = b->next;
        redis_batch_free(b);
    }
    f->open = false;
}
