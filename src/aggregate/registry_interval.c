/*
 * registry_close      the list of touched series becomes that of the closing ones
 * registry_give       sets hear of it (set.h); the next of them
 *   registry_give_series   .. and, for registry_merge.c, one that a page is about to change
 */
#include "aggregate/registry_interval.h"

#include <assert.h>
#include <stdlib.h>

#include "aggregate/registry_priv.h"
#include "aggregate/timer.h"

enum { HEAD_AHEAD = 24, VALUE_AHEAD = 12 }; /* how far ahead to prefetch */

/* The head of a series, then its value and its name. */
static void prefetch(const struct registry *r)
{
    const struct closing *c = &r->closing;
    if (c->next + HEAD_AHEAD < c->n) {
        const struct series *s = c->at[c->next + HEAD_AHEAD];
        __builtin_prefetch(s, 1);
        __builtin_prefetch((const char *)s + 56, 1);
    }
    if (c->next + VALUE_AHEAD < c->n) {
        const struct series *s = c->at[c->next + VALUE_AHEAD];
        __builtin_prefetch(symbols_at(&r->symbols, series_tuple(s)->symbol[0]));
        if (s->kind == SERIES_TIMER)
            __builtin_prefetch(((const struct timer_series *)s)->interval, 1);
    }
}

static void give(struct registry *r, const struct series *s)
{
    const struct interval_end *end = &r->closing.end;
    const struct tuple *t = series_tuple(s);
    assert(!s->bare);
    buf_clear(&r->key);
    tuple_key(t, &r->symbols, &r->key);
    struct closed_series c = { .key = buf_slice(&r->key),
                               .name = slice_of(r->key.ptr, tuple_name(t, &r->symbols).len),
                               .kind = (enum series_kind)s->kind,
                               .milliseconds = kind_types[t->type].milliseconds };
    if (s->kind == SERIES_GAUGE)
        c.merge = series_profile(s, r->opts.profiles)->gauge_merge;
    kind_rows[s->kind]->close(s, end->now_ns, end->now_wall_ms, &c);
    end->give(end->cookie, &c);
}

void registry_give_series(struct registry *r, struct series *s)
{
    const struct interval_end *end = &r->closing.end;
    const struct kind_now now = registry_kind_now(r, end->now_ns);
    assert(s->state == registry_closing(r));
    if (end->give != NULL)
        give(r, s);
    kind_next(s, &now);
    s->state = SERIES_QUIET;
}

void registry_close(struct registry *r, const struct interval_end *end, struct snapshot *ret)
{
    registry_check(r);
    assert(end->interval_ms > 0 && r->merging.page == NULL);
    assert(r->closing.at == NULL); /* the interval before has been given */
    r->closing = (struct closing){ .at = r->touched, .n = r->n_touched, .end = *end };
    *ret = (struct snapshot){ .start_s = end->start_s,
                              .interval_ms = end->interval_ms,
                              .n_series = r->n_touched };
    r->touched = NULL;
    r->n_touched = r->cap_touched = 0;
    if (end->goes_on)
        return;
    r->interval++;
    set_list_next(&r->sets);
    assert(r->sets.interval == r->interval);
}

bool registry_give(struct registry *r, size_t most)
{
    struct closing *c = &r->closing;
    if (set_list_go_on(&r->sets, &most))
        return true;
    for (; c->next < c->n && most > 0; c->next++, most--) {
        prefetch(r);
        if (c->at[c->next]->state == registry_closing(r))
            registry_give_series(r, c->at[c->next]);
    }
    if (c->next < c->n)
        return true;
    free(c->at);
    *c = (struct closing){ .at = NULL };
    return false;
}
