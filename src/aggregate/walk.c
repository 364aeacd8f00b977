#include <assert.h>

#include "aggregate/registry_priv.h"

enum { NEAR = 4, FAR = 8 };

void registry_walk_begin(struct registry *r, struct registry_walk *w)
{
    *w = (struct registry_walk){ .registry = r, .next = r->walks, .begun = r->n_born };
    r->walks = w;
}

void registry_walk_end(struct registry_walk *w)
{
    struct registry_walk **at = &w->registry->walks;
    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    buf_release(&w->name);
}

/* Where the families behind `name` begin. */
static size_t place_behind(struct family *const *families, size_t n, struct slice name)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (slice_cmp(slice_of(families[mid]->name, families[mid]->name_len), name) > 0)
            high = mid;
        else
            low = mid + 1;
    }
    return low;
}

static bool is_met(const struct registry_walk *w, const struct family *f)
{
    return f->type != FAMILY_RESERVED && f->born <= w->begun;
}

const struct family *registry_walk_family(struct registry_walk *w)
{
    size_t n;
    struct family *const *families = registry_families(w->registry, &n);
    if (w->order != w->registry->order) {
        w->order = w->registry->order;
        w->place = place_behind(families, n, buf_slice(&w->name));
    }
    while (w->place < n && !is_met(w, families[w->place]))
        w->place++;
    w->at = 0;
    w->family = w->place < n ? families[w->place++] : NULL;
    if (w->family == NULL)
        return NULL;
    w->until = w->family->n;
    buf_clear(&w->name);
    buf_append(&w->name, w->family->name, w->family->name_len);
    return w->family;
}

struct series *registry_walk_series(struct registry_walk *w)
{
    const struct family *f = w->family;
    if (f == NULL || w->at >= w->until)
        return NULL;
    /* Series and their identities lie all over the heap: have them on their way. */
    if (w->at + FAR < w->until)
        __builtin_prefetch(f->series[w->at + FAR]);
    if (w->at + NEAR < w->until)
        __builtin_prefetch(f->series[w->at + NEAR]->id);
    return f->series[w->at++];
}

void walks_forget(struct registry *r, const struct family *f)
{
    for (struct registry_walk *w = r->walks; w != NULL; w = w->next)
        if (w->family == f)
            w->family = NULL;
}

/* The least bound of a walk in f that is past i. */
static size_t *next_bound(const struct registry *r, const struct family *f, size_t i)
{
    size_t *least = NULL;
    for (struct registry_walk *w = r->walks; w != NULL; w = w->next) {
        if (w->family != f)
            continue;
        if (w->at > i && (least == NULL || w->at < *least))
            least = &w->at;
        if (w->until > i && (least == NULL || w->until < *least))
            least = &w->until;
    }
    return least;
}

static void move(struct family *f, size_t to, size_t from)
{
    if (to == from)   /* two bounds in one place: the series there has moved already */
        return;
    f->series[to] = f->series[from];
    f->series[to]->at = (uint32_t)to;
}

void walks_close_hole(struct registry *r, struct family *f, size_t hole)
{
    size_t *bound;
    while ((bound = next_bound(r, f, hole)) != NULL) {
        move(f, hole, --*bound);
        hole = *bound;
    }
    assert(hole < f->n);
    move(f, hole, --f->n);
}
