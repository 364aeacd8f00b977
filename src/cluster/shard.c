/*
 * cluster_shard_field   a field, kept
 * cluster_shard_put     sorted by series, then by kind:
 *   put_series            the fields of one
 *     put_counter, put_timer, put_gauge
 *     put_instances         a gauge of several instances, each by itself or all by their rule
 */
#include "cluster/shard.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

/* ---- its fields ---- */

static bool keep(struct cluster_shard *s, struct slice *text)
{
    char *copy = arena_alloc(&s->memory, text->len + 1);
    if (copy == NULL)
        return false;
    if (text->len > 0)
        memcpy(copy, text->ptr, text->len);
    *text = slice_of(copy, text->len);
    return true;
}

/* "birth writes", the ledger's own. */
static void read_birth(struct cluster_shard *s, struct slice value)
{
    struct slice birth;
    if (slice_cut(&value, ' ', &birth))
        s->birth = (uint32_t)hash64_bytes(birth.ptr, birth.len);
}

void cluster_shard_field(struct cluster_shard *s, struct slice name, struct slice value)
{
    struct redis_field f;
    if (slice_eq(name, SLICE_LIT("ledger"))) {
        read_birth(s, value);
        return;
    }
    bool good = redis_field_read(name, value, &f) == REDIS_FIELD_OK;
    s->odd += !good;
    if (!good || f.kind == REDIS_FIELD_OTHER) {
        redis_field_release(&f);
        return;
    }
    if (!keep(s, &f.series) || !keep(s, &f.instance)) {
        redis_field_release(&f);
        s->no_memory = true;
        return;
    }
    s->at = mem_grow(s->at, &s->cap, s->n + 1, sizeof *s->at);
    s->at[s->n++] = f;
}

void cluster_shard_release(struct cluster_shard *s)
{
    for (size_t i = 0; i < s->n; i++)
        redis_field_release(&s->at[i]);
    free(s->at);
    arena_release(&s->memory);
    *s = (struct cluster_shard){ 0 };
}

static int by_series(const void *a, const void *b)
{
    const struct redis_field *x = a, *y = b;
    int c = slice_cmp(x->series, y->series);
    if (c == 0)
        c = (int)x->kind - (int)y->kind;
    return c != 0 ? c : slice_cmp(x->instance, y->instance);
}

/* ---- its totals ---- */

void cluster_totals_put(struct cluster_totals *to, const struct total *t)
{
    switch (registry_put(to->to, t)) {
    case TOTAL_PUT:
    case TOTAL_TWICE:
        break;
    case TOTAL_DROPPED:
        to->left_out[CLUSTER_LEFT_OUT_DROPPED]++;
        break;
    case TOTAL_IDLE:
        to->left_out[CLUSTER_LEFT_OUT_IDLE]++;
        break;
    case TOTAL_LIMITED:
        to->left_out[CLUSTER_LEFT_OUT_LIMITED]++;
        break;
    case TOTAL_BAD:
        to->left_out[CLUSTER_LEFT_OUT_ODD]++;
        break;
    }
}

static struct total total_of(const struct cluster_totals *to, const struct redis_field *f,
                             uint8_t type)
{
    const int64_t idle_s = to->now_ms / 1000 - f->last_s;
    return (struct total){ .key = f->series,
                           .type = type,
                           .value = f->number,
                           .stamp_ms = f->stamp_ms,
                           .idle_s = f->last_s >= 0 && idle_s > 0 ? (uint64_t)idle_s : 0 };
}

static struct cluster_series known_as(const struct cluster_shard *s, const struct redis_field *f,
                                      const struct total *t)
{
    const uint64_t hash =
        hash64_bytes(f->series.ptr, f->series.len) + (uint64_t)f->kind * 0x9E3779B97F4A7C15ull;
    return (struct cluster_series){ hash, s->birth, t->idle_s };
}

/* What is not shown is not remembered either: Redis may have many times as much. */
static bool is_too_much(struct cluster_totals *to)
{
    const bool ret = registry_is_full(to->to);
    to->left_out[CLUSTER_LEFT_OUT_LIMITED] += ret;
    return ret;
}

static void put_counter(const struct cluster_shard *s, struct cluster_totals *to,
                        const struct redis_field *f)
{
    struct total t = total_of(to, f, SAMPLE_COUNTER);
    if (is_too_much(to))
        return;
    const struct cluster_series of = known_as(s, f, &t);
    t.value = cluster_memory_highest(to->memory, &of, f->number);
    cluster_totals_put(to, &t);
}

/* n: NULL, or its values below 0 */
static void put_timer(const struct cluster_shard *s, struct cluster_totals *to,
                      struct redis_field *f, const struct redis_field *n)
{
    struct total t = total_of(to, f, f->milliseconds ? SAMPLE_TIMING : SAMPLE_HISTOGRAM);
    bool fell = false;
    if (is_too_much(to))
        return;
    if (n != NULL)
        (void)sketch_merge(&f->part, &n->part);
    t.timer = &f->part;
    const struct cluster_series of = known_as(s, f, &t);
    t.recent = cluster_memory_recent(to->memory, &of, &f->part, &fell);
    to->fell |= fell;
    cluster_totals_put(to, &t);
}

/* ---- gauges of several instances ---- */

static bool is_alive(const struct cluster_shard *s, const struct cluster_totals *to,
                     struct slice instance)
{
    /* Instances have no series, and so come first. */
    const struct redis_field key = { .kind = REDIS_FIELD_INSTANCE, .instance = instance };
    const struct redis_field *f = bsearch(&key, s->at, s->n_instances, sizeof *s->at, by_series);
    return f != NULL && to->now_ms < f->stamp_ms + f->alive_ms;
}

