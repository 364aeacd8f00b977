/*
 *     struct slab -> partial: the regions with room, a list
 *
 *     region   | header | object | object | ... | never handed out |     aligned to 2 MiB
 *                         `- freed ones are a list, region->free   `- region->used
 *
 * slab_alloc takes from the first region of the list, slab_free finds the region by the object's
 * address.  A full region is in no list; it returns to the list with its first free object.  A
 * spare region is mapped and nothing in it written, so it has no header yet.
 */
#include "base/slab.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "base/backing.h"
#include "base/mem.h"

enum {
    REGION_ALIGN = 2 << 20, /* a huge page */
    REGION_FIRST = 64 << 10,
    REGION_HEAD = 64 /* the header keeps objects cache-line aligned */
};

struct free_object {
    struct free_object *next;
};

struct slab_region {
    struct slab_region *next, *prev; /* in the list of regions with room */
    struct free_object *free;
    uint32_t bytes, used; /* used: handed out at least once, and the header */
    uint32_t live;
};

static_assert(sizeof(struct slab_region) <= REGION_HEAD, "the header must fit");

static void *map_pages(size_t bytes)
{
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    return mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
}

void *slab_map(size_t bytes)
{
    void *p = map_pages(bytes);
    if (p == MAP_FAILED)
        return NULL;
    /* Only advice: a kernel without huge pages refuses, and small pages work as well. */
    if (bytes >= REGION_ALIGN)
        (void)madvise(p, bytes, MADV_HUGEPAGE);
    return p;
}

void *slab_map_small(size_t bytes)
{
    void *p = map_pages(bytes);
    if (p == MAP_FAILED)
        return NULL;
    (void)madvise(p, bytes, MADV_NOHUGEPAGE); /* where all memory has them unless told not to */
    return p;
}

void *slab_grow_small(void *p, size_t bytes, size_t more_bytes)
{
    assert((p == NULL) == (bytes == 0) && more_bytes > bytes);
    if (p == NULL)
        return slab_map_small(more_bytes);
    void *grown = mremap(p, bytes, more_bytes, MREMAP_MAYMOVE);
    return grown == MAP_FAILED ? NULL : grown;
}

void slab_unmap(void *p, size_t bytes)
{
    if (p != NULL)
        munmap(p, bytes);
}

/* mmap aligns to pages, not to 2 MiB: map 2 MiB more than needed and unmap both ends. */
static struct slab_region *region_map(uint32_t bytes)
{
    size_t room = (size_t)REGION_ALIGN + bytes;
    char *p = map_pages(room);
    if (p == MAP_FAILED)
        return NULL;
    size_t before = (REGION_ALIGN - ((uintptr_t)p & (REGION_ALIGN - 1))) & (REGION_ALIGN - 1);
    char *at = p + before;
    if (before > 0)
        munmap(p, before);
    if (room - before > bytes)
        munmap(at + bytes, room - before - bytes);
    if (bytes == REGION_ALIGN)
        (void)madvise(at, bytes, MADV_HUGEPAGE);
    return (struct slab_region *)(void *)at;
}

static void list_add(struct slab *s, struct slab_region *r)
{
    r->prev = NULL;
    r->next = s->partial;
    if (r->next != NULL)
        r->next->prev = r;
    s->partial = r;
}

static void list_remove(struct slab *s, struct slab_region *r)
{
    if (r->next != NULL)
        r->next->prev = r->prev;
    if (r->prev != NULL)
        r->prev->next = r->next;
    else
        s->partial = r->next;
}

static bool region_full(const struct slab *s, const struct slab_region *r)
{
    return r->free == NULL && r->used + s->object_bytes > r->bytes;
}

/* Is the slab of a size that has a spare region, and none yet?  r: more of it was handed out */
static bool spare_due(const struct slab *s, const struct slab_region *r)
{
    return s->spare == NULL && s->next_region_bytes == REGION_ALIGN && r->next == NULL &&
           r->used > r->bytes / 8 * 7;
}

/* No memory for it: slab_alloc will try again. */
static void spare_map(struct slab *s)
{
    s->spare = region_map(REGION_ALIGN);
    if (s->spare == NULL)
        return;
    s->bytes += REGION_ALIGN;
    backing_ahead(s->spare, REGION_ALIGN);
}

static void region_unmap(struct slab *s, void *r, uint32_t bytes)
{
    s->bytes -= bytes;
    backing_unmap(r, bytes);
}

static void spare_unmap(struct slab *s)
{
    if (s->spare != NULL)
        region_unmap(s, s->spare, REGION_ALIGN);
    s->spare = NULL;
}

