/*
 * The list of families
 *   families_new      at its end; families_sorted sorts what is new and merges it in
 *   family_drop       leaves a gap, which families_sorted closes
 *
 * What is exposed in a family
 *   by_labels         finds the one that has certain labels, for the series that shares a line;
 *                     up to FEW are looked through
 *   family->exposed   the list that walks go over; close_hole keeps the cursors right:
 *
 *       visited           to visit          came later
 *     [0 ...... at) [at ......... until) [until ...... n)
 *           ^ a hole here is filled by the last of "visited"; the hole that this makes, by the last
 *             of "to visit"; and that one, by the last of all
 */
#include "aggregate/families.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/labels.h"
#include "base/hash.h"
#include "base/mem.h"

enum { FEW = 8 };

const char *family_type_word(enum family_type t)
{
    static const char *const words[] = {
#define X(id, word) word,
        FAMILY_TYPES(X)
#undef X
    };
    return words[t];
}

static uint64_t family_hash(const void *family)
{
    return ((const struct family *)family)->hash;
}

/* 32 bits over 64: the table takes its tag from the top. */
static uint64_t spread(uint32_t hash)
{
    return hash * 0x9E3779B97F4A7C15ull;
}

static uint64_t labels_hash(const void *family, uint32_t place)
{
    return spread(((const struct family *)family)->exposed[place]->labels_hash);
}

static void ahead(const void *family, uint32_t place, bool soon)
{
    struct exposed *const *e = &((const struct family *)family)->exposed[place];
    __builtin_prefetch(soon ? (const void *)&(*e)->labels_hash : (const void *)e);
}

static struct places_array array_of(const struct family *f)
{
    return (struct places_array){ f, labels_hash, ahead };
}

void families_init(struct families *fs, const struct symbols *symbols)
{
    *fs = (struct families){ .order = 1, .symbols = symbols }; /* a walk that begins knows none */
    index_init(&fs->by_name, family_hash);
}

static void family_free(struct family *f)
{
    if (f->by_labels != NULL)
        places_release(f->by_labels);
    free(f->by_labels);
    free(f->exposed);
    free(f->help);
    free(f->name);
    free(f);
}

void families_release(struct families *fs)
{
    for (size_t i = 0; i < fs->n; i++)
        if (fs->at[i] != NULL)
            family_free(fs->at[i]);
    free(fs->at);
    index_release(&fs->by_name);
    buf_release(&fs->scratch);
}

/* ---- the list ---- */

static struct slice name_of(const struct family *f)
{
    return slice_of(f->name, f->name_len);
}

static bool family_is(const void *family, const void *name)
{
    return slice_eq(name_of(family), *(const struct slice *)name);
}

struct family *families_find(const struct families *fs, struct slice name)
{
    return index_find(&fs->by_name, hash64_bytes(name.ptr, name.len), family_is, &name);
}

struct family *families_new(struct families *fs, struct slice name, enum family_type type)
{
    struct family *f = mem_zalloc(sizeof *f);
    f->name = mem_strndup(name.ptr, name.len);
    f->name_len = (uint32_t)name.len;
    f->type = type;
    f->hash = hash64_bytes(name.ptr, name.len);
    f->born = ++fs->n_born;
    index_put(&fs->by_name, f);
    size_t n;
    if (fs->n == fs->cap && fs->n_dropped > fs->n / 2)
        families_sorted(fs, &n); /* without scrapes nobody else closes the gaps */
    fs->at = mem_grow(fs->at, &fs->cap, fs->n + 1, sizeof(struct family *));
    f->at = fs->n;
    fs->at[fs->n++] = f;
    families_check(fs);
    family_check(fs, f);
    return f;
}

void families_help(struct family *f, const char *text)
{
    if (f->help == NULL && text != NULL)
        f->help = mem_strdup(text);
}

void families_forget_help(struct families *fs)
{
    for (size_t i = 0; i < fs->n; i++) {
        if (fs->at[i] == NULL)
            continue;
        free(fs->at[i]->help);
        fs->at[i]->help = NULL;
    }
}

