/*
 * registry_merge_some    a worker's page, a part of it at a time
 *   registry_adopt       identities that are new become series (registry_births.c)
 *   merge_cell           each touched cell: to its series' interval, and to its exposed
 *     registry_give_series   what the interval before brought, if the sinks have not got it
 *     show               the series is not on the page (yet): ask for a place there
 *   registry_take_exemplars   what came with the page's cells (registry_exemplars.c)
 *   let_go               cells that are no more
 *   finish
 */
#include <assert.h>

#include "aggregate/generation.h"
#include "aggregate/ingest.h"
#include "aggregate/page.h"
#include "aggregate/registry_priv.h"
#include "base/mem.h"

enum { CELL_AHEAD = 16, SERIES_AHEAD = 12, EXPOSED_AHEAD = 8 }; /* how far ahead to prefetch */

/*
 * How many counters a cell counts as.  A timer of a thousand buckets takes 20 us when its series
 * has to be given first, and a large set 80.
 */
static const uint8_t counts_as[SERIES_KIND_COUNT] = {
    [SERIES_COUNTER] = 1,
    [SERIES_GAUGE] = 1,
    [SERIES_TIMER] = 4,
    [SERIES_SET] = 16,
};

/*
 * s is new, or was kept off the page, and what kept it off may have expired.
 * returns  its exposed from now on; NULL: the part makes no line, and never has
 */
static struct exposed *show(struct registry *r, struct series *s, const struct cell *c, unsigned p,
                            struct kind_now *now)
{
    const struct kind_ops *kind = kind_rows[s->kind];
    const struct profile *profile = series_profile(s, now->profiles);
    if (kind->makes_line != NULL && !kind->makes_line(c, profile, p))
        return s->exposed;
    if (s->exposed == NULL)
        s->exposed =
            exposed_pool_new(&r->output.pool, (enum series_kind)s->kind, profile, now->now_ns);
    const struct output_request q = { .tuple = series_tuple(s),
                                      .samples = c->samples[p],
                                      .now_s = (uint32_t)(now->now_ns / 1000000000) };
    s->exposed = output_show(&r->output, s->exposed, &q, now);
    return s->exposed;
}

static void merge_cell(struct registry *r, struct cell *c, unsigned p, struct kind_now *now,
                       uint32_t now_s)
{
    struct series *s = c->series;
    assert(c->touched[p] && s != NULL);
    c->touched[p] = 0;
    if (s->state == SERIES_EXPIRED)
        registry_appear(r, s);
    else if (s->state == registry_closing(r))
        registry_give_series(r, s); /* before anything changes it */
    r->n_dropped -= s->dropped;     /* it was deleted, and comes back before its interval is over */
    s->dropped = 0;
    struct exposed *e = s->exposed;
    if (e == NULL || e->family == NULL)
        e = show(r, s, c, p, now);
    s->last_s = now_s;
    if (e != NULL)
        e->last_s = now_s;
    if (!kind_merge(s, e, c, p, now))
        r->stats.v[REGISTRY_SUMS_REFUSED]++;
    /* When an interval ends, a bare gauge settles what it shows; of others nothing is kept. */
    if (s->state == registry_open(r) || (s->bare && s->kind != SERIES_GAUGE))
        return;
    s->state = registry_open(r) & 3;
    assert(r->n_touched < r->cap_touched);
    r->touched[r->n_touched++] = s;
}

/* In the list of touched series, for those of a page. */
static void reserve_touched(struct registry *r, const struct page *p)
{
    size_t most = r->n_touched + p->n_touched < r->n_all ? r->n_touched + p->n_touched : r->n_all;
    r->touched = mem_grow(r->touched, &r->cap_touched, most, sizeof(struct series *));
}

/*
 * Cells, then what they lead to: on their way before their turn comes.  A head and the value behind
 * it often lie on two lines.
 */
static void prefetch(const struct page *p, size_t i)
{
    if (i + CELL_AHEAD < p->n_touched)
        __builtin_prefetch(p->touched[i + CELL_AHEAD], 1);
    if (i + SERIES_AHEAD < p->n_touched) {
        const struct series *s = p->touched[i + SERIES_AHEAD]->series;
        __builtin_prefetch(&s->exposed, 1);
        __builtin_prefetch(s + 1, 1);
    }
    if (i + EXPOSED_AHEAD < p->n_touched) {
        const struct exposed *e = p->touched[i + EXPOSED_AHEAD]->series->exposed;
        if (e == NULL)
            return;
        __builtin_prefetch(e, 1);
        __builtin_prefetch(e + 1, 1);
    }
}

static void let_go(void *registry, struct cell *c)
{
    struct registry *r = registry;
    series_cell_goes(c->series);
    r->forget_due |= c->series->state == SERIES_EXPIRED && c->series->cells == 0;
}

/* All cells of the page are merged. */
static void finish(struct registry *r, struct page *p)
{
    const struct merging *m = &r->merging;
    assert(m->page == p && m->birth == NULL && m->exemplar == NULL);
    assert(m->touched == p->n_touched && m->deaths == p->n_deaths);
    if (p->retired != NULL)
        generation_each(p->retired, let_go, r);
    ingest_generation_free(p->retired);
    p->retired = NULL;
    births_clear(&p->births);
    if (p->limited != NULL)
        series_limit_hand_in(r->opts.limit, p->limited);
    r->merging = (struct merging){ .page = NULL };
}

bool registry_merge_some(struct registry *r, struct page *p, uint64_t now_ns, size_t most)
{
    struct merging *m = &r->merging;
    if (m->page == NULL) {
        *m = (struct merging){ .page = p, .exemplar = p->exemplars.first };
        registry_adopt_begin(r);
    }
    assert(m->page == p && most > 0);
    page_check(p);
    registry_check(r);
    struct kind_now now = registry_kind_now(r, now_ns);
    uint32_t now_s = (uint32_t)(now_ns / 1000000000);
    registry_adopt(r, &most);
    if (m->birth != NULL)
        return true;
    reserve_touched(r, p);
    for (; m->touched < p->n_touched && most > 0; m->touched++) {
        struct cell *c = p->touched[m->touched];
        prefetch(p, m->touched);
        merge_cell(r, c, p->index, &now, now_s);
        const size_t n = counts_as[c->series->kind];
        most -= n < most ? n : most;
    }
    if (m->touched < p->n_touched)
        return true;
    registry_take_exemplars(r, &most);
    /* Exemplars point to cells, which their deaths let go: those come last. */
    if (m->exemplar != NULL)
        return true;
    for (; m->deaths < p->n_deaths && most > 0; most--)
        let_go(r, p->deaths[m->deaths++]);
    if (m->deaths < p->n_deaths)
        return true;
    finish(r, p);
    return false;
}

void registry_merge(struct registry *r, struct page *p, uint64_t now_ns)
{
    while (registry_merge_some(r, p, now_ns, SIZE_MAX)) {}
}
