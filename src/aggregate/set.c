/*
 * set_merge         members into the series' interval, and into the exposed's window (or open
 * interval)
 * set_list_next     an interval ends
 *   set_list_go_on    tells the listed sets, some at a time
 *     catch_up        .. and so does whatever else is about to read or to change a set
 *       next_window       with a window: forget what came before its steps, when a step begins
 *       next_interval     without: count what the closed interval had
 *   set_list_skip     intervals in which none of that happens
 */
#include "aggregate/set.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "aggregate/kind_saved.h"
#include "aggregate/total.h"
#include "base/mem.h"
#include "base/pack.h"

enum {
    AHEAD = 8,    /* sets to prefetch */
    COUNTS_AS = 4 /* of set_list_go_on: the window of a large set takes 80 us */
};

static uint64_t step_of(const struct profile *p, uint64_t interval)
{
    return interval / p->set_step_intervals;
}

/* ---- a worker's cell ---- */

static void set_begin(struct cell *c, const struct profile *profile, unsigned p)
{
    (void)profile;
    members_clear(&((struct set_cell *)c)->part[p].members);
}

static void set_cell_release(struct cell *c)
{
    members_release(&((struct set_cell *)c)->part[0].members);
    members_release(&((struct set_cell *)c)->part[1].members);
}

/* ---- the list of sets that show members ---- */

static void enlist(struct set_list *l, struct set_exposed *n)
{
    if (n->listed > 0)
        return;
    l->at = mem_grow(l->at, &l->cap, l->n + 1, sizeof(struct set_exposed *));
    l->at[l->n++] = n;
    n->listed = (uint32_t)l->n;
    n->list = l;
    n->odd = l->interval % 2;
}

static void unlist(struct set_exposed *n)
{
    if (n->listed == 0)
        return;
    struct set_list *l = n->list;
    assert(n->listed <= l->n);
    assert(l->at[n->listed - 1] == n);
    struct set_exposed *last = l->at[--l->n];
    l->at[n->listed - 1] = last;
    last->listed = n->listed;
    n->listed = 0;
    l->behind = l->behind < l->n ? l->behind : l->n;
}

/* returns  true while it has something to show */
static bool next_window(struct set_exposed *n, uint64_t interval)
{
    const struct profile *p = n->line.exposed.profile;
    uint64_t step = step_of(p, interval);
    if (step != step_of(p, interval - 1))
        set_window_advance(&n->window, step, p->set_steps);
    return !set_window_empty(&n->window);
}

static bool next_interval(struct set_exposed *n)
{
    n->last = members_count(&n->members);
    n->shown = true;
    members_clear(&n->members);
    return n->last > 0;
}

/* An interval may have begun that it has not heard of. */
static void catch_up(struct set_exposed *n)
{
    if (n->listed == 0 || n->odd == n->list->interval % 2)
        return;
    n->odd ^= 1;
    bool stays = n->line.exposed.profile->set_steps > 0 ? next_window(n, n->list->interval)
                                                        : next_interval(n);
    if (!stays)
        unlist(n);
}

void set_list_next(struct set_list *l)
{
    assert(l->behind == 0);
    l->interval++;
    l->behind = l->n;
}

bool set_list_go_on(struct set_list *l, size_t *most)
{
    while (l->behind > 0 && *most > 0) {
        struct set_exposed *n = l->at[--l->behind];
        assert(n->list == l && n->listed == l->behind + 1);
        if (l->behind >= AHEAD)
            __builtin_prefetch(l->at[l->behind - AHEAD], 1);
        catch_up(n);
        *most -= COUNTS_AS < *most ? COUNTS_AS : *most;
    }
    return l->behind > 0;
}

/* An even number, so that `odd` stays true. */
uint64_t set_list_skip(struct set_list *l, uint64_t most)
{
    assert(l->behind == 0);
    for (size_t i = 0; i < l->n && most > 0; i++) {
        const struct profile *p = l->at[i]->line.exposed.profile;
        uint64_t step = p->set_steps > 0 ? p->set_step_intervals : 1;
        uint64_t quiet = step - 1 - l->interval % step;
        most = quiet < most ? quiet : most;
    }
    most -= most % 2;
    l->interval += most;
    return most;
}

void set_list_release(struct set_list *l)
{
    free(l->at);
    *l = (struct set_list){ 0 };
}

/* ---- merging ---- */

/* A member that finds no memory is not counted. */
bool set_merge(struct series *s, struct exposed *e, const struct cell *c, unsigned p,
               struct kind_now *now)
{
    const struct members *m = &((const struct set_cell *)c)->part[p].members;
    struct set_exposed *n = (struct set_exposed *)e;
    catch_up(n);
    if (now->keep_intervals)
        (void)members_merge(&((struct set_series *)s)->members, m);
    if (e->profile->set_steps > 0) {
        set_window_merge(&n->window, m, step_of(e->profile, now->interval));
        n->shown = true;
    } else {
        (void)members_merge(&n->members, m);
    }
    enlist(now->sets, n);
    return true;
}

