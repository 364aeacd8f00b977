/*
 * A batch of samples into the cells of the current page, in stages of at most INGEST_BATCH_MAX
 * samples.  What is hot stands in this one file and in headers, so that it is inlined.
 *
 *   table_home        prefetch the slots of the table
 *   stage_cells       prefetch the cells
 *   stage_find        the cell of each sample
 *     first_sight       not in the table: mapping, identity, limit, a cell (a gauge:
 *                       gauge_first_sight)
 *     list_cell         not in the page's list yet, or an alias of a gauge, or dropped
 *   stage_update      add the values, in the order in which they came
 *     add_value         by type: counter.h, gauge_value.h, timer.h, members.h
 */
#include <assert.h>
#include <errno.h>
#include <float.h>
#include <math.h>

#include "aggregate/counter.h"
#include "aggregate/gauge.h"
#include "aggregate/ingest_priv.h"
#include "aggregate/set.h"
#include "aggregate/sketch_fast.h"
#include "aggregate/timer.h"

/* ---- first sight ---- */

static bool room_to_touch(struct page *p)
{
    return ingest_room(&p->touched, p->n_touched, &p->cap_touched, sizeof *p->touched);
}

/*
 * A cell in the table and among the page's births, or in neither: what may fail comes first.  The
 * page has room to list it.
 */
static struct cell *give_birth(struct ingest *in, struct hash128 hash, struct identity *id,
                               uint8_t profile)
{
    struct page *p = in->page;
    if (!ingest_room(&p->births, p->n_births, &p->cap_births, sizeof *p->births))
        return NULL;
    if (table_reserve(&in->now.table) < 0)
        return NULL;
    struct cell *c = cells_new(&in->now.cells, id->type, profile);
    if (c == NULL)
        return NULL;
    if (!series_limit_claim(in->opts.limit, id->hash)) {
        cells_free(&in->now.cells, c);
        return NULL;
    }
    c->check = hash.hi;
    table_put(&in->now.table, hash, c);
    assert(c->series == NULL);
    p->births[p->n_births++] = (struct birth){ c, id };
    return c;
}

static struct cell *spelling_born(struct ingest *in, const struct sample *s, struct identity *id,
                                  uint8_t profile)
{
    struct cell *c = give_birth(in, s->hash, id, profile);
    if (c != NULL)
        cell_set_tag_errors(c, in->tags.errors);
    return c;
}

/*
 * One cell for all spellings that get none of their own.  Their tag errors differ, so they are
 * counted here.
 */
static struct cell *identity_cell(struct ingest *in, struct identity *id, uint8_t profile)
{
    struct hash128 hash = identity_hash128(id);
    struct cell *c = table_find(&in->now.table, hash);
    assert(c == NULL || cell_type(c) == id->type);
    if (c != NULL)
        free(id);
    else
        c = give_birth(in, hash, id, profile);
    if (c != NULL)
        in->stats.v[INGEST_TAG_ERRORS] += in->tags.errors;
    return c;
}

static void refuse(struct ingest *in, const struct sample *s, enum reason why)
{
    if (why == REASON_NONE)
        in->stats.v[INGEST_SAMPLES_REFUSED]++;
    else
        in->rejected[why]++;
    if (in->opts.on_refused != NULL)
        in->opts.on_refused(in->opts.cookie, s, why);
}

/* ---- first sight of a gauge: one cell for all its spellings ---- */

static struct alias *alias_born(struct ingest *in, struct hash128 hash, struct gauge_cell *g)
{
    if (table_reserve(&in->now.table) < 0)
        return NULL;
    struct alias *a = cells_alias_new(&in->now.cells);
    if (a == NULL)
        return NULL;
    a->cell.check = hash.hi;
    a->lo = hash.lo;
    a->gauge = g;
    table_put(&in->now.table, hash, &a->cell);
    return a;
}

/*
 * A sample counts the tag errors of its own spelling, not those of the spelling that the cell was
 * born with.
 */
static void count_alias_errors(struct ingest *in, const struct gauge_cell *g, unsigned errors)
{
    in->stats.v[INGEST_TAG_ERRORS] +=
        (uint64_t)errors - cell_tag_errors(&g->cell); /* stage_update adds the cell's */
}

static void use_alias(struct ingest *in, struct alias *a, uint32_t now_s)
{
    a->cell.last_s = now_s;
    count_alias_errors(in, a->gauge, cell_tag_errors(&a->cell));
}

/* Another spelling of a gauge that has a cell. */
static struct cell *gauge_spelling(struct ingest *in, const struct sample *s, struct cell *known,
                                   bool room, uint32_t now_s)
{
    struct gauge_cell *g = cell_type(known) == CELL_ALIAS ? ((struct alias *)known)->gauge
                                                          : (struct gauge_cell *)known;
    assert(cell_type(&g->cell) == SAMPLE_GAUGE);
    struct alias *a = room ? alias_born(in, s->hash, g) : NULL;
    count_alias_errors(in, g, in->tags.errors);
    if (a != NULL) {
        cell_set_tag_errors(&a->cell, in->tags.errors);
        a->cell.profile = g->cell.profile;
        a->cell.last_s = now_s;
        g->aliases++;
    }
    return &g->cell;
}

