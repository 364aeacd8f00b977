#include "aggregate/registry.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/registry_priv.h"
#include "base/mem.h"

enum { MERGE_AHEAD = 8, MERGE_FAR = 16 };

static uint64_t identity_index_hash(const void *series)
{
    return ((const struct series *)series)->id->hash;
}

static bool identity_is(const void *series, const void *identity)
{
    return identity_eq(((const struct series *)series)->id, identity);
}

struct registry *registry_new(const struct registry_opts *opts)
{
    assert((opts->summary_age_buckets > 0 && opts->summary_max_age_ms > 0) || opts->histograms);
    struct registry *r = mem_zalloc(sizeof *r);
    r->order = 1;   /* a walk that begins knows none */
    r->opts = *opts;
    sketch_setup();
    index_init(&r->by_identity, identity_index_hash);
    index_init(&r->by_labels, family_labels_hash);
    index_init(&r->by_name, family_index_hash);
    off_page_init(&r->off_page);
    sketch_init(&r->window, opts->sketch_schema);
    r->le = mem_zalloc((opts->n_buckets + 1) * sizeof *r->le);
    for (size_t i = 0; i < opts->n_reserved; i++)
        family_reserve(r, opts->reserved[i]);
    return r;
}

void registry_free(struct registry *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < r->n_all; i++)
        series_free(&r->opts, r->all[i]);
    family_release_all(r);
    index_release(&r->by_identity);
    index_release(&r->by_labels);
    index_release(&r->by_name);
    off_page_release(&r->off_page);
    sketch_release(&r->window);
    buf_release(&r->text);
    buf_release(&r->name);
    free(r->le);
    free(r->all);
    free(r->touched);
    free(r->sets);
    free(r);
}

const struct ingest_counters *page_stats(const struct page *p)
{
    return &p->stats;
}

const uint64_t *page_rejected(const struct page *p)
{
    return p->rejected;
}

const struct registry_counters *registry_stats(const struct registry *r)
{
    return &r->stats;
}

const struct off_page_note *const *registry_off_page(const struct registry *r, size_t *ret_n)
{
    *ret_n = r->off_page.n;
    return (const struct off_page_note *const *)r->off_page.at;
}

uint64_t registry_count(const struct registry *r, enum series_kind kind)
{
    return r->by_kind[kind];
}

/* ---- sets ---- */

/*
 * The list of sets: with windows, those whose window is not empty, each to be moved on when a step begins; without,
 * those that had members in the last closed interval, to be set to 0 if they have none in the next.
 */

static uint64_t set_step(const struct registry *r)
{
    return r->opts.set_steps > 0 ? r->interval / r->opts.set_step_intervals : 0;
}

static void list_set(struct registry *r, struct set_series *n)
{
    if (n->listed > 0)
        return;
    r->sets = mem_grow(r->sets, &r->cap_sets, r->n_sets + 1, sizeof(struct set_series *));
    r->sets[r->n_sets++] = n;
    n->listed = (uint32_t)r->n_sets;
}

static void unlist_set(struct registry *r, struct set_series *n)
{
    if (n->listed == 0)
        return;
    struct set_series *last = r->sets[--r->n_sets];
    r->sets[n->listed - 1] = last;
    last->listed = n->listed;
    n->listed = 0;
}

static void move_windows_on(struct registry *r)
{
    uint64_t step = set_step(r);
    for (size_t i = r->n_sets; i-- > 0;) {
        struct set_series *n = r->sets[i];
        if (i >= MERGE_AHEAD)
            __builtin_prefetch(r->sets[i - MERGE_AHEAD], 1);
        set_window_advance(&n->window, step, r->opts.set_steps);
        if (set_window_empty(&n->window))
            unlist_set(r, n);
    }
}

static void empty_untouched(struct registry *r)
{
    for (size_t i = r->n_sets; i-- > 0;) {
        struct set_series *n = r->sets[i];
        if (n->series.in_interval)
            continue;
        n->last = 0;
        unlist_set(r, n);
    }
}

/* ---- merging ---- */

/* A series appears: for the first time, or again after it had expired. */
static void appear(struct registry *r, struct series *s)
{
    s->expired = false;
    r->by_kind[s->kind]++;
    r->stats.v[REGISTRY_SERIES_CREATED]++;
}

