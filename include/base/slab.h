/**
 * slab: objects of one size, packed, in huge pages where the kernel allows.
 *
 * Objects live in regions of up to 2 MiB, each aligned to 2 MiB so that masking an object's address
 * gives its region.  The first region is 64 KiB, each further one twice as large, so that a small
 * server stays small.  A region is unmapped when its last object is freed, unless it is the only
 * one with room: that one stays for the next object.  When seven eighths of the only one with room
 * are handed out, the next huge page is mapped, and memory put behind it (base/backing.h), so that
 * it is there when it is needed.  If it is not, the next region is one of 1 MiB in small pages.
 *
 *   thread   one owner
 *   cost     alloc and free are O(1); mmap once a region
 */
#ifndef BASE_SLAB_H
#define BASE_SLAB_H

#include <stddef.h>
#include <stdint.h>

struct slab_region;

struct slab {
    uint32_t object_bytes; /* alignment: the largest power of two that divides it, at most 64 */
    uint32_t next_region_bytes, most_region_bytes;
    struct slab_region *partial; /* list of the regions with room */
    void *spare;                 /* the next region, of a huge page; NULL: it is not mapped yet */
    size_t objects, bytes;       /* live objects; bytes mapped */
};

/* object_bytes: a multiple of 8, from 8 to 65,472 (the first region less its header). */
void slab_init(struct slab *s, uint32_t object_bytes);

/*
 * The same without huge pages: memory is used by the 4 KiB page, as objects are handed out.  For
 * objects of which there may be few.
 */
void slab_init_small(struct slab *s, uint32_t object_bytes);
void slab_release(struct slab *s); /* all objects must have been freed */

void *slab_alloc(struct slab *s);  /* not cleared; NULL: no memory */
void *slab_zalloc(struct slab *s); /* cleared; never NULL: for the control plane (base/mem.h) */
void slab_free(struct slab *s, void *object);

/* Zeroed memory for a big table, in huge pages when it is at least 2 MiB.  NULL: no memory. */
void *slab_map(size_t bytes);

/* The same in small pages: for what is filled from its start on, a few pages at a time. */
void *slab_map_small(size_t bytes);

/*
 * p, from slab_map_small, becomes larger; no byte is copied.  p: NULL with 0 bytes.
 * returns  where it is now; NULL: no memory, p stays
 */
void *slab_grow_small(void *p, size_t bytes, size_t more_bytes);
void slab_unmap(void *p, size_t bytes);

#endif