static struct cell *gauge_first_sight(struct ingest *in, const struct sample *s,
                                      struct identity *id, uint8_t profile, bool room,
                                      uint32_t now_s)
{
    struct hash128 hash = identity_hash128(id);
    struct cell *known = table_find(&in->now.table, hash);
    if (known != NULL) {
        free(id);
        return gauge_spelling(in, s, known, room, now_s);
    }
    if (!room)
        return identity_cell(in, id, profile);
    struct cell *c = spelling_born(in, s, id, profile);
    if (c == NULL)
        return NULL;
    struct gauge_cell *g = (struct gauge_cell *)c;
    g->identity = alias_born(in, hash, g);
    in->now.n_identities += g->identity != NULL;
    return c;
}

/* returns  a cell that the page lists or has room to list; NULL: it is refused or dropped */
static struct cell *first_sight(struct ingest *in, const struct sample *s, uint32_t now_s)
{
    enum reason why = tags_parse(&in->opts.tags, s, &in->tags);
    if (why != REASON_NONE) {
        refuse(in, s, why);
        return NULL;
    }
    uint8_t profile;
    if (!ingest_map(in, s, now_s, &profile))
        return NULL;
    struct identity *id = room_to_touch(in->page) ? identity_new(s, &in->tags) : NULL;
    struct cell *c = NULL;
    bool room = ingest_spellings(in) < in->opts.limit->max;
    if (id != NULL && s->type == SAMPLE_GAUGE)
        c = gauge_first_sight(in, s, id, profile, room, now_s);
    else if (id != NULL)
        c = room ? spelling_born(in, s, id, profile) : identity_cell(in, id, profile);
    if (c == NULL) {
        free(id);
        refuse(in, s, REASON_NONE);
    }
    return c;
}

/* The page lists the cell from now on.  It has room for one more. */
static void touch(struct ingest *in, struct cell *c, uint32_t now_s)
{
    struct page *p = in->page;
    assert(!c->touched[p->index] && p->n_touched < p->cap_touched);
    p->touched[p->n_touched++] = c;
    c->touched[p->index] = 1;
    c->last_s = now_s;
    cells_begin(&in->now.cells, c, p->index);
}

/*
 * ---- updates: one for each kind.  False: the sum would leave the finite doubles, and the value is
 * left out ----
 */

/* Arrival of sample i of the batch at hand; asked for in rising order. */
static uint64_t arrival_ns(struct ingest *in, uint32_t i)
{
    const struct batch *b = in->batch;
    if (b->n_arrivals == 0)
        return in->batch_ns + i;
    while (in->arrival + 1 < b->n_arrivals && b->arrivals[in->arrival + 1].at <= i)
        in->arrival++;
    const struct batch_arrival *a = &b->arrivals[in->arrival];
    return a->ns + (i - a->at);
}

static bool gauge_change(struct ingest *in, struct gauge_cell *g, const struct sample *s, double v)
{
    unsigned p = in->page->index;
    uint64_t ns = arrival_ns(in, (uint32_t)(s - in->batch->samples));
    if (!(s->flags & SAMPLE_DELTA))
        return gauge_value_set(&g->part[p], g->recent[p], v, ns) == 0;
    in->saw_relative = true;
    return gauge_value_add(&g->part[p], &g->recent[p], v, ns) != GAUGE_NOT_FINITE;
}

/* Not inlined, so that a counter does not save the registers that this needs. */
__attribute__((noinline)) static bool timer_value(const struct ingest *in, struct timer_cell *t,
                                                  const struct sample *s, double v)
{
    double weight = s->flags & SAMPLE_HAS_RATE ? 1 / s->rate : 1;
    return timer_add(t, in->page->index, v, weight) != -ERANGE;
}

static inline bool add_value(struct ingest *in, struct cell *c, const struct sample *s, double v)
{
    unsigned p = in->page->index;
    switch (s->type) {
    case SAMPLE_COUNTER:
        return counter_add(&((struct counter_cell *)c)->part[p],
                           s->flags & SAMPLE_HAS_RATE ? v / s->rate : v);
    case SAMPLE_GAUGE:
        return gauge_change(in, (struct gauge_cell *)c, s, v);
    default:
        return timer_value(in, (struct timer_cell *)c, s, v);
    }
}

/* returns  how many values went in: 1 + more_n, or fewer */
static uint32_t update(struct ingest *in, struct cell *c, const struct sample *s,
                       const double *more)
{
    if (s->type == SAMPLE_SET)
        return members_add(&((struct set_cell *)c)->part[in->page->index].members,
                           members_hash(s->member)) == 0;
    uint32_t added = add_value(in, c, s, s->value);
    if (!(s->flags & SAMPLE_PACKED))
        return added;
    for (uint32_t i = 0; i < s->more_n; i++)
        added += add_value(in, c, s, more[s->more_at + i]);
    return added;
}

/* ---- a batch, in stages ---- */

