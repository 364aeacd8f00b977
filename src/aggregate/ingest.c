/*
 * A worker's side without the batches (ingest_batch.c): its life, and the turn of its pages
 *   ingest_turn       take the other page back, sweep, seal the current one
 *     retire            another mapping is in force from now on: all cells go with the page
 *     bury              cells that the other page had dropped: control has let go of them
 *     expire            a slice of the table: cells that are idle for their ttl, or whose series
 *                       was deleted, leave it (expire_cell, expire_alias, ingest_expire_dropped)
 *     table_tidy        a step of the table's move to another size
 */
#include "aggregate/ingest.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/ingest_priv.h"
#include "base/mem.h"
#include "base/slab.h"

enum {
    EXPIRE_SLOTS_MIN = 256,
    EXPIRE_SLOTS_MAX = 4096, /* of one turn */
    EXPIRE_GONE_MAX = 512,   /* of one turn, and to be buried in another */
    EXPIRE_AHEAD = 16,       /* how far ahead to prefetch */
    FORGET_ROUNDS = 2        /* of the table: a gauge's cell goes after its other spellings */
};

int ingest_new(const struct ingest_opts *opts, struct ingest **ret)
{
    struct ingest *in = mem_try_apart(sizeof *in);
    if (in == NULL)
        return -ENOMEM;
    memset(in, 0, sizeof *in);
    in->opts = *opts;
    in->opts.profiles = NULL; /* both change with a reload */
    in->opts.mapping = NULL;
    int rc = generation_init(&in->now, opts->profiles, opts->mapping);
    if (rc < 0) {
        free(in);
        return rc;
    }
    if ((rc = ingest_limits_init(in)) < 0) {
        ingest_limits_release(in);
        generation_release(&in->now);
        free(in);
        return rc;
    }
    sketch_setup();
    in->pages[1].index = 1;
    in->page = &in->pages[0];
    atomic_init(&in->ready, NULL);
    atomic_init(&in->empty, &in->pages[1]);
    atomic_init(&in->next, NULL);
    atomic_init(&in->deleted, NULL);
    *ret = in;
    return 0;
}

static void bury(struct ingest *in, struct page *p)
{
    for (size_t i = 0; i < p->n_deaths; i++) {
        const struct cell *c = p->deaths[i];
        if (i + EXPIRE_AHEAD < p->n_deaths)
            __builtin_prefetch(p->deaths[i + EXPIRE_AHEAD]);
        assert(!c->touched[0] && !c->touched[1]);
        cells_free(&in->now.cells, p->deaths[i]);
    }
    p->n_deaths = 0;
}

static void page_release(struct ingest *in, struct page *p)
{
    bury(in, p);
    ingest_generation_free(p->retired);
    exemplars_clear(&p->exemplars);
    arena_release(&p->births.memory);
    slab_unmap(p->touched, page_touched_bytes(p));
    free(p->deaths);
}

void ingest_free(struct ingest *in)
{
    if (in == NULL)
        return;
    page_release(in, &in->pages[0]);
    page_release(in, &in->pages[1]);
    generation_release(&in->now);
    ingest_generation_free(atomic_load_explicit(&in->next, memory_order_relaxed));
    deleted_unref(atomic_load_explicit(&in->deleted, memory_order_relaxed));
    deleted_unref(in->forgets);
    ingest_limits_release(in);
    free(in);
}

struct ingest_counters *ingest_stats(struct ingest *in)
{
    return &in->stats;
}

bool ingest_saw_relative(const struct ingest *in)
{
    return in->saw_relative;
}

unsigned ingest_page_index(const struct ingest *in)
{
    return in->page->index;
}

size_t ingest_memory(const struct ingest *in)
{
    size_t n =
        table_memory(&in->now.table) + in->now.cells.aliases.bytes + in->now.cells.dropped.bytes;
    for (int k = 0; k < SERIES_KIND_COUNT; k++)
        n += in->now.cells.slabs[k].bytes;
    return n;
}

/* ---- another mapping ---- */

int ingest_generation_new(const struct profiles *profiles, const struct mapping *mapping,
                          struct generation **ret)
{
    struct generation *g = mem_alloc(sizeof *g);
    int rc = generation_init(g, profiles, mapping);
    if (rc < 0)
        free(g);
    else
        *ret = g;
    return rc;
}

void ingest_generation_free(struct generation *g)
{
    if (g != NULL)
        generation_release(g);
    free(g);
}

void ingest_renew(struct ingest *in, struct generation *take)
{
    /* release: the worker sees it as it was made; acquire: one that was not taken is freed here */
    ingest_generation_free(atomic_exchange_explicit(&in->next, take, memory_order_acq_rel));
}