/* The spare region, if its memory is there, or NULL. */
static struct slab_region *spare_take(struct slab *s)
{
    struct slab_region *r = s->spare;
    if (r == NULL || !backing_is_ready(r))
        return NULL;
    backing_claim(r);
    s->spare = NULL;
    return r;
}

/*
 * An empty region.  NULL: no memory.  While a spare one's huge page is still being made, one of
 * small pages, which come one at a time.
 */
static struct slab_region *region_new(struct slab *s)
{
    uint32_t bytes = s->next_region_bytes;
    struct slab_region *r = spare_take(s);
    if (r == NULL) {
        if (s->spare != NULL)
            bytes = REGION_ALIGN / 2;
        r = region_map(bytes);
        if (r == NULL)
            return NULL;
        s->bytes += bytes;
    }
    *r = (struct slab_region){ .bytes = bytes, .used = REGION_HEAD };
    if (s->next_region_bytes < s->most_region_bytes)
        s->next_region_bytes *= 2;
    return r;
}

/* Between two calls. */
static void slab_check(const struct slab *s)
{
    assert(s->object_bytes >= sizeof(struct free_object));
    assert(s->object_bytes <= REGION_FIRST - REGION_HEAD);
    assert(s->next_region_bytes >= REGION_FIRST && s->next_region_bytes <= s->most_region_bytes);
    assert((s->bytes > 0) == (s->partial != NULL || s->objects > 0));
    assert(s->spare == NULL || s->next_region_bytes == REGION_ALIGN);
}

/* A region in the list: what slab_alloc may take from. */
static void region_check(const struct slab *s, const struct slab_region *r)
{
    assert(r->used >= REGION_HEAD && r->used <= r->bytes && r->bytes <= s->most_region_bytes);
    assert((size_t)r->live * s->object_bytes <= r->used - REGION_HEAD && r->live <= s->objects);
    assert(!region_full(s, r));
}

void slab_init(struct slab *s, uint32_t object_bytes)
{
    assert(object_bytes % 8 == 0);
    *s = (struct slab){ .object_bytes = object_bytes,
                        .next_region_bytes = REGION_FIRST,
                        .most_region_bytes = REGION_ALIGN };
    slab_check(s);
}

void slab_init_small(struct slab *s, uint32_t object_bytes)
{
    slab_init(s, object_bytes);
    s->most_region_bytes = REGION_ALIGN / 2; /* too small for a huge page */
}

void slab_release(struct slab *s)
{
    assert(s->objects == 0);
    spare_unmap(s);
    while (s->partial != NULL) {
        struct slab_region *r = s->partial;
        list_remove(s, r);
        region_unmap(s, r, r->bytes);
    }
    slab_check(s);
}

void *slab_alloc(struct slab *s)
{
    slab_check(s);
    struct slab_region *r = s->partial;
    if (r == NULL) {
        r = region_new(s);
        if (r == NULL)
            return NULL;
        list_add(s, r);
    }
    region_check(s, r);
    void *object = r->free;
    if (object != NULL) {
        r->free = r->free->next;
    } else {
        object = (char *)r + r->used;
        r->used += s->object_bytes;
        if (spare_due(s, r))
            spare_map(s);
    }
    r->live++;
    s->objects++;
    if (region_full(s, r))
        list_remove(s, r);
    return object;
}

void *slab_zalloc(struct slab *s)
{
    void *object;
    while ((object = slab_alloc(s)) == NULL) {
        if (!mem_reserve_helps(s->object_bytes))
            mem_exhausted(s->object_bytes);
    }
    return memset(object, 0, s->object_bytes);
}

/* A region is aligned to REGION_ALIGN and not larger, so an object's address gives its region. */
static struct slab_region *region_of(void *object)
{
    char *region = (char *)object - ((uintptr_t)object & (REGION_ALIGN - 1));
    return (struct slab_region *)(void *)region;
}

void slab_free(struct slab *s, void *object)
{
    if (object == NULL)
        return;
    struct slab_region *r = region_of(object);
    assert(r->live > 0 && s->objects > 0);
    assert((char *)object >= (char *)r + REGION_HEAD && (char *)object < (char *)r + r->used);
    assert(object != r->free); /* not freed twice */
    if (region_full(s, r))
        list_add(s, r);
    struct free_object *f = object;
    f->next = r->free;
    r->free = f;
    r->live--;
    s->objects--;
    /* The only region with room stays: an object that comes and goes must not cost an mmap. */
    if (r->live == 0 && (r->next != NULL || r->prev != NULL)) {
        list_remove(s, r);
        region_unmap(s, r, r->bytes);
        spare_unmap(s);
    }
}