static void family_drop(struct families *fs, struct family *f)
{
    family_check(fs, f);
    for (struct family_cursor *c = fs->cursors; c != NULL; c = c->next)
        if (c->family == f)
            c->family = NULL;
    index_remove(&fs->by_name, f);
    fs->at[f->at] = NULL;
    fs->n_dropped++;
    families_check(fs);
    family_free(f);
}

static int by_name(const void *a, const void *b)
{
    return slice_cmp(name_of(*(struct family *const *)a), name_of(*(struct family *const *)b));
}

/* Close the gaps that dropped families left; what was in order stays in order. */
static void compact(struct families *fs)
{
    size_t n = 0, sorted = 0;
    for (size_t i = 0; i < fs->n; i++) {
        if (fs->at[i] == NULL)
            continue;
        sorted += i < fs->n_sorted;
        fs->at[n++] = fs->at[i];
    }
    fs->n = n;
    fs->n_sorted = sorted;
    fs->n_dropped = 0;
}

/* Only what is new is sorted; then the two runs are merged, from the back and in place. */
static void sort_new(struct families *fs)
{
    size_t n_new = fs->n - fs->n_sorted, old = fs->n_sorted;
    struct family **fresh = mem_alloc(n_new * sizeof(struct family *));
    memcpy(fresh, &fs->at[old], n_new * sizeof(struct family *));
    qsort(fresh, n_new, sizeof(struct family *), by_name);
    for (size_t to = fs->n; n_new > 0; to--) {
        bool take_old = old > 0 && by_name(&fs->at[old - 1], &fresh[n_new - 1]) > 0;
        fs->at[to - 1] = take_old ? fs->at[--old] : fresh[--n_new];
        assert(to == fs->n || by_name(&fs->at[to - 1], &fs->at[to]) < 0);
    }
    free(fresh);
    fs->n_sorted = fs->n;
}

struct family *const *families_sorted(struct families *fs, size_t *ret_n)
{
    if (fs->n_dropped > 0 || fs->n_sorted < fs->n) {
        compact(fs);
        sort_new(fs);
        for (size_t i = 0; i < fs->n; i++)
            fs->at[i]->at = i;
        fs->order++;
    }
    assert(fs->n_sorted == fs->n && fs->n_dropped == 0);
    *ret_n = fs->n;
    return fs->at;
}

/* ---- walks ---- */

void families_enter(struct families *fs, struct family_cursor *c)
{
    assert(c->family == NULL && c->at == 0 && c->until == 0);
    c->next = fs->cursors;
    fs->cursors = c;
}

void families_leave(struct families *fs, struct family_cursor *c)
{
    struct family_cursor **at = &fs->cursors;
    while (*at != c) {
        assert(*at != NULL);
        at = &(*at)->next;
    }
    *at = c->next;
}

/* The least bound of a cursor in f that is past i, or NULL. */
static size_t *next_bound(const struct families *fs, const struct family *f, size_t i)
{
    size_t *least = NULL;
    for (struct family_cursor *c = fs->cursors; c != NULL; c = c->next) {
        if (c->family != f)
            continue;
        if (c->at > i && (least == NULL || c->at < *least))
            least = &c->at;
        if (c->until > i && (least == NULL || c->until < *least))
            least = &c->until;
    }
    return least;
}

static void move(struct family *f, size_t to, size_t from)
{
    if (to == from) /* two bounds in one place: what stood there has moved already */
        return;
    f->exposed[to] = f->exposed[from];
    f->exposed[to]->at = (uint32_t)to;
    const struct places_array array = array_of(f);
    if (f->by_labels != NULL)
        places_moved(f->by_labels, &array, (uint32_t)from, (uint32_t)to);
}

static void close_hole(const struct families *fs, struct family *f, size_t hole)
{
    size_t *bound;
    while ((bound = next_bound(fs, f, hole)) != NULL) {
        move(f, hole, --*bound);
        hole = *bound;
    }
    assert(hole < f->n);
    move(f, hole, --f->n);
    family_check(fs, f);
    for (const struct family_cursor *c = fs->cursors; c != NULL; c = c->next)
        family_cursor_check(c);
}

