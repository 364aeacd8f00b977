/* A timer that is shown from its total alone: `le` counts are made of the sketch's buckets. */
#include <math.h>

#include "aggregate/timer.h"
#include "aggregate/total.h"
#include "base/mem.h"

/* From sent to shown: v / per * scale. */
struct unit {
    double per, scale;
};

static double shown(const struct unit *u, double v)
{
    return v / u->per * u->scale;
}

/* Where a range of values begins, as shown; open: its begin is not in it. */
struct begin {
    double at;
    bool open;
};

/* Nothing is below the smallest value. */
static struct begin raised(struct begin b, double least)
{
    return b.at < least ? (struct begin){ least, false } : b;
}

static void count(struct timer_exposed *t, struct begin from, double weight)
{
    const struct profile *p = t->exposed.profile;
    uint32_t i = 0;
    while (i < p->n_buckets && (p->buckets[i] < from.at || (from.open && p->buckets[i] == from.at)))
        i++;
    t->le[i] += weight;
}

static void count_side(struct timer_exposed *t, const struct sketch *k, bool negative,
                       const struct unit *u, double least)
{
    struct sketch_buckets b;
    sketch_buckets_begin(k, negative, &b);
    while (sketch_buckets_next(&b)) {
        const double inner = sketch_upper_bound(b.schema, b.index - 1);
        const double outer = sketch_upper_bound(b.schema, b.index);
        const double ends[] = { shown(u, negative ? -inner : inner),
                                shown(u, negative ? -outer : outer) };
        /* The end nearer to zero is the one that is open. */
        const bool inner_first = ends[0] <= ends[1];
        const struct begin from = { inner_first ? ends[0] : ends[1], inner_first };
        count(t, raised(from, least), b.count);
    }
}

static void count_le(struct timer_exposed *t, const struct sketch *k, const struct unit *u)
{
    const double least = fmin(shown(u, k->min), shown(u, k->max));
    t->le = mem_zalloc((t->exposed.profile->n_buckets + 1) * sizeof *t->le);
    if (k->zero > 0)
        count(t, (struct begin){ 0, false }, k->zero);
    count_side(t, k, false, u, least);
    count_side(t, k, true, u, least);
}

void timer_put_total(struct exposed *e, const struct total *total, struct kind_now *now)
{
    struct timer_exposed *t = (struct timer_exposed *)e;
    const struct profile *p = e->profile;
    const struct sketch *k = total->timer;
    const struct unit u = { kind_types[total->type].milliseconds ? 1000 : 1, p->scale };
    struct timer_unit *unit = timer_unit_of(&t->unit, u.per, u.scale);
    t->count = k->count;
    unit->sum = k->sum;
    if (timer_shows_negative(k, p->scale))
        exposed_mark_negative(e);
    if (p->histogram)
        count_le(t, k, &u);
    else if (total->recent != NULL)
        (void)sketch_merge(timer_unit_age(unit, p, timer_period(p, now->now_ns)), total->recent);
    if (profile_native(p))
        timer_native_take(&t->native, p, NULL, k, u.scale / u.per);
}
