/*
 * known             a series' place: where it was, or a new one
 * cluster_memory_recent
 *   moment_before     the earliest of its moments that lies in the window
 *   remember          every sixth of the window: what its total is now
 * cluster_memory_end  what did not come is forgotten
 */
#include "cluster/memory.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "aggregate/sketch_since.h"
#include "base/mem.h"

enum { MOMENTS = 6, LEAST_CAP = 1024, EARLY_S = 3600 };

static const double ROUNDING = 1e-12; /* of sums of fractions that were added in another order */
static const uint64_t FORGOTTEN_NS = 3600 * 1000000000ull;

struct moment {
    uint64_t at_ns;
    struct sketch total;
};

struct cluster_known {
    uint64_t hash;
    double highest;
    uint64_t pruned_ns; /* monotonic: from then on its total may have been removed */
    uint32_t birth, filling;
    struct moment *moments; /* n of them, the earliest first; of timers */
    uint32_t n;
};

static void memory_check(const struct cluster_memory *m)
{
    assert(m->cap == 0 || (m->cap & (m->cap - 1)) == 0);
    assert(m->n <= m->cap / 2);
}

static void forget(struct cluster_known *k)
{
    for (uint32_t i = 0; i < k->n; i++)
        sketch_release(&k->moments[i].total);
    free(k->moments);
    *k = (struct cluster_known){ 0 };
}

void cluster_memory_release(struct cluster_memory *m)
{
    for (size_t i = 0; i < m->cap; i++)
        forget(&m->at[i]);
    free(m->at);
    sketch_release(&m->scratch);
    *m = (struct cluster_memory){ .window_ns = m->window_ns, .totals_ttl_s = m->totals_ttl_s };
}

static struct cluster_known *place_of(const struct cluster_memory *m, uint64_t hash)
{
    size_t i = hash & (m->cap - 1);
    while (m->at[i].hash != 0 && m->at[i].hash != hash)
        i = (i + 1) & (m->cap - 1);
    return &m->at[i];
}

/* Into a table of cap places, without what this filling has not met, if that is asked for. */
static void move(struct cluster_memory *m, size_t cap, bool only_met)
{
    struct cluster_known *const before = m->at;
    const size_t before_cap = m->cap;
    m->at = mem_zalloc(cap * sizeof *m->at);
    m->cap = cap;
    m->n = 0;
    for (size_t i = 0; i < before_cap; i++) {
        struct cluster_known *k = &before[i];
        if (k->hash == 0)
            continue;
        if (only_met && k->filling != m->filling) {
            forget(k);
            continue;
        }
        *place_of(m, k->hash) = *k;
        m->n++;
    }
    free(before);
    memory_check(m);
}

void cluster_memory_begin(struct cluster_memory *m, uint64_t now_ns, bool lenient)
{
    if (m->last_ns != 0 && now_ns - m->last_ns > FORGOTTEN_NS)
        cluster_memory_release(m);
    m->lenient = lenient;
    m->now_ns = now_ns;
    m->filling++;
}

void cluster_memory_end(struct cluster_memory *m, bool good)
{
    if (!good)
        return;
    m->last_ns = m->now_ns;
    size_t met = 0, cap = LEAST_CAP;
    for (size_t i = 0; i < m->cap; i++)
        met += m->at[i].hash != 0 && m->at[i].filling == m->filling;
    while (cap / 2 < met + 1)
        cap *= 2;
    if (met < m->n)
        move(m, cap, true);
}

/* A little before its time, as clocks differ. */
static uint64_t pruned_ns(const struct cluster_memory *m, uint64_t idle_s)
{
    const uint64_t ttl_s = m->totals_ttl_s;
    const uint64_t least_s = ttl_s - (ttl_s / 2 < EARLY_S ? ttl_s / 2 : EARLY_S);
    return m->now_ns + (idle_s < least_s ? least_s - idle_s : 0) * 1000000000;
}

/* total: its sum, or its count */
static bool began_anew(const struct cluster_memory *m, const struct cluster_known *k,
                       uint32_t birth, double total)
{
    const bool may_be_pruned = m->totals_ttl_s > 0 && m->now_ns >= k->pruned_ns;
    return k->birth != birth || (may_be_pruned && total < k->highest * (1 - ROUNDING));
}

static struct cluster_known *known(struct cluster_memory *m, const struct cluster_series *of,
                                   double total)
{
    const uint64_t hash = of->hash + (of->hash == 0);
    if (m->n + 1 > m->cap / 2)
        move(m, m->cap == 0 ? LEAST_CAP : 2 * m->cap, false);
    struct cluster_known *k = place_of(m, hash);
    if (k->hash != 0 && began_anew(m, k, of->birth, total)) {
        forget(k);
        k->hash = hash;
    }
    m->n += k->hash == 0;
    k->hash = hash;
    k->birth = of->birth;
    k->pruned_ns = pruned_ns(m, of->idle_s);
    k->filling = m->filling;
    return k;
}

double cluster_memory_highest(struct cluster_memory *m, const struct cluster_series *of,
                              double value)
{
    struct cluster_known *k = known(m, of, value);
    k->highest = fmax(k->highest, value);
    return k->highest;
}

static void remember(struct cluster_known *k, uint64_t at_ns, const struct sketch *total)
{
    if (k->n == MOMENTS) {
        sketch_release(&k->moments[0].total);
        for (uint32_t i = 1; i < MOMENTS; i++)
            k->moments[i - 1] = k->moments[i];
        k->n--;
    } else {
        k->moments = mem_realloc(k->moments, (k->n + 1) * sizeof *k->moments);
    }
    struct moment *new = &k->moments[k->n++];
    new->at_ns = at_ns;
    sketch_init(&new->total, total == NULL ? SKETCH_SCHEMA_DEFAULT : total->pos.schema);
    if (total != NULL)
        (void)sketch_copy(total, &new->total);
}

static const struct moment *moment_before(const struct cluster_memory *m,
                                          const struct cluster_known *k)
{
    uint32_t i = 0;
    while (i + 1 < k->n && k->moments[i].at_ns + m->window_ns < m->now_ns)
        i++;
    return k->n > 0 ? &k->moments[i] : NULL;
}

const struct sketch *cluster_memory_recent(struct cluster_memory *m,
                                           const struct cluster_series *of,
                                           const struct sketch *total, bool *fell)
{
    struct cluster_known *k = known(m, of, total->count);
    *fell = !m->lenient && total->count < k->highest * (1 - ROUNDING);
    k->highest = m->lenient ? total->count : fmax(k->highest, total->count);
    if (m->window_ns == 0)
        return NULL;
    if (k->n == 0 && m->last_ns != 0) /* it was not there at the last filling */
        remember(k, m->last_ns, NULL);
    const struct moment *since = moment_before(m, k);
    const struct sketch *ret = since == NULL ? NULL : &m->scratch;
    if (since != NULL && !sketch_since(total, &since->total, &m->scratch))
        (void)sketch_copy(total, &m->scratch);
    if (k->n == 0 || k->moments[k->n - 1].at_ns + m->window_ns / MOMENTS < m->now_ns)
        remember(k, m->now_ns, total);
    return ret;
}