/* ---- what is exposed ---- */

struct labels_key families_key(const struct family *f, struct slice labels)
{
    uint64_t hash = hash64_bytes(labels.ptr, labels.len) ^ f->hash;
    return (struct labels_key){ f, labels, (uint32_t)hash };
}

struct lookup {
    const struct labels_key *key;
    const struct symbols *symbols;
    struct buf *scratch;
};

static bool labels_are(const void *family, uint32_t place, const void *lookup)
{
    const struct exposed *e = ((const struct family *)family)->exposed[place];
    const struct lookup *l = lookup;
    if (e->labels_hash != l->key->hash)
        return false;
    buf_clear(l->scratch);
    exposed_labels(e, l->symbols, l->scratch);
    if (e->has_text)
        labels_drop_empty(l->scratch);
    return slice_eq(buf_slice(l->scratch), l->key->text);
}

struct exposed *families_exposed(struct families *fs, const struct labels_key *key)
{
    const struct lookup l = { key, fs->symbols, &fs->scratch };
    const struct family *f = key->family;
    if (f->by_labels != NULL) {
        const struct places_array array = array_of(f);
        uint32_t place = places_find(f->by_labels, &array, spread(key->hash), labels_are, &l);
        return place == PLACES_NONE ? NULL : f->exposed[place];
    }
    for (uint32_t i = 0; i < f->n; i++)
        if (labels_are(f, i, &l))
            return f->exposed[i];
    return NULL;
}

/* The last of f->exposed can be found by its labels, too. */
static void index_last(struct family *f)
{
    const struct places_array array = array_of(f);
    if (f->n <= FEW && f->by_labels == NULL)
        return;
    uint32_t from = (uint32_t)f->n - 1;
    if (f->by_labels == NULL) {
        f->by_labels = mem_zalloc(sizeof *f->by_labels);
        from = 0;
    }
    for (uint32_t i = from; i < f->n; i++)
        places_put(f->by_labels, &array, i);
}

void families_add(struct families *fs, struct family *f, struct exposed *e,
                  const struct labels_key *key)
{
    assert(e->family == NULL && !e->behind && key->family == f && f->n < PLACES_MAX);
    family_check(fs, f);
    e->family = f;
    f->negative |= e->negative;
    e->labels_hash = key->hash;
    f->exposed = mem_grow(f->exposed, &f->cap, f->n + 1, sizeof(struct exposed *));
    e->at = (uint32_t)f->n;
    f->exposed[f->n++] = e;
    fs->n_exposed++;
    index_last(f);
}

void families_replace(struct exposed *e, struct exposed *by)
{
    exposed_check(e);
    assert(!e->behind && (by->family == NULL || (by->behind && by->family == e->family)));
    by->family = e->family;
    by->at = e->at;
    by->labels_hash = e->labels_hash;
    by->behind = 0;
    by->family->exposed[by->at] = by;
}

void families_remove(struct families *fs, struct exposed *e)
{
    struct family *f = e->family;
    assert(!e->behind && f->exposed[e->at] == e);
    const struct places_array array = array_of(f);
    if (f->by_labels != NULL)
        places_remove(f->by_labels, &array, e->at, (uint32_t)f->n);
    close_hole(fs, f, e->at);
    fs->n_exposed--;
    e->family = NULL;
    exposed_drop_labels(e);
    if (f->n == 0)
        family_drop(fs, f);
}

static void put_off_page(struct exposed *e)
{
    struct exposed *other = exposed_other(e);
    if (other != NULL) {
        exposed_gauge_line(other)->other = NULL;
        exposed_gauge_line(e)->other = NULL;
        other->behind = 0;
        put_off_page(other);
    }
    e->family = NULL;
    exposed_drop_labels(e);
}

void families_evict(struct families *fs, struct family *f)
{
    family_check(fs, f);
    for (size_t i = 0; i < f->n; i++)
        put_off_page(f->exposed[i]);
    family_drop(fs, f);
}
