#include "config/text_index.h"

#include <assert.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"

struct text_index_entry {
    const char *ptr;
    uint32_t len, parent, value, hash;
};

static uint32_t hash_of(uint32_t parent, struct slice text)
{
    uint64_t h = hash64_bytes(text.ptr, text.len) + parent * 0x9E3779B97F4A7C15u;
    return (uint32_t)((h ^ (h >> 32)) * 0x9E3779B1u);
}

/* The entry of that key, or the free one where it goes. */
static struct text_index_entry *probe(const struct text_index *ix, uint32_t hash, uint32_t parent,
                                      struct slice text)
{
    for (size_t i = hash;; i++) {
        struct text_index_entry *e = &ix->at[i & (ix->cap - 1)];
        if (e->ptr == NULL ||
            (e->hash == hash && e->parent == parent && slice_eq(slice_of(e->ptr, e->len), text)))
            return e;
    }
}

static void grow(struct text_index *ix)
{
    struct text_index old = *ix;
    ix->cap = old.cap > 0 ? 2 * old.cap : 64;
    ix->at = mem_zalloc(ix->cap * sizeof *ix->at);
    for (size_t i = 0; i < old.cap; i++) {
        const struct text_index_entry *e = &old.at[i];
        if (e->ptr != NULL)
            *probe(ix, e->hash, e->parent, slice_of(e->ptr, e->len)) = *e;
    }
    free(old.at);
}

void text_index_release(struct text_index *ix)
{
    free(ix->at);
    *ix = (struct text_index){ 0 };
}

uint32_t text_index_find(const struct text_index *ix, uint32_t parent, struct slice text)
{
    if (ix->n == 0)
        return TEXT_INDEX_NONE;
    const struct text_index_entry *e = probe(ix, hash_of(parent, text), parent, text);
    return e->ptr != NULL ? e->value : TEXT_INDEX_NONE;
}

uint32_t text_index_add(struct text_index *ix, uint32_t parent, struct slice text, uint32_t value)
{
    assert(text.ptr != NULL && text.len <= UINT32_MAX && value != TEXT_INDEX_NONE);
    if (ix->n + 1 > ix->cap / 4 * 3)
        grow(ix);
    uint32_t hash = hash_of(parent, text);
    struct text_index_entry *e = probe(ix, hash, parent, text);
    if (e->ptr != NULL)
        return e->value;
    *e = (struct text_index_entry){
        .ptr = text.ptr, .len = (uint32_t)text.len, .parent = parent, .value = value, .hash = hash
    };
    ix->n++;
    return value;
}
