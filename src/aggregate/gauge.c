/*
 * The arithmetic is in gauge_value.c.  Here is what becomes of a value in each of its three places:
 *
 *   cell      gauge_begin empties a part and the changes that are kept beside it
 *   series    gauge_merge -> merge_interval; gauge_close: an absolute value, or a difference
 *   exposed   gauge_merge, gauge_view; gauge_absorb and gauge_carry when a series gets another line
 */
#include "aggregate/gauge.h"

#include <float.h>
#include <stdlib.h>

#include "aggregate/kind_saved.h"
#include "aggregate/total.h"
#include "base/pack.h"

/*
 * Workers turn one after the other: a page may bring what arrived this long before another's was
 * sealed.
 */
static const uint64_t LATE_NS = 1000000000;

/* ---- a worker's cell ---- */

static void gauge_begin(struct cell *c, const struct profile *profile, unsigned p)
{
    struct gauge_cell *g = (struct gauge_cell *)c;
    (void)profile;
    g->part[p] = (struct gauge_part){ 0 };
    gauge_value_recent_clear(g->recent[p]);
}

static void gauge_cell_release(struct cell *c)
{
    free(((struct gauge_cell *)c)->recent[0]);
    free(((struct gauge_cell *)c)->recent[1]);
}

/* ---- merging ---- */

static bool merge_interval(struct gauge_series *g, const struct gauge_cell *c, unsigned p)
{
    struct gauge_merged m = gauge_value_merge(&g->now, &g->recent, &c->part[p], c->recent[p], 1);
    double delta = g->delta + m.added;
    if (!isfinite(delta))
        return false;
    g->delta = delta;
    return m.refused == 0;
}

bool gauge_merge(struct series *s, struct exposed *e, const struct cell *c, unsigned p,
                 struct kind_now *now)
{
    const struct gauge_cell *from = (const struct gauge_cell *)c;
    struct gauge_exposed *g = (struct gauge_exposed *)e;
    const double scale = series_profile(s, now->profiles)->scale;
    struct gauge_merged m =
        gauge_value_merge(&g->now, &g->recent, &from->part[p], from->recent[p], scale);
    bool fits = m.refused == 0;
    if (!now->keep_intervals)
        return fits;
    return merge_interval((struct gauge_series *)s, from, p) && fits;
}

/* ---- what the interval brought ---- */

static void gauge_close(const struct series *s, uint64_t end_ns, int64_t wall_ms,
                        struct closed_series *ret)
{
    const struct gauge_series *g = (const struct gauge_series *)s;
    bool absolute = g->now.set_ns != g->begun_set_ns;
    uint64_t ago_ns = end_ns > g->now.last_ns ? end_ns - g->now.last_ns : 0;
    ret->gauge = (struct gauge_change){
        .absolute = absolute,
        .value = g->now.value,
        .delta = absolute ? gauge_value_delta(&g->now, g->recent) : g->delta,
        .stamp_ms = wall_ms - (int64_t)(ago_ns / 1000000),
    };
}

void gauge_next(struct series *s, const struct kind_now *now)
{
    uint64_t settled_ns = now->now_ns > LATE_NS ? now->now_ns - LATE_NS : 0;
    struct gauge_series *g = (struct gauge_series *)s;
    struct gauge_exposed *e = (struct gauge_exposed *)s->exposed;
    if (e != NULL)
        gauge_value_settle(&e->now, &e->recent, settled_ns);
    if (s->bare)
        return;
    g->delta = 0;
    g->begun_set_ns = g->now.set_ns;
    gauge_value_settle(&g->now, &g->recent, settled_ns);
}

static void gauge_series_release(struct series *s)
{
    struct gauge_series *g = (struct gauge_series *)s;
    free(g->recent);
    *g = (struct gauge_series){ .series = *s };
}

/* ---- what /metrics shows ---- */

