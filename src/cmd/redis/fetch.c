#include "cmd/redis/redis.h"

#include "sinks/redis_field.h"

struct fetch {
    struct task task; /* first */
    const struct redis_args *args;
    struct series_list *list;
    size_t column;
    redis_column_fn column_of;
    const void *cookie;
};

static bool is_wanted(const struct redis_args *a, struct slice series)
{
    bool wanted = a->n_patterns == 0;
    for (size_t i = 0; i < a->n_patterns && !wanted; i++)
        wanted = pattern_matches(&a->patterns[i], series);
    return wanted;
}

/* ---- fields of a hash ---- */

static void on_field(void *cookie, struct slice name, struct slice value)
{
    struct fetch *f = cookie;
    struct redis_field field;
    redis_field_name(name, &field);
    if (field.series.len == 0 || !is_wanted(f->args, field.series))
        return;
    if (session_field(f->task.session, name, value, &field))
        series_put(f->list, f->column, &field);
    redis_field_release(&field);
}

/* May the shard have something that is wanted? */
static bool asks_shard(const struct redis_args *a, unsigned shard)
{
    bool asks = a->n_patterns == 0;
    for (size_t i = 0; i < a->n_patterns && !asks; i++)
        asks =
            !pattern_is_exact(&a->patterns[i]) || redis_reader_shard(a->patterns[i].name) == shard;
    return asks;
}

void redis_fetch(struct session *s, const struct redis_args *a, int64_t t, struct series_list *l,
                 size_t column)
{
    struct buf match = { 0 };
    if (a->n_patterns == 1) /* what several let through would come several times */
        pattern_for_redis(&a->patterns[0], &match);
    for (unsigned shard = 0; shard < REDIS_READER_SHARDS; shard++) {
        if (!asks_shard(a, shard))
            continue;
        struct fetch *f = session_task(s, sizeof *f);
        f->args = a;
        f->list = l;
        f->column = column;
        const struct redis_read_calls calls = { .cookie = f,
                                                .field = on_field,
                                                .done = session_done };
        redis_reader_scan(s->reader, shard, t, match.ptr, &calls);
    }
    buf_release(&match);
}

/* ---- sets ---- */

static void on_set(void *cookie, int64_t t, struct slice key)
{
    struct fetch *f = cookie;
    size_t column = f->column_of(f->cookie, t);
    if (column >= f->list->columns || !is_wanted(f->args, key))
        return;
    struct series *s = series_find(f->list, SERIES_SET, key);
    if (s == NULL)
        return;
    struct value *v = &s->values[column];
    v->there = true;
    v->last_s = t > v->last_s ? t : v->last_s;
}

void redis_fetch_sets(struct session *s, const struct redis_args *a, int64_t t,
                      struct series_list *l, redis_column_fn column_of, const void *cookie)
{
    for (unsigned shard = 0; shard < REDIS_READER_SHARDS; shard++) {
        if (!asks_shard(a, shard))
            continue;
        struct fetch *f = session_task(s, sizeof *f);
        f->args = a;
        f->list = l;
        f->column_of = column_of;
        f->cookie = cookie;
        const struct redis_read_calls calls = { .cookie = f, .set = on_set, .done = session_done };
        redis_reader_sets(s->reader, shard, t, &calls);
    }
}

struct count {
    struct task task; /* first */
    struct value *to;
};

static void on_members(void *cookie, uint64_t n)
{
    struct value *to = ((struct count *)cookie)->to;
    to->number = (double)n;
    to->there = true;
}

void redis_fetch_members(struct session *s, struct slice key, const int64_t *t, size_t n,
                         struct value *to)
{
    struct count *c = session_task(s, sizeof *c);
    c->to = to;
    to->there = false; /* no call where its key has expired meanwhile */
    const struct redis_read_calls calls = { .cookie = c,
                                            .members = on_members,
                                            .done = session_done };
    redis_reader_members(s->reader, key, t, n, &calls);
}
