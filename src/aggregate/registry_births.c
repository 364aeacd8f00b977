/*
 * registry_adopt    births of a page, in order
 *   adopt             its identity becomes a series, or meets the series that is there
 */
#include <assert.h>

#include "aggregate/page.h"
#include "aggregate/registry_priv.h"
#include "base/mem.h"

enum { BIRTH_AHEAD = 8 }; /* how far ahead to prefetch */

static uint64_t hash_at(const void *registry, uint32_t place)
{
    return series_tuple(((const struct registry *)registry)->all[place])->hash;
}

struct places_array registry_series(const struct registry *r)
{
    return (struct places_array){ r, hash_at };
}

static bool is_identity(const void *registry, uint32_t place, const void *identity)
{
    const struct registry *r = registry;
    return tuple_is(series_tuple(r->all[place]), &r->symbols, identity);
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
    s = series_new(&r->memory, &r->symbols, id, profiles_at(r->opts.profiles, profile));
    r->all = mem_grow(r->all, &r->cap_all, r->n_all + 1, sizeof(struct series *));
    r->all[r->n_all++] = s;
    places_put(&r->by_identity, &array, (uint32_t)r->n_all - 1);
    /*
     * The worker claimed its place, but the place may have been its predecessor's, forgotten since.
     */
    (void)series_limit_claim(r->opts.limit, id->hash);
    registry_appear(r, s);
    return s;
}

void registry_adopt_begin(struct registry *r)
{
    struct merging *m = &r->merging;
    m->birth = m->birth_ahead = m->page->births.first;
    for (int i = 0; i < BIRTH_AHEAD && m->birth_ahead != NULL; i++)
        m->birth_ahead = m->birth_ahead->next;
}

void registry_adopt(struct registry *r, size_t *most)
{
    struct merging *m = &r->merging;
    for (; m->birth != NULL && *most > 0; m->birth = m->birth->next, --*most) {
        struct cell *c = m->birth->cell;
        if (m->birth_ahead != NULL) {
            places_prefetch(&r->by_identity, m->birth_ahead->identity->hash);
            m->birth_ahead = m->birth_ahead->next;
        }
        c->series = adopt(r, m->birth->identity, c->profile);
        assert(c->series->cells < SERIES_CELLS_MAX && c->series->kind == kind_of(cell_type(c)));
        c->series->cells++;
        series_check(c->series);
    }
}
