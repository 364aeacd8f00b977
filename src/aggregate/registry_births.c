/*
 * registry_adopt    births of a page, in order
 *   prepare           those to come: hashes, and what look-ups will need
 *   adopt             its identity becomes a series, or meets the series that is there
 *   claim             for all that are new
 */
#include <assert.h>

#include "aggregate/page.h"
#include "aggregate/registry_priv.h"
#include "base/mem.h"

enum { CLAIM_MANY = 32 };

/* How many births ahead each step of `prepare` is. */
static const unsigned ahead_by[BIRTH_STEPS] = { 12, 8, 4 };

static uint64_t hash_at(const void *registry, uint32_t place)
{
    return ((const struct registry *)registry)->hashes[place];
}

static void ahead(const void *registry, uint32_t place, bool soon)
{
    if (soon)
        __builtin_prefetch(&((const struct registry *)registry)->hashes[place]);
}

struct places_array registry_series(const struct registry *r)
{
    return (struct places_array){ r, hash_at, ahead };
}

static bool is_identity(const void *registry, uint32_t place, const void *identity)
{
    const struct registry *r = registry;
    const struct identity *id = identity;
    return r->hashes[place] == id->hash && tuple_is(series_tuple(r->all[place]), &r->symbols, id);
}

bool registry_knows(const struct registry *r, const struct identity *id)
{
    const struct places_array array = registry_series(r);
    return places_find(&r->by_identity, &array, id->hash, is_identity, id) != PLACES_NONE;
}

void registry_appear(struct registry *r, struct series *s)
{
    assert(s->exposed == NULL && (s->state == SERIES_QUIET || s->state == SERIES_EXPIRED));
    s->state = SERIES_QUIET;
    r->by_kind[s->kind]++;
    r->stats.v[REGISTRY_SERIES_CREATED]++;
}

static struct series *adopt(struct registry *r, const struct identity *id, uint8_t profile)
{
    const struct places_array array = registry_series(r);
    uint32_t place = places_find(&r->by_identity, &array, id->hash, is_identity, id);
    struct series *s;
    if (place != PLACES_NONE) {
        s = r->all[place];
        r->n_dropped -= s->dropped;
        s->dropped = 0;
        return s;
    }
    s = series_new(&r->memory, &r->symbols, id, profile, !r->opts.keep_intervals);
    r->all = mem_grow(r->all, &r->cap_all, r->n_all + 1, sizeof(struct series *));
    r->hashes = mem_grow(r->hashes, &r->cap_hashes, r->n_all + 1, sizeof *r->hashes);
    r->hashes[r->n_all] = id->hash;
    r->all[r->n_all++] = s;
    places_put(&r->by_identity, &array, (uint32_t)r->n_all - 1);
    registry_appear(r, s);
    return s;
}

/*
 * The series from place `from` on are new.  A worker claimed their places in the limit, but such a
 * place may have been a predecessor's, forgotten since.
 */
static void claim(const struct registry *r, size_t from)
{
    while (from < r->n_all) {
        size_t n = r->n_all - from < CLAIM_MANY ? r->n_all - from : CLAIM_MANY;
        series_limit_claim_all(r->opts.limit, &r->hashes[from], n);
        from += n;
    }
}

/* The same with limits on shares, for one: the claim of all meets it then. */
static void claim_share(const struct registry *r, const struct birth *b)
{
    const struct slice name = identity_name(b->identity);
    const struct share whose = { hash64_bytes(name.ptr, name.len), b->origin };
    series_limit_claim_again(r->opts.limit, b->identity->hash, whose);
}

static void prepare(const struct registry *r, struct identity *id, unsigned step)
{
    if (step == 0) {
        tuple_hash(id);
        places_prefetch(&r->by_identity, id->hash);
    }
    tuple_ahead(&r->symbols, id, step);
}

void registry_adopt_begin(struct registry *r)
{
    struct merging *m = &r->merging;
    m->birth = m->page->births.first;
    for (unsigned step = 0; step < BIRTH_STEPS; step++) {
        const struct birth *b = m->birth;
        for (unsigned i = 0; i < ahead_by[step] && b != NULL; i++, b = b->next)
            prepare(r, b->identity, step);
        m->ahead_at[step] = b;
    }
}

void registry_adopt(struct registry *r, size_t *most)
{
    struct merging *m = &r->merging;
    const size_t known = r->n_all;
    for (; m->birth != NULL && *most > 0; m->birth = m->birth->next, --*most) {
        struct cell *c = m->birth->cell;
        for (unsigned step = 0; step < BIRTH_STEPS; step++) {
            const struct birth *b = m->ahead_at[step];
            if (b == NULL)
                continue;
            prepare(r, b->identity, step);
            m->ahead_at[step] = b->next;
        }
        const size_t before = r->n_all;
        c->series = adopt(r, m->birth->identity, c->profile);
        if (r->n_all > before && series_limit_by_share(r->opts.limit))
            claim_share(r, m->birth);
        assert(c->series->kind == kind_of(cell_type(c)));
        series_cell_comes(c->series);
        series_check(c->series);
    }
    claim(r, known);
}
