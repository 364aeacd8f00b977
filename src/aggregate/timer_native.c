#include "aggregate/timer_native.h"

#include <assert.h>
#include <stdlib.h>

#include "aggregate/sketch_window.h"
#include "base/mem.h"

bool timer_native_open(struct sketch **ret, const struct profile *p)
{
    struct sketch *parts = malloc(2 * sizeof *parts);
    if (parts == NULL)
        return false;
    sketch_init(&parts[0], profile_native_schema(p));
    sketch_init(&parts[1], profile_native_schema(p));
    *ret = parts;
    return true;
}

void timer_native_close(struct sketch *parts)
{
    if (parts == NULL)
        return;
    sketch_release(&parts[0]);
    sketch_release(&parts[1]);
    free(parts);
}

static uint32_t in_use(const struct sketch *k)
{
    uint32_t n = 0;
    for (int negative = 0; negative < 2; negative++) {
        struct sketch_buckets b;
        sketch_buckets_begin(k, negative, &b);
        while (sketch_buckets_next(&b))
            n++;
    }
    return n;
}

static bool is_level(const struct sketch *k)
{
    return k->neg == NULL || k->neg->schema == k->pos.schema;
}

/* Both signs to that schema, which is not above theirs.   returns  false: no memory */
static bool coarsen(struct sketch *k, int schema)
{
    struct sketch_window *windows[] = { &k->pos, k->neg };
    for (int i = 0; i < 2; i++) {
        struct sketch_window *w = windows[i];
        if (w != NULL && w->schema > schema && sketch_window_coarsen(w, w->schema - schema) < 0)
            return false;
    }
    return true;
}

static int coarser_of_both(const struct sketch *k)
{
    return k->neg != NULL && k->neg->schema < k->pos.schema ? k->neg->schema : k->pos.schema;
}

static void keep_small(struct sketch *k, uint32_t most)
{
    int schema = coarser_of_both(k);
    bool may = coarsen(k, schema);
    while (may && most > 0 && schema > SKETCH_SCHEMA_MIN && in_use(k) > most)
        may = coarsen(k, --schema);
}

static struct sketch *made(struct sketch **k, const struct profile *p)
{
    assert(profile_native(p));
    if (*k == NULL) {
        *k = mem_alloc(sizeof **k);
        sketch_init(*k, profile_native_schema(p));
    }
    return *k;
}

void timer_native_merge(struct sketch **to, const struct profile *p, const struct sketch *from)
{
    struct sketch *k = made(to, p);
    (void)sketch_merge(k, from);
    keep_small(k, p->native_max_buckets);
}

const struct sketch *timer_native_view(struct sketch **k, const struct profile *p)
{
    struct sketch *made_now = made(k, p);
    return is_level(made_now) ? made_now : NULL;
}

void timer_native_free(struct sketch *k)
{
    if (k != NULL)
        sketch_release(k);
    free(k);
}
