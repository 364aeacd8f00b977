/*
 * gauge_value_set, gauge_value_add   one value or change, at its stamp
 *   room                               in the list of recent changes: allocated, doubled, or made
 *                                      by
 *     add_up_neighbours                  adding up steps that stand next to each other
 *   give_up                            the list for its sum, where a part of it would not be finite
 * gauge_value_merge                  all that another part or list holds, by the same two
 * gauge_value_settle                 steps whose place no longer matters leave the list
 */
#include "aggregate/gauge_value.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RECENT_FIRST = 4 };

size_t gauge_value_recent_bytes(uint32_t cap)
{
    return sizeof(struct gauge_recent) + cap * sizeof(struct gauge_step);
}

void gauge_value_recent_clear(struct gauge_recent *recent)
{
    if (recent == NULL)
        return;
    recent->n = 0;
    recent->sum = 0;
}

static void recent_check(const struct gauge_recent *r)
{
    assert(r->n <= r->cap && r->cap <= GAUGE_RECENT_MAX);
    assert(r->n < 2 || r->at[r->n - 2].ns <= r->at[r->n - 1].ns);
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Forget the steps at or before ns.  returns  their sum */
static double take_until(struct gauge_recent *recent, uint64_t ns)
{
    recent_check(recent);
    uint32_t n = 0;
    double sum = 0;
    while (n < recent->n && recent->at[n].ns <= ns)
        sum += recent->at[n++].delta;
    recent->n -= n;
    memmove(recent->at, recent->at + n, recent->n * sizeof recent->at[0]);
    recent->sum = 0;
    for (uint32_t i = 0; i < recent->n; i++)
        recent->sum += recent->at[i].delta;
    return sum;
}

uint32_t gauge_value_set(struct gauge_part *g, struct gauge_recent *recent, double value,
                         uint64_t ns)
{
    g->last_ns = later(g->last_ns, ns);
    if (ns < g->set_ns)
        return 0;
    g->value = value;
    g->delta = 0;
    g->set_ns = ns;
    if (recent == NULL)
        return 0;
    (void)take_until(recent, ns);
    if (isfinite(value + recent->sum))
        return 0;
    uint32_t refused = recent->n;
    gauge_value_recent_clear(recent);
    return refused;
}

/* ---- the list ---- */

/*
 * The sum of all steps is finite, that of a part of them need not be: then the list is given up for
 * its sum.
 */
static void give_up(struct gauge_part *g, struct gauge_recent *recent, double sum)
{
    g->delta += sum;
    gauge_value_recent_clear(recent);
}

/*
 * Two steps in a row have more than `most` changes afterwards, so at most half of the list and one
 * more are left.
 */
static void add_up_neighbours(struct gauge_part *g, struct gauge_recent *recent)
{
    uint64_t all = 0;
    for (uint32_t i = 0; i < recent->n; i++)
        all += recent->at[i].changes;
    uint64_t most = all * 4 / GAUGE_RECENT_MAX;
    uint32_t last = 0;
    for (uint32_t i = 1; i < recent->n; i++) {
        struct gauge_step *to = &recent->at[last];
        const struct gauge_step *from = &recent->at[i];
        double both = to->delta + from->delta;
        if ((uint64_t)to->changes + from->changes <= most && isfinite(both))
            *to = (struct gauge_step){ from->ns, both, to->changes + from->changes };
        else
            recent->at[++last] = *from;
    }
    recent->n = last + 1;
    recent_check(recent);
    if (recent->n == recent->cap)
        give_up(g, recent, recent->sum);
}

/* Room for one step more.  false: no memory */
static bool room(struct gauge_part *g, struct gauge_recent **recent)
{
    struct gauge_recent *r = *recent;
    if (r != NULL && r->n < r->cap)
        return true;
    if (r != NULL && r->cap == GAUGE_RECENT_MAX) {
        add_up_neighbours(g, r);
        return true;
    }
    uint32_t cap = r == NULL ? RECENT_FIRST : r->cap * 2;
    struct gauge_recent *more = realloc(r, gauge_value_recent_bytes(cap));
    if (more == NULL)
        return false;
    if (r == NULL)
        *more = (struct gauge_recent){ 0 };
    more->cap = cap;
    *recent = more;
    return true;
}

/* Nearly always the last one: stamps come in order but for those of another socket. */
static void insert(struct gauge_recent *r, struct gauge_step step)
{
    assert(r->n < r->cap);
    uint32_t i = r->n++;
    for (; i > 0 && r->at[i - 1].ns > step.ns; i--)
        r->at[i] = r->at[i - 1];
    r->at[i] = step;
    r->sum += step.delta;
    recent_check(r);
}

static enum gauge_added add(struct gauge_part *g, struct gauge_recent **recent,
                            struct gauge_step step)
{
    assert(step.ns > 0 && step.changes > 0);
    double listed = recent != NULL && *recent != NULL ? (*recent)->sum : 0;
    double list = listed + step.delta, delta = g->delta + list;
    g->last_ns = later(g->last_ns, step.ns);
    if (step.ns < g->set_ns)
        return GAUGE_SUPERSEDED;
    if (!isfinite(list) || !isfinite(delta) || !isfinite(g->value + delta))
        return GAUGE_NOT_FINITE;
    if (recent != NULL && room(g, recent))
        insert(*recent, step);
    else
        g->delta += step.delta;
    return GAUGE_ADDED;
}

enum gauge_added gauge_value_add(struct gauge_part *g, struct gauge_recent **recent, double delta,
                                 uint64_t ns)
{
    return add(g, recent, (struct gauge_step){ ns, delta, 1 });
}

/* ---- two of them ---- */

static void merge_step(struct gauge_part *into, struct gauge_recent **recent,
                       struct gauge_step step, struct gauge_merged *sum)
{
    enum gauge_added rc = add(into, recent, step);
    sum->added += rc == GAUGE_ADDED ? step.delta : 0;
    sum->refused += rc == GAUGE_NOT_FINITE ? step.changes : 0;
}

struct gauge_merged gauge_value_merge(struct gauge_part *into, struct gauge_recent **recent,
                                      const struct gauge_part *from,
                                      const struct gauge_recent *from_recent, double scale)
{
    struct gauge_merged sum = { 0 };
    uint32_t n = from_recent == NULL ? 0 : from_recent->n;
    double value = from->value * scale;
    if (from->set_ns > 0 && isfinite(value))
        sum.refused = gauge_value_set(into, *recent, value, from->set_ns);
    else
        sum.refused = from->set_ns > 0;
    /* There was no memory for a list, or they settled: with nothing of another cell between them */
    uint64_t delta_ns = n > 0 ? from_recent->at[0].ns : from->last_ns;
    if (from->delta != 0)
        merge_step(into, recent, (struct gauge_step){ delta_ns, from->delta * scale, 1 }, &sum);
    for (uint32_t i = 0; i < n; i++) {
        struct gauge_step step = from_recent->at[i];
        step.delta *= scale;
        merge_step(into, recent, step, &sum);
    }
    into->last_ns = later(into->last_ns, from->last_ns);
    return sum;
}

void gauge_value_settle(struct gauge_part *g, struct gauge_recent **recent, uint64_t ns)
{
    if (*recent == NULL)
        return;
    double all = (*recent)->sum, old = take_until(*recent, ns);
    double delta = g->delta + old + (*recent)->sum;
    if (isfinite(g->delta + old) && isfinite((*recent)->sum) && isfinite(g->value + delta))
        g->delta += old;
    else
        give_up(g, *recent, all);
    if ((*recent)->n > 0)
        return;
    free(*recent);
    *recent = NULL;
}

double gauge_value_delta(const struct gauge_part *g, const struct gauge_recent *recent)
{
    return g->delta + (recent == NULL ? 0 : recent->sum);
}
