/*
 * registry_merge    a worker's page
 *   registry_adopt    identities that are new become series (registry_births.c)
 *   merge_cell        each touched cell: to its series' interval, and to the exposed of the series
 *     show              the series is not on the page (yet): ask for a place there
 *
 *   registry_take_exemplars   what came with the page's cells (registry_exemplars.c)
 *
 * registry_close, registry_next     an interval ends (registry_interval.c)
 * registry_expire   series that are idle (registry_expire.c)
 */
#include "aggregate/registry.h"

#include <assert.h>
#include <stdlib.h>

#include "aggregate/generation.h"
#include "aggregate/ingest.h"
#include "aggregate/page.h"
#include "aggregate/registry_priv.h"
#include "base/mem.h"

enum {
    BIRTH_AHEAD = 8,
    CELL_AHEAD = 16,
    SERIES_AHEAD = 12,
    EXPOSED_AHEAD = 8
}; /* how far ahead to prefetch */

struct registry *registry_new(const struct registry_opts *opts)
{
    struct registry *r = mem_zalloc(sizeof *r);
    r->opts = *opts;
    r->least_ttl_s = profiles_least_ttl_s(opts->profiles);
    sketch_setup();
    symbols_init(&r->symbols);
    slabs_init(&r->memory);
    output_init(&r->output,
                &(struct output_opts){ .symbols = &r->symbols,
                                       .mapping = opts->mapping,
                                       .suffixes = opts->suffixes,
                                       .births = opts->births },
                &(struct claim_desk){ .type_idle_s = opts->type_idle_s,
                                      .on_off_page = opts->on_off_page,
                                      .cookie = opts->cookie,
                                      .stats = &r->stats });
    sketch_init(&r->scratch, SKETCH_SCHEMA_DEFAULT);
    for (size_t i = 0; i < opts->n_reserved; i++)
        output_reserve(&r->output, opts->reserved[i]);
    return r;
}

void registry_leave_page(struct registry *r, struct series *s)
{
    if (s->exposed != NULL)
        output_leave(&r->output, s->exposed, series_tuple(s));
    s->exposed = NULL;
}

void registry_free(struct registry *r)
{
    if (r == NULL)
        return;
    restored_release(&r->restored, &r->output);
    for (size_t i = 0; i < r->n_all; i++) {
        registry_leave_page(r, r->all[i]);
        series_free(r->all[i], &r->memory, &r->symbols);
    }
    slabs_release(&r->memory);
    output_release(&r->output);
    symbols_release(&r->symbols);
    places_release(&r->by_identity);
    set_list_release(&r->sets);
    sketch_release(&r->scratch);
    buf_release(&r->exemplar_labels);
    free(r->all);
    free(r->touched);
    free(r);
}

const struct registry_counters *registry_stats(const struct registry *r)
{
    return &r->stats;
}

const struct off_page_note *const *registry_off_page(const struct registry *r, size_t *ret_n)
{
    *ret_n = r->output.notes.n;
    return (const struct off_page_note *const *)r->output.notes.at;
}

uint64_t registry_count(const struct registry *r, enum series_kind kind)
{
    return r->by_kind[kind];
}

size_t registry_restored(const struct registry *r)
{
    return r->restored.n;
}

struct kind_now registry_kind_now(struct registry *r, uint64_t now_ns)
{
    return (struct kind_now){ .now_ns = now_ns,
                              .interval = r->interval,
                              .keep_intervals = r->opts.keep_intervals,
                              .sets = &r->sets,
                              .stats = &r->stats };
}

/* ---- merging ---- */

/*
 * s is new, or was kept off the page, and what kept it off may have expired.
 * returns  its exposed from now on; NULL: the part makes no line, and never has
 */
static struct exposed *show(struct registry *r, struct series *s, const struct cell *c, unsigned p,
                            struct kind_now *now)
{
    const struct kind_ops *kind = kind_rows[s->kind];
    if (kind->makes_line != NULL && !kind->makes_line(c, s->profile, p))
        return s->exposed;
    if (s->exposed == NULL)
        s->exposed =
            exposed_pool_new(&r->output.pool, (enum series_kind)s->kind, s->profile, now->now_ns);
    const struct output_request q = { .tuple = series_tuple(s),
                                      .samples = c->samples[p],
                                      .now_s = (uint32_t)(now->now_ns / 1000000000) };
    s->exposed = output_show(&r->output, s->exposed, &q, now);
    return s->exposed;
}

