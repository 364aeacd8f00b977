/**
 * slabs: objects of any size, packed: a slab for each size up to 256 bytes, in steps of 8; larger
 * ones from malloc.
 *
 *   thread   one owner; for the control plane: without memory the process ends (base/mem.h)
 *   cost     as a slab's (base/slab.h)
 */
#ifndef BASE_SLABS_H
#define BASE_SLABS_H

#include <stddef.h>

#include "base/slab.h"

enum { SLABS_STEP = 8, SLABS_LARGEST = 256 };

struct slabs {
    struct slab of[SLABS_LARGEST / SLABS_STEP];
};

void slabs_init(struct slabs *s);
void slabs_release(struct slabs *s); /* all objects must have been freed */

void *slabs_alloc(struct slabs *s, size_t bytes);             /* aligned to 8; bytes > 0 */
void slabs_free(struct slabs *s, void *object, size_t bytes); /* bytes: as allocated */

#endif
