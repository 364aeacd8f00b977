#include "aggregate/heavy.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

static uint64_t hash_of(const void *entry)
{
    return ((const struct heavy_entry *)entry)->hash;
}

static struct slice key_of(const struct heavy_entry *e)
{
    return slice_of(e->key, e->key_len);
}

static bool is_key(const void *entry, const void *key)
{
    return slice_eq(key_of(entry), *(const struct slice *)key);
}

static struct slice cut(struct slice key)
{
    return slice_of(key.ptr, key.len < HEAVY_KEY_MAX ? key.len : HEAVY_KEY_MAX);
}

void heavy_init(struct heavy *h, size_t most)
{
    assert(most > 0);
    *h = (struct heavy){ .most = most };
    h->heap = mem_alloc(most * sizeof(struct heavy_entry *));
    index_init(&h->by_key, hash_of);
}

void heavy_release(struct heavy *h)
{
    for (size_t i = 0; i < h->n; i++)
        free(h->heap[i]);
    free(h->heap);
    index_release(&h->by_key);
    *h = (struct heavy){ .n = 0 };
}

static void place(struct heavy *h, size_t at, struct heavy_entry *e)
{
    h->heap[at] = e;
    e->at = (uint32_t)at;
}

/* e has grown: those below it that are smaller move up. */
static void sink(struct heavy *h, struct heavy_entry *e)
{
    size_t at = e->at;
    for (size_t child; (child = 2 * at + 1) < h->n; at = child) {
        if (child + 1 < h->n && h->heap[child + 1]->count < h->heap[child]->count)
            child++;
        if (h->heap[child]->count >= e->count)
            break;
        place(h, at, h->heap[child]);
    }
    place(h, at, e);
}

/* e is new, with a count of 0: none is smaller. */
static void rise(struct heavy *h, struct heavy_entry *e)
{
    size_t at = h->n++;
    for (; at > 0 && h->heap[(at - 1) / 2]->count > e->count; at = (at - 1) / 2)
        place(h, at, h->heap[(at - 1) / 2]);
    place(h, at, e);
}

static void name(struct heavy_entry *e, struct slice key, uint64_t hash, int64_t now_ms)
{
    *e = (struct heavy_entry){ .hash = hash,
                               .count = e->count,
                               .error = e->count,
                               .first_ms = now_ms,
                               .at = e->at,
                               .key_len = (uint16_t)key.len };
    if (key.len > 0)
        memcpy(e->key, key.ptr, key.len);
}

static struct heavy_entry *add(struct heavy *h, struct slice key, uint64_t hash, int64_t now_ms)
{
    struct heavy_entry *e;
    if (h->n < h->most) {
        e = mem_zalloc(sizeof *e);
        rise(h, e);
    } else {
        e = h->heap[0];
        index_remove(&h->by_key, e);
    }
    name(e, key, hash, now_ms);
    index_put(&h->by_key, e);
    return e;
}

struct heavy_entry *heavy_note(struct heavy *h, struct slice key, double weight, int64_t now_ms)
{
    assert(weight >= 0);
    key = cut(key);
    uint64_t hash = hash64_bytes(key.ptr, key.len);
    struct heavy_entry *e = index_find(&h->by_key, hash, is_key, &key);
    if (e == NULL)
        e = add(h, key, hash, now_ms);
    e->count += weight;
    e->last_ms = now_ms;
    sink(h, e);
    return e;
}

const struct heavy_entry *heavy_find(const struct heavy *h, struct slice key)
{
    key = cut(key);
    return index_find(&h->by_key, hash64_bytes(key.ptr, key.len), is_key, &key);
}

void heavy_decay(struct heavy *h, double factor)
{
    assert(factor > 0 && factor <= 1);
    for (size_t i = 0; i < h->n; i++) {
        struct heavy_entry *e = h->heap[i];
        e->count *= factor;
        e->error *= factor;
        e->datagrams *= factor;
        e->rejected *= factor;
    }
}

static int by_count(const void *a, const void *b)
{
    const struct heavy_entry *x = *(const struct heavy_entry *const *)a;
    const struct heavy_entry *y = *(const struct heavy_entry *const *)b;
    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    return slice_cmp(key_of(x), key_of(y));
}

size_t heavy_largest(const struct heavy *h, size_t most, const struct heavy_entry **ret)
{
    const struct heavy_entry **all = mem_alloc((h->n + 1) * sizeof(struct heavy_entry *));
    for (size_t i = 0; i < h->n; i++)
        all[i] = h->heap[i];
    qsort(all, h->n, sizeof *all, by_count);
    size_t n = h->n < most ? h->n : most;
    for (size_t i = 0; i < n; i++)
        ret[i] = all[i];
    free(all);
    return n;
}
