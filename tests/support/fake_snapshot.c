#include "support/fake_snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void fake_snapshot_each(const struct fake_snapshot *f, closed_series_fn fn, void *cookie)
{
    for (size_t i = 0; i < f->snap.n_series; i++)
        fn(cookie, &f->rows[i]);
}

static void put(void *sink, const struct closed_series *c)
{
    struct sink *s = sink;
    s->put(s, c);
}

void fake_snapshot_give(const struct fake_snapshot *f, struct sink *s, bool final)
{
    s->begin(s, &f->snap, final);
    fake_snapshot_each(f, put, s);
    s->end(s);
}

static void encode(void *e, const struct closed_series *c)
{
    redis_encode_put(e, c);
}

void fake_snapshot_encode(const struct fake_snapshot *f, struct redis_encode *e, uint32_t life_s,
                          redis_encode_take_fn take, void *cookie)
{
    redis_encode_begin(e, &f->snap, life_s, take, cookie);
    fake_snapshot_each(f, encode, e);
    redis_encode_end(e);
}

void fake_snapshot_init(struct fake_snapshot *f, int64_t start_s)
{
    *f = (struct fake_snapshot){ .snap = { .start_s = start_s, .interval_ms = 10000 } };
}

void fake_snapshot_release(struct fake_snapshot *f)
{
    for (size_t i = 0; i < f->snap.n_series; i++) {
        struct closed_series *s = &f->rows[i];
        free((void *)(uintptr_t)s->key.ptr);
        if (s->kind == SERIES_TIMER) {
            sketch_release((struct sketch *)(uintptr_t)s->timer);
            free((void *)(uintptr_t)s->timer);
        }
        if (s->kind == SERIES_SET) {
            members_release((struct members *)(uintptr_t)s->set);
            free((void *)(uintptr_t)s->set);
        }
    }
    free(f->rows);
    f->rows = NULL;
    f->snap.n_series = 0;
}

static struct closed_series *row(struct fake_snapshot *f, const char *key, enum series_kind kind)
{
    f->rows = mem_grow(f->rows, &f->cap, f->snap.n_series + 1, sizeof f->rows[0]);
    struct closed_series *s = &f->rows[f->snap.n_series++];
    /* Exact size, so that a sanitizer sees one byte too many. */
    size_t n = strlen(key);
    const char *bar = strchr(key, '|');
    char *copy = mem_alloc(n);
    memcpy(copy, key, n);
    *s = (struct closed_series){ .key = { copy, n },
                                 .name = { copy, bar ? (size_t)(bar - key) : n },
                                 .kind = kind };
    return s;
}

void fake_snapshot_counter(struct fake_snapshot *f, const char *key, double sum)
{
    row(f, key, SERIES_COUNTER)->counter = sum;
}

void fake_snapshot_gauge(struct fake_snapshot *f, const char *key, struct gauge_change change)
{
    row(f, key, SERIES_GAUGE)->gauge = change;
}

void fake_snapshot_rule(struct fake_snapshot *f, enum gauge_merge rule)
{
    f->rows[f->snap.n_series - 1].merge = rule;
}

struct sketch *fake_snapshot_timer(struct fake_snapshot *f, const char *key, int schema)
{
    struct sketch *k = mem_zalloc(sizeof *k);
    sketch_setup();
    sketch_init(k, schema);
    row(f, key, SERIES_TIMER)->timer = k;
    return k;
}

struct members *fake_snapshot_set(struct fake_snapshot *f, const char *key)
{
    struct members *m = mem_zalloc(sizeof *m);
    row(f, key, SERIES_SET)->set = m;
    return m;
}
