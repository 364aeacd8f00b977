#include "aggregate/restored.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"

enum { AHEAD = 8 }; /* how far ahead to prefetch */

void restored_add(struct restored *l, struct exposed *e)
{
    assert(e->restored && e->family != NULL);
    l->at = mem_grow(l->at, &l->cap, l->n + 1, sizeof(struct exposed *));
    l->at[l->n++] = e;
}

const struct profile *restored_profile(struct restored *l, const struct profile *p)
{
    struct profiles *set = profiles_new(p);
    l->sets = mem_grow(l->sets, &l->cap_sets, l->n_sets + 1, sizeof(struct profiles *));
    l->sets[l->n_sets++] = set;
    return profiles_at(set, 0);
}

static bool is_over(const struct exposed *e, uint64_t now_s)
{
    uint64_t ttl_s = e->profile->ttl_s;
    return !e->restored || e->family == NULL || (ttl_s > 0 && now_s > e->last_s + ttl_s);
}

static void forget_profiles(struct restored *l)
{
    for (size_t i = 0; i < l->n_sets; i++)
        profiles_free(l->sets[i]);
    free(l->sets);
    free(l->at);
    *l = (struct restored){ 0 };
}

void restored_sweep(struct restored *l, struct output *o, uint64_t now_s, size_t looks)
{
    for (size_t left = looks < l->n ? looks : l->n; left > 0; left--) {
        l->swept = l->swept < l->n ? l->swept : 0;
        if (l->swept + AHEAD < l->n)
            __builtin_prefetch(l->at[l->swept + AHEAD]);
        struct exposed *e = l->at[l->swept];
        if (!is_over(e, now_s)) {
            l->swept++;
            continue;
        }
        l->at[l->swept] = l->at[--l->n];
        output_leave_restored(o, e);
    }
    if (l->n == 0)
        forget_profiles(l);
}

void restored_release(struct restored *l, struct output *o)
{
    while (l->n > 0)
        output_leave_restored(o, l->at[--l->n]);
    forget_profiles(l);
}
