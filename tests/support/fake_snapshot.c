#include "support/fake_snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static void each(const struct snapshot *snap, closed_series_fn fn, void *cookie)
{
    const struct fake_snapshot *f = snap->source;
    for (size_t i = 0; i < snap->n_series; i++)
        fn(cookie, &f->rows[i]);
}

void fake_snapshot_init(struct fake_snapshot *f, int64_t start_s)
{
    *f = (struct fake_snapshot){ .snap = {
                                     .start_s = start_s, .interval_ms = 10000, .each = each } };
    f->snap.source = f;
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
