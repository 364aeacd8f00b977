/**
 * arena: memory for objects of any size that all go at once.
 *
 * { 0 } is an empty arena.  Objects lie one behind the other in chunks that are mapped and unmapped
 * whole, so that nothing of them stays among other memory.  The first one is of 64 KiB, each
 * further one twice as large, up to 2 MiB, or as large as an object.  They are of small pages, so
 * that none is long in coming.
 *
 *   thread   one owner at a time
 *   cost     a few ns an object; mmap once a chunk
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

struct arena_chunk;

struct arena {
    struct arena_chunk *chunks; /* the one that is being filled, then older ones */
};

/* Aligned to 8, not cleared.  NULL: no memory, nothing changed */
void *arena_alloc(struct arena *a, size_t bytes);

/* The object allocated last goes. */
void arena_undo(struct arena *a, void *last);

/* All objects go.  A chunk of 64 KiB, where that was enough, stays for the next ones. */
void arena_clear(struct arena *a);

void arena_release(struct arena *a); /* a is empty and usable again */

#endif
