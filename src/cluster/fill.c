/*
 * cluster_fill_new   all requests that can be made at once; a node answers them in this order
 *   on_field           a shard's; its last one: cluster_shard_put
 *   on_set             a set and an interval of it; the last one: ask_members
 *   on_entry           of a shard's log
 * over               a request has ended: the last one ends the filling
 */
#include "cluster/fill.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "sinks/redis_reader.h"

enum {
    LOG_ENTRIES = 256, /* of a shard: an instance has one for each interval */
    LIVE_INTERVALS = 5,
    LIVE_MS = 60000,
    LATE_MS = 1000 /* an interval is whole so long after the last instance has sent it */
};

struct set_interval {
    struct slice series;
    int64_t t;
};

/* A set whose members are asked for. */
struct asked {
    struct cluster_fill *fill;
    struct slice series;
};

struct reading {
    struct cluster_fill *fill;
    struct cluster_shard shard;
};

struct cluster_fill {
    struct cluster_fill_opts opts;
    struct reading shards[REDIS_READER_SHARDS];
    size_t waiting; /* requests that have not ended */
    size_t lists;   /* of sets, of those */
    bool ended;
    struct arena memory; /* of the sets' series */
    struct set_interval *sets;
    size_t n_sets, cap_sets;
    struct asked *asked;
    uint64_t *instances; /* hashes, one for each entry of a log */
    size_t n_instances, cap_instances;
};

static void end(struct cluster_fill *f, enum cluster_result result, const char *error)
{
    if (f->ended)
        return;
    f->ended = true;
    f->opts.done(f->opts.cookie, result, error);
}

static void over(struct cluster_fill *f, enum redis_read_status status, const char *error)
{
    assert(f->waiting > 0);
    f->waiting--;
    if (status != REDIS_READ_DONE)
        end(f, status == REDIS_READ_LATE ? CLUSTER_RESULT_LATE : CLUSTER_RESULT_REFUSED, error);
    else if (f->waiting == 0 && f->opts.totals.fell)
        end(f, CLUSTER_RESULT_BEHIND, "Redis lost its last writes, which are sent again");
    else if (f->waiting == 0)
        end(f, CLUSTER_RESULT_OK, NULL);
}

/* ---- shards ---- */

static void on_field(void *reading, struct slice name, struct slice value)
{
    struct reading *r = reading;
    cluster_shard_field(&r->shard, name, value);
}

static void on_shard(void *reading, enum redis_read_status status, const char *error)
{
    struct reading *r = reading;
    struct cluster_fill *f = r->fill;
    if (status == REDIS_READ_DONE && !f->ended && !cluster_shard_put(&r->shard, &f->opts.totals))
        end(f, CLUSTER_RESULT_REFUSED, "no memory");
    over(f, status, error);
}

static void ask_shards(struct cluster_fill *f)
{
    for (unsigned nn = 0; nn < REDIS_READER_SHARDS; nn++) {
        struct reading *r = &f->shards[nn];
        const struct redis_read_calls calls = { .cookie = r, .field = on_field, .done = on_shard };
        r->fill = f;
        f->waiting++;
        (void)redis_reader_scan(f->opts.reader, nn, REDIS_READER_TOTALS, NULL, &calls);
    }
}

/* ---- sets ---- */

/* The begin of the last interval that is over everywhere. */
static int64_t last_closed_ms(const struct cluster_fill *f)
{
    const int64_t interval_ms = f->opts.interval_ms;
    const int64_t closed_ms = f->opts.totals.now_ms - interval_ms / 4 - LATE_MS;
    return closed_ms / interval_ms * interval_ms - interval_ms;
}

static void on_set(void *fill, int64_t t, struct slice series)
{
    struct cluster_fill *f = fill;
    const int64_t last_ms = last_closed_ms(f), begin_ms = t * 1000;
    const int64_t window_ms = f->opts.set_window_ms > 0 ? f->opts.set_window_ms : 1;
    if (begin_ms / 1000 > last_ms / 1000 || begin_ms + window_ms <= last_ms / 1000 * 1000)
        return;
    char *copy = arena_alloc(&f->memory, series.len + 1);
    if (copy == NULL) {
        end(f, CLUSTER_RESULT_REFUSED, "no memory");
        return;
    }
    memcpy(copy, series.ptr, series.len);
    f->sets = mem_grow(f->sets, &f->cap_sets, f->n_sets + 1, sizeof *f->sets);
    f->sets[f->n_sets++] = (struct set_interval){ slice_of(copy, series.len), t };
}

