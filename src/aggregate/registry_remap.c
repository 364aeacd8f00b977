/*
 * Another mapping is in force: every series moves to where it puts them.
 *
 *   registry_remap
 *     place_again     each series: gone, or where it was, or off the page with what it takes along
 *       drop            the mapping drops it
 *       stay            its line is the same: what does it count by?
 *       take_off        its line is another one
 *     reshape_all     lines whose bounds, window and so on have changed
 *     show_again      the movers, once all have left: a name that one of them had is free by now,
 *                     and none meets what is about to leave
 */
#include <assert.h>
#include <stdlib.h>

#include "aggregate/registry_interval.h"
#include "aggregate/registry_priv.h"
#include "base/mem.h"

struct mover {
    struct series *series;
    struct exposed *exposed; /* off the page */
};

struct remap {
    struct registry *registry;
    const struct profiles *before; /* that were in force */
    struct kind_now now;
    struct mover *movers;
    size_t n_movers, cap_movers;
    struct registry_remapped result;
};

static bool same_shape(const struct series *s, const struct profile *a, const struct profile *b)
{
    const struct kind_ops *kind = kind_rows[s->kind];
    return kind->same_shape == NULL || kind->same_shape(a, b);
}

static bool is_new(const struct remap *m, const struct profile *p)
{
    return p->set == profiles_at(m->registry->opts.profiles, 0)->set;
}

/* What came in during this interval still has to reach the sinks. */
static void drop(struct remap *m, struct series *s)
{
    registry_leave_page(m->registry, s);
    s->dropped = 1;
    m->registry->n_dropped++;
    m->result.dropped++;
}

/*
 * A line that several series share is of the profile of one of them, which may be gone.  It keeps
 * its shape if one of those that stay has that shape now, or if nothing changed for one of them.
 */
static void stay(const struct remap *m, const struct series *s, const struct profile *before)
{
    struct exposed *e = s->exposed;
    const struct profile *now = series_profile(s, m->registry->opts.profiles);
    if (is_new(m, e->profile))
        return;
    if (same_shape(s, e->profile, now)) {
        e->profile = now;
    } else if (same_shape(s, before, now)) {
        const struct profile *equal = profiles_find(m->registry->opts.profiles, e->profile);
        e->profile = equal != NULL ? equal : e->profile;
    }
}

static void take_off(struct remap *m, struct series *s)
{
    struct registry *r = m->registry;
    const struct kind_ops *kind = kind_rows[s->kind];
    struct exposed *e = exposed_pool_new(&r->output.pool, (enum series_kind)s->kind,
                                         series_profile(s, r->opts.profiles), m->now.now_ns);
    e->last_s = s->last_s;
    if (kind->carry != NULL)
        kind->carry(e, s->exposed, &m->now);
    registry_leave_page(r, s);
    m->movers = mem_grow(m->movers, &m->cap_movers, m->n_movers + 1, sizeof *m->movers);
    m->movers[m->n_movers++] = (struct mover){ s, e };
}

/*
 * What was kept off the page goes on collecting, as it would under its old name; but where several
 * lost their name together, their new ones may differ.
 */
static bool stays(struct registry *r, const struct series *s, struct slice name)
{
    const struct exposed *e = s->exposed;
    if (e->family == NULL)
        return e->series == 1;
    return output_stays(&r->output, e, name,
                        kind_rows[s->kind]->family_type(series_profile(s, r->opts.profiles)));
}

static void place_again(struct remap *m, struct series *s)
{
    struct registry *r = m->registry;
    const struct profile *before = series_profile(s, m->before);
    const struct slice name = spelling_name(&r->output.spelling, series_tuple(s));
    assert(s->state != SERIES_EXPIRED);
    series_set_profile(s, r->output.spelling.profile);
    s->dropped = 0;
    if (r->output.spelling.dropped)
        drop(m, s);
    else if (s->exposed != NULL && stays(r, s, name))
        stay(m, s, before);
    else if (s->exposed != NULL)
        take_off(m, s);
    series_check(s);
}

static void reshape_all(struct remap *m)
{
    struct registry *r = m->registry;
    for (size_t i = 0; i < r->n_all; i++) {
        const struct series *s = r->all[i];
        struct exposed *e = s->exposed;
        if (e == NULL || is_new(m, e->profile))
            continue;
        uint64_t *birth = exposed_pool_birth(&r->output.pool, e);
        bool goes_on = kind_rows[s->kind]->reshape(e, series_profile(s, r->opts.profiles), &m->now);
        if (!goes_on && birth != NULL)
            *birth = m->now.now_ns;
        exposed_exemplars_forget(&r->output.pool.exemplars, e); /* by buckets that are no more */
        assert(is_new(m, e->profile));
    }
}

static void show_again(struct remap *m)
{
    struct output *o = &m->registry->output;
    for (size_t i = 0; i < m->n_movers; i++) {
        struct series *s = m->movers[i].series;
        const struct output_request q = { .tuple = series_tuple(s),
                                          .now_s = (uint32_t)(m->now.now_ns / 1000000000) };
        s->exposed = output_show(o, m->movers[i].exposed, &q, &m->now);
        series_check(s);
    }
    m->result.moved = m->n_movers;
}

struct registry_remapped registry_remap(struct registry *r, const struct profiles *profiles,
                                        const struct mapping *mapping, uint64_t now_ns)
{
    struct remap m = { .registry = r, .before = r->opts.profiles };
    registry_check(r);
    assert(r->merging.page == NULL);
    (void)registry_give(r, SIZE_MAX); /* by the profiles that it came by */
    r->opts.profiles = profiles;
    m.now = registry_kind_now(r, now_ns);
    r->opts.mapping = mapping;
    r->least_ttl_s = profiles_least_ttl_s(profiles);
    r->n_dropped = 0;
    spelling_remap(&r->output.spelling, mapping);
    families_forget_help(&r->output.families);
    restored_sweep(&r->restored, &r->output, now_ns / 1000000000,
                   r->restored.n); /* the woken ones */
    for (size_t i = 0; i < r->n_all;) {
        series_cells_gone(r->all[i]);
        if (r->all[i]->state == SERIES_EXPIRED) {
            registry_forget(r, i);
            continue;
        }
        place_again(&m, r->all[i]);
        i++;
    }
    reshape_all(&m);
    show_again(&m);
    free(m.movers);
    r->next_expire_ns = 0; /* some may live shorter now, and what was dropped goes */
    r->expiring = false;
    (void)registry_expire(r, now_ns);
    return m.result;
}
