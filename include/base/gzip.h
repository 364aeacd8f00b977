/**
 * gzip: a stream of bytes, compressed (zlib, level 1: a scrape shrinks tenfold, and more effort gains little).
 *   thread   one at a time per struct gzip
 *   cost     some 256 KiB; 5 to 10 ns a byte
 */
#ifndef BASE_GZIP_H
#define BASE_GZIP_H

#include <stddef.h>

#include "base/buf.h"

struct gzip;

struct gzip *gzip_new(void);    /* NULL: no memory */
void gzip_free(struct gzip *z);

/* Append to out what compressing these bytes yields by now, which may be nothing. */
void gzip_add(struct gzip *z, const char *ptr, size_t len, struct buf *out);

/* Append the rest: what out got since gzip_new is one gzip member. */
void gzip_finish(struct gzip *z, struct buf *out);

#endif
