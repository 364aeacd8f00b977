/*
 * A cell      timer_native_open, timer_native_add, timer_native_close
 * An exposed  timer_native_take, timer_native_merge; each ends in
 *   keep_small    both signs of one schema, and no more buckets than allowed
 */
#include "aggregate/timer_native.h"

#include <assert.h>
#include <stdlib.h>

#include "aggregate/sketch_window.h"
#include "base/mem.h"

bool timer_native_open(struct sketch **ret, const struct profile *p, double factor)
{
    if (!timer_native_apart(p, factor))
        return true;
    struct sketch *parts = malloc(2 * sizeof *parts);
    for (int part = 0; part < 2 && parts != NULL; part++)
        sketch_init(&parts[part], profile_native_schema(p));
    *ret = parts;
    return parts != NULL;
}

void timer_native_close(struct sketch *parts)
{
    for (int part = 0; part < 2 && parts != NULL; part++)
        sketch_release(&parts[part]);
    free(parts);
}

static uint32_t in_use(const struct sketch *k)
{
    uint32_t n = 0;
    for (int negative = 0; negative < 2; negative++) {
        struct sketch_buckets b;
        sketch_buckets_begin(k, negative, &b);
        while (sketch_buckets_next(&b))
            n++;
    }
    return n;
}

static bool is_level(const struct sketch *k)
{
    return k->neg == NULL || k->neg->schema == k->pos.schema;
}

/* Both signs to that schema, which is not above theirs.   returns  false: no memory */
static bool coarsen(struct sketch *k, int schema)
{
    struct sketch_window *windows[] = { &k->pos, k->neg };
    for (int i = 0; i < 2; i++) {
        struct sketch_window *w = windows[i];
        if (w != NULL && w->schema > schema && sketch_window_coarsen(w, w->schema - schema) < 0)
            return false;
    }
    return true;
}

static int coarser_of_both(const struct sketch *k)
{
    return k->neg != NULL && k->neg->schema < k->pos.schema ? k->neg->schema : k->pos.schema;
}

static void keep_small(struct sketch *k, uint32_t most)
{
    int schema = coarser_of_both(k);
    bool may = coarsen(k, schema);
    while (may && most > 0 && schema > SKETCH_SCHEMA_MIN && in_use(k) > most)
        may = coarsen(k, --schema);
}

static struct sketch *made(struct sketch **k, const struct profile *p)
{
    assert(profile_native(p));
    if (*k == NULL) {
        *k = mem_alloc(sizeof **k);
        sketch_init(*k, profile_native_schema(p));
    }
    return *k;
}

void timer_native_merge(struct sketch **to, const struct profile *p, const struct sketch *from)
{
    struct sketch *k = made(to, p);
    (void)sketch_merge(k, from);
    keep_small(k, p->native_max_buckets);
}

static void merge_sent(struct sketch **to, const struct profile *p, const struct sketch *from,
                       double factor)
{
    struct sketch *k = made(to, p);
    if (from->zero > 0)
        timer_native_add(k, p, 0, from->zero);
    for (int negative = 0; negative < 2; negative++) {
        const double shown_per_sent = negative ? -factor : factor;
        struct sketch_buckets b;
        sketch_buckets_begin(from, negative, &b);
        while (sketch_buckets_next(&b))
            timer_native_add(k, p, shown_per_sent * sketch_middle(b.schema, b.index), b.count);
    }
    keep_small(k, p->native_max_buckets);
}

void timer_native_take(struct sketch **to, const struct profile *p, const struct sketch *shown,
                       const struct sketch *sent, double factor)
{
    if (shown != NULL)
        timer_native_merge(to, p, shown);
    else if (!timer_native_apart(p, factor))
        timer_native_merge(to, p, sent);
    else
        merge_sent(to, p, sent, factor);
}

const struct sketch *timer_native_view(struct sketch **k, const struct profile *p)
{
    struct sketch *made_now = made(k, p);
    return is_level(made_now) ? made_now : NULL;
}

void timer_native_free(struct sketch *k)
{
    if (k != NULL)
        sketch_release(k);
    free(k);
}