/* ---- what the interval brought ---- */

static void set_close(const struct series *s, uint64_t end_ns, int64_t wall_ms,
                      struct closed_series *ret)
{
    (void)end_ns;
    (void)wall_ms;
    ret->set = &((const struct set_series *)s)->members;
}

void set_next(struct series *s, const struct kind_now *now)
{
    (void)now;
    members_clear(&((struct set_series *)s)->members);
}

static void set_series_release(struct series *s)
{
    members_release(&((struct set_series *)s)->members);
}

/* ---- what /metrics shows ---- */

static bool set_same_shape(const struct profile *a, const struct profile *b)
{
    return a->set_steps == b->set_steps && a->set_step_intervals == b->set_step_intervals;
}

static void set_absorb(struct exposed *to, struct exposed *from, struct kind_now *now)
{
    struct set_exposed *into = (struct set_exposed *)to;
    struct set_exposed *n = (struct set_exposed *)from;
    catch_up(into);
    catch_up(n);
    /* Steps of another length have other numbers: that window stays behind. */
    if (to->profile->set_steps > 0 && set_same_shape(to->profile, from->profile))
        set_window_absorb(&into->window, &n->window, step_of(to->profile, now->interval));
    (void)members_merge(&into->members, &n->members);
    into->last = n->last > into->last ? n->last : into->last; /* its members are forgotten */
    into->shown = into->shown || n->shown;
    into->counted = into->counted || n->counted;
    enlist(now->sets, into);
}

static void set_view(struct exposed *e, uint64_t now_ns, struct sketch *scratch,
                     struct exposed_view *ret)
{
    struct set_exposed *n = (struct set_exposed *)e;
    (void)now_ns;
    (void)scratch;
    catch_up(n);
    bool by_window = e->profile->set_steps > 0 && !n->counted;
    double members = (double)(by_window ? set_window_count(&n->window) : n->last);
    ret->value = fmax(-DBL_MAX, fmin(members * e->profile->scale, DBL_MAX));
    ret->shown = n->shown;
}

static void set_exposed_release(struct exposed *e)
{
    struct set_exposed *n = (struct set_exposed *)e;
    unlist(n);
    set_window_release(&n->window);
    members_release(&n->members);
    n->last = 0;
    n->shown = false;
    n->counted = false;
}

/* Without members until more come. */
static bool set_reshape(struct exposed *e, const struct profile *p, struct kind_now *now)
{
    bool shown = ((struct set_exposed *)e)->shown && p->set_steps > 0;
    (void)now;
    set_exposed_release(e);
    e->profile = p;
    ((struct set_exposed *)e)->shown = shown;
    return true;
}

static void set_carry(struct exposed *to, struct exposed *from, struct kind_now *now)
{
    set_absorb(to, from, now);
}

/* step_of, where there are steps */
static uint64_t step_at(const struct profile *p, const struct kind_saved *at)
{
    return p->set_steps > 0 ? step_of(p, at->interval) : 0;
}

static void set_save(struct exposed *e, const struct kind_saved *at, struct buf *out)
{
    struct set_exposed *n = (struct set_exposed *)e;
    catch_up(n);
    pack_u8(out, n->shown);
    pack_u64(out, n->last);
    members_save(&n->members, out);
    set_window_save(&n->window, step_at(e->profile, at), out);
}

static bool set_load(struct exposed *e, const struct kind_saved *at, struct unpack *in)
{
    struct set_exposed *n = (struct set_exposed *)e;
    n->shown = unpack_u8(in) != 0;
    n->last = unpack_u64(in);
    if (!members_load(&n->members, in) || !set_window_load(&n->window, step_at(e->profile, at), in))
        return false;
    enlist(at->sets, n);
    return true;
}

static void set_put_total(struct exposed *e, const struct total *t, struct kind_now *now)
{
    struct set_exposed *n = (struct set_exposed *)e;
    (void)now;
    n->last = (uint64_t)t->value;
    n->shown = n->counted = true;
}

static enum family_type set_type(const struct profile *p)
{
    (void)p;
    return FAMILY_GAUGE;
}

const struct kind_ops set_ops = {
    .family_type = set_type,
    .cell_bytes = (sizeof(struct set_cell) + 31) / 32 * 32,
    .cell_begin = set_begin,
    .cell_release = set_cell_release,
    .series_bytes = sizeof(struct set_series),
    .close = set_close,
    .series_release = set_series_release,
    .exposed_bytes = sizeof(struct set_exposed),
    .absorb = set_absorb,
    .view = set_view,
    .exposed_release = set_exposed_release,
    .same_shape = set_same_shape,
    .reshape = set_reshape,
    .carry = set_carry,
    .save = set_save,
    .load = set_load,
    .put_total = set_put_total,
};
