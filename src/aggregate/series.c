#include "aggregate/series.h"

#include <errno.h>
#include <float.h>
#include <math.h>
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

/* Workers turn one after the other: a page may still bring what arrived this long before another's was sealed. */
static const uint64_t GAUGE_LATE_NS = 1000000000;

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

static void set_release(struct set_series *n)
{
    members_release(&n->members);
    set_window_release(&n->window);
}

static void state_release(const struct registry_opts *o, struct series *s)
{
    if (s->kind == SERIES_TIMER)
        timer_release(o, (struct timer_series *)s);
    else if (s->kind == SERIES_SET)
        set_release((struct set_series *)s);
    else if (s->kind == SERIES_GAUGE)
        free(((struct gauge_series *)s)->recent);
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

/* Add v to *sum, unless that, or that together with `others`, would leave the finite doubles. */
static bool add_finite(double *sum, double v, double others)
{
    double both = *sum + v;
    if (!isfinite(both + others))
        return false;
    *sum = both;
    return true;
}

/* The same for a timer's sum, of which the line shows a share of 1 / unit. */
static bool add_finite_sum(struct timer_series *t, double v, double others)
{
    double both = t->sum + v;
    if (!isfinite(both) || (others != 0 && !isfinite(both / series_unit(&t->series) + others)))
        return false;
    t->sum = both;
    return true;
}

static bool gauge_merge_cell(const struct registry_opts *o, struct gauge_series *g, const struct gauge_cell *c, unsigned p)
{
    struct gauge_merged m = gauge_value_merge(&g->now, o->several_sources ? &g->recent : NULL, &c->part[p], c->recent[p]);
    return add_finite(&g->interval_delta, m.added, 0) && m.refused == 0;
}

static struct sketch *age_sketch(const struct registry_opts *o, struct timer_series *t, uint64_t period)
{
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

static void le_merge(const struct registry_opts *o, struct timer_series *t, const double *le)
{
    if (t->le == NULL)
        t->le = mem_zalloc((o->n_buckets + 1) * sizeof *t->le);
    for (uint32_t i = 0; i <= o->n_buckets; i++)
        t->le[i] += le[i];
}

/* Buckets hold no more than the count, so what fits in the count fits in them. */
static bool timer_merge(const struct registry_opts *o, struct timer_series *t, const struct timer_cell *c, unsigned p,
                        const struct series_others *others, uint64_t period)
{
    const struct sketch *k = &c->part[p].sketch;
    bool counts = add_finite(&t->count, k->count, others->count);
    bool fits = counts && add_finite_sum(t, k->sum, others->sum);
    t->computed = 0;
    /* A bucket that found no memory is missing in a quantile; count and sum are whole. */
    if (counts && !o->histograms)
        (void)sketch_merge(age_sketch(o, t, period), k);
    if (counts && o->histograms && c->le[p] != NULL)
        le_merge(o, t, c->le[p]);
    if (!o->keep_intervals)
        return fits;
    if (t->interval == NULL) {
        t->interval = mem_alloc(sizeof *t->interval);
        sketch_init(t->interval, o->sketch_schema);
    }
    return sketch_merge(t->interval, k) != -ERANGE && fits;
}

static bool counter_merge(struct counter_series *n, const struct counter_part *part, const struct series_others *others)
{
    bool fits = add_finite(&n->total, part->up, others->sum);
    return add_finite(&n->interval, part->up + part->down, 0) && fits;
}

static void set_merge(const struct registry_opts *o, struct set_series *n, const struct members *m, uint64_t step)
{
    if (o->keep_intervals || o->set_steps == 0)
        (void)members_merge(&n->members, m);
    if (o->set_steps == 0)
        return;
    set_window_merge(&n->window, m, step);
    n->shown = true;
}

bool series_merge(const struct registry_opts *o, struct series *s, const struct cell *c, unsigned p,
                  const struct series_others *others, const struct series_when *when)
{
    switch ((enum series_kind)s->kind) {
    case SERIES_COUNTER:
        return counter_merge((struct counter_series *)s, &((const struct counter_cell *)c)->part[p], others);
    case SERIES_GAUGE:
        return gauge_merge_cell(o, (struct gauge_series *)s, (const struct gauge_cell *)c, p);
    case SERIES_TIMER:
        return timer_merge(o, (struct timer_series *)s, (const struct timer_cell *)c, p, others, when->period);
    case SERIES_SET:
        set_merge(o, (struct set_series *)s, &((const struct set_cell *)c)->part[p].members, when->step);
        break;
    case SERIES_KIND_COUNT:
        break;
    }
    return true;
}

/* ---- twins ---- */

/* A sum below this, however many such are added, is lost in the rounding of one near the last double. */
#define HUGE_SUM 0x1p960

bool series_is_huge(const struct series *s, const struct cell *c, unsigned p)
{
    if (s->kind == SERIES_COUNTER)
        return ((const struct counter_series *)s)->total > HUGE_SUM || ((const struct counter_cell *)c)->part[p].up > HUGE_SUM;
    if (s->kind != SERIES_TIMER)
        return false;
    const struct timer_series *t = (const struct timer_series *)s;
    const struct sketch *k = &((const struct timer_cell *)c)->part[p].sketch;
    return fabs(t->sum) > HUGE_SUM || fabs(k->sum) > HUGE_SUM || t->count > HUGE_SUM || k->count > HUGE_SUM;
}

void series_others(const struct series *head, const struct series *s, struct series_others *ret)
{
    *ret = (struct series_others){ 0 };
    for (const struct series *t = head; t != NULL; t = t->twin) {
        if (t == s)
            continue;
        if (t->kind == SERIES_COUNTER) {
            ret->sum += ((const struct counter_series *)t)->total;
        } else if (t->kind == SERIES_TIMER) {
            ret->count += ((const struct timer_series *)t)->count;
            ret->sum += ((const struct timer_series *)t)->sum / series_unit(t);
        }
    }
}

/* ---- intervals ---- */

static void gauge_closed(const struct gauge_series *g, const struct interval_end *end, struct gauge_change *ret)
{
    bool absolute = g->now.set_ns != g->begun_set_ns;
    uint64_t ago_ns = end->now_ns > g->now.last_ns ? end->now_ns - g->now.last_ns : 0;
    *ret = (struct gauge_change){ .absolute = absolute,
                                  .value = g->now.value,
                                  .delta = absolute ? gauge_value_delta(&g->now, g->recent) : g->interval_delta,
                                  .stamp_ms = end->now_wall_ms - (int64_t)(ago_ns / 1000000) };
}

void series_closed(const struct series *s, const struct interval_end *end, struct closed_series *ret)
{
    *ret = (struct closed_series){ .key = identity_key(s->id), .name = identity_name(s->id), .kind = (enum series_kind)s->kind };
    switch ((enum series_kind)s->kind) {
    case SERIES_COUNTER:
        ret->counter = ((const struct counter_series *)s)->interval;
        break;
    case SERIES_GAUGE:
        gauge_closed((const struct gauge_series *)s, end, &ret->gauge);
        break;
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
    return g->now.value + gauge_value_delta(&g->now, g->recent);
}

static void gauge_interval_next(struct gauge_series *g, uint64_t now_ns)
{
    g->interval_delta = 0;
    g->begun_set_ns = g->now.set_ns;
    gauge_value_settle(&g->now, &g->recent, now_ns > GAUGE_LATE_NS ? now_ns - GAUGE_LATE_NS : 0);
}

void series_next(const struct registry_opts *o, struct series *s, uint64_t now_ns)
{
    switch ((enum series_kind)s->kind) {
    case SERIES_COUNTER:
        ((struct counter_series *)s)->interval = 0;
        break;
    case SERIES_GAUGE:
        gauge_interval_next((struct gauge_series *)s, now_ns);
        break;
    case SERIES_TIMER: {
        struct timer_series *t = (struct timer_series *)s;
        if (t->interval != NULL)
            sketch_clear(t->interval, o->sketch_schema);
        break;
    }
    case SERIES_SET: {
        struct set_series *n = (struct set_series *)s;
        if (o->set_steps == 0) {
            n->last = members_count(&n->members);
            n->shown = true;
        }
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
    return fmin(sum, DBL_MAX);   /* a series that was hidden by a type conflict may bring a twin too large to add */
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
            any = any || n->shown;
            sets += (double)(n->last + set_window_count(&n->window));   /* one of them is 0 */
            continue;
        }
        const struct gauge_series *g = (const struct gauge_series *)s;
        if (latest == NULL || g->now.last_ns >= latest->now.last_ns)
            latest = g;
    }
    if (latest == NULL && !any)
        return false;
    *ret = latest != NULL ? gauge_now(latest) : sets;
    return true;
}