static void on_members(void *asked, uint64_t n)
{
    const struct asked *a = asked;
    const struct total t = { .key = a->series, .type = SAMPLE_SET, .value = (double)n };
    if (!a->fill->ended)
        cluster_totals_put(&a->fill->opts.totals, &t);
}

static void on_counted(void *asked, enum redis_read_status status, const char *error)
{
    over(((struct asked *)asked)->fill, status, error);
}

static int by_series(const void *a, const void *b)
{
    const struct set_interval *x = a, *y = b;
    int c = slice_cmp(x->series, y->series);
    return c != 0 ? c : (x->t > y->t) - (x->t < y->t);
}

static void ask_members(struct cluster_fill *f)
{
    int64_t *ts = mem_alloc((f->n_sets + 1) * sizeof *ts);
    f->asked = mem_alloc((f->n_sets + 1) * sizeof *f->asked);
    if (f->n_sets > 0)
        qsort(f->sets, f->n_sets, sizeof *f->sets, by_series);
    for (size_t i = 0, n; i < f->n_sets; i += n) {
        const struct slice series = f->sets[i].series;
        for (n = 0; i + n < f->n_sets && slice_eq(series, f->sets[i + n].series); n++)
            ts[n] = f->sets[i + n].t;
        f->asked[i] = (struct asked){ f, series };
        const struct redis_read_calls calls = { .cookie = &f->asked[i],
                                                .members = on_members,
                                                .done = on_counted };
        f->waiting++;
        (void)redis_reader_members(f->opts.reader, series, ts, n, &calls);
    }
    free(ts);
}

static void on_sets(void *fill, enum redis_read_status status, const char *error)
{
    struct cluster_fill *f = fill;
    f->lists--;
    if (status == REDIS_READ_DONE && !f->ended && f->lists == 0)
        ask_members(f);
    over(f, status, error);
}

static void ask_sets(struct cluster_fill *f)
{
    const struct redis_read_calls calls = { .cookie = f, .set = on_set, .done = on_sets };
    for (unsigned nn = 0; nn < REDIS_READER_SHARDS; nn++) {
        f->waiting++;
        f->lists++;
        (void)redis_reader_sets(f->opts.reader, nn, REDIS_READER_TOTALS, &calls);
    }
}

/* ---- instances ---- */

static void on_entry(void *fill, const struct redis_log_entry *e)
{
    struct cluster_fill *f = fill;
    const int64_t by_intervals_ms = LIVE_INTERVALS * f->opts.interval_ms;
    const int64_t live_ms = by_intervals_ms > LIVE_MS ? by_intervals_ms : LIVE_MS;
    if (e->t < (f->opts.totals.now_ms - live_ms) / 1000)
        return;
    f->instances =
        mem_grow(f->instances, &f->cap_instances, f->n_instances + 1, sizeof *f->instances);
    f->instances[f->n_instances++] = hash64_bytes(e->instance.ptr, e->instance.len);
}

static void on_log(void *fill, enum redis_read_status status, const char *error)
{
    over(fill, status, error);
}

static void ask_logs(struct cluster_fill *f)
{
    const struct redis_read_calls calls = { .cookie = f, .entry = on_entry, .done = on_log };
    for (unsigned nn = 0; nn < REDIS_READER_SHARDS; nn++) {
        f->waiting++;
        (void)redis_reader_log(f->opts.reader, nn, NULL, LOG_ENTRIES, &calls);
    }
}

static int by_hash(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

void cluster_fill_stats(const struct cluster_fill *f, struct cluster_stats *ret)
{
    ret->instances = 0;
    if (f->n_instances > 0)
        qsort(f->instances, f->n_instances, sizeof *f->instances, by_hash);
    for (size_t i = 0; i < f->n_instances; i++)
        ret->instances += i == 0 || f->instances[i] != f->instances[i - 1];
    memcpy(ret->left_out, f->opts.totals.left_out, sizeof ret->left_out);
}

/* ---- its life ---- */

struct cluster_fill *cluster_fill_new(const struct cluster_fill_opts *opts)
{
    struct cluster_fill *f = mem_zalloc(sizeof *f);
    f->opts = *opts;
    ask_shards(f);
    ask_sets(f);
    ask_logs(f);
    return f;
}

void cluster_fill_free(struct cluster_fill *f)
{
    if (f == NULL)
        return;
    for (unsigned nn = 0; nn < REDIS_READER_SHARDS; nn++)
        cluster_shard_release(&f->shards[nn].shard);
    buf_release(&f->opts.totals.scratch);
    arena_release(&f->memory);
    free(f->sets);
    free(f->asked);
    free(f->instances);
    free(f);
}
