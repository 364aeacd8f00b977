#include "cmd/redis/series.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"

/* ---- finding ---- */

static size_t place_of(const struct series_list *l, enum series_kind kind, struct slice key)
{
    size_t i = (hash64_bytes(key.ptr, key.len) + kind) & (l->index_cap - 1);
    while (l->index[i] != 0) {
        const struct series *s = l->at[l->index[i] - 1];
        if (s->kind == kind && slice_eq(s->key, key))
            break;
        i = (i + 1) & (l->index_cap - 1);
    }
    return i;
}

static void grow_index(struct series_list *l)
{
    l->index_cap = l->index_cap > 0 ? l->index_cap * 2 : 64;
    free(l->index);
    l->index = mem_zalloc(l->index_cap * sizeof l->index[0]);
    for (size_t i = 0; i < l->n; i++)
        l->index[place_of(l, l->at[i]->kind, l->at[i]->key)] = (uint32_t)i + 1;
}

static struct series *series_new(enum series_kind kind, struct slice key, size_t columns)
{
    struct series *s = mem_zalloc(sizeof *s);
    s->kind = kind;
    s->key = slice_of(mem_strndup(key.ptr, key.len), key.len);
    s->values = mem_zalloc(columns * sizeof s->values[0]);
    for (size_t i = 0; i < columns; i++) {
        s->values[i].last_s = REDIS_FIELD_NEVER;
        sketch_init(&s->values[i].timer, SKETCH_SCHEMA_MAX);
    }
    return s;
}

struct series *series_find(struct series_list *l, enum series_kind kind, struct slice key)
{
    assert(l->columns > 0);
    if (l->n >= l->index_cap / 2)
        grow_index(l);
    size_t i = place_of(l, kind, key);
    if (l->index[i] != 0)
        return l->at[l->index[i] - 1];
    if (l->most > 0 && l->n == l->most) {
        l->left_out++;
        return NULL;
    }
    l->at = mem_grow(l->at, &l->cap, l->n + 1, sizeof(void *));
    l->at[l->n++] = series_new(kind, key, l->columns);
    l->index[i] = (uint32_t)l->n;
    return l->at[l->n - 1];
}

/* ---- values ---- */

static enum series_kind kind_of(enum redis_field_kind kind)
{
    switch (kind) {
    case REDIS_FIELD_COUNTER:
        return SERIES_COUNTER;
    case REDIS_FIELD_GAUGE:
    case REDIS_FIELD_INSTANCE_GAUGE:
        return SERIES_GAUGE;
    case REDIS_FIELD_TIMER:
    case REDIS_FIELD_TIMER_NEGATIVE:
        return SERIES_TIMER;
    case REDIS_FIELD_INSTANCE:
    case REDIS_FIELD_OTHER:
        break;
    }
    abort();
}

void value_merge(enum series_kind kind, struct value *to, const struct value *from)
{
    if (!from->there)
        return;
    if (kind == SERIES_TIMER)
        (void)sketch_merge(&to->timer, &from->timer); /* past the doubles its sum stays */
    else if (kind == SERIES_GAUGE)
        to->number = !to->there || from->stamp_ms >= to->stamp_ms ? from->number : to->number;
    else
        to->number = fmax(-DBL_MAX, fmin(to->number + from->number, DBL_MAX));
    to->there = true;
    to->last_s = from->last_s > to->last_s ? from->last_s : to->last_s;
    to->stamp_ms = from->stamp_ms > to->stamp_ms ? from->stamp_ms : to->stamp_ms;
}

static void put_own(struct series *s, const struct redis_field *f)
{
    struct buf name = { 0 };
    redis_field_instance(f->instance, &name);
    s->own = mem_grow(s->own, &s->cap_own, s->n_own + 1, sizeof s->own[0]);
    s->own[s->n_own++] =
        (struct own_gauge){ .instance = mem_strndup(name.ptr, name.len),
                            .stored = mem_strndup(f->instance.ptr, f->instance.len),
                            .number = f->number,
                            .stamp_ms = f->stamp_ms,
                            .rule = f->rule };
    buf_release(&name);
}

void series_put(struct series_list *l, size_t column, const struct redis_field *f)
{
    struct series *s = series_find(l, kind_of(f->kind), f->series);
    assert(column < l->columns);
    if (s == NULL)
        return;
    if (f->kind == REDIS_FIELD_INSTANCE_GAUGE) {
        put_own(s, f);
        return;
    }
    const struct value from = { .there = true,
                                .number = f->number,
                                .last_s = f->last_s,
                                .stamp_ms = f->stamp_ms,
                                .timer = f->part };
    value_merge(s->kind, &s->values[column], &from);
}

enum gauge_merge series_rule(const struct series *s, const struct value *latest, int64_t now_ms)
{
    const struct own_gauge *last = s->own;
    for (size_t i = 1; i < s->n_own; i++)
        last = s->own[i].stamp_ms > last->stamp_ms ? &s->own[i] : last;
    if (last == NULL ||
        (latest->stamp_ms > last->stamp_ms && now_ms - latest->stamp_ms > REDIS_FIELD_RULE_MS))
        return GAUGE_MERGE_LATEST;
    return last->rule;
}

double series_gauge(const struct series *s, const struct value *latest, int64_t now_ms)
{
    double sum = 0, least = INFINITY, most = -INFINITY;
    size_t n = 0;
    const enum gauge_merge rule = series_rule(s, latest, now_ms);
    for (size_t i = 0; i < s->n_own; i++) {
        const struct own_gauge *own = &s->own[i];
        if (!own->alive)
            continue;
        n++;
        sum += own->number;
        least = fmin(least, own->number);
        most = fmax(most, own->number);
    }
    if (n == 0 || rule == GAUGE_MERGE_LATEST || !isfinite(sum))
        return latest->number;
    return rule == GAUGE_MERGE_SUM   ? sum
           : rule == GAUGE_MERGE_AVG ? sum / (double)n
           : rule == GAUGE_MERGE_MIN ? least
                                     : most;
}

/* ---- the list ---- */

static int by_key(const void *a, const void *b)
{
    const struct series *x = *(const struct series *const *)a;
    const struct series *y = *(const struct series *const *)b;
    int c = slice_cmp(x->key, y->key);
    return c != 0 ? c : (int)x->kind - (int)y->kind;
}

static int by_instance(const void *a, const void *b)
{
    const struct own_gauge *x = a, *y = b;
    return strcmp(x->instance, y->instance);
}

void series_sort(struct series_list *l)
{
    if (l->n > 0)
        qsort(l->at, l->n, sizeof(void *), by_key);
    for (size_t i = 0; i < l->n; i++)
        if (l->at[i]->n_own > 0)
            qsort(l->at[i]->own, l->at[i]->n_own, sizeof l->at[i]->own[0], by_instance);
}

static void own_release(struct own_gauge *own)
{
    free(own->instance);
    free(own->stored);
}

static void series_free(struct series *s, size_t columns)
{
    for (size_t i = 0; i < columns; i++)
        sketch_release(&s->values[i].timer);
    for (size_t i = 0; i < s->n_own; i++)
        own_release(&s->own[i]);
    free(s->own);
    free(s->values);
    free((char *)(uintptr_t)s->key.ptr); /* NOLINT(performance-no-int-to-ptr) */
    free(s);
}

void series_release(struct series_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        series_free(l->at[i], l->columns);
    free(l->at);
    free(l->index);
    *l = (struct series_list){ .columns = l->columns, .most = l->most };
}
