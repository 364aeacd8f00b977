#include "tally.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/mem.h"

/* One writer each: a relaxed load and store, no locked instruction. */
struct row {
    _Alignas(64) _Atomic uint64_t lines;
    _Atomic uint64_t values, failed_lines;
    _Atomic double increments;
};

struct tally {
    const struct payload *payload;
    unsigned n;
    struct row *rows;
};

#define READ(field) atomic_load_explicit(&(field), memory_order_relaxed)
#define BUMP(field, more)                                                                          \
    atomic_store_explicit(&(field), READ(field) + (more), memory_order_relaxed)

struct tally *tally_new(const struct payload *payload, unsigned senders)
{
    struct tally *t = mem_zalloc(sizeof *t);
    t->payload = payload;
    t->n = senders;
    t->rows = aligned_alloc(64, senders * sizeof *t->rows);
    if (t->rows == NULL)
        abort();
    memset(t->rows, 0, senders * sizeof *t->rows);
    return t;
}

void tally_free(struct tally *t)
{
    if (t == NULL)
        return;
    free(t->rows);
    free(t);
}

void tally_sent(void *tally, unsigned sender, const struct sender_progress *p)
{
    struct tally *t = tally;
    assert(sender < t->n && p->first + p->sent + p->failed <= t->payload->n);
    struct row *row = &t->rows[sender];
    const struct payload_count *held = &t->payload->counts[p->first];
    uint64_t lines = 0, values = 0, failed_lines = 0;
    double increments = 0;
    for (size_t i = 0; i < p->sent; i++) {
        lines += held[i].lines;
        values += held[i].values;
        increments += held[i].increments;
    }
    for (size_t i = p->sent; i < p->sent + p->failed; i++)
        failed_lines += held[i].lines;
    BUMP(row->lines, lines);
    BUMP(row->values, values);
    BUMP(row->increments, increments);
    BUMP(row->failed_lines, failed_lines);
}

void tally_totals(const struct tally *t, const struct senders *s, struct tally_totals *ret)
{
    struct sender_totals of;
    senders_totals(s, &of);
    *ret = (struct tally_totals){
        .datagrams = of.datagrams,
        .bytes = of.bytes,
        .unreachable_datagrams = of.unreachable_datagrams,
        .failed_datagrams = of.failed_datagrams,
        .forgiven = of.forgiven,
        .connections = of.connections,
        .reconnects = of.reconnects,
        .unfinished = of.unfinished,
        .error = of.error,
        .unreachable_error = of.unreachable_error,
        .nobody = of.nobody,
    };
    for (unsigned i = 0; i < t->n; i++) {
        ret->lines += READ(t->rows[i].lines);
        ret->values += READ(t->rows[i].values);
        ret->increments += READ(t->rows[i].increments);
        ret->failed_lines += READ(t->rows[i].failed_lines);
    }
}
