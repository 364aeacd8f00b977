/**
 * gzip: compresses a stream of bytes into one gzip member.
 *
 * zlib, level 1: higher levels take more time and shrink a scrape only a little more.
 *   thread   one at a time per struct gzip
 *   cost     about 256 KiB of memory each
 */
#ifndef BASE_GZIP_H
#define BASE_GZIP_H

#include <stddef.h>

#include "base/buf.h"

struct gzip;

struct gzip *gzip_new(void); /* NULL: no memory */
void gzip_free(struct gzip *z);

/* Compress these bytes.  Appends to out what is ready; zlib may keep all of it back for later. */
void gzip_add(struct gzip *z, const char *ptr, size_t len, struct buf *out);

/* Append the rest, which completes the gzip member.  Only gzip_free may follow. */
void gzip_finish(struct gzip *z, struct buf *out);

#endif
