/**
 * gzip: a buffer, compressed (zlib, level 1: the body of a scrape shrinks tenfold, and more effort gains little).
 *   thread   any
 */
#ifndef BASE_GZIP_H
#define BASE_GZIP_H

#include <stddef.h>

#include "base/buf.h"

/* Append the gzip form of the bytes.  returns  0 or -ENOMEM, then out is unchanged */
int gzip_append(struct buf *out, const char *ptr, size_t len);

#endif