static struct series *adopt(struct registry *r, struct identity *take_id)
{
    struct series *s = index_find(&r->by_identity, take_id->hash, identity_is, take_id);
    if (s != NULL) {
        free(take_id);
        return s;
    }
    s = series_new(&r->opts, take_id);
    index_put(&r->by_identity, s);
    r->all = mem_grow(r->all, &r->cap_all, r->n_all + 1, sizeof(struct series *));
    r->all[r->n_all++] = s;
    /* The worker claimed its place, but the place may have been its predecessor's, forgotten since. */
    (void)series_limit_claim(r->opts.limit, s->id->hash);
    appear(r, s);
    return s;
}

/* A decrement is ignored on /metrics: a counter that only went down makes no line there and takes no name. */
static bool makes_line(const struct cell *c, unsigned p)
{
    return cell_kind(c->type) != SERIES_COUNTER || !signbit(((const struct counter_cell *)c)->part[p].up);
}

static void merge_cell(struct registry *r, struct cell *c, unsigned p, const struct series_when *when)
{
    struct series *s = c->series;
    assert(c->touched[p] && s != NULL);
    c->touched[p] = 0;
    if (s->expired)
        appear(r, s);
    if (s->family == NULL && makes_line(c, p))   /* new, or kept out: whoever had its name may have expired */
        family_attach(r, s, when->now_s, c->samples[p]);
    s->last_s = when->now_s;
    if (s->kind == SERIES_COUNTER && ((struct counter_cell *)c)->part[p].down < 0)
        r->stats.v[REGISTRY_DECREMENTS]++;
    struct series_others others;
    bool alone = s->family == NULL || (s->head && s->twin == NULL);
    bool near_the_end = !alone && series_is_huge(s, c, p);
    if (near_the_end)
        series_others(family_head(r, s), s, &others);
    if (!series_merge(&r->opts, s, c, p, near_the_end ? &others : NULL, when))
        r->stats.v[REGISTRY_SUMS_REFUSED]++;
    if (s->kind == SERIES_SET && r->opts.set_steps > 0)
        list_set(r, (struct set_series *)s);
    if (s->in_interval)
        return;
    s->in_interval = true;
    r->touched = mem_grow(r->touched, &r->cap_touched, r->n_touched + 1, sizeof(struct series *));
    r->touched[r->n_touched++] = s;
}

void registry_merge(struct registry *r, struct page *p, uint64_t now_ns)
{
    const struct series_when when = { .now_s = (uint32_t)(now_ns / 1000000000),
                                      .period = r->opts.histograms ? 0 : series_period(&r->opts, now_ns),
                                      .step = set_step(r) };
    for (size_t i = 0; i < p->n_births; i++) {
        struct cell *c = p->births[i].cell;
        c->series = adopt(r, p->births[i].identity);
        c->series->cells++;
    }
    p->n_births = 0;
    for (size_t i = 0; i < p->n_touched; i++) {
        if (i + MERGE_FAR < p->n_touched)
            __builtin_prefetch(p->touched[i + MERGE_FAR]);
        if (i + MERGE_AHEAD < p->n_touched)
            __builtin_prefetch(p->touched[i + MERGE_AHEAD]->series, 1);
        merge_cell(r, p->touched[i], p->index, &when);
    }
    for (size_t i = 0; i < p->n_deaths; i++)
        p->deaths[i]->series->cells--;
}

/* ---- intervals ---- */

static void each_touched(const struct snapshot *snap, closed_series_fn fn, void *cookie)
{
    const struct registry *r = snap->source;
    for (size_t i = 0; i < r->n_touched; i++) {
        struct closed_series c;
        series_closed(r->touched[i], &r->end, &c);
        fn(cookie, &c);
    }
}

void registry_close(struct registry *r, const struct interval_end *end, struct snapshot *ret)
{
    r->end = *end;
    *ret = (struct snapshot){ .start_s = end->start_s,
                              .interval_ms = end->interval_ms,
                              .n_series = r->n_touched,
                              .each = each_touched,
                              .source = r };
}

