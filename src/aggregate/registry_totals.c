/*
 * registry_put    identity_of      the key, cut into name and tags, and the instance among them
 *                 series_of        its series: new
 *                 show             its place on the page, by the mapping
 */
#include "aggregate/registry_totals.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/identity.h"
#include "aggregate/registry_priv.h"
#include "base/arena.h"
#include "base/mem.h"
#include "base/utf8.h"

struct registry_filling {
    struct registry *registry;
    uint64_t most;
    struct kind_now now;
    struct arena memory; /* of the identity at hand */
    struct tags tags;    /* of it */
};

struct registry_filling *registry_fill(struct registry *r, uint64_t most, uint64_t now_ns)
{
    assert(r->n_all == 0 && r->restored.n == 0 && !r->opts.keep_intervals && !r->opts.births);
    struct registry_filling *f = mem_zalloc(sizeof *f);
    f->registry = r;
    f->most = most < PLACES_MAX ? most : PLACES_MAX;
    f->now = registry_kind_now(r, now_ns);
    return f;
}

void registry_filled(struct registry_filling *f)
{
    if (f != NULL)
        arena_release(&f->memory);
    free(f);
}

bool registry_is_full(const struct registry_filling *f)
{
    return f->registry->n_all >= f->most;
}

uint64_t registry_filled_series(const struct registry *r)
{
    return r->n_all;
}

/* ---- its identity ---- */

/* Strictly ascending by key, as encoders write them.   returns  false: not so, or too many */
static bool add_tag(struct tags *to, struct slice key, struct slice value)
{
    const struct tag *last = to->n > 0 ? &to->at[to->n - 1] : NULL;
    if (to->n == TAGS_ROOM || key.len == 0 || key.len > UINT16_MAX || value.len > UINT16_MAX)
        return false;
    if (last != NULL && slice_cmp(last->key, key) >= 0)
        return false;
    to->at[to->n] = (struct tag){ key, value, (uint16_t)to->n };
    to->n++;
    return true;
}

/* The instance's place is by its key, as of any tag; a tag of that key is there instead. */
static bool add_instance(struct tags *to, struct slice *instance, const struct slice *next)
{
    const struct slice key = SLICE_LIT("instance");
    const int before = next == NULL ? -1 : slice_cmp(key, *next);
    if (instance->len == 0 || before > 0)
        return true;
    const struct slice value = *instance;
    *instance = slice_of(NULL, 0);
    return before == 0 || add_tag(to, key, value);
}

static bool cut_tags(struct tags *to, struct slice text, struct slice instance)
{
    to->n = 0;
    for (bool more = text.len > 0; more;) {
        struct slice one = text;
        more = slice_cut(&text, ',', &one);
        const char *colon = one.len > 0 ? memchr(one.ptr, ':', one.len) : NULL;
        if (colon == NULL)
            return false;
        const size_t n = (size_t)(colon - one.ptr);
        const struct slice key = slice_of(one.ptr, n);
        if (!add_instance(to, &instance, &key) ||
            !add_tag(to, key, slice_of(colon + 1, one.len - n - 1)))
            return false;
    }
    return add_instance(to, &instance, NULL);
}

/* returns  NULL: the key is no series' */
static struct identity *identity_of(struct registry_filling *f, const struct total *t)
{
    struct slice name = t->key, tags = slice_of(NULL, 0);
    const char *bar = name.len > 0 ? memchr(name.ptr, '|', name.len) : NULL;
    if (bar != NULL) {
        name.len = (size_t)(bar - name.ptr);
        tags = slice_of(bar + 1, t->key.len - name.len - 1);
        if (tags.len < 2 || tags.ptr[0] != '#')
            return NULL;
        tags = slice_of(tags.ptr + 1, tags.len - 1);
    }
    if (name.len == 0 || name.len > UINT16_MAX || !utf8_valid(t->key) || !utf8_valid(t->instance) ||
        !cut_tags(&f->tags, tags, t->instance))
        return NULL;
    const struct sample s = { .name = name.ptr, .name_len = (uint32_t)name.len, .type = t->type };
    arena_clear(&f->memory);
    struct identity *id = identity_new(&f->memory, &s, &f->tags);
    if (id != NULL)
        tuple_hash(id);
    return id;
}

/* ---- its series ---- */

static void show(struct registry_filling *f, struct series *s, const struct profile *p,
                 const struct total *t)
{
    struct registry *r = f->registry;
    struct exposed *e =
        exposed_pool_new(&r->output.pool, (enum series_kind)s->kind, p, f->now.now_ns);
    const struct output_request q = { .tuple = series_tuple(s),
                                      .samples = 1,
                                      .now_s = (uint32_t)(f->now.now_ns / 1000000000) };
    s->last_s = e->last_s = q.now_s;
    kind_rows[s->kind]->put_total(e, t, &f->now);
    s->exposed = output_show(&r->output, e, &q, &f->now);
}

static void add_series(struct registry *r, struct series *s, uint64_t hash)
{
    const struct places_array array = registry_series(r);
    r->all = mem_grow(r->all, &r->cap_all, r->n_all + 1, sizeof(struct series *));
    r->hashes = mem_grow(r->hashes, &r->cap_hashes, r->n_all + 1, sizeof *r->hashes);
    r->hashes[r->n_all] = hash;
    r->all[r->n_all++] = s;
    places_put(&r->by_identity, &array, (uint32_t)r->n_all - 1);
    registry_appear(r, s);
}

enum total_put registry_put(struct registry_filling *f, const struct total *t)
{
    struct registry *r = f->registry;
    assert(t->type < SAMPLE_TYPE_COUNT);
    struct identity *id = identity_of(f, t);
    if (id == NULL)
        return TOTAL_BAD;
    if (registry_knows(r, id))
        return TOTAL_TWICE;
    struct series *s = series_new(&r->memory, &r->symbols, id, 0, true);
    (void)spelling_name(&r->output.spelling, series_tuple(s));
    series_set_profile(s, r->output.spelling.profile);
    const struct profile *p = series_profile(s, r->opts.profiles);
    enum total_put ret = r->output.spelling.dropped             ? TOTAL_DROPPED
                         : p->ttl_s > 0 && t->idle_s > p->ttl_s ? TOTAL_IDLE
                         : registry_is_full(f)                  ? TOTAL_LIMITED
                                                                : TOTAL_PUT;
    if (ret != TOTAL_PUT) {
        series_free(s, &r->memory, &r->symbols);
        return ret;
    }
    add_series(r, s, id->hash);
    show(f, s, p, t);
    series_check(s);
    return TOTAL_PUT;
}
