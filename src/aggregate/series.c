#include "aggregate/series.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

const char *series_kind_name(enum series_kind k)
{
    static const char *const names[] = {
#define X(id, name) name,
        SERIES_KINDS(X)
#undef X
    };
    return names[k];
}

static size_t series_bytes(const struct registry_opts *o, enum series_kind kind)
{
    switch (kind) {
    case SERIES_COUNTER:
        return sizeof(struct counter_series);
    case SERIES_GAUGE:
        return sizeof(struct gauge_series);
    case SERIES_TIMER:
        return sizeof(struct timer_series) + (o->histograms ? 0 : o->summary_age_buckets) * sizeof(struct age *);
    case SERIES_SET:
    case SERIES_KIND_COUNT:
        break;
    }
    return sizeof(struct set_series);
}

struct series *series_new(const struct registry_opts *o, struct identity *take_id)
{
    enum series_kind kind = cell_kind(take_id->type);
    struct series *s = mem_zalloc(series_bytes(o, kind));
    s->id = take_id;
    s->kind = (uint8_t)kind;
    return s;
}

static void timer_release(const struct registry_opts *o, struct timer_series *t)
{
    for (uint32_t i = 0; !o->histograms && i < o->summary_age_buckets; i++) {
        if (t->ages[i] != NULL)
            sketch_release(&t->ages[i]->sketch);
        free(t->ages[i]);
    }
    if (t->interval != NULL)
        sketch_release(t->interval);
    free(t->interval);
    free(t->le);
    free(t->quantiles);
}

static void state_release(const struct registry_opts *o, struct series *s)
{
    if (s->kind == SERIES_TIMER)
        timer_release(o, (struct timer_series *)s);
    else if (s->kind == SERIES_SET)
        members_release(&((struct set_series *)s)->members);
}

void series_free(const struct registry_opts *o, struct series *s)
{
    state_release(o, s);
    free(s->labels);
    free(s->id);
    free(s);
}

void series_reset(const struct registry_opts *o, struct series *s)
{
    state_release(o, s);
    memset((char *)s + sizeof *s, 0, series_bytes(o, (enum series_kind)s->kind) - sizeof *s);
}

/* ---- merging ---- */

/*
 * Two runs of changes of one gauge, from different workers or pages, in any order.  The later absolute value wins; relative
 * changes count when they came after it.  A run of relative changes is placed by its last one.
 */
static void gauge_merge(struct gauge_part *into, const struct gauge_part *from)
{
    bool from_sets = from->set_ns > into->set_ns;
    const struct gauge_part *winner = from_sets ? from : into, *other = from_sets ? into : from;
    struct gauge_part sum = *winner;
    if (winner->set_ns == 0 || other->last_ns > winner->set_ns)
        sum.delta += other->delta;
    sum.last_ns = from->last_ns > into->last_ns ? from->last_ns : into->last_ns;
    *into = sum;
}

static struct sketch *age_sketch(const struct registry_opts *o, struct timer_series *t, uint32_t now_s)
{
    uint32_t period = series_period(o, now_s);
    struct age **age = &t->ages[period % o->summary_age_buckets];
    if (*age == NULL) {
        *age = mem_alloc(sizeof **age);
        sketch_init(&(*age)->sketch, o->sketch_schema);
        (*age)->period = period;
    } else if ((*age)->period != period) {
        sketch_clear(&(*age)->sketch, o->sketch_schema);
        (*age)->period = period;
    }
    return &(*age)->sketch;
}

static void timer_merge(const struct registry_opts *o, struct timer_series *t, const struct timer_cell *c, unsigned p,
                        uint32_t now_s)
{
    const struct sketch *k = &c->part[p].sketch;
    t->count += k->count;
    t->sum += k->sum;
    t->computed = 0;
    /* A bucket that found no memory is missing in a quantile; count and sum are whole. */
    if (!o->histograms)
        (void)sketch_merge(age_sketch(o, t, now_s), k);
    if (o->histograms && c->le[p] != NULL) {
        if (t->le == NULL)
            t->le = mem_zalloc((o->n_buckets + 1) * sizeof *t->le);
        for (uint32_t i = 0; i <= o->n_buckets; i++)
            t->le[i] += c->le[p][i];
    }
    if (!o->keep_intervals)
        return;
    if (t->interval == NULL) {
        t->interval = mem_alloc(sizeof *t->interval);
        sketch_init(t->interval, o->sketch_schema);
    }
    (void)sketch_merge(t->interval, k);
}

