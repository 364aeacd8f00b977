#include "aggregate/registry_walk.h"

#include <assert.h>

#include "aggregate/registry_priv.h"

enum { NEAR = 4, FAR = 8 }; /* how far ahead to prefetch */

void registry_walk_begin(struct registry *r, struct registry_walk *w)
{
    struct families *fs = &r->output.families;
    *w = (struct registry_walk){ .registry = r, .families = fs, .begun = fs->n_born };
    families_enter(fs, &w->cursor);
}

void registry_walk_end(struct registry_walk *w)
{
    families_leave(w->families, &w->cursor);
    buf_release(&w->name);
    buf_release(&w->help);
}

static void walk_check(const struct registry_walk *w)
{
    assert(w->families == &w->registry->output.families);
    assert(w->begun <= w->families->n_born && w->order <= w->families->order);
    family_cursor_check(&w->cursor);
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

static bool is_visited(const struct registry_walk *w, const struct family *f)
{
    return f->type != FAMILY_RESERVED && f->born <= w->begun;
}

const struct family *registry_walk_family(struct registry_walk *w)
{
    size_t n;
    walk_check(w);
    struct family *const *families = families_sorted(w->families, &n);
    struct family_cursor *c = &w->cursor;
    if (w->order != w->families->order) {
        w->order = w->families->order;
        w->place = place_behind(families, n, buf_slice(&w->name));
    }
    while (w->place < n && !is_visited(w, families[w->place]))
        w->place++;
    c->at = 0;
    c->family = w->place < n ? families[w->place++] : NULL;
    if (c->family == NULL)
        return NULL;
    /* Whatever came and went in between, no name is shown twice. */
    const struct slice name = slice_of(c->family->name, c->family->name_len);
    assert(w->name.len == 0 || slice_cmp(name, buf_slice(&w->name)) > 0);
    c->until = c->family->n;
    buf_clear(&w->name);
    buf_append_slice(&w->name, name);
    buf_clear(&w->help);
    if (c->family->help != NULL)
        buf_append(&w->help, c->family->help, strlen(c->family->help) + 1);
    return c->family;
}

void registry_walk_again(struct registry_walk *w)
{
    struct family_cursor *c = &w->cursor;
    c->at = 0;
    c->until = c->family != NULL ? c->family->n : 0;
}

struct exposed *registry_walk_exposed(struct registry_walk *w)
{
    struct family_cursor *c = &w->cursor;
    const struct family *f = c->family;
    family_cursor_check(c);
    if (f == NULL || c->at >= c->until)
        return NULL;
    /* What is exposed and its labels lie all over the heap: have them on their way. */
    if (c->at + FAR < c->until)
        __builtin_prefetch(f->exposed[c->at + FAR]);
    if (c->at + NEAR < c->until)
        __builtin_prefetch(f->exposed[c->at + NEAR]->labels.tuple);
    struct exposed *e = f->exposed[c->at++];
    assert(e->family == f && !e->behind);
    exposed_check(e);
    return e;
}