/* What the worker has goes with the page that it is about to seal. */
static void retire(struct ingest *in, struct generation *next)
{
    struct generation before = in->now;
    assert(in->page->n_deaths == 0 && in->page->retired == NULL);
    assert(in->pages[!in->page->index].n_deaths == 0);
    in->now = *next;
    *next = before;
    in->page->retired = next;
    in->expire_at = in->expire_due = in->expire_slots = 0;
    in->forget_left = 0;
}

/* ---- what is deleted ---- */

void ingest_forget(struct ingest *in, struct deleted *d)
{
    /* release: the worker sees it filled */
    struct deleted *before =
        atomic_exchange_explicit(&in->deleted, deleted_ref(d), memory_order_acq_rel);
    assert(before == NULL);
    (void)before;
}

/* Cells of another table, or none so far, are to be looked at from the first on. */
static void begin_forget(struct ingest *in)
{
    in->forget_mask = in->now.table.mask;
    in->forget_left = FORGET_ROUNDS * (in->forget_mask + 1);
}

static void look_for_deleted(struct ingest *in)
{
    if (in->forgets == NULL) {
        /* acquire: pairs with the release in ingest_forget */
        in->forgets = atomic_exchange_explicit(&in->deleted, NULL, memory_order_acquire);
        if (in->forgets != NULL)
            begin_forget(in);
    } else if (in->now.table.mask != in->forget_mask) {
        begin_forget(in);
    }
}

static void end_forget(struct ingest *in)
{
    if (in->forget_left > 0)
        return;
    deleted_unref(in->forgets);
    in->forgets = NULL;
}

void ingest_take_counts(struct ingest *in, struct parse_counts *c)
{
    in->stats.v[INGEST_LINES] += c->lines;
    in->stats.v[INGEST_SAMPLES_READ] += c->samples;
    in->stats.v[INGEST_UNKNOWN_FIELDS] += c->unknown_fields;
    in->stats.v[INGEST_TAG_ERRORS] += c->tag_errors;
    in->stats.v[INGEST_EXEMPLARS_REFUSED] += c->exemplars_refused;
    for (int a = 0; a < EVENT_ALERT_COUNT; a++)
        in->stats.events[a] += c->events[a];
    for (int s = 0; s < CHECK_STATUS_COUNT; s++)
        in->stats.checks[s] += c->checks[s];
    for (int r = 0; r < REASON_COUNT; r++)
        in->rejected[r] += c->rejected[r];
    *c = (struct parse_counts){ 0 };
}

/* ---- turning the page ---- */

/* The sweep is at a spelling that leads to another's cell.  true: it is gone */
static bool expire_alias(struct ingest *in, struct alias *a, uint64_t now_s)
{
    bool idle = a->gauge->identity != a &&
                (ingest_is_idle(in, &a->cell, now_s) || ingest_is_deleted(in, &a->gauge->cell));
    if (!idle)
        return false;
    assert(a->gauge->aliases > 0);
    a->gauge->aliases--;
    table_remove_at(&in->now.table, in->expire_at);
    cells_alias_free(&in->now.cells, a);
    return true;
}

/* The identity's entry goes with the gauge, wherever in the table it stands. */
static void drop_identity(struct ingest *in, struct alias *a)
{
    if (a == NULL)
        return;
    table_remove(&in->now.table, (struct hash128){ .lo = a->lo, .hi = a->cell.check });
    cells_alias_free(&in->now.cells, a);
    assert(in->now.n_identities > 0);
    in->now.n_identities--;
}

/* The sweep is at a cell.  true: it is gone */
static bool expire_cell(struct ingest *in, struct cell *c, uint64_t now_s)
{
    struct page *p = in->page;
    if (cell_type(c) == CELL_ALIAS)
        return expire_alias(in, (struct alias *)c, now_s);
    if (cell_type(c) == CELL_DROPPED)
        return ingest_expire_dropped(in, c, now_s);
    bool gauge = cell_type(c) == SAMPLE_GAUGE;
    bool idle = !c->touched[0] && !c->touched[1] &&
                (ingest_is_idle(in, c, now_s) || ingest_is_deleted(in, c)) &&
                !(gauge && ((struct gauge_cell *)c)->aliases > 0);
    if (!idle || !ingest_room(&p->deaths, p->n_deaths, &p->cap_deaths, sizeof *p->deaths))
        return false;
    p->deaths[p->n_deaths++] = c;
    table_remove_at(&in->now.table, in->expire_at);
    if (gauge) {
        drop_identity(in, ((struct gauge_cell *)c)->identity);
        ((struct gauge_cell *)c)->identity = NULL;
    }
    return true;
}

/*
 * More slots to look at, so that a sweep of the whole table takes a quarter of the ttl.  Where the
 * table has shrunk under the sweep, the cells that are left to look at may be in as many slots as
 * they were, or in those that come with the next sweep.  So the rate stays that of the larger
 * table, and falls to half with each sweep.
 */
