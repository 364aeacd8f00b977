#include "base/arena.h"

#include <assert.h>
#include <stdint.h>

#include "base/backing.h"
#include "base/slab.h"

enum { CHUNK_FIRST = 64 << 10, CHUNK_MOST = 2 << 20 };

struct arena_chunk {
    struct arena_chunk *next;
    size_t bytes, used; /* both with this head */
};

static_assert(sizeof(struct arena_chunk) % 8 == 0, "objects are aligned to 8");

static void chunk_check(const struct arena_chunk *c)
{
    assert(c->used >= sizeof *c && c->used <= c->bytes && c->used % 8 == 0);
}

static size_t chunk_bytes(const struct arena *a, size_t object)
{
    size_t least = sizeof(struct arena_chunk) + object, bytes = CHUNK_FIRST;
    if (a->chunks != NULL && a->chunks->bytes < CHUNK_MOST)
        bytes = a->chunks->bytes * 2;
    else if (a->chunks != NULL)
        bytes = CHUNK_MOST;
    while (bytes < least)
        bytes *= 2;
    return bytes;
}

static struct arena_chunk *chunk_new(struct arena *a, size_t object)
{
    size_t bytes = chunk_bytes(a, object);
    struct arena_chunk *c = slab_map_small(bytes);
    if (c == NULL)
        return NULL;
    *c = (struct arena_chunk){ .next = a->chunks, .bytes = bytes, .used = sizeof *c };
    a->chunks = c;
    return c;
}

void *arena_alloc(struct arena *a, size_t bytes)
{
    struct arena_chunk *c = a->chunks;
    assert(bytes > 0 && bytes < SIZE_MAX / 2);
    bytes = (bytes + 7) / 8 * 8;
    if (c == NULL || c->bytes - c->used < bytes)
        c = chunk_new(a, bytes);
    if (c == NULL)
        return NULL;
    void *object = (char *)c + c->used;
    c->used += bytes;
    chunk_check(c);
    return object;
}

/*
 * A chunk that is empty now stays: the next object would map it again.  The object that is then the
 * last one lies in a chunk behind it.
 */
void arena_undo(struct arena *a, void *last)
{
    struct arena_chunk *c = a->chunks;
    while (c != NULL && c->used == sizeof *c)
        c = c->next;
    assert(c != NULL && (char *)last >= (char *)(c + 1) && (char *)last < (char *)c + c->used);
    c->used = (size_t)((char *)last - (char *)c);
    chunk_check(c);
}

static void free_chunks(struct arena_chunk *c)
{
    while (c != NULL) {
        struct arena_chunk *next = c->next;
        backing_unmap(c, c->bytes);
        c = next;
    }
}

void arena_clear(struct arena *a)
{
    struct arena_chunk *c = a->chunks;
    if (c != NULL && c->next == NULL && c->bytes == CHUNK_FIRST)
        c->used = sizeof *c;
    else
        arena_release(a);
}

void arena_release(struct arena *a)
{
    free_chunks(a->chunks);
    *a = (struct arena){ 0 };
}