static void merge_cell(struct registry *r, struct cell *c, unsigned p, struct kind_now *now,
                       uint32_t now_s)
{
    struct series *s = c->series;
    assert(c->touched[p] && s != NULL);
    c->touched[p] = 0;
    if (s->expired)
        registry_appear(r, s);
    struct exposed *e = s->exposed;
    if (e == NULL || e->family == NULL)
        e = show(r, s, c, p, now);
    s->last_s = now_s;
    if (e != NULL)
        e->last_s = now_s;
    if (!kind_merge(s, e, c, p, now))
        r->stats.v[REGISTRY_SUMS_REFUSED]++;
    if (s->in_interval)
        return;
    s->in_interval = 1;
    assert(r->n_touched < r->cap_touched);
    r->touched[r->n_touched++] = s;
}

/* In the list of touched series, for those of a page. */
static void reserve_touched(struct registry *r, const struct page *p)
{
    size_t most = r->n_touched + p->n_touched < r->n_all ? r->n_touched + p->n_touched : r->n_all;
    r->touched = mem_grow(r->touched, &r->cap_touched, most, sizeof(struct series *));
}

/*
 * Cells, then what they lead to: on their way before their turn comes.  A head and the value behind
 * it often lie on two lines.
 */
static void prefetch(const struct page *p, size_t i)
{
    if (i + CELL_AHEAD < p->n_touched)
        __builtin_prefetch(p->touched[i + CELL_AHEAD], 1);
    if (i + SERIES_AHEAD < p->n_touched) {
        const struct series *s = p->touched[i + SERIES_AHEAD]->series;
        __builtin_prefetch(&s->exposed, 1);
        __builtin_prefetch(s + 1, 1);
    }
    if (i + EXPOSED_AHEAD < p->n_touched) {
        const struct exposed *e = p->touched[i + EXPOSED_AHEAD]->series->exposed;
        if (e == NULL)
            return;
        __builtin_prefetch(e, 1);
        __builtin_prefetch(e + 1, 1);
    }
}

static void let_go(void *unused, struct cell *c)
{
    (void)unused;
    assert(c->series->cells > 0);
    c->series->cells--;
}

void registry_merge(struct registry *r, struct page *p, uint64_t now_ns)
{
    page_check(p);
    registry_check(r);
    struct kind_now now = registry_kind_now(r, now_ns);
    uint32_t now_s = (uint32_t)(now_ns / 1000000000);
    registry_adopt(r, &p->births);
    reserve_touched(r, p);
    for (size_t i = 0; i < p->n_touched; i++) {
        prefetch(p, i);
        merge_cell(r, p->touched[i], p->index, &now, now_s);
    }
    if (p->exemplars.n > 0) /* they point to cells, which may go now */
        registry_take_exemplars(r, p);
    for (size_t i = 0; i < p->n_deaths; i++)
        let_go(NULL, p->deaths[i]);
    if (p->retired != NULL)
        generation_each(p->retired, let_go, NULL);
    ingest_generation_free(p->retired);
    p->retired = NULL;
}

/* ---- what /metrics shows ---- */

struct family *const *registry_families(struct registry *r, size_t *ret_n)
{
    return families_sorted(&r->output.families, ret_n);
}

enum family_type registry_family_type(const struct registry *r, struct slice name)
{
    const struct family *f = families_find(&r->output.families, name);
    return f != NULL ? f->type : FAMILY_TYPE_COUNT;
}

void registry_labels(const struct registry *r, const struct exposed *e, struct buf *out)
{
    exposed_labels(e, &r->symbols, out);
}

void registry_view(struct registry *r, struct exposed *e, uint64_t now_ns, struct exposed_view *ret)
{
    exposed_check(e);
    const uint64_t *birth = exposed_pool_birth(&r->output.pool, e);
    *ret = (struct exposed_view){ .profile = e->profile, .born_ns = birth != NULL ? *birth : 0 };
    ret->exemplars = exposed_exemplars_of(&r->output.pool.exemplars, e);
    kind_rows[e->kind]->view(e, now_ns, &r->scratch, ret);
}

const struct family *registry_largest(const struct registry *r, size_t *ret_series)
{
    const struct families *fs = &r->output.families;
    const struct family *largest = NULL;
    for (size_t i = 0; i < fs->n; i++)
        if (fs->at[i] != NULL && fs->at[i]->n > 0 && (largest == NULL || fs->at[i]->n > largest->n))
            largest = fs->at[i];
    *ret_series = largest == NULL ? 0 : largest->n;
    return largest;
}
