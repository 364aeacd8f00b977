/**
 * squeeze: one piece of bytes at a time, compressed (libzstd, level 1) and back: for what waits.
 *   thread   one at a time per struct squeeze
 *   cost     some 0.6 MiB from the first piece on; 64 KiB take 0.1 to 0.2 ms, and 0.05 ms back
 */
#ifndef BASE_SQUEEZE_H
#define BASE_SQUEEZE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/slice.h"

struct squeeze;

struct squeeze *squeeze_new(void);
void squeeze_free(struct squeeze *s);

/* Append `in`, compressed.   returns  false: no memory, and nothing is appended */
bool squeeze_pack(struct squeeze *s, struct slice in, struct buf *out);

/* Append what was compressed, which is `len` bytes.   returns  false: it is not, or no memory */
bool squeeze_unpack(struct squeeze *s, struct slice in, size_t len, struct buf *out);

#endif