void registry_next(struct registry *r)
{
    uint64_t step = set_step(r);
    bool windows = r->opts.set_steps > 0;
    r->interval++;
    if (!windows)
        empty_untouched(r);
    else if (set_step(r) != step)
        move_windows_on(r);
    for (size_t i = 0; i < r->n_touched; i++) {
        struct series *s = r->touched[i];
        if (i + MERGE_AHEAD < r->n_touched)
            __builtin_prefetch(r->touched[i + MERGE_AHEAD], 1);
        series_next(&r->opts, s, r->end.now_ns);
        s->in_interval = false;
        if (s->kind == SERIES_SET && !windows)
            list_set(r, (struct set_series *)s);
    }
    r->n_touched = 0;
}

/* ---- expiry ---- */

static void forget(struct registry *r, size_t i)
{
    struct series *s = r->all[i];
    index_remove(&r->by_identity, s);
    series_limit_drop(r->opts.limit, s->id->hash);
    r->all[i] = r->all[--r->n_all];
    series_free(&r->opts, s);
}

static void expire_series(struct registry *r, struct series *s)
{
    family_detach(r, s);
    r->by_kind[s->kind]--;
    r->stats.v[REGISTRY_SERIES_EXPIRED]++;
    if (s->kind == SERIES_SET)
        unlist_set(r, (struct set_series *)s);
    series_reset(&r->opts, s);
    s->expired = true;
}

void registry_expire(struct registry *r, uint64_t now_ns)
{
    if (r->opts.ttl_s == 0 || now_ns < r->next_expire_ns)
        return;
    uint64_t every_s = r->opts.ttl_s / 10 > 1 ? r->opts.ttl_s / 10 : 1;
    r->next_expire_ns = now_ns + every_s * 1000000000;
    uint64_t now_s = now_ns / 1000000000;
    for (size_t i = 0; i < r->n_all;) {
        struct series *s = r->all[i];
        /* What came in during this interval still has to reach the sinks. */
        if (!s->expired && !s->in_interval && now_s > s->last_s + r->opts.ttl_s)
            expire_series(r, s);
        if (s->expired && s->cells == 0)
            forget(r, i);
        else
            i++;
    }
}

/* ---- families in order ---- */

static int by_name(const void *a, const void *b)
{
    const struct family *x = *(struct family *const *)a, *y = *(struct family *const *)b;
    return slice_cmp(slice_of(x->name, x->name_len), slice_of(y->name, y->name_len));
}

/* Close the gaps that dropped families left; what was in order stays in order. */
static void compact(struct registry *r)
{
    size_t n = 0, sorted = 0;
    for (size_t i = 0; i < r->n_families; i++) {
        if (r->families[i] == NULL)
            continue;
        sorted += i < r->n_sorted;
        r->families[n++] = r->families[i];
    }
    r->n_families = n;
    r->n_sorted = sorted;
    r->n_dropped = 0;
}

/* Only what is new is sorted; then the two runs are merged, from the back and in place. */
static void sort_new(struct registry *r)
{
    size_t n_new = r->n_families - r->n_sorted, old = r->n_sorted;
    struct family **fresh = mem_alloc(n_new * sizeof(struct family *));
    memcpy(fresh, &r->families[old], n_new * sizeof(struct family *));
    qsort(fresh, n_new, sizeof(struct family *), by_name);
    for (size_t to = r->n_families; n_new > 0; to--) {
        bool take_old = old > 0 && by_name(&r->families[old - 1], &fresh[n_new - 1]) > 0;
        r->families[to - 1] = take_old ? r->families[--old] : fresh[--n_new];
    }
    free(fresh);
    r->n_sorted = r->n_families;
}

struct family *const *registry_families(struct registry *r, size_t *ret_n)
{
    if (r->n_dropped > 0 || r->n_sorted < r->n_families) {
        compact(r);
        sort_new(r);
        for (size_t i = 0; i < r->n_families; i++)
            r->families[i]->at = i;
        r->order++;
    }
    *ret_n = r->n_families;
    return r->families;
}

const struct family *registry_largest(const struct registry *r, size_t *ret_series)
{
    const struct family *largest = NULL;
    for (size_t i = 0; i < r->n_families; i++)
        if (r->families[i] != NULL && r->families[i]->n > 0 && (largest == NULL || r->families[i]->n > largest->n))
            largest = r->families[i];
    *ret_series = largest == NULL ? 0 : largest->n;
    return largest;
}