/* Where a timer's value will land, so that the line is there when it does. */
static void prefetch_bucket(const struct timer_cell *t, unsigned p, double v)
{
    const struct sketch_window *w = &t->part[p].sketch.pos;
    if (w->counts == NULL || w->schema < 0 || v <= SKETCH_ZERO_MAX)
        return;
    if (w->width == 0) /* a list, which may lie across two lines */
        __builtin_prefetch((const char *)w->counts + sizeof(struct sketch_few) - 1, 1);
    uintptr_t at =
        (uintptr_t)w->counts + (uintptr_t)(sketch_index_fast(w->schema, v) - w->first) * w->width;
    /* It may lie outside the window, where C has no pointers. */
    __builtin_prefetch((const void *)at, 1); /* NOLINT(performance-no-int-to-ptr) */
}

static void stage_cells(struct ingest *in, const struct sample *s, uint32_t n)
{
    size_t part = offsetof(struct timer_cell, part) + in->page->index * sizeof(struct timer_part);
    for (uint32_t i = 0; i < n; i++) {
        const char *c = (const char *)table_home(&in->now.table, s[i].hash)->cell;
        if (c == NULL)
            continue;
        __builtin_prefetch(c, 1);
        if (s[i].type != SAMPLE_COUNTER)
            __builtin_prefetch(c + part, 1);
    }
}

/*
 * For sample s: the cell c, which the page does not list yet, or the one that alias c leads to.
 * returns  a cell that the page lists; NULL: the sample is dropped, or, without memory, refused
 */
static struct cell *list_cell(struct ingest *in, const struct sample *s, struct cell *c,
                              uint32_t now_s)
{
    if (cell_type(c) == CELL_DROPPED) {
        ingest_drop_again(in, c, now_s);
        return NULL;
    }
    bool alias = cell_type(c) == CELL_ALIAS;
    struct cell *listed = alias ? &((struct alias *)c)->gauge->cell : c;
    if (!listed->touched[in->page->index]) {
        if (!room_to_touch(in->page)) {
            refuse(in, s, REASON_NONE);
            return NULL;
        }
        touch(in, listed, now_s);
    }
    if (alias)
        use_alias(in, (struct alias *)c, now_s);
    return listed;
}

static void stage_find(struct ingest *in, const struct sample *s, uint32_t n, uint32_t now_s)
{
    unsigned p = in->page->index;
    for (uint32_t i = 0; i < n; i++) {
        struct cell *c = table_find(&in->now.table, s[i].hash);
        if (c == NULL)
            c = first_sight(in, &s[i], now_s);
        if (c != NULL && !c->touched[p])
            c = list_cell(in, &s[i], c, now_s);
        in->found[i] = c;
        if (c != NULL && kind_of(s[i].type) == SERIES_TIMER)
            prefetch_bucket((struct timer_cell *)c, p, s[i].value);
    }
}

/* A sample of which a value did not go in.  The values that did stay, and are counted as values. */
static void count_refused(struct ingest *in, struct cell *c, const struct sample *s, uint32_t added)
{
    c->samples[in->page->index] += added > 0;
    refuse(in, s, s->type == SAMPLE_SET ? REASON_NONE /* no memory */ : REASON_BAD_VALUE);
}

static void stage_update(struct ingest *in, const struct batch *b, uint32_t at, uint32_t n)
{
    unsigned p = in->page->index;
    uint64_t samples = 0, values = 0, tag_errors = 0;
    const struct sample *s = &b->samples[at];
    for (uint32_t i = 0; i < n; i++) {
        struct cell *c = in->found[i];
        if (c == NULL)
            continue;
        uint32_t added = update(in, c, &s[i], b->values);
        values += added;
        tag_errors += cell_tag_errors(c);
        if (__builtin_expect(added != 1 + s[i].more_n, 0)) {
            count_refused(in, c, &s[i], added);
            continue;
        }
        samples++;
        c->samples[p]++;
    }
    in->stats.v[INGEST_SAMPLES_AGGREGATED] += samples;
    in->stats.v[INGEST_VALUES_AGGREGATED] += values;
    in->stats.v[INGEST_TAG_ERRORS] += tag_errors;
}

void ingest_batch(struct ingest *in, struct batch *b, uint64_t now_ns)
{
    ingest_check(in);
    uint32_t now_s = (uint32_t)(now_ns / 1000000000);
    in->batch = b;
    in->batch_ns = now_ns;
    in->arrival = 0;
    for (uint32_t at = 0, n; at < b->n; at += n) {
        const struct sample *s = &b->samples[at];
        n = b->n - at < INGEST_BATCH_MAX ? b->n - at : INGEST_BATCH_MAX;
        for (uint32_t i = 0; i < n; i++)
            __builtin_prefetch(table_home(&in->now.table, s[i].hash));
        stage_cells(in, s, n);
        stage_find(in, s, n, now_s);
        stage_update(in, b, at, n);
        if (in->opts.exemplars)
            ingest_exemplars(in, b, at, n);
    }
    ingest_take_counts(in, &b->counts);
}
