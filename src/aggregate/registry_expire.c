/*
 * registry_expire   a slice of the series, for those that are idle
 *   registry_expire_series     leaves the page and forgets its values
 *   registry_forget            no worker's cell points to it any more: it is gone
 */
#include <assert.h>

#include "aggregate/registry_priv.h"

enum { EXPIRE_AHEAD = 8 };                         /* how far ahead to prefetch */
enum { EXPIRE_LOOKS = 32768, EXPIRE_GONE = 1024 }; /* of one slice */
enum { RESTORED_LOOKS = 8192 };

void registry_forget(struct registry *r, size_t i)
{
    struct series *s = r->all[i];
    series_check(s);
    assert(s->state == SERIES_EXPIRED && s->cells == 0);
    const struct places_array array = registry_series(r);
    places_remove(&r->by_identity, &array, (uint32_t)i, (uint32_t)r->n_all);
    series_limit_drop(r->opts.limit, r->hashes[i]);
    r->all[i] = r->all[--r->n_all];
    r->hashes[i] = r->hashes[r->n_all];
    if (i < r->n_all)
        places_moved(&r->by_identity, &array, (uint32_t)r->n_all, (uint32_t)i);
    series_free(s, &r->memory, &r->symbols);
}

void registry_expire_series(struct registry *r, struct series *s)
{
    registry_leave_page(r, s);
    assert(r->by_kind[s->kind] > 0);
    r->by_kind[s->kind]--;
    r->stats.v[REGISTRY_SERIES_EXPIRED]++;
    series_clear(s);
    r->n_dropped -= s->dropped;
    s->dropped = 0;
    s->state = SERIES_EXPIRED;
    series_check(s);
}

void registry_remove(struct registry *r, size_t i)
{
    struct series *s = r->all[i];
    assert(r->merging.page == NULL && s->state != SERIES_EXPIRED && !s->dropped);
    r->stats.v[REGISTRY_SERIES_DELETED]++;
    if (s->cells > 0) {
        r->deleted = r->deleted != NULL ? r->deleted : deleted_new();
        deleted_add(r->deleted, s);
    }
    if (s->state == SERIES_QUIET) {
        registry_expire_series(r, s);
        if (s->cells == 0)
            registry_forget(r, i);
        return;
    }
    registry_leave_page(r, s);
    s->dropped = 1;
    r->n_dropped++;
    series_check(s);
}

struct deleted *registry_take_deleted(struct registry *r)
{
    struct deleted *d = r->deleted;
    r->deleted = NULL;
    return d;
}

bool registry_has_deleted(const struct registry *r)
{
    return r->deleted != NULL;
}

/* What came in during an interval still has to reach the sinks. */
static bool is_over(const struct registry *r, const struct series *s, uint64_t now_s)
{
    uint64_t ttl_s = series_profile(s, r->opts.profiles)->ttl_s;
    bool idle = ttl_s > 0 && now_s > s->last_s + ttl_s;
    return (idle || s->dropped) && s->state == SERIES_QUIET;
}

/* Look at r->all[r->expire_at], and go on.   returns  how many have left the page or are gone */
static unsigned expire_one(struct registry *r, uint64_t now_s)
{
    struct series *s = r->all[r->expire_at];
    unsigned n = 0;
    if (r->expire_at + EXPIRE_AHEAD < r->n_all)
        __builtin_prefetch(r->all[r->expire_at + EXPIRE_AHEAD]);
    if (is_over(r, s, now_s)) {
        registry_expire_series(r, s);
        n++;
    }
    if (s->state != SERIES_EXPIRED || s->cells > 0) {
        r->expire_at++;
        return n;
    }
    registry_forget(r, r->expire_at); /* another one stands there now */
    return n + 1;
}

static bool begin_sweep(struct registry *r, uint64_t now_ns)
{
    bool due = r->least_ttl_s > 0 && now_ns >= r->next_expire_ns;
    if (!due && r->n_dropped == 0 && !r->forget_due)
        return false;
    r->forget_due = false;
    uint64_t every_s = r->least_ttl_s / 10 > 1 ? r->least_ttl_s / 10 : 1;
    r->next_expire_ns = now_ns + every_s * 1000000000;
    r->expire_at = 0;
    return true;
}

bool registry_expire(struct registry *r, uint64_t now_ns)
{
    if (r->merging.page == NULL)
        restored_sweep(&r->restored, &r->output, now_ns / 1000000000, RESTORED_LOOKS);
    r->expiring = r->expiring || begin_sweep(r, now_ns);
    if (!r->expiring)
        return false;
    if (r->merging.page != NULL) /* what looks idle may have samples in the rest of the page */
        return true;
    registry_check(r);
    unsigned gone = 0;
    for (unsigned i = 0; r->expire_at < r->n_all && i < EXPIRE_LOOKS && gone < EXPIRE_GONE; i++)
        gone += expire_one(r, now_ns / 1000000000);
    r->expiring = r->expire_at < r->n_all;
    return r->expiring;
}