static void fall_due(struct ingest *in, uint64_t now_ms)
{
    if (in->now.least_ttl_s == 0)
        return;
    const uint64_t quarter_ms = in->now.least_ttl_s * 1000 / 4;
    const uint64_t passed_ms = now_ms - in->expire_ms;
    if (in->expire_slots < in->now.table.mask + 1)
        in->expire_slots = in->now.table.mask + 1;
    const uint64_t slots = in->expire_slots;
    uint64_t due = slots;
    if (passed_ms < quarter_ms)
        due = slots * passed_ms / quarter_ms;
    if (due < EXPIRE_SLOTS_MIN)
        return;
    in->expire_due = in->expire_due + due < slots ? in->expire_due + due : slots;
    in->expire_ms = now_ms;
}

/* On to the next slot. */
static void expire_next(struct ingest *in)
{
    in->expire_due -= in->expire_due > 0;
    in->forget_left -= in->forget_left > 0;
    if (++in->expire_at > in->now.table.mask) { /* the next sweep */
        in->expire_at = 0;
        in->expire_slots /= 2;
    }
}

static bool is_behind(const struct ingest *in)
{
    return in->expire_due > 0 || in->forget_left > 0;
}

/*
 * Drop cells that have been idle for the ttl, or are of deleted series.  Both pages are ours now,
 * so both `touched` marks can be read.  One turn does a slice of what is due, so that none stalls
 * for a million cells.
 */
static void expire(struct ingest *in, uint64_t now_ms)
{
    const struct table *t = &in->now.table;
    const uint64_t now_s = now_ms / 1000;
    fall_due(in, now_ms);
    size_t least = t->n > EXPIRE_GONE_MAX ? t->n - EXPIRE_GONE_MAX : 0;
    for (uint64_t i = 0; i < EXPIRE_SLOTS_MAX && is_behind(in) && t->n > least; i++) {
        in->expire_at &= t->mask;
        __builtin_prefetch(t->slots[(in->expire_at + EXPIRE_AHEAD) & t->mask].cell);
        struct cell *c = t->slots[in->expire_at].cell;
        if (c != NULL && expire_cell(in, c, now_s))
            continue; /* another one may stand there now */
        expire_next(in);
    }
    if (t->n == 0)
        in->expire_due = in->forget_left = 0;
    in->page->unswept = is_behind(in);
    end_forget(in);
}

bool ingest_turn(struct ingest *in, uint64_t now_ns)
{
    /* acquire: control's reads of the page's cells are over before we write them again */
    struct page *fresh = atomic_exchange_explicit(&in->empty, NULL, memory_order_acquire);
    if (fresh == NULL) {
        in->stats.v[INGEST_PAGE_TURNS_LATE]++;
        return false;
    }
    assert(fresh != in->page && fresh->index != in->page->index);
    ingest_check(in);
    page_check(fresh);
    bury(in, fresh);
    fresh->n_touched = 0;
    exemplars_clear(&fresh->exemplars);
    in->page->unswept = false;
    /* acquire: pairs with the release in ingest_renew */
    struct generation *next = atomic_exchange_explicit(&in->next, NULL, memory_order_acquire);
    look_for_deleted(in);
    if (next != NULL)
        retire(in, next);
    else if (in->now.least_ttl_s > 0 || in->forgets != NULL)
        expire(in, now_ns / 1000000);
    in->page->unswept |= table_tidy(&in->now.table);
    in->stats.v[INGEST_PAGE_TURNS]++;
    in->page->stats = in->stats;
    memcpy(in->page->rejected, in->rejected, sizeof in->rejected);
    /* release: control sees the cells, births and counters as they are now */
    struct page *before = atomic_exchange_explicit(&in->ready, in->page, memory_order_release);
    assert(before == NULL);
    in->page = fresh;
    return true;
}

unsigned page_index(const struct page *p)
{
    return p->index;
}

const struct ingest_counters *page_stats(const struct page *p)
{
    return &p->stats;
}

const uint64_t *page_rejected(const struct page *p)
{
    return p->rejected;
}

bool page_unswept(const struct page *p)
{
    return p->unswept;
}

struct page *ingest_take(struct ingest *in)
{
    /* acquire: pairs with the release in ingest_turn */
    struct page *p = atomic_exchange_explicit(&in->ready, NULL, memory_order_acquire);
    assert(p == NULL || p == &in->pages[p->index]);
    return p;
}

void ingest_give(struct ingest *in, struct page *p)
{
    assert(p == &in->pages[p->index] && p->births.n == 0);
    /* release: our reads and the cleared marks come before the worker's next writes */
    atomic_store_explicit(&in->empty, p, memory_order_release);
}