static void gauge_absorb(struct exposed *to, struct exposed *from, struct kind_now *now)
{
    (void)now;
    struct gauge_exposed *into = (struct gauge_exposed *)to;
    const struct gauge_exposed *g = (const struct gauge_exposed *)from;
    (void)gauge_value_merge(&into->now, &into->recent, &g->now, g->recent, 1);
}

/*
 * The gauge's changes become one value.  Several series leave this exposed, each with a copy of it:
 * where two meet again, changes would be added twice, but the same value stands once.
 */
static void make_one_value(struct gauge_exposed *g)
{
    gauge_value_settle(&g->now, &g->recent, UINT64_MAX);
    g->now.value += g->now.delta;
    g->now.delta = 0;
    g->now.set_ns = g->now.set_ns > 0 ? g->now.set_ns : 1;
}

static void gauge_carry(struct exposed *to, struct exposed *from, struct kind_now *now)
{
    if (from->series > 1)
        make_one_value((struct gauge_exposed *)from);
    gauge_absorb(to, from, now);
}

static void gauge_view(struct exposed *e, uint64_t now_ns, struct sketch *scratch,
                       struct exposed_view *ret)
{
    const struct gauge_exposed *g = (const struct gauge_exposed *)e;
    (void)now_ns;
    (void)scratch;
    ret->value = g->now.value + gauge_value_delta(&g->now, g->recent);
    ret->shown = true;
}

static void gauge_exposed_release(struct exposed *e)
{
    struct gauge_exposed *g = (struct gauge_exposed *)e;
    free(g->recent);
    g->recent = NULL;
    g->now = (struct gauge_part){ 0 };
}

/* As one value that arrived when its last change did. */
static void gauge_save(struct exposed *e, const struct kind_saved *at, struct buf *out)
{
    const struct gauge_exposed *g = (const struct gauge_exposed *)e;
    pack_double(out, g->now.value + gauge_value_delta(&g->now, g->recent));
    pack_u64(out, kind_age(at, g->now.last_ns));
}

/*
 * Older than any sample, which may have waited in a socket since before another one was read; of
 * two that were loaded the later one stays the later one, but for a millisecond.
 */
static uint64_t long_ago(uint64_t ns)
{
    return (ns >> 20) + 1;
}

static bool gauge_load(struct exposed *e, const struct kind_saved *at, struct unpack *in)
{
    struct gauge_exposed *g = (struct gauge_exposed *)e;
    double value = unpack_double(in);
    uint64_t ns = kind_stamp(at, unpack_u64(in));
    if (!isfinite(value))
        return false;
    g->now = (struct gauge_part){ .value = value, .set_ns = long_ago(ns), .last_ns = ns };
    return true;
}

/* Of several on one line the one with the latest stamp is shown; stamps here are the total's. */
static void gauge_put_total(struct exposed *e, const struct total *t, struct kind_now *now)
{
    struct gauge_exposed *g = (struct gauge_exposed *)e;
    double shown = fmax(-DBL_MAX, fmin(t->value * e->profile->scale, DBL_MAX));
    uint64_t stamp = t->stamp_ms > 0 ? (uint64_t)t->stamp_ms : 1;
    (void)now;
    g->now = (struct gauge_part){ .value = shown, .set_ns = stamp, .last_ns = stamp };
}

static enum family_type gauge_type(const struct profile *p)
{
    (void)p;
    return FAMILY_GAUGE;
}

const struct kind_ops gauge_ops = {
    .family_type = gauge_type,
    .cell_bytes = (sizeof(struct gauge_cell) + 31) / 32 * 32,
    .cell_begin = gauge_begin,
    .cell_release = gauge_cell_release,
    .series_bytes = sizeof(struct gauge_series),
    .close = gauge_close,
    .series_release = gauge_series_release,
    .exposed_bytes = sizeof(struct gauge_exposed),
    .absorb = gauge_absorb,
    .view = gauge_view,
    .exposed_release = gauge_exposed_release,
    .carry = gauge_carry,
    .save = gauge_save,
    .load = gauge_load,
    .put_total = gauge_put_total,
};
