#include <assert.h>

#include "aggregate/registry_priv.h"
#include "aggregate/timer.h"

enum { SERIES_AHEAD = 12 }; /* how far ahead to prefetch */

/* The head of a series, then its value and its name: on their way before their turn comes. */
static void prefetch_closed(const struct registry *r, size_t i)
{
    const size_t far = i + (size_t)2 * SERIES_AHEAD;
    if (far < r->n_touched) {
        const char *s = (const char *)r->touched[far];
        __builtin_prefetch(s);
        __builtin_prefetch(s + sizeof(struct series));
    }
    if (i + SERIES_AHEAD < r->n_touched) {
        const struct series *s = r->touched[i + SERIES_AHEAD];
        const struct tuple *t = series_tuple(s);
        __builtin_prefetch(symbols_at(&r->symbols, t->symbol[0]));
        if (s->kind == SERIES_TIMER)
            __builtin_prefetch(((const struct timer_series *)s)->interval);
    }
}

static void each_touched(const struct snapshot *snap, closed_series_fn fn, void *cookie)
{
    const struct registry *r = snap->source;
    struct buf key = { 0 };
    for (size_t i = 0; i < r->n_touched; i++) {
        const struct series *s = r->touched[i];
        prefetch_closed(r, i);
        assert(s->in_interval && !s->bare);
        const struct tuple *t = series_tuple(s);
        buf_clear(&key);
        tuple_key(t, &r->symbols, &key);
        struct closed_series c = { .key = buf_slice(&key),
                                   .name = slice_of(key.ptr, tuple_name(t, &r->symbols).len),
                                   .kind = (enum series_kind)s->kind };
        kind_rows[s->kind]->close(s, r->end.now_ns, r->end.now_wall_ms, &c);
        fn(cookie, &c);
    }
    buf_release(&key);
}

void registry_close(struct registry *r, const struct interval_end *end, struct snapshot *ret)
{
    registry_check(r);
    assert(end->interval_ms > 0);
    r->end = *end;
    *ret = (struct snapshot){ .start_s = end->start_s,
                              .interval_ms = end->interval_ms,
                              .n_series = r->n_touched,
                              .each = each_touched,
                              .source = r };
}

void registry_next(struct registry *r)
{
    const struct kind_now now = registry_kind_now(r, r->end.now_ns);
    r->interval++;
    set_list_next(&r->sets, r->interval);
    for (size_t i = 0; i < r->n_touched; i++) {
        struct series *s = r->touched[i];
        if (i + SERIES_AHEAD < r->n_touched)
            __builtin_prefetch(r->touched[i + SERIES_AHEAD], 1);
        kind_next(s, &now);
        s->in_interval = 0;
    }
    r->n_touched = 0;
}
