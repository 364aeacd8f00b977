/*
 *   profiles_intern     -> profiles_find, by is_equal; else add: a checked copy
 *   profile_same_timers   whether two make the same lines of a timer: same_buckets or same_window
 */
#include "aggregate/profile.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/sketch_types.h"
#include "base/mem.h"

struct profiles {
    struct profile *at[PROFILES_MAX];
    unsigned n;
    uint64_t number;
};

int profile_native_schema(const struct profile *p)
{
    assert(profile_native(p));
    double schema = -floor(log2(log2(p->native_factor)));
    return (int)fmax(SKETCH_SCHEMA_MIN, fmin(schema, SKETCH_SCHEMA_MAX));
}

double profile_zero_threshold(const struct profile *p)
{
    return fmax(p->native_zero_threshold, SKETCH_ZERO_MAX);
}

void profile_raise_schema(struct profile *p)
{
    int native = profile_native(p) ? profile_native_schema(p) : 0;
    p->sketch_schema = native > p->sketch_schema ? native : p->sketch_schema;
}

static double *copy_doubles(const double *at, uint32_t n)
{
    double *copy = mem_alloc(n * sizeof *copy);
    if (n > 0)
        memcpy(copy, at, n * sizeof *copy);
    return copy;
}

static bool same_doubles(const double *a, uint32_t n_a, const double *b, uint32_t n_b)
{
    return n_a == n_b && (n_a == 0 || memcmp(a, b, n_a * sizeof *a) == 0);
}

static bool same_buckets(const struct profile *a, const struct profile *b)
{
    return same_doubles(a->buckets, a->n_buckets, b->buckets, b->n_buckets) &&
           a->native_factor == b->native_factor &&
           a->native_zero_threshold == b->native_zero_threshold;
}

static bool same_window(const struct profile *a, const struct profile *b)
{
    return same_doubles(a->quantiles, a->n_quantiles, b->quantiles, b->n_quantiles) &&
           a->summary_max_age_ms == b->summary_max_age_ms &&
           a->summary_age_buckets == b->summary_age_buckets && a->sketch_schema == b->sketch_schema;
}

bool profile_same_timers(const struct profile *a, const struct profile *b)
{
    return a->histogram == b->histogram && (a->histogram ? same_buckets(a, b) : same_window(a, b));
}

static bool is_equal(const struct profile *a, const struct profile *b)
{
    return a->histogram == b->histogram && same_buckets(a, b) && same_window(a, b) &&
           a->native_max_buckets == b->native_max_buckets && a->set_steps == b->set_steps &&
           a->set_step_intervals == b->set_step_intervals && a->ttl_s == b->ttl_s &&
           a->scale == b->scale && a->gauge_merge == b->gauge_merge;
}

static void profile_check(const struct profile *p)
{
    assert(p->sketch_schema >= 0 && p->sketch_schema <= 8);
    assert(p->histogram || (p->summary_age_buckets > 0 && p->summary_max_age_ms > 0));
    assert(p->set_steps == 0 || p->set_step_intervals > 0);
    assert(p->set_steps <= PROFILE_SET_STEPS_MAX);
    assert(p->gauge_merge < GAUGE_MERGE_COUNT);
    assert(isfinite(p->scale) && p->native_factor >= 0 && !isnan(p->native_zero_threshold));
    for (uint32_t i = 1; i < p->n_buckets; i++)
        assert(p->buckets[i - 1] < p->buckets[i]);
    for (uint32_t i = 0; i < p->n_quantiles; i++)
        assert(p->quantiles[i] >= 0 && p->quantiles[i] <= 1);
}

static const struct profile *add(struct profiles *ps, const struct profile *p)
{
    struct profile *copy = mem_alloc(sizeof *copy);
    assert(ps->n < PROFILES_MAX);
    *copy = *p;
    profile_raise_schema(copy);
    profile_check(copy);
    copy->index = (uint8_t)ps->n;
    copy->set = ps->number;
    copy->buckets = copy_doubles(p->buckets, p->n_buckets);
    copy->quantiles = copy_doubles(p->quantiles, p->n_quantiles);
    ps->at[ps->n++] = copy;
    return copy;
}

struct profiles *profiles_new(const struct profile *p)
{
    static uint64_t sets;
    struct profiles *ps = mem_zalloc(sizeof *ps);
    ps->number = ++sets;
    add(ps, p);
    return ps;
}

/* What a profile owns is const for all who read it. */
static void free_const(const void *p)
{
    free((void *)(uintptr_t)p); /* NOLINT(performance-no-int-to-ptr) */
}

void profiles_free(struct profiles *ps)
{
    for (unsigned i = 0; ps != NULL && i < ps->n; i++) {
        free_const(ps->at[i]->buckets);
        free_const(ps->at[i]->quantiles);
        free(ps->at[i]);
    }
    free(ps);
}

const struct profile *profiles_find(const struct profiles *ps, const struct profile *p)
{
    struct profile raised = *p;
    profile_raise_schema(&raised);
    for (unsigned i = 0; i < ps->n; i++)
        if (is_equal(ps->at[i], &raised))
            return ps->at[i];
    return NULL;
}

const struct profile *profiles_intern(struct profiles *ps, const struct profile *p)
{
    const struct profile *there = profiles_find(ps, p);
    if (there != NULL)
        return there;
    return ps->n < PROFILES_MAX ? add(ps, p) : NULL;
}

const struct profile *profiles_at(const struct profiles *ps, uint8_t index)
{
    assert(index < ps->n);
    return ps->at[index];
}

uint64_t profiles_least_ttl_s(const struct profiles *ps)
{
    uint64_t least = 0;
    for (unsigned i = 0; i < ps->n; i++)
        if (ps->at[i]->ttl_s > 0 && (least == 0 || ps->at[i]->ttl_s < least))
            least = ps->at[i]->ttl_s;
    return least;
}