static void put_of_instance(struct cluster_totals *to, const struct redis_field *f)
{
    struct total t = total_of(to, f, SAMPLE_GAUGE);
    buf_clear(&to->scratch);
    redis_field_instance(f->instance, &to->scratch);
    t.instance = buf_slice(&to->scratch);
    cluster_totals_put(to, &t);
}

static double merged(enum gauge_merge rule, double a, double b)
{
    switch (rule) {
    case GAUGE_MERGE_MIN:
        return fmin(a, b);
    case GAUGE_MERGE_MAX:
        return fmax(a, b);
    case GAUGE_MERGE_SUM:
    case GAUGE_MERGE_AVG:
        return a + b;
    default:
        return b;
    }
}

/* All n of them by the rule that was said last, as one. */
static void put_instances_as_one(const struct cluster_shard *s, struct cluster_totals *to,
                                 const struct redis_field *f, size_t n,
                                 const struct redis_field *last)
{
    struct redis_field all = *last;
    double number = 0;
    size_t alive = 0;
    for (size_t i = 0; i < n; i++) {
        if (!is_alive(s, to, f[i].instance)) {
            to->left_out[CLUSTER_LEFT_OUT_GONE]++;
            continue;
        }
        number = alive++ == 0 ? f[i].number : merged(all.rule, number, f[i].number);
    }
    all.number = all.rule == GAUGE_MERGE_AVG ? number / (double)alive : number;
    if (alive == 0 || !isfinite(all.number))
        return;
    const struct total t = total_of(to, &all, SAMPLE_GAUGE);
    cluster_totals_put(to, &t);
}

/* Of these n, the one whose value came last; its rule is that of all. */
static const struct redis_field *last_of(const struct redis_field *f, size_t n)
{
    const struct redis_field *last = f;
    for (size_t i = 1; i < n; i++)
        last = f[i].stamp_ms > last->stamp_ms ? &f[i] : last;
    return last;
}

/* An instance that has a rule writes its own value and the shared one at once: where the shared one
 * came later, the rule is given up; unless it may have come while this was read. */
static bool is_latest(const struct redis_field *shared, const struct redis_field *last,
                      int64_t now_ms)
{
    return last->rule == GAUGE_MERGE_LATEST ||
           (shared != NULL && shared->stamp_ms > last->stamp_ms &&
            now_ms - shared->stamp_ms > REDIS_FIELD_RULE_MS);
}

static bool has_instance_tag(struct slice series)
{
    struct slice rest = redis_series_tags(series), tag;
    while (slice_cut(&rest, ',', &tag))
        if (slice_starts(tag, SLICE_LIT("instance:")))
            return true;
    return slice_starts(rest, SLICE_LIT("instance:"));
}

/* shared: NULL, or what is the latest of all; n > 0 of the instances' own */
static void put_instances(const struct cluster_shard *s, struct cluster_totals *to,
                          const struct redis_field *shared, const struct redis_field *f, size_t n)
{
    const bool as_one = !to->instance_label || has_instance_tag(f->series);
    const struct redis_field *last = last_of(f, n);
    if (as_one && is_latest(shared, last, to->now_ms)) {
        const struct total t = total_of(to, shared != NULL ? shared : last, SAMPLE_GAUGE);
        cluster_totals_put(to, &t);
        return;
    }
    if (as_one) {
        put_instances_as_one(s, to, f, n, last);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (is_alive(s, to, f[i].instance))
            put_of_instance(to, &f[i]);
        else
            to->left_out[CLUSTER_LEFT_OUT_GONE]++;
    }
}

/* ---- */

/* The n fields of one series, by kind. */
static void put_series(const struct cluster_shard *s, struct cluster_totals *to,
                       struct redis_field *f, size_t n)
{
    struct redis_field *of[REDIS_FIELD_OTHER] = { NULL };
    size_t instances = 0;
    for (size_t i = 0; i < n; i++) {
        of[f[i].kind] = of[f[i].kind] == NULL ? &f[i] : of[f[i].kind];
        instances += f[i].kind == REDIS_FIELD_INSTANCE_GAUGE;
    }
    if (of[REDIS_FIELD_COUNTER] != NULL)
        put_counter(s, to, of[REDIS_FIELD_COUNTER]);
    if (of[REDIS_FIELD_TIMER] != NULL)
        put_timer(s, to, of[REDIS_FIELD_TIMER], of[REDIS_FIELD_TIMER_NEGATIVE]);
    if (instances > 0) {
        put_instances(s, to, of[REDIS_FIELD_GAUGE], of[REDIS_FIELD_INSTANCE_GAUGE], instances);
    } else if (of[REDIS_FIELD_GAUGE] != NULL) {
        const struct total t = total_of(to, of[REDIS_FIELD_GAUGE], SAMPLE_GAUGE);
        cluster_totals_put(to, &t);
    }
}

bool cluster_shard_put(struct cluster_shard *s, struct cluster_totals *to)
{
    const bool whole = !s->no_memory;
    if (s->n > 0)
        qsort(s->at, s->n, sizeof *s->at, by_series);
    while (s->n_instances < s->n && s->at[s->n_instances].kind == REDIS_FIELD_INSTANCE)
        s->n_instances++;
    for (size_t i = s->n_instances, n; i < s->n; i += n) {
        n = 1;
        while (i + n < s->n && slice_eq(s->at[i].series, s->at[i + n].series))
            n++;
        put_series(s, to, &s->at[i], n);
    }
    to->left_out[CLUSTER_LEFT_OUT_ODD] += s->odd;
    const uint32_t birth = s->birth;
    cluster_shard_release(s);
    s->birth = birth;
    return whole;
}
