/*
 * registry_merge, registry_merge_some   a worker's page (registry_merge.c)
 * registry_close, registry_give         an interval ends (registry_interval.c)
 * registry_expire                       series that are idle (registry_expire.c)
 */
#include "aggregate/registry.h"

#include <assert.h>
#include <stdlib.h>

#include "aggregate/registry_priv.h"
#include "base/mem.h"

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
    buf_release(&r->key);
    free(r->all);
    free(r->hashes);
    free(r->touched);
    free(r->closing.at);
    deleted_unref(r->deleted);
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
                              .profiles = r->opts.profiles,
                              .keep_intervals = r->opts.keep_intervals,
                              .sets = &r->sets,
                              .stats = &r->stats };
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

size_t registry_exposed(const struct registry *r)
{
    return r->output.families.n_exposed;
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