void series_merge(const struct registry_opts *o, struct series *s, const struct cell *c, unsigned p, uint32_t now_s)
{
    switch ((enum series_kind)s->kind) {
    case SERIES_COUNTER: {
        const struct counter_part *part = &((const struct counter_cell *)c)->part[p];
        struct counter_series *n = (struct counter_series *)s;
        n->total += part->up;
        n->interval += part->up + part->down;
        break;
    }
    case SERIES_GAUGE:
        gauge_merge(&((struct gauge_series *)s)->change, &((const struct gauge_cell *)c)->part[p]);
        break;
    case SERIES_TIMER:
        timer_merge(o, (struct timer_series *)s, (const struct timer_cell *)c, p, now_s);
        break;
    case SERIES_SET:
        (void)members_merge(&((struct set_series *)s)->members, &((const struct set_cell *)c)->part[p].members);
        break;
    case SERIES_KIND_COUNT:
        break;
    }
}

/* ---- intervals ---- */

void series_closed(const struct series *s, const struct interval_end *end, struct closed_series *ret)
{
    *ret = (struct closed_series){ .key = identity_key(s->id), .name = identity_name(s->id), .kind = (enum series_kind)s->kind };
    switch ((enum series_kind)s->kind) {
    case SERIES_COUNTER:
        ret->counter = ((const struct counter_series *)s)->interval;
        break;
    case SERIES_GAUGE: {
        const struct gauge_part *g = &((const struct gauge_series *)s)->change;
        bool absolute = g->set_ns != ((const struct gauge_series *)s)->begun_set_ns;
        uint64_t ago_ns = end->now_ns > g->last_ns ? end->now_ns - g->last_ns : 0;
        ret->gauge = (struct gauge_change){ .absolute = absolute,
                                            .value = g->value,
                                            .delta = g->delta,
                                            .stamp_ms = end->now_wall_ms - (int64_t)(ago_ns / 1000000) };
        break;
    }
    case SERIES_TIMER:
        ret->timer = ((const struct timer_series *)s)->interval;
        break;
    case SERIES_SET:
        ret->set = &((const struct set_series *)s)->members;
        break;
    case SERIES_KIND_COUNT:
        break;
    }
}

static double gauge_now(const struct gauge_series *g)
{
    return g->change.value + g->change.delta;
}

void series_next(const struct registry_opts *o, struct series *s)
{
    switch ((enum series_kind)s->kind) {
    case SERIES_COUNTER:
        ((struct counter_series *)s)->interval = 0;
        break;
    case SERIES_GAUGE: {
        struct gauge_series *g = (struct gauge_series *)s;
        /*
         * The stamps stay: workers turn one after the other, so a page may still bring what is older than this value; and
         * which of two twins changed last is still to be seen.
         */
        g->change.value = gauge_now(g);
        g->change.delta = 0;
        g->begun_set_ns = g->change.set_ns;
        break;
    }
    case SERIES_TIMER: {
        struct timer_series *t = (struct timer_series *)s;
        if (t->interval != NULL)
            sketch_clear(t->interval, o->sketch_schema);
        break;
    }
    case SERIES_SET: {
        struct set_series *n = (struct set_series *)s;
        n->last = members_count(&n->members);
        n->closed = true;
        members_clear(&n->members);
        break;
    }
    case SERIES_KIND_COUNT:
        break;
    }
}

/* ---- what /metrics shows ---- */

double series_counter(const struct series *s)
{
    double sum = 0;
    for (; s != NULL; s = s->twin)
        sum += ((const struct counter_series *)s)->total;
    return sum;
}

/* Twins: the gauge that changed last, else the sum of the sets. */
bool series_gauge(const struct series *s, double *ret)
{
    const struct gauge_series *latest = NULL;
    double sets = 0;
    bool any = false;
    for (; s != NULL; s = s->twin) {
        if (s->kind == SERIES_SET) {
            const struct set_series *n = (const struct set_series *)s;
            any = any || n->closed;
            sets += (double)n->last;
            continue;
        }
        const struct gauge_series *g = (const struct gauge_series *)s;
        if (latest == NULL || g->change.last_ns >= latest->change.last_ns)
            latest = g;
    }
    if (latest == NULL && !any)
        return false;
    *ret = latest != NULL ? gauge_now(latest) : sets;
    return true;
}
